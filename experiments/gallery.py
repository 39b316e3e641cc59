"""One page of every figure: what it shows, what was found, how to draw it again."""

from collections.abc import Iterator
from pathlib import Path

from experiments import discovery

LEVELS = {
    "chance": "Dotted: chance, the same measure of random unit vectors of the "
    "student's width.",
    "svd": "Dash-dotted: the teacher's truncated SVD, which is the least Procrustes "
    "and Gram loss at that width.",
    "ceiling": "Dashed: no vectors of that width have more.",
}

_HEAD = """\
# Gallery

Drawn by `make figures ALL=1`; each also alone, by the command under it. The numbers
behind each are in the csv beside it. Every study says what was predicted before it was
run; what came out otherwise stays. [claims.md](claims.md) judges the paper's claims.

*Epsilon-orthogonal* is a pair of vectors whose cosine is at most epsilon in size. The
*pattern* is which pairs are so; *kept* is its Matthews correlation between student and
teacher: 1 the same pattern, 0 none of it. n vectors, d the teacher's dimensions, m the
student's. Every objective has one colour everywhere. Figures are as wide as a page of
two columns; those for one column show the same, or its main part."""


def write(folder: Path) -> None:
    """README.md of a folder of figures."""
    (folder / "README.md").write_text(markdown())


def markdown() -> str:
    """The page."""
    parts = [part for each in discovery.listed() for part in _section(each.name)]
    return "\n\n".join([_HEAD, *parts]) + "\n"


def _section(name: str) -> Iterator[str]:
    study = discovery.load(name)
    yield f"## {study.question}"
    yield from study.paragraphs[1:]
    for stem, figure in study.figures.items():
        yield f"![{figure.caption.partition('. ')[0].removesuffix('.')}.]({stem}.png)"
        says = [
            f"**{figure.caption}**",
            " ".join(study.settings(False, figure).split()),
        ]
        says += [LEVELS[level] for level in figure.levels]
        yield " ".join(says)
        yield f"*Finding.* {figure.finding}"
        files = f"[pdf]({stem}.pdf), [csv]({stem}.csv)"
        if figure.narrow:
            column = f"{stem}_column"
            files += f"; for one column: [pdf]({column}.pdf), [png]({column}.png)"
        yield f"`make figures STUDY={name}`: {files}"
