"""Any measure of a sweep over any of its settings."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib import cm
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from simgeo import stats
from simgeo.checks import require
from simgeo.plots._figures import levels_over
from simgeo.plots._grammar import COLOURS, LEVELS, STYLES, Style, level_handles
from simgeo.plots._layout import LETTER, RC, wrapped

_LINES, _MARKERS = ("-", "--", ":", "-."), "os^vD<X>P"
_MOST = 20  # names that a legend takes, and panels that a page takes
_FEW = 8  # values of a setting that all stand on its axis
_LINE = 0.14  # inches that a line of words takes
_HIGH, _WIDE = 2.0, 1.9  # inches that panels leave for words beside them
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
    factors is logarithmic; names are in the order in which they come. Of `hue` and
    `col`, what a row lacks is "none"; more numbers than the legend takes have a colour
    bar. Draw and save it within `plots.style()`, which sets the sizes that its legend
    has room for.

    Args:
        frame: one row per cell and seed, as `results.open(...).frame` has it.
        x: the column of the setting.
        y: the column of the measure.
        hue: the column that colours tell apart.
        col: the column that panels tell apart.
        label: what the measure is called; default: the words of its column.

    Raises:
        ValueError: if rows lack the setting of `x`, or `hue` or `col` has too many
            names.
    """
    lacking = int(frame[x].isna().sum())
    require(
        lacking == 0,
        "x",
        "be a setting that all cells have",
        f"{x}, which {lacking} of {len(frame)} rows lack. Choose cells, or draw it as "
        f"`hue`",
    )
    frame = frame.assign(**{name: _or_none(frame[name]) for name in (hue, col) if name})
    panels = [None] if col is None else _in_order(frame[col])
    below = _ticks(frame[x])
    beside = max(0.0, 1.7 * _slant(below) - 0.5)  # what names at an angle reach over
    width = max(3.4, (2.3 + beside) * len(panels))
    figure = Figure(figsize=(width, 3.1))
    axes = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
    names = _in_order(frame[hue])
    numbers = [name for name in names if not isinstance(name, str)]
    has_bar = len(names) > _MOST and len(names) - len(numbers) <= 1
    for column, values in (("col", panels), ("hue", [] if has_bar else names)):
        words = f"tell apart at most {_MOST} values"
        require(len(values) <= _MOST, column, words, f"{len(values)}. Choose cells")
    shades = cm.ScalarMappable(
        Normalize(min(numbers), max(numbers)) if has_bar else None
    )
    styles = {
        name: Style(shades.to_rgba(name), "-", "o")
        if has_bar and name in numbers
        else _style_of(name, place)
        for place, name in enumerate(names)
    }
    for ax, panel in zip(axes, panels, strict=True):
        part = frame if panel is None else frame[frame[col] == panel]
        _over(part, x, y, hue, styles, ax)
        ax.set_xlabel(wrapped(_words(x), _WIDE))
        if panel is not None:
            ax.set_title(wrapped(f"{_words(col)}: {_value(panel)}", _WIDE))
    axes[0].set_ylabel(wrapped(f"{label or _words(y)} at the end", _HIGH))
    letters = RC["legend.fontsize"]
    said_of = {name: wrapped(_value(name), width - 0.6, letters) for name in names}
    handles = [
        Line2D([], [], ls=style.line, ms=4, label=said_of[name], **style.marks)
        for name, style in styles.items()
        if not (has_bar and name in numbers)
    ]
    if has_bar:
        figure.colorbar(shades, ax=axes, label=wrapped(_words(hue), _HIGH))
    said = [each for each in LEVELS if f"{each}_{y}" in frame]
    handles += level_handles(
        each for each in said if frame[f"{each}_{y}"].notna().any()
    )
    seeds = frame["seed"].nunique()
    lines = [line for each in handles for line in str(each.get_label()).split("\n")]
    longest = max(map(len, lines), default=0)
    column = max(1.6, 0.6 + longest * letters * LETTER)
    ncols = max(1, min(len(handles), int(width / column)))
    # What is above or below panels makes the figure higher, not the panels lower.
    titles = max((ax.get_title() for ax in axes), key=_rows)
    more = sum(_rows(each) - 1 for each in (titles, axes[0].get_xlabel(), *below[:1]))
    more += max(0, len(lines) / ncols - 4)
    high = figure.get_figheight() + _LINE * more + max(0.0, _slant(below) - 0.2)
    figure.set_figheight(high)
    figure.legend(
        handles=handles,
        loc="outside lower center",
        ncols=ncols,
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
    for name, rows in part.groupby(hue, sort=False):
        colour, line = styles[name].colour, styles[name].line
        at = rows[x].map(place_of)
        ax.plot(at, rows[y], ".", color=colour, ms=3, alpha=0.3, mew=0)
        points = pd.DataFrame({"at": at, "seed": rows["seed"], "y": rows[y]})
        middle = stats.summarise(points, by=["at"], values=["y"]).sort_values("at")
        marks = styles[name].marks | {"ms": 3, "ls": line, "lw": 1.2}
        ax.plot(middle["at"], middle["estimate"], **marks)
        ends = middle["low"], middle["high"]
        ax.fill_between(middle["at"], *ends, color=colour, alpha=0.18, lw=0)
    levels_over(part, part[x].map(place_of), y, ax)
    if not numeric:
        ax.set_xticks(places, _ticks(part[x]), rotation=30, ha="right")
        return
    # Where other cells have no such setting, its integers are floats in the frame.
    is_whole = all(float(each).is_integer() for each in ticks)
    if min(ticks) > 0 and max(ticks) >= 10 * min(ticks) and _by_factors(ticks):
        ax.set_xscale("log")
        if is_whole and len(ticks) <= _FEW:
            ax.set_xticks([], minor=True)
            ax.set_xticks(ticks, [f"{each:.0f}" for each in ticks])
    elif is_whole and len(ticks) <= _FEW:
        ax.set_xticks(ticks)
    elif is_whole:
        ax.xaxis.set_major_locator(MaxNLocator("auto", integer=True))


def _rows(text: str) -> int:
    return text.count("\n") + 1


def _ticks(values: pd.Series) -> list[str]:
    """Names on an axis, in lines; none where it has numbers."""
    if values.dtype.kind in "if":
        return []
    letters = RC["xtick.labelsize"]
    return [wrapped(_value(each), 1.2, letters) for each in _in_order(values)]


def _slant(names: list[str]) -> float:
    """Inches below an axis that the longest line of names, at 30 degrees, takes."""
    longest = max((len(line) for name in names for line in name.split("\n")), default=0)
    return 0.5 * longest * LETTER * RC["xtick.labelsize"]


def _or_none(values: pd.Series) -> pd.Series:
    """The values, with "none" for what a cell does not have."""
    missing = values.isna()
    return values.astype(object).mask(missing, "none") if missing.any() else values


def _in_order(values: pd.Series) -> list:
    """Numbers by size, then names as they come; each once."""
    found = list(dict.fromkeys(values))
    numbers = [each for each in found if not isinstance(each, str | bool)]
    return sorted(numbers) + [each for each in found if isinstance(each, str | bool)]


def _by_factors(ticks: list) -> bool:
    """Whether the ticks lie more evenly on a logarithmic axis than on a linear one."""
    linear, by_factors = (
        np.std(np.diff(values) / (values[-1] - values[0]))
        for values in (np.asarray(ticks, float), np.log(ticks))
    )
    return bool(by_factors < linear)


def _style_of(name: Any, place: int) -> Style:
    """That of an objective, or one by its place."""
    if name in STYLES:
        return STYLES[name]
    line = _LINES[place // len(COLOURS) % len(_LINES)]
    return Style(COLOURS[place % len(COLOURS)], line, _MARKERS[place % len(_MARKERS)])


def _words(name: str) -> str:
    return _WORDS.get(name, name.replace("_", " ").replace(".", ", "))


def _value(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
