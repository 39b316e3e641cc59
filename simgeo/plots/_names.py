"""Names written beside lines, in place of a legend."""

import textwrap
from collections.abc import Iterable
from itertools import pairwise

import numpy as np
import scipy  # whose parts are imported when they are asked for
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.text import Annotation, Text

from simgeo.plots._grammar import SMALLEST, said, style_of

_LETTERS = 20  # of a line of a name
_BESIDE = 1.03  # of the width of the panel: where names begin
_INSIDE = 0.8  # of the width of the panel: what ends before it is named there


def direct(ax: Axes, x: float, y: float, text: str, name: str = "", **options) -> None:
    """Writes what a line is beside it, in the colour of that objective.

    Args:
        ax: of matplotlib, to draw into.
        x: where the text begins, in data.
        y: likewise.
        text: what the line is.
        name: label of the objective whose colour it has.
        options: of `Axes.annotate`.
    """
    colour = style_of(name).colour if name else "0.3"
    shift = {"xytext": (3, 0), "textcoords": "offset points", "va": "center"}
    plain = {"fontsize": SMALLEST, "color": colour, "annotation_clip": False}
    ax.annotate(text, (x, y), **shift | plain | options)


def name_ends(axes: Iterable[Axes]) -> None:
    """Writes the label of every line at its end, right of the panel, in its colour.

    Names that would lie on one another are moved apart, and a thin line leads to each.
    A line that ends within the panel is named where it ends, if no other panel names it
    at its edge. Call it last: the limits of the axes must not change afterwards.

    Args:
        axes: of matplotlib, of one figure: those whose lines are named.
    """
    named = [(ax, [_named(ax, line) for line in _labelled(ax)]) for ax in axes]
    every = [text for _, texts in named for text in texts]
    at_edge = {text.get_text() for text in every if text.arrow_patch}
    for text in every:
        if not text.arrow_patch and text.get_text() in at_edge:
            text.remove()
    for ax, _ in named[:1]:
        ax.figure.draw_without_rendering()  # makes room for the names
    for ax, texts in named:
        _move_apart(ax, [text for text in texts if text.arrow_patch])


def _labelled(ax: Axes) -> list[Line2D]:
    """Those with a label of their own, and with some point."""
    lines = {str(line.get_label()): line for line in ax.lines}
    return [
        line
        for label, line in lines.items()
        if not label.startswith("_") and len(_points(line))
    ]


def _points(line: Line2D) -> Float[np.ndarray, "p 2"]:
    points = np.column_stack(line.get_data()).astype(float)
    return points[np.isfinite(points).all(axis=1)]


def _named(ax: Axes, line: Line2D) -> Annotation:
    ax.get_xlim(), ax.get_ylim()  # which settles them
    end = line.get_transform().transform(_points(line)[-1])
    # What leaves the panel is named where it leaves.
    across, height = end = np.clip(ax.transAxes.inverted().transform(end), 0, 1)
    text = textwrap.fill(said(str(line.get_label())), _LETTERS)
    options = {"fontsize": SMALLEST, "color": line.get_color(), "va": "center"}
    options |= {"annotation_clip": False, "linespacing": 1.0}
    options |= {"xycoords": "axes fraction"}
    if across < _INSIDE:
        place = {"xytext": (4, 0), "textcoords": "offset points"}
        return ax.annotate(text, end, **place, **options)
    arrow = {"arrowstyle": "-", "lw": 0.4, "color": line.get_color(), "shrinkA": 0}
    arrow |= {"relpos": (0, 0.5), "shrinkB": 0}
    place = {"xytext": (_BESIDE, height), "textcoords": "axes fraction"}
    return ax.annotate(text, end, **place, **options, arrowprops=arrow)


def _move_apart(ax: Axes, texts: list[Annotation]) -> None:
    """Moves names up and down, as little as keeps all of them apart."""
    if not texts:
        return
    texts = sorted(texts, key=lambda text: text.xyann[1])
    high = ax.get_window_extent().height
    sizes = [1.05 * Text.get_window_extent(text).height / high for text in texts]
    below = np.cumsum([0, *((one + other) / 2 for one, other in pairwise(sizes))])
    wanted = np.array([text.xyann[1] for text in texts])
    # Names as near as can be to where they are wanted, in order and not overlapping.
    fitted = scipy.optimize.isotonic_regression(wanted - below).x
    fitted = np.clip(fitted, 0, max(0, 1 - below[-1])) + below
    for text, place in zip(texts, fitted, strict=True):
        text.xyann = (_BESIDE, float(place))
