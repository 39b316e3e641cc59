"""What a study is: its words, its runs, its tables and its figures.

It imports no JAX, so that figures can be drawn again from a csv without it.
"""

import re
import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from simgeo import plots

if TYPE_CHECKING:
    from experiments.cells import Cell

Height = float | tuple[float, float]  # of a panel in inches; on a page, in one column


class Sheet:
    """The paper that a figure is drawn on, as wide as a page or as one column.

    It has the levels that the figure declares, and, once made, Matplotlib's figure and
    its panels. Settings are told in captions, and not in the picture.
    """

    def __init__(self, narrow: bool, levels: Sequence[str] = ()):
        self.narrow, self.levels = narrow, levels
        self.figure: Any = None
        self.axes = np.empty((0, 0), object)

    def panels(
        self,
        rows: int,
        columns: int,
        height: Height,
        sharex: bool | str = True,
        sharey: bool | str = True,
    ) -> np.ndarray:
        """Makes the panels of the figure, as `plots.panels` does, and returns them."""
        if isinstance(height, tuple):
            height = height[self.narrow]
        shared = {"sharex": sharex, "sharey": sharey}
        self.figure, self.axes = plots.panels(
            rows, columns, height, self.narrow, **shared
        )
        return self.axes

    def grid(
        self, rows: Iterable, columns: Iterable, height: Height, **shared
    ) -> Iterator[tuple[Axes, Any, Any]]:
        """A panel for every row and column: gives it with the names of both."""
        rows, columns = list(rows), list(columns)
        self.panels(len(rows), len(columns), height, **shared)
        for line, row in zip(self.axes, rows, strict=True):
            for ax, column in zip(line, columns, strict=True):
                yield ax, row, column

    def line(
        self, names: Iterable, height: Height, **shared
    ) -> Iterator[tuple[Axes, Any]]:
        """Panels side by side on a page, and one under the other in a column."""
        names = list(names)
        shape = (len(names), 1) if self.narrow else (1, len(names))
        yield from zip(self.panels(*shape, height, **shared).flat, names, strict=True)

    def label(self, x: str | Sequence[str], y: str | Sequence[str]) -> None:
        """Labels the axes: one text for all, or one for every column or row."""
        plots.label(self.axes, x, y)

    def title(self, text: str) -> None:
        """Writes the finding over the panels."""
        if self.narrow:
            text = textwrap.fill(text, 48)
        options = {"x": 0.01, "ha": "left", "weight": "bold"}
        self.figure.suptitle(text, fontsize=8 if self.narrow else 9, **options)

    def colour_bar(self, label: str, shrink: float = 1.0) -> None:
        """Adds the scale of the first panel's heat map."""
        first = self.axes.flat[0].collections[0]
        panels = list(self.axes.flat)
        self.figure.colorbar(first, ax=panels, label=label, shrink=shrink)

    def legend(
        self,
        objectives: Iterable[str] = (),
        remark: str = "",
        levels: Sequence[str] | None = None,
        **options,
    ) -> None:
        """Writes the legend under the panels, and over it a remark on how to read them.

        With these reference levels, or those that the figure declares, if None.
        """
        levels = self.levels if levels is None else levels
        plots.legend(self.figure, objectives, levels, remark.strip(), **options)


@dataclass(frozen=True)
class Figure:
    """A figure of a study: what it shows, what it tells, and how it is drawn.

    Args:
        caption: what is shown, without the settings, which the study's note has.
        finding: what it tells, in one sentence.
        draw: takes what the study computed and a `Sheet`, draws on it, and returns the
            rows that were drawn, which are kept as csv beside the figure. It can draw
            the same from these rows.
        levels: names of the reference levels drawn: chance, svd or ceiling.
        narrow: whether there is one for a single column as well.
        note: the settings in words, if the study's note does not tell of its runs.
        rows: what `draw` takes of what the study computed, if not all of it.
    """

    caption: str
    finding: str
    draw: Callable[[Any, Sheet], pd.DataFrame]
    levels: tuple[str, ...] = ()
    narrow: bool = True
    note: Callable[[bool], str] | None = None
    rows: Callable[[Any], pd.DataFrame] | None = None


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
        note: the settings that the runs share, in words; by default those of the
            first cell.
        main: whether it is drawn without being asked for.
        order: its place in the gallery and in the list, the main ones first.

    Raises:
        ValueError: if the text asks nothing or predicts nothing.
    """

    text: str
    cells: Callable[[bool], Sequence["Cell"]] | None = None
    data: Callable[[bool], Any] | None = None
    tables: Callable[[Any], Mapping[str, pd.DataFrame | str]] | None = None
    figures: Mapping[str, Figure] = field(default_factory=dict)
    note: Callable[[bool], str] | None = None
    main: bool = False
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

    def settings(self, quick: bool, figure: Figure | None = None) -> str:
        """The settings of its runs, or of those of one figure, in words."""
        own = figure and figure.note or self.note
        if own:
            return own(quick)
        from experiments import cells

        return cells.describe(self.cells(quick)[0].experiment) if self.cells else ""

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
            draw(figure, figure.rows(data) if figure.rows else data, folder, stem)

    def missing(self, folder: Path) -> Path | None:
        """The first csv that `redraw` needs and does not find."""
        files = (folder / f"{stem}.csv" for stem in self.figures)
        return next((file for file in files if not file.exists()), None)

    def redraw(self, folder: Path) -> None:
        """Draws the figures again from the csv beside them, without any run."""
        for stem, figure in self.figures.items():
            draw(figure, pd.read_csv(folder / f"{stem}.csv"), folder, stem, False)


def draw(figure: Figure, data: Any, folder: Path, stem: str, keep: bool = True) -> None:
    """Draws a figure in its widths, and writes it, with the csv that was drawn."""
    for narrow in (False, True)[: 1 + figure.narrow]:
        with plots.style(narrow):
            sheet = Sheet(narrow, figure.levels)
            rows = figure.draw(data, sheet)
            plots.save(sheet.figure, folder, stem, rows if keep else None, narrow)
            plt.close(sheet.figure)


def columns(frame: pd.DataFrame, names: str) -> pd.DataFrame:
    """These columns, their names parted by spaces."""
    return frame[names.split()]


def ends(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows of the last step; all, where none are told apart."""
    if "step" not in frame:
        return frame.copy()
    return frame[frame["step"] == frame["step"].max()].copy()


def where(frame: pd.DataFrame, **values: Any) -> pd.DataFrame:
    """The rows that have these values."""
    keep = np.logical_and.reduce([frame[name] == each for name, each in values.items()])
    return frame[keep]
