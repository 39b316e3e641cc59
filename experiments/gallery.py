"""One page of every figure: what it shows, what was found, how to draw it again."""

import importlib
import inspect
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

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


class Shown(NamedTuple):
    """A figure of a study, in words."""

    caption: str  # what is shown, without the settings that the study's note has
    finding: str  # one sentence
    levels: tuple[str, ...] = ()  # of LEVELS, that it draws
    narrow: bool = True  # whether there is one for a single column as well
    note: Callable[[bool], str] | None = None  # if the study's does not tell of it


def write(folder: Path, names: Iterable[str]) -> None:
    """README.md of a folder of figures."""
    (folder / "README.md").write_text(markdown(names))


def markdown(names: Iterable[str]) -> str:
    """The page, for these studies."""
    studies = [importlib.import_module(f"experiments.{name}") for name in names]
    parts = [part for study in studies for part in _study(study)]
    return "\n\n".join([_HEAD, *parts]) + "\n"


def _study(study: ModuleType) -> Iterator[str]:
    name = study.__name__.rpartition(".")[2]
    question, *rest = (inspect.getdoc(study) or "").split("\n\n")
    yield f"## {' '.join(question.split())}"
    yield from rest
    for figure, shown in study.FIGURES.items():
        yield f"![{_first_sentence(shown.caption)}]({figure}.png)"
        settings = (shown.note or study.note)(False)
        says = [f"**{shown.caption}**", " ".join(settings.split())]
        says += [LEVELS[level] for level in shown.levels]
        yield " ".join(says)
        yield f"*Finding.* {shown.finding}"
        files = f"[pdf]({figure}.pdf), [csv]({figure}.csv)"
        if shown.narrow:
            column = f"{figure}_column"
            files += f"; for one column: [pdf]({column}.pdf), [png]({column}.png)"
        yield f"`make figures STUDY={name}`: {files}"


def _first_sentence(text: str) -> str:
    return text.partition(". ")[0].removesuffix(".") + "."
