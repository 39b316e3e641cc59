"""Pages that are written with the figures: the gallery, and what became of the claims.

The site shows figures/claims.md as it is. Of figures/README.md, which is long, every
study becomes a page in docs/gallery/, which git ignores, and `gallery` shows a small
picture of every figure with its finding and the command that draws it.
"""

import re
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from PIL import Image

if TYPE_CHECKING:
    from sphinx.application import Sphinx

DOCS = Path(__file__).parents[1]
FIGURES = DOCS.parent / "figures"
WRITTEN = {"gallery": "README.md", "claims": "claims.md"}
SECTION = "\n## "
WIDTH = 640  # of a small picture: twice what is shown, for screens with many pixels
FIGURE = re.compile(
    r"!\[(?P<says>[^\]]*)\]\((?P<stem>\w+)\.png\)"
    r".*?^\*Finding\.\* (?P<finding>.*?)$"
    r".*?^`make figures STUDY=(?P<study>\w+)`",
    re.DOTALL | re.MULTILINE,
)


class Study(NamedTuple):
    """A section of figures/README.md, by the name of its study."""

    name: str
    text: str
    figures: list[re.Match]


def studies() -> list[Study]:
    """All that have a figure, in their order."""
    page = FIGURES.joinpath("README.md").read_text(encoding="utf-8")
    found = []
    for text in page.split(SECTION)[1:]:
        figures = [*FIGURE.finditer(text)]
        if figures:
            found.append(Study(figures[0]["study"], text, figures))
    return found


def anchor(stem: str) -> str:
    return f"figure-{stem.replace('_', '-')}"


def page_of(study: Study) -> str:
    """Its section as a page, which links can enter at every figure."""
    text = re.sub(
        r"^!\[([^\]]*)\]\((\w+)\.png\)$",
        lambda match: f"({anchor(match[2])})=\n{match[0]}",
        study.text,
        flags=re.MULTILINE,
    )
    return f"# {moved(text, '../')}\n"


def moved(text: str, up: str = "") -> str:
    """Text of a page in figures/ with its links as docs/ needs them, or below it."""
    text = re.sub(r"\[[\w/]+\.md\]", "[]", text)  # the page's title says more
    text = text.replace("](../docs/", f"]({up}")
    text = text.replace("](claims.md", f"]({up}claims.md")
    return re.sub(r"\]\((?![a-z]+:|[/#.]|[^)]*\.md\b)", f"]({up}../figures/", text)


def small_pictures() -> str:
    """A card for every figure: what it found, in a clause, and how it is drawn."""
    cards = []
    for study in studies():
        for figure in study.figures:
            stem, target = figure["stem"], f"gallery/{study.name}"
            finding = re.split(r"[.:;] |\.$", figure["finding"])[0]
            cards.append(
                f"::::{{container}} card\n"
                f":::{{image}} gallery/{stem}.png\n"
                f":alt: {figure['says']}\n:loading: lazy\n"
                f":target: {target}.html#{anchor(stem)}\n:::\n\n"
                f"[{finding}.](#{anchor(stem)})\n\n"
                f"`make figures STUDY={study.name}`\n::::\n"
            )
    pages = "\n".join(
        f"{study.name.replace('_', ' ')} <gallery/{study.name}>" for study in studies()
    )
    return (
        ":::::{container} cards\n" + "\n".join(cards) + ":::::\n\n"
        "```{toctree}\n:hidden:\n:titlesonly:\n\n" + pages + "\n```\n"
    )


def write(app: "Sphinx") -> None:
    """Pages and small pictures; what is as it was stays, and is not read again."""
    folder = DOCS / "gallery"
    folder.mkdir(exist_ok=True)
    wanted = set()
    for study in studies():
        page = folder / f"{study.name}.md"
        wanted.add(page)
        if not page.is_file() or page.read_text(encoding="utf-8") != page_of(study):
            page.write_text(page_of(study), encoding="utf-8")
        for figure in study.figures:
            whole = FIGURES / f"{figure['stem']}.png"
            small = folder / whole.name
            wanted.add(small)
            if not small.is_file() or small.stat().st_mtime < whole.stat().st_mtime:
                with Image.open(whole) as picture:
                    picture = picture.convert("RGB")
                    picture.thumbnail((WIDTH, WIDTH), Image.Resampling.LANCZOS)
                    picture.quantize(128).save(small, optimize=True)
    for path in set(folder.iterdir()) - wanted:
        path.unlink()


def put(app: "Sphinx", docname: str, source: list[str]) -> None:
    """What was written in place of a page, and links to figures into the gallery."""
    text = source[0]
    if docname in WRITTEN:
        path = FIGURES / WRITTEN[docname]
        app.env.note_dependency(str(path))
        text = moved(path.read_text(encoding="utf-8"))
    if docname == "gallery":
        text = f"{text.partition(SECTION)[0]}\n\n{small_pictures()}"
    source[0] = linked(text)


def linked(text: str) -> str:
    """Links to the picture of a figure as links to where the gallery tells of it."""
    known = {figure["stem"] for study in studies() for figure in study.figures}
    return re.sub(
        r"(?<!!)(\[[^\]]+\])\((?:\.\./)+figures/(\w+)\.png\)",
        lambda match: (
            f"{match[1]}(#{anchor(match[2])})" if match[2] in known else match[0]
        ),
        text,
    )


def setup(app: "Sphinx") -> dict:
    app.connect("builder-inited", write)
    app.connect("source-read", put)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
