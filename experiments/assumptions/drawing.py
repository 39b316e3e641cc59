"""What is preserved over the dials, and from uncentred to centred at one place."""

import pandas as pd
from matplotlib.axes import Axes

from experiments.assumptions.dials import DIALS
from experiments.study import Sheet
from simgeo import plots

LEVELS = ("chance", "svd")


def _shown(last: pd.DataFrame, sheet: Sheet) -> pd.DataFrame:
    """All runs, or in one column those at the teacher's width."""
    return last[last["rows"].str.endswith("m = d")] if sheet.narrow else last


def draw(last: pd.DataFrame, sheet: Sheet) -> None:
    """A column per dial, a row per width and row constraint."""
    options = {"columns": "dial", "rows": "rows", "title": "{rows}", "sharex": "col"}
    levels = {f"{kind}_kept": last[f"{kind}_matthews"].fillna(0.0) for kind in LEVELS}
    last = _shown(last.assign(**levels), sheet)
    last = plots.joined(last, "kept", ["dial", "rows", "value"])
    for ax, part in sheet.facets(last, 1.65, **options):
        plots.over_setting(part, "value", "kept", ax)
        ax.set_ylim(-0.58, 1.08)
    sheet.label([dial.label for dial in DIALS.values()], "pattern agreement")
    sheet.names()


def draw_square(square: pd.DataFrame, sheet: Sheet) -> None:
    """Centring against distance: a panel per dial and row constraint."""
    for ax, part in sheet.facets(_shown(square, sheet), 1.4, "rows", "dial"):
        _slopes(part, ax)
        dial, rows, value = part[["dial", "rows", "value"]].iloc[0]
        ax.set_title(f"{dial} {value:g}; {rows}", fontsize=6.5)
    sheet.label("", "pattern agreement")
    sheet.names()


def _slopes(part: pd.DataFrame, ax: Axes) -> None:
    """A line per distance from uncentred to centred, every seed beside it."""
    places = {"uncentred": 0.0, "centred": 1.0}
    for shift, distance, colour, style in (
        (-0.06, "CKA", plots.STYLES["CKA"].colour, "o-"),
        (0.06, "Procrustes", plots.STYLES["Procrustes"].colour, "^-"),
    ):
        runs = part[part["distance"] == distance]
        at = runs["centring"].map(places) + shift
        ax.plot(at, runs["kept"], style[0], color=colour, ms=2, alpha=0.4, mew=0)
        middle = runs.groupby(at)["kept"].median()
        ax.plot(middle.index, middle, style, color=colour, ms=5, lw=1, label=distance)
        ax.plot(middle.index[1:], middle[1:], style[0], color=colour, mfc="white", ms=5)
    plots.levels(part, "kept", ax)
    ax.set(xlim=(-0.3, 1.2), ylim=(-0.12, 1.08))
    ax.set_xticks(list(places.values()), list(places))
