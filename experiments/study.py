"""What a study is: its words, its runs, its tables and its figures.

It imports no JAX, so that figures can be drawn again from a csv without it.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib.pyplot as plt
import pandas as pd

from experiments.sheet import Sheet as Sheet
from experiments.sheet import ends as ends
from experiments.sheet import where as where
from simgeo import plots

if TYPE_CHECKING:
    from experiments.cells import Cell


@dataclass(frozen=True)
class Figure:
    """A figure of a study: what it shows, what it tells, and how it is drawn.

    Args:
        caption: what is shown, without the settings, which the study's note has.
        finding: what it tells, in one sentence.
        draw: takes the rows, which are kept as csv beside the figure, and a `Sheet`,
            and draws on it.
        rows: those of what the study computed, if not all of it.
        columns: of these rows the ones that are kept, parted by spaces; all if none.
        levels: names of the reference levels drawn: chance, svd or ceiling.
        narrow: whether there is one for a single column as well.
        note: the settings in words, as for `Study`, if that does not tell of its runs.
    """

    caption: str
    finding: str
    draw: Callable[[pd.DataFrame, Sheet], None]
    rows: Callable[[Any], pd.DataFrame] | None = None
    columns: str = ""
    levels: tuple[str, ...] = ()
    narrow: bool = True
    note: str = ""

    def drawn(self, data: Any) -> pd.DataFrame:
        """The rows and columns that are drawn of what the study computed."""
        frame = self.rows(data) if self.rows else data
        return frame[self.columns.split()] if self.columns else frame


@dataclass(frozen=True)
class Study:
    """A question, the runs that answer it, and the tables and figures that show it.

    A file or a folder in `experiments/` with `STUDY = Study(__doc__, ...)` is listed,
    drawn and shown in the gallery under its name.

    Args:
        text: the module's docstring. Its first paragraph is the question; a paragraph
            says "Prediction: ", as it was before the runs, and the next what came out.
        cells: the runs, given whether they are to be quick.
        data: what tables and figures are made of, given whether it is to be quick;
            the tidy frame of the cells, if None.
        tables: from these data, what is written beside the figures by the names of
            the files: frames as csv, texts as they are.
        figures: by the stems of their files.
        note: the settings that the runs share, in words, with `{one.num_seeds}` and
            the like for fields of the first experiment, `{shared}` for what `describe`
            says of it, and `{asked[...]}`.
        asked: what a study computes with that runs no experiment, by name.
        main: whether it is drawn without being asked for.
        real: whether it is of networks, which are drawn together.
        order: its place in the gallery and in the list, the main ones first.

    Raises:
        ValueError: if the text asks nothing or predicts nothing.
    """

    text: str
    cells: Callable[[bool], Sequence["Cell"]] | None = None
    data: Callable[[bool], Any] | None = None
    tables: Callable[[Any], Mapping[str, pd.DataFrame | str]] | None = None
    figures: Mapping[str, Figure] = field(default_factory=dict)
    note: str = "{shared}"
    asked: Callable[[bool], dict[str, Any]] | None = None
    main: bool = False
    real: bool = False
    order: int = 1000

    def __post_init__(self) -> None:
        if "?" not in self.question:
            raise ValueError(f"`text` must begin with a question; got {self.question}")
        if "Prediction: " not in self.text:
            raise ValueError('`text` must say "Prediction: " and what was expected.')

    @property
    def question(self) -> str:
        """The first paragraph of the text, on one line."""
        return " ".join(self.paragraphs[0].split())

    @property
    def paragraphs(self) -> list[str]:
        """The text, paragraph by paragraph."""
        return re.split(r"\n\s*\n", (self.text or "").strip())

    def settings(self, figure: Figure) -> str:
        """The settings of the runs of a figure, in words."""
        text = figure.note or self.note
        known: dict[str, Any] = {"asked": self.asked(False)} if self.asked else {}
        if self.cells and ("{one." in text or "{shared}" in text):
            from experiments import cells

            one = self.cells(False)[0].experiment
            known |= {"one": one, "shared": cells.describe(one)}
        return text.format(**known)

    def compute(self, quick: bool) -> Any:
        """What its tables and figures are made of."""
        if self.data:
            return self.data(quick)
        from experiments import cells

        return cells.compute(self.cells(quick)) if self.cells else None

    def produce(self, quick: bool, folder: Path) -> None:
        """Computes what is not there yet, and writes all tables and figures."""
        folder.mkdir(parents=True, exist_ok=True)
        data = self.compute(quick)
        for name, table in (self.tables(data) if self.tables else {}).items():
            if isinstance(table, pd.DataFrame):
                table.to_csv(folder / name, index=False, float_format="%.6g")
            else:
                (folder / name).write_text(table)
        for stem, figure in self.figures.items():
            frame = figure.drawn(data)
            frame.to_csv(folder / f"{stem}.csv", index=False, float_format="%.6g")
            draw(figure, frame, folder, stem)

    def missing(self, folder: Path) -> Path | None:
        """The first csv that `redraw` needs and does not find."""
        files = (folder / f"{stem}.csv" for stem in self.figures)
        return next((file for file in files if not file.exists()), None)

    def redraw(self, folder: Path) -> None:
        """Draws the figures again from the csv beside them, without any run."""
        for stem, figure in self.figures.items():
            draw(figure, pd.read_csv(folder / f"{stem}.csv"), folder, stem)


def draw(figure: Figure, frame: pd.DataFrame, folder: Path, stem: str) -> None:
    """Draws a figure of these rows in its widths, and writes it."""
    for narrow in (False, True)[: 1 + figure.narrow]:
        with plots.style(narrow):
            sheet = Sheet(narrow, figure.levels)
            figure.draw(frame, sheet)
            plots.save(sheet.figure, folder, stem, None, narrow)
            plt.close(sheet.figure)
