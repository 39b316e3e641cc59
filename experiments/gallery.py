"""One page of every figure: what it shows, what was found, how to draw it again."""

from collections.abc import Iterator
from pathlib import Path

from experiments import discovery

LEVELS = {
    "chance": "Dotted: chance level, the same measure of random unit vectors of the "
    "student's width.",
    "svd": "Dash-dotted: SVD baseline, the same measure of the teacher's truncated "
    "SVD, which is the optimum of Procrustes and Gram at that width.",
    "ceiling": "Dashed: ceiling, a proven bound for vectors of that width.",
}

_HEAD = """\
# Gallery

`make figures ALL=1` draws every figure, and the command under a figure draws it alone.
The csv beside a figure has its numbers. Every study says what was predicted before it
was run, and a prediction that failed stays. [claims.md](claims.md) judges the claims of
the paper.

A pair of vectors is *epsilon-orthogonal* if their cosine is at most epsilon in size.
The *pattern* is which pairs are so, and *pattern agreement* is the Matthews correlation
of the student's pattern with the teacher's, as figures label it: 1 if they are
identical, 0 if they agree no better than chance. There are n vectors in d dimensions of
the teacher and m of the student. [docs/terms.md](../docs/terms.md) has all terms. Every
objective has one colour everywhere. Figures are as wide as a page of two columns; those
for one column show the same, or its main part."""


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
            study.settings(figure),
        ]
        says += [LEVELS[level] for level in figure.levels]
        yield " ".join(says)
        yield f"*Finding.* {figure.finding}"
        files = f"[pdf]({stem}.pdf), [csv]({stem}.csv)"
        if figure.narrow:
            column = f"{stem}_column"
            files += f"; for one column: [pdf]({column}.pdf), [png]({column}.png)"
        yield f"`make figures STUDY={name}`: {files}"
