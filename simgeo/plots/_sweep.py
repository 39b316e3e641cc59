"""Any measure of a sweep over any of its settings."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from simgeo.plots._figures import COLOURS, LEVELS, STYLES, level_handles, levels_over

_LINES, _MARKERS = ("-", "--", ":", "-."), "os^vD<X>P"
_WORDS = {
    "num_vectors": "n, vectors",
    "teacher_dim": "d, teacher's dimensions",
    "student_dim": "m, student's dimensions",
    "matthews": "pattern agreement",
}


def sweep(
    frame: pd.DataFrame,
    x: str,
    y: str,
    hue: str,
    col: str | None = None,
    label: str | None = None,
) -> Figure:
    """A measure over a setting, one panel for each value of `col`.

    Every seed as a point, the median over seeds as a line, its interval as a band, and
    the levels that the frame holds of that measure. An axis of numbers that grow by
    factors is logarithmic; names are in the order in which they come.

    Args:
        frame: one row per cell and seed, as `results.open(...).frame` has it.
        x: the column of the setting.
        y: the column of the measure.
        hue: the column that colours tell apart.
        col: the column that panels tell apart.
        label: what the measure is called; default: the words of its column.
    """
    panels = [None] if col is None else _in_order(frame[col])
    width = max(3.4, 2.3 * len(panels))
    figure = Figure(figsize=(width, 3.1))
    axes = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
    names = _in_order(frame[hue])
    styles = {name: _style_of(name, place) for place, name in enumerate(names)}
    for ax, panel in zip(axes, panels, strict=True):
        part = frame if panel is None else frame[frame[col] == panel]
        _over(part, x, y, hue, styles, ax)
        ax.set_xlabel(_words(x))
        if panel is not None:
            ax.set_title(f"{_words(col)}: {_value(panel)}")
    axes[0].set_ylabel(f"{label or _words(y)} at the end")
    handles = [
        Line2D([], [], color=colour, ls=line, marker=marker, ms=4, label=_value(name))
        for name, (colour, line, marker) in styles.items()
    ]
    said = [each for each in LEVELS if f"{each}_{y}" in frame]
    handles += level_handles(
        each for each in said if frame[f"{each}_{y}"].notna().any()
    )
    seeds = frame["seed"].nunique()
    figure.legend(
        handles=handles,
        loc="outside lower center",
        ncols=max(1, min(len(handles), int(width / 1.6))),
        frameon=False,
        title=f"points: seeds ({seeds}); line: median; band: 95 % interval of it",
        title_fontsize=6,
    )
    return figure


def _over(part: pd.DataFrame, x: str, y: str, hue: str, styles: dict, ax: Axes) -> None:
    numeric = part[x].dtype.kind in "if"
    ticks = _in_order(part[x])
    places = ticks if numeric else range(len(ticks))
    place_of = dict(zip(ticks, places, strict=True))
    rng = np.random.default_rng(0)
    for name, rows in part.groupby(hue, sort=False):
        colour, line, marker = styles[name]
        at = rows[x].map(place_of)
        ax.plot(at, rows[y], marker, color=colour, ms=2, alpha=0.3, mew=0)
        grouped = rows.groupby(at)[y]
        middle = grouped.median()
        ax.plot(middle.index, middle, line, color=colour, lw=1.2)
        bands = grouped.apply(lambda values: _band(values.to_numpy(float), rng))
        low, high = np.array(bands.tolist()).T
        ax.fill_between(middle.index, low, high, color=colour, alpha=0.18, lw=0)
    levels_over(part, part[x].map(place_of), y, ax)
    if not numeric:
        ax.set_xticks(places, map(_value, ticks), rotation=30, ha="right")
    elif min(ticks) > 0 and max(ticks) >= 10 * min(ticks) and _by_factors(ticks):
        ax.set_xscale("log")
    elif part[x].dtype.kind == "i" and len(ticks) <= 8:
        ax.set_xticks(ticks)


def _in_order(values: pd.Series) -> list:
    """Numbers by size, names as they come; each once."""
    found = list(dict.fromkeys(values))
    return sorted(found) if values.dtype.kind in "if" else found


def _by_factors(ticks: list) -> bool:
    """Whether the ticks lie more evenly on a logarithmic axis than on a linear one."""
    linear, by_factors = (
        np.std(np.diff(values) / (values[-1] - values[0]))
        for values in (np.asarray(ticks, float), np.log(ticks))
    )
    return bool(by_factors < linear)


def _band(values: np.ndarray, rng: np.random.Generator) -> tuple[float, float]:
    """The percentile bootstrap of the median; nothing below three seeds."""
    values = values[~np.isnan(values)]
    if len(values) < 3:
        return np.nan, np.nan
    medians = np.median(rng.choice(values, (1000, len(values))), axis=1)
    low, high = np.quantile(medians, [0.025, 0.975])
    return float(low), float(high)


def _style_of(name: Any, place: int) -> tuple:
    """That of an objective, or one by its place."""
    if name in STYLES:
        return STYLES[name]
    line = _LINES[place // len(COLOURS) % len(_LINES)]
    return COLOURS[place % len(COLOURS)], line, _MARKERS[place % len(_MARKERS)]


def _words(name: str) -> str:
    return _WORDS.get(name, name.replace("_", " ").replace(".", ", "))


def _value(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
