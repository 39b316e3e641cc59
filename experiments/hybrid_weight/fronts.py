"""The front of first loss and pattern, and the pattern over the weight."""

import pandas as pd

from experiments.study import Sheet, where
from simgeo import plots

# The hue of what is added, and where its first part is another one, of that.
HUES = {
    "CKA + Procrustes": ("Procrustes", "^"),
    "CKA + Gram, unit rows": ("Gram", "D"),
    "Logit KL + Procrustes": ("Projection", "o"),
    "Projection + pattern hinge": ("Pattern hinge", "H"),
}


def draw_front(last: pd.DataFrame, sheet: Sheet) -> None:
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
    plots.levels(chosen, "matthews", ax)
    ax.set(ylim=(-0.12, 1.08))
    sheet.label("CKA loss / zero student's", "pattern agreement")
    sheet.legend()


def draw_weights(last: pd.DataFrame, sheet: Sheet) -> None:
    """Pattern agreement over the weight of the second term, at half the width."""
    half = where(last, student_dim=last["student_dim"].min())
    for ax, part in sheet.facets(half, (2.0, 1.6), "teacher", title="{teacher}"):
        for hybrid, runs in part.groupby("hybrid", sort=False):
            name, marker = HUES[str(hybrid)]
            options = {"color": plots.STYLES[name].colour, "marker": marker}
            middle = runs.groupby("weight")["matthews"].median()
            seeds = {"ls": "", "ms": 2, "mew": 0, "alpha": 0.4} | options
            ax.plot(runs["weight"], runs["matthews"], **seeds)
            ax.plot(middle.index, middle, lw=1.2, ms=3.5, label=hybrid, **options)
        plots.levels(part, "matthews", ax)
        ax.set_xscale("symlog", linthresh=1e-3)
        ax.set(xlim=(-2e-4, 1.5), ylim=(-0.12, 1.08))
        ax.set_xticks([0, 1e-3, 1e-2, 0.1, 1], ["0", "1e-3", "0.01", "0.1", "1"])
    sheet.label("weight w of the second", "pattern agreement")
    sheet.names()
