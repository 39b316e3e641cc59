"""Every step of some runs, and the share of all runs that have a spike."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from experiments.cells import RATE
from experiments.spikes.watching import (
    CONDITIONS,
    NAMES,
    RATES,
    RESOLUTION,
    RUN,
    SPIKE,
    Watched,
)
from experiments.study import Sheet, where
from simgeo import plots

SHOWN_RATE = {"adam": 0.03, "sgd": 0.1}
NUM_SHOWN = 4  # seeds whose every step is drawn
LABELS = {
    "one_minus_cka": "1 - CKA",
    "gradient": "length of\nthe gradient",
    "step_length": "length of\nthe step",
    "spikes": "share of runs\nwith a spike",
}
FLOOR = 1e-7


def draw(watched: Watched, sheet: Sheet) -> pd.DataFrame:
    """A column per condition: three numbers over the steps, and how often it spikes."""
    conditions = CONDITIONS[:2] if sheet.narrow else CONDITIONS
    rate = {each.title: SHOWN_RATE[each.optimiser] for each in CONDITIONS}
    steps = watched.steps
    at_rate = steps[RATE] == steps["condition"].map(rate)
    shown = steps[at_rate & (steps["seed"] < NUM_SHOWN)]
    table = watched.runs.assign(spikes=watched.runs["largest_rise"] >= SPIKE)
    share = table.groupby(RUN[:3], sort=False)["spikes"].mean().reset_index()
    for ax, name, condition in sheet.grid(
        LABELS, conditions, (1.4, 1.2), sharex=False, sharey="row"
    ):
        if name == "spikes":
            rates = RATES[condition.optimiser]
            _shares(where(share, condition=condition.title), rates, ax)
        else:
            _lines(where(shown, condition=condition.title), name, ax)
        if condition == conditions[0]:
            ax.set_ylabel(LABELS[name])
        if name == "one_minus_cka":
            ax.set_title(condition.title, fontsize=6.5 if sheet.narrow else 7.5)
    sheet.legend(
        table["objective"].unique(),
        f" Below {FLOOR:g}: drawn there.\nA spike: 1 - CKA, above {RESOLUTION:g}, "
        f"rises {SPIKE:g}-fold or more in one step of the last three quarters. "
        "Gradients of zero: the distance vanished in rounding.",
    )
    columns = ["condition", "objective", RATE, "seed", "step", "loss"]
    return shown[[*columns, *NAMES.values()]]


def _lines(part: pd.DataFrame, name: str, ax: Axes) -> None:
    """Every step of every seed."""
    for (objective, _), run in part.groupby(["objective", "seed"], sort=False):
        colour, height = plots.STYLES[objective][0], np.maximum(run[name], FLOOR)
        ax.plot(run["step"], height, color=colour, lw=0.5, alpha=0.7)
    top = 1.5 if name == "one_minus_cka" else 50
    ax.set(yscale="log", ylim=(FLOOR / 2, top), xlabel="step")


def _shares(share: pd.DataFrame, rates: tuple[float, ...], ax: Axes) -> None:
    """How many runs have a spike, over the rate."""
    for objective, part in share.groupby("objective", sort=False):
        colour, line, marker = plots.STYLES[str(objective)]
        options = {"marker": marker, "color": colour, "ms": 4}
        ax.plot(part[RATE], part["spikes"], line, **options)
    ax.set(xscale="log", ylim=(-0.06, 1.06), xlabel="rate")
    ax.set_xticks(rates, [f"{rate:g}" for rate in rates])
    ax.minorticks_off()
