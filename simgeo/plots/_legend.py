"""One legend under all panels of a figure."""

import textwrap
from collections.abc import Iterable, Sequence
from typing import Any

from matplotlib import rcParams
from matplotlib.lines import Line2D

from simgeo.plots._grammar import in_order, level_handles, said, style_of
from simgeo.plots._layout import LETTER


def legend(
    figure: Any,
    objectives: Iterable[str] = (),
    levels: Iterable[str] = ("chance", "svd"),
    note: str = "",
    ncols: int | None = None,
    others: Sequence[Line2D] = (),
    markers: bool = True,
) -> None:
    """One legend under the panels: objectives, others, reference levels, and a note.

    In as many columns as the width has room for, unless `ncols` is given; the note is
    broken into lines anew where the figure is as wide as one column.

    Args:
        figure: that the panels are in.
        objectives: labels whose lines are drawn.
        levels: of `chance`, `svd`, `optimum`, `ceiling` those that are drawn.
        note: a line of text above the legend.
        ncols: number of columns; by default as many as fit.
        others: handles of matplotlib with labels of their own.
        markers: whether lines have markers.
    """
    handles = []
    for name in _drawn(figure, objectives):
        style = style_of(name)
        shape = {**style.marks, "ms": 4} if markers else {"color": style.colour}
        handles.append(Line2D([], [], ls=style.line, label=said(name), **shape))
    handles += [*others, *level_handles(levels)]
    width = inches(figure)
    if width < 5:
        told = " ".join(note.split()).replace(" = ", _EQUALS)  # which are not broken
        note = textwrap.fill(told, 74).replace(_EQUALS, " = ")
    letters = rcParams["legend.fontsize"]
    longest = max([len(str(each.get_label())) for each in handles], default=0)
    most = int(width / (0.4 + longest * letters * LETTER))
    figure.legend(
        handles=handles,
        loc="outside lower center",
        ncols=ncols or max(1, min(most, round(width / (_LEGEND_WIDTH * letters)))),
        frameon=False,
        title=note or None,
        title_fontsize=min(6, letters),
    )


def inches(figure: Any) -> float:
    """The width of a figure, or of the part that a subfigure is."""
    return figure.bbox.width / figure.dpi


_EQUALS = "\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}"
_LEGEND_WIDTH = 0.31  # of one of its columns, in inches for every point of its letters


def _drawn(figure: Any, objectives: Iterable[str]) -> list[str]:
    """The objectives, and those of them that the panels draw as one under one name."""
    lines = [line.get_label() for ax in figure.axes for line in ax.lines]
    joint = [label for label in lines if " = " in label]
    hidden = {one for name in joint for one in name.split(" = ")} - {*lines}
    return in_order([*joint, *(one for one in objectives if one not in hidden)])
