"""Panels, labels and files of figures, for the page or for one column of it."""

import textwrap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import product
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib import interactive, is_interactive, rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.ticker import LogFormatterSciNotation

from simgeo.plots._grammar import SMALLEST, broken

PAGE = 7.0
"""Width of a figure across a page of two columns, in inches."""
COLUMN = 3.4
"""Width of a figure in one column, in inches."""

RC = {
    "font.size": 8,
    "axes.titlesize": 8,
    "axes.labelsize": 8,
    "legend.fontsize": 7,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "pdf.fonttype": 42,
    "svg.hashsalt": "simgeo",
    "figure.constrained_layout.use": True,
    "savefig.dpi": 300,
}
LETTER = 0.0078  # inches that a letter takes, for every point of its size
_NARROW = {name: size - 1 for name, size in RC.items() if name.endswith("size")} | {
    "legend.handlelength": 1.6,
    "legend.columnspacing": 1.2,
    "lines.linewidth": 1.0,
    "axes.linewidth": 0.6,
}


@contextmanager
def style(narrow: bool = False) -> Iterator[None]:
    """Context in which the figures are made; no global setting changes.

    `narrow` is for figures as wide as one column.
    """
    with rc_context(RC | _NARROW if narrow else RC):
        yield
        live = is_interactive()
    interactive(live)  # which a notebook sets when it makes its first figure


def panels(
    rows: int, columns: int, height: float, narrow: bool = False, **shared
) -> tuple[Figure, np.ndarray]:
    """A figure of the width of the page or of a column, and its axes.

    The axes are rows x columns of what is drawn. In a narrow figure more than two
    columns stand below one another: rows and columns change places on the paper, and
    not in what is returned. `height` is that of a panel in inches, `shared` is sharex
    and sharey as `plt.subplots` takes them.

    Args:
        rows: of panels.
        columns: of panels.
        height: of one panel, in inches.
        narrow: whether the figure is as wide as a column, not a page.
        shared: `sharex` and `sharey` of `Figure.subplots`.
    """
    turned = narrow and columns > 2
    across, down = (rows, columns) if turned else (columns, rows)
    if turned:
        other = {"row": "col", "col": "row"}
        shared = {key: other.get(value, value) for key, value in shared.items()}
    figure, axes = plt.subplots(
        down,
        across,
        figsize=(COLUMN if narrow else PAGE, height * down + 1.0),
        squeeze=False,
        **shared,
    )
    return figure, axes.T if turned else axes


def label(axes: np.ndarray, x: str | Sequence[str], y: str | Sequence[str]) -> None:
    """Labels the axes of `panels`: one text for all, or one per column or row.

    A label stands once where the panel below, or to the left, has the same.

    Args:
        axes: of `panels`.
        x: of the horizontal axes: one text, or one for each column.
        y: of the vertical axes: one text, or one for each row.
    """
    rows, columns = axes.shape
    xs = [x] * columns if isinstance(x, str) else x
    ys = [y] * rows if isinstance(y, str) else y
    texts: dict[tuple[int, int], tuple[Axes, str, str]] = {}
    for row, column in product(range(rows), range(columns)):
        ax = axes[row, column]
        place = ax.get_subplotspec()
        at = place.rowspan.start, place.colspan.start
        texts[at] = ax, xs[column], ys[row]
    for (down, across), (ax, below, beside) in texts.items():
        under, left = texts.get((down + 1, across)), texts.get((down, across - 1))
        ax.set_xlabel("" if under and under[1] == below else below)
        ax.set_ylabel("" if left and left[2] == beside else beside)


def wrapped(text: str, inches: float, points: int = RC["axes.labelsize"]) -> str:
    """The text in lines that are no longer than that, in letters of so many points."""
    return textwrap.fill(text, int(inches / (points * LETTER)))


def save(
    figure: Figure,
    folder: str | Path,
    name: str,
    frame: pd.DataFrame | None,
    narrow: bool = False,
) -> None:
    """PDF, PNG and the csv that was drawn, if any, byte-identical when repeated.

    A narrow figure is `name`_column, and shows rows of the same csv. Powers of ten are
    written without small exponents, and a broken axis gets its mark.

    Args:
        figure: to write.
        folder: where the files go; it is made if it is not there.
        name: of the files, without an ending.
        frame: what was drawn, for the csv; None writes none.
        narrow: whether `_column` is added to the name.

    Raises:
        ValueError: if a text is too small for print.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    _finish(figure)
    shown = figure.dpi
    figure.set_dpi(RC["savefig.dpi"])  # letters are a little wider at it
    figure.draw_without_rendering()  # lays it out once for both
    _check_letters(figure)
    figure.set_layout_engine("none")
    stem = f"{name}_column" if narrow else name
    figure.savefig(folder / f"{stem}.pdf", metadata={"CreationDate": None})
    figure.savefig(folder / f"{stem}.png", dpi=figure.dpi)
    figure.set_dpi(shown)
    if frame is not None and not narrow:
        frame.to_csv(folder / f"{name}.csv", index=False, float_format="%.6g")


def _finish(figure: Figure) -> None:
    """What every figure gets."""
    for ax in figure.axes:
        for axis in (ax.xaxis, ax.yaxis):
            if isinstance(axis.get_major_formatter(), LogFormatterSciNotation):
                axis.set_major_formatter(_Powers())
                axis.set_minor_formatter(_Powers(minor_thresholds=(1, 0.4)))
        if ax.get_xscale() == "symlog":
            broken(ax)


def _check_letters(figure: Figure) -> None:
    for text in figure.findobj(Text):
        said, size = text.get_text(), text.get_fontsize()
        if "$" in said and {*said} & {*"^_"}:
            size *= _RAISED
        if text.get_visible() and said and size < SMALLEST:
            raise ValueError(
                f"`figure` must have letters of {SMALLEST:g} points or more; got "
                f"{size:g} for {said!r}."
            )


_RAISED = 0.7  # of the size of letters, that of exponents and indices


class _Powers(LogFormatterSciNotation):
    """1e-4 for a power of ten, whose raised exponent is too small for print."""

    def __call__(self, x: float, pos: int | None = None) -> str:
        if not super().__call__(x, pos):
            return ""
        if x == 0 or 0.01 <= abs(x) <= 1000:
            return f"{x:g}"
        digits, _, exponent = f"{x:.0e}".partition("e")
        return f"{digits}e{int(exponent)}"
