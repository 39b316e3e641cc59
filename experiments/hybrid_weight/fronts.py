"""The front of first loss and pattern, and the pattern over the weight."""

from collections.abc import Callable

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from experiments.hybrid_weight.pairs import CELL
from experiments.study import Sheet, columns, where
from simgeo import plots, stats

FLOOR = 1e-6  # of relative first losses: what float32 leaves of a difference


def draw(
    last: pd.DataFrame, sheet: Sheet, panel: Callable[..., None], label: str
) -> pd.DataFrame:
    """A row for every hybrid and width, a column for every teacher."""
    if sheet.narrow:
        last = last[last["hybrid"].isin(["CKA + Procrustes", _WITH_HINGE])]
        last = where(last, student_dim=last["student_dim"].min())
    middle = stats.summarise(last, [*CELL, "weight"], ["matthews", "first_loss"])
    weights = sorted(last["weight"].unique())
    shades = plt.get_cmap("viridis")(np.linspace(0, 0.95, len(weights)))
    colours = dict(zip(weights, shades, strict=True))
    rows = list(dict.fromkeys(zip(last["hybrid"], last["student_dim"], strict=True)))
    names = last["teacher"].unique()
    for ax, (hybrid, width), teacher in sheet.grid(rows, names, 1.5, sharex=False):
        place = {"hybrid": hybrid, "student_dim": width, "teacher": teacher}
        part = where(last, **place)
        panel(part, where(middle, **place).set_index(["value", "weight"]), colours, ax)
        for kind in sheet.levels:
            level, dashes = part[f"{kind}_matthews"].median(), plots.LEVELS[kind][1]
            ax.axhline(level, color="0.3", ls=dashes, lw=0.8, zorder=0)
        ax.set(ylim=(-0.12, 1.08))
        title = f"{hybrid}\n{teacher}, m = {width}"
        ax.set_title(title, fontsize=6 if sheet.narrow else 7)
    sheet.label(label, "Matthews correlation")
    options = {"marker": "o", "ls": "", "ms": 4}
    sheet.legend(
        remark=f" Bars and bands: 95 % of the medians.\nValues below {FLOOR:g} are "
        "drawn there. At w = 1 nothing trains the task's map, and it has no loss.",
        ncols=3 if sheet.narrow else 6,
        others=[
            Line2D([], [], color=colour, label=f"w = {weight:g}", **options)
            for weight, colour in colours.items()
        ],
    )
    drawn = "hybrid teacher student_dim weight seed first_loss matthews chance_matthews"
    return columns(last, f"{drawn} svd_matthews first_scale second_scale")


_WITH_HINGE = "Projection + pattern hinge"


def front(part: pd.DataFrame, middle: pd.DataFrame, colours: dict, ax: Axes) -> None:
    """First loss against pattern agreement, one colour per weight."""
    loss, kept = middle.loc["first_loss"], middle.loc["matthews"]
    lift = {name: np.maximum(loss[name], FLOOR) for name in ("estimate", "low", "high")}
    ax.plot(lift["estimate"], kept["estimate"], color="0.6", lw=0.8, zorder=1)
    for weight, colour in colours.items():
        runs = part[part["weight"] == weight]
        seeds = np.maximum(runs["first_loss"], FLOOR)
        ax.plot(seeds, runs["matthews"], "o", color=colour, ms=2, alpha=0.5, mew=0)
        x, y = lift["estimate"][weight], kept["estimate"][weight]
        ax.plot([lift["low"][weight], lift["high"][weight]], [y, y], color=colour, lw=1)
        ax.plot([x, x], kept.loc[weight, ["low", "high"]], color=colour, lw=1)
        ax.plot(x, y, "o", color=colour, ms=4.5, mec="black", mew=0.4)
    found = lift["estimate"].max() / lift["estimate"].min()
    if found > 10 or lift["estimate"].min() <= FLOOR:
        ax.set(xscale="log", xlim=(FLOOR / 2, 3e-2))
    else:
        ax.xaxis.set_major_locator(MaxNLocator(4))


def over_weight(
    part: pd.DataFrame, middle: pd.DataFrame, colours: dict, ax: Axes
) -> None:
    """Pattern agreement over the weight: seeds, their median and its interval."""
    kept = middle.loc["matthews"]
    ax.fill_between(kept.index, kept["low"], kept["high"], color="0.8", lw=0)
    ax.plot(kept.index, kept["estimate"], color="0.4", lw=0.9)
    for weight, colour in colours.items():
        runs = part[part["weight"] == weight]
        ax.plot(runs["weight"], runs["matthews"], "o", color=colour, ms=2.5, mew=0)
    ax.set_xscale("symlog", linthresh=1e-3)
    ax.set_xlim(-2e-4, 1.5)
