"""The paper that figures of studies are drawn on, and how their rows are chosen."""

import textwrap
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from simgeo import plots

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

    def facets(
        self,
        frame: pd.DataFrame,
        height: Height,
        columns: str,
        rows: str = "",
        title: str = "",
        **shared,
    ) -> Iterator[tuple[Axes, pd.DataFrame]]:
        """A panel for every value of a column, or of two: gives it with its rows.

        Args:
            frame: tidy rows, whose order is that of the panels.
            height: of a panel, as for `panels`.
            columns: the column whose values stand side by side.
            rows: the column whose values stand one under the other; without one the
                panels are a `line`.
            title: of a panel, with the values of both, as "{teacher}, m = {width}".
            shared: `sharex` and `sharey`, as for `panels`.
        """
        across = frame[columns].unique()
        if rows:
            panels = self.grid(frame[rows].unique(), across, height, **shared)
        else:
            panels = self.line(across, height, **shared)
        for ax, *values in panels:
            place = dict(zip(filter(None, (rows, columns)), values, strict=True))
            yield ax, where(frame, **place)
            if title:
                ax.set_title(title.format(**place))

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

    def names(self) -> None:
        """Names every line at its end, right of the last panel of each row."""
        last = [ax for ax in self.axes.flat if ax.get_subplotspec().is_last_col()]
        if self.narrow and len(last) < self.axes.size:  # panels are narrow, too
            for ax in self.axes.flat:
                ax.set_xlabel(textwrap.fill(ax.get_xlabel(), 18))
        plots.name_ends(last)

    def legend(
        self,
        objectives: Iterable[str] = (),
        remark: str = "",
        levels: Sequence[str] | None = None,
        **options,
    ) -> None:
        """Writes the legend under the panels, and over it a remark on how to read them.

        Args:
            objectives: labels of those that are drawn.
            remark: a line of text above it.
            levels: reference levels, or those that the figure declares, if None.
            options: of `plots.legend`.
        """
        levels = self.levels if levels is None else levels
        plots.legend(self.figure, objectives, levels, remark.strip(), **options)


def ends(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows of the last step; all, where none are told apart."""
    if "step" not in frame:
        return frame.copy()
    return frame[frame["step"] == frame["step"].max()].copy()


def where(frame: pd.DataFrame, **values: Any) -> pd.DataFrame:
    """The rows that have these values."""
    keep = np.logical_and.reduce([frame[name] == each for name, each in values.items()])
    return frame[keep]
