"""What a mark means, the same in every figure: one palette and one set of marks.

Hue is the family of an objective, and its luminance differs for grey prints. Hollow
markers and dashed lines are for objectives that remove the mean.
"""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.lines import Line2D
from matplotlib.markers import TICKRIGHT
from matplotlib.transforms import ScaledTranslation

FLOOR = 1e-8  # relative losses below it are drawn there
RESOLUTION = 1e-6  # of relative losses in float32: what is below is not judged
SMALLEST = 6.0  # points, of the least letters in print
# Of what is no objective: the palette "colorblind" of seaborn, which is slow to import.
COLOURS = [
    *map(to_rgb, ("#0173b2", "#de8f05", "#029e73", "#d55e00", "#cc78bc")),
    *map(to_rgb, ("#ca9161", "#fbafe4", "#949494", "#ece133", "#56b4e9")),
]
INK = "0.1"  # of objectives of three families that are drawn as one; two are mixed


class Style(NamedTuple):
    """How an objective is drawn, and what it is called where its group is written."""

    colour: Any
    line: Any
    marker: str
    group: str = ""  # centred, uncentred, or neither, as it has a map of its own
    name: str = ""

    @property
    def marks(self) -> dict[str, Any]:
        """Options of markers: hollow where the objective removes the mean."""
        hollow = {"mfc": "white"} if self.group == "centred" else {}
        return {"marker": self.marker, "color": self.colour, "mew": 0.8} | hollow


_CKA, _PROCRUSTES, _GRAM = "#d55e00", "#4aa3df", "#00694c"
_MAP, _PATTERN = "0.62", "#5e2a8c"
STYLES: dict[str, Style] = {
    "CKA": Style(_CKA, "--", "o", "centred", "CKA"),
    "CKA, debiased": Style(_CKA, ":", "*", "centred", "debiased CKA"),
    "Procrustes, centred, normalised": Style(
        _PROCRUSTES, "--", "v", "centred", "Procrustes"
    ),
    "Gram, centred": Style(_GRAM, "--", "P", "centred", "Gram"),
    "CKA, uncentred": Style(_CKA, "-", "s", "uncentred", "CKA"),
    "Procrustes": Style(_PROCRUSTES, "-", "^", "uncentred", "Procrustes"),
    "Procrustes, unsquared": Style(
        "#0b3c66", "-", "<", "uncentred", "unsquared Procrustes"
    ),
    "Gram": Style(_GRAM, "-", "D", "uncentred", "Gram"),
    "Projection": Style(_MAP, "-", "X", "", "projection"),
    "Projection, orthogonal": Style(_MAP, "-.", "h", "", "orthogonal projection"),
    "Projection, cosine": Style(_MAP, ":", "d", "", "cosine projection"),
    "CCA": Style(INK, "--", "p", "", "CCA"),
    "Pattern hinge": Style(_PATTERN, "-", "H", "", "pattern hinge"),
    "Procrustes + hinge": Style(_PATTERN, "--", ">", "", "Procrustes + hinge"),
    "Gram, unit rows + hinge": Style(_PATTERN, ":", "x", "", "Gram + hinge"),
}
# Whether a pair is epsilon-orthogonal in teacher and student: hues of no family, which
# differ in grey, and are seen on white as on the page's dark background.
FATES = {
    "in neither": "0.87",
    "gained": "#e59ac8",
    "lost": "#ba227c",
    "preserved": "#a99400",
}
# Reference levels: what each is called and its line.
LEVELS = {
    "chance": ("chance", (0, (1, 1.5))),
    "svd": ("SVD baseline", (0, (5, 1.5, 1, 1.5))),
    "ceiling": ("ceiling", (0, (7, 2))),
}
_EQUAL = " = "


def style_of(name: str) -> Style:
    """The style of an objective, or of several drawn as one, named `a = b`."""
    if _EQUAL not in name:
        return STYLES.get(name, Style("0.25", "-", "."))
    styles = [STYLES[one] for one in name.split(_EQUAL)]
    hues = np.unique([to_rgb(style.colour) for style in styles], axis=0)
    mixed = {1: tuple(hues[0]), 2: tuple(0.75 * hues.mean(axis=0))}
    return styles[0]._replace(colour=mixed.get(len(hues), INK))


