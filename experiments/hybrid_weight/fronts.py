"""The front of first loss and pattern, and the pattern over the weight."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from experiments.study import Sheet, columns, where
from simgeo import plots

# The hue of what is added, and where its first part is another one, of that.
HUES = {
    "CKA + Procrustes": ("Procrustes", "^"),
    "CKA + Gram, unit rows": ("Gram", "D"),
    "Logit KL + Procrustes": ("Projection", "o"),
    "Projection + pattern hinge": ("Pattern hinge", "H"),
}
DRAWN = (
    "hybrid teacher student_dim weight seed first_loss matthews chance_matthews "
    "svd_matthews first_scale second_scale"
)


def draw_front(last: pd.DataFrame, sheet: Sheet) -> pd.DataFrame:
    """CKA against pattern agreement while Procrustes gains weight, common mean."""
    chosen = where(last, hybrid="CKA + Procrustes", teacher="common mean")
    chosen = where(chosen, student_dim=chosen["student_dim"].min())
    (ax,) = sheet.panels(1, 1, (2.6, 2.2)).flat
    middle = chosen.groupby("weight")[["first_loss", "matthews"]].median()
    ax.plot(chosen["first_loss"], chosen["matthews"], "o", color="0.7", ms=2, mew=0)
    ax.plot(middle["first_loss"], middle["matthews"], color="0.5", lw=0.9)
    ax.plot(middle["first_loss"], middle["matthews"], "o", color=plots.INK, ms=4.5)
    written: list[float] = []
    for weight, (loss, kept) in middle[::-1].iterrows():
        if all(abs(kept - other) > 0.07 for other in written):
            plots.direct(ax, loss, kept, f"w = {weight:g}", xytext=(7, -4))
            written.append(kept)
    _levels(chosen, ax)
    ax.set(ylim=(-0.12, 1.08))
    sheet.label("CKA loss / zero student's", "pattern agreement")
    sheet.legend()
    return columns(last, DRAWN)


def draw_weights(last: pd.DataFrame, sheet: Sheet) -> pd.DataFrame:
    """Pattern agreement over the weight of the second term, at half the width."""
    half = where(last, student_dim=last["student_dim"].min())
    for ax, teacher in sheet.line(half["teacher"].unique(), (2.0, 1.6)):
        part = where(half, teacher=teacher)
        for hybrid, runs in part.groupby("hybrid", sort=False):
            name, marker = HUES[str(hybrid)]
            options = {"color": plots.STYLES[name].colour, "marker": marker}
            middle = runs.groupby("weight")["matthews"].median()
            seeds = {"ls": "", "ms": 2, "mew": 0, "alpha": 0.4} | options
            ax.plot(runs["weight"], runs["matthews"], **seeds)
            ax.plot(middle.index, middle, lw=1.2, ms=3.5, **options)
        _levels(part, ax)
        ax.set_xscale("symlog", linthresh=1e-3)
        ax.set(xlim=(-2e-4, 1.5), ylim=(-0.12, 1.08), title=teacher)
        ax.set_xticks([0, 1e-3, 1e-2, 0.1, 1], ["0", "1e-3", "0.01", "0.1", "1"])
    sheet.label("weight w of the second", "pattern agreement")
    sheet.legend(
        others=[
            Line2D(
                [], [], color=plots.STYLES[name].colour, marker=marker, ms=4, label=said
            )
            for said, (name, marker) in HUES.items()
        ]
    )
    return columns(last, DRAWN)


def _levels(part: pd.DataFrame, ax: Axes) -> None:
    for kind in ("chance", "svd"):
        level, dashes = np.median(part[f"{kind}_matthews"]), plots.LEVELS[kind][1]
        ax.axhline(level, color="0.3", ls=dashes, lw=0.8, zorder=0)