def said(name: str) -> str:
    """What an objective, or several drawn as one, are called beside their line."""
    names = name.split(_EQUAL)
    styles = [STYLES[one] for one in names if one in STYLES]
    if len(styles) < len(names) or "," not in name or not styles[0].group:
        return name
    shared = _EQUAL.join(style.name for style in styles)
    return f"{styles[0].group} {shared}" if "centred" in name else shared


def in_order(objectives: Iterable[str]) -> list[str]:
    """The objectives, each once, in the order of their styles."""
    names = list(dict.fromkeys(objectives))
    order = [*STYLES, *names]
    return sorted(names, key=lambda name: order.index(name.split(_EQUAL)[0]))


def joined(
    frame: pd.DataFrame, measure: str, places: Sequence[str], near: float = 0.03
) -> pd.DataFrame:
    """The frame, with objectives whose medians coincide everywhere under one name.

    Those of one group alone, so that centred and uncentred ones stay apart. `member`
    has the names as they were.

    Args:
        frame: rows of runs, one for each objective, seed and place.
        measure: the column that is drawn.
        places: columns that tell panels apart, and the points of a curve.
        near: medians that are nowhere further apart coincide.
    """
    names = {
        name: _EQUAL.join(others)
        for others in coinciding(frame, measure, places, near)
        for name in others
    }
    return frame.assign(member=frame["objective"]).replace({"objective": names})


def coinciding(
    frame: pd.DataFrame,
    measure: str,
    places: Sequence[str],
    near: float = 0.03,
    in_groups: bool = True,
) -> list[list[str]]:
    """Sets of objectives whose medians are nowhere further apart than `near`."""
    keys = [frame["objective"], *(frame[place] for place in places)]
    middle = frame[measure].groupby(keys).median().unstack([*places])
    sets: list[list[str]] = []
    for name in in_order(middle.index):
        group = style_of(name).group
        for others in sets:
            gaps = (middle.loc[others] - middle.loc[name]).abs().max(axis=None)
            same = not in_groups or (group and group == style_of(others[0]).group)
            if same and gaps <= near:
                others.append(name)
                break
        else:
            sets.append([name])
    return sets


def rounding(ax: Axes, axis: str = "x", below: float = RESOLUTION) -> None:
    """Shades what float32 does not resolve on a logarithmic axis of losses.

    Args:
        ax: of matplotlib, to draw into.
        axis: "x" or "y".
        below: the largest loss that is shaded.
    """
    span = ax.axvspan if axis == "x" else ax.axhspan
    low, high = ax.get_xlim() if axis == "x" else ax.get_ylim()
    if low >= below:
        return
    span(low, below, color="0.93", lw=0, zorder=-2)
    # Behind the data, none of which it may hide.
    options = {"fontsize": SMALLEST, "color": "0.3", "clip_on": True, "zorder": -1}
    if axis == "x":
        place, frame = (low * 1.3, 0.5), ax.get_xaxis_transform()
        options |= {"rotation": 90, "va": "center"}
    else:
        place, frame = (0.02, below * 0.8), ax.get_yaxis_transform()
        options |= {"va": "top"}
    ax.text(*place, "rounding, not judged", transform=frame, **options)
    ax.set(**{f"{axis}lim": (low, high)})


def broken(ax: Axes) -> None:
    """Marks where an x axis is broken, between zero and its logarithmic part."""
    at = ax.xaxis.get_transform().linthresh / 2
    place = ax.transData.transform((at, 0)), ax.transAxes.transform((0, 0))
    left = ax.transAxes.inverted().transform((place[0][0], place[1][1]))[0]
    slash = {"marker": [(-1, -2), (1, 2)], "ms": 5, "mec": INK, "mew": 0.8, "ls": ""}
    slash |= {"transform": ax.transAxes, "clip_on": False, "zorder": 9}
    ax.plot([left - 0.008, left + 0.008], [0, 0], **slash)


def level(ax: Axes, kind: str, height: float, upright: bool = False) -> None:
    """The line of a reference level, behind the data; none if it is undefined.

    Args:
        ax: of matplotlib, to draw into.
        kind: one of `LEVELS`.
        height: of the level, in data.
        upright: whether the measure is along x.
    """
    if np.isfinite(height):
        draw = ax.axvline if upright else ax.axhline
        label, line = LEVELS[kind]
        draw(height, color="0.3", ls=line, lw=0.8, zorder=0, label=label)


def levels(
    frame: pd.DataFrame, measure: str, ax: Axes, upright: bool = False
) -> list[str]:
    """The medians of the levels that the frame has of a measure, and their kinds.

    Args:
        frame: may have `chance_`, `svd_` and `ceiling_` columns of the measure.
        measure: the column that is drawn.
        ax: of matplotlib, to draw into.
        upright: whether the measure is along x.
    """
    there = [kind for kind in LEVELS if f"{kind}_{measure}" in frame]
    for kind in there:
        level(ax, kind, frame[f"{kind}_{measure}"].median(), upright)
    return there


def bracket(ax: Axes, text: str, low: float, high: float, left: float) -> None:
    """A bracket beside the rows from `low` to `high`, in points left of the axes.

    Args:
        ax: of matplotlib, to draw into.
        text: what stands along it.
        low: where it begins, in data.
        high: where it ends, in data.
        left: distance from the axes, in points.
    """
    shift = ScaledTranslation(-left / 72, 0, ax.figure.dpi_scale_trans)
    options = {"transform": ax.get_yaxis_transform() + shift, "color": "0.4"}
    line = {"marker": TICKRIGHT, "ms": 2, "lw": 0.6, "clip_on": False}
    ax.plot([0, 0], [low, high], **line, **options)
    options |= {"rotation": 90, "ha": "right", "va": "center", "fontsize": SMALLEST}
    ax.text(-0.01, (low + high) / 2, text, **options)


def strip(values: Sequence[np.ndarray], names: Sequence[str], ax: Axes) -> list[float]:
    """Every value of every objective in its row, and the median as a bar.

    Rows stand in groups, centred, uncentred and others, and brackets say so where the
    axes have labels. Returns their places.

    Args:
        values: by objective, each of shape (seeds,).
        names: labels of the rows, from the top.
        ax: of matplotlib, to draw into.
    """
    groups = [style_of(name).group for name in names]
    steps = [1.0 + 0.6 * (one != other) for one, other in pairwise(groups)]
    places = [float(at) for at in np.cumsum([1.0, *steps])]
    for at, name, each in zip(places, names, values, strict=True):
        marks = style_of(name).marks | {"marker": "o", "ls": "", "ms": 2.6, "mew": 0.6}
        spread = at + np.linspace(-0.26, 0.26, len(each))
        ax.plot(each, spread, clip_on=False, **marks)
        ax.plot([np.median(each)] * 2, [at - 0.45, at + 0.45], color=INK, lw=1.1)
    labels = [style_of(name).name or name for name in names]
    ax.set_yticks(places, labels)
    ax.set_ylim(places[-1] + 0.6, 0.4)
    ax.tick_params(axis="y", length=0)
    for label, name in zip(ax.get_yticklabels(), names, strict=False):
        label.set_color(style_of(name).colour)  # there are none where axes are shared
    if ax.yaxis.get_tick_params().get("labelleft", True):
        size = ax.get_yticklabels()[0].get_fontsize()
        left = 0.52 * size * max(map(len, labels)) + 6
        for group in filter(None, dict.fromkeys(groups)):
            first = groups.index(group)
            last = first + groups.count(group) - 1
            bracket(ax, group, places[first] - 0.4, places[last] + 0.4, left)
    return places


def level_handles(kinds: Iterable[str]) -> list[Line2D]:
    """What levels look like, for a legend."""
    return [
        Line2D([], [], color="0.3", ls=LEVELS[each][1], lw=1, label=LEVELS[each][0])
        for each in kinds
    ]
