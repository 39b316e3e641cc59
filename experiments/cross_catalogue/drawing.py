"""All distances after every objective, as a map in groups."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns

from experiments.study import Sheet, where
from simgeo import plots

AGREEMENT = "pattern agreement"
_OTHERS = ("Wasserstein of covariances", "Neighbour KL", "Pattern hinge", "Logit KL")


def group_of(label: str) -> str:
    """What an objective does with a mean or a linear map."""
    parts = label.split(", ")
    if parts[0] in ("Projection", "CCA", "SVCCA"):
        return "with a map"
    if label in _OTHERS or "patches" in parts:
        return "others"
    if "uncentred" not in parts and ("centred" in parts or parts[0] in _CENTRING):
        return "centred"
    return "uncentred"


_CENTRING = ("CKA", "Relational")
_GROUPS = ("uncentred", "centred", "with a map", "others")


def draw(part: pd.DataFrame, sheet: Sheet) -> None:
    """All distances of a teacher, in groups, and the pattern agreement."""
    size = (plots.PAGE, 6.2)
    sheet.figure, (left, right) = plt.subplots(1, 2, figsize=size, width_ratios=(30, 2))
    values = part.pivot(index="optimised", columns="recorded", values="relative")
    rows, columns = (
        sorted(part[one].unique(), key=lambda each: _GROUPS.index(group_of(each)))
        for one in ("optimised", "recorded")
    )
    columns.remove(AGREEMENT)
    known = part.groupby("recorded")["optimum_known"].all()
    bar = {"location": "top", "shrink": 0.4, "pad": 0.01, "extend": "max"}
    bar["label"] = "0: optimum; 1: random unit vectors"
    options = {"vmin": 0, "vmax": 1, "yticklabels": True}
    shown = values.loc[rows, columns]
    stars = [each + ("" if known[each] else " *") for each in columns]
    scale = {"cmap": "cividis", "cbar_kws": bar, "xticklabels": stars}
    sns.heatmap(shown, ax=left, **scale, **options)
    kept = where(part, recorded=AGREEMENT).set_index("optimised")[["value"]].loc[rows]
    numbers = {"annot": True, "fmt": ".2f", "annot_kws": {"size": plots.SMALLEST}}
    options |= {"yticklabels": False, "xticklabels": [AGREEMENT]}
    sns.heatmap(kept, ax=right, cmap="cividis_r", cbar=False, **numbers, **options)
    for ax in (left, right):
        ax.tick_params(labelsize=plots.SMALLEST, length=0)
        ax.tick_params(axis="x", rotation=90)
        ax.set(xlabel="", ylabel="")
    left.set(xlabel="recorded", ylabel="optimised")
    left.yaxis.labelpad = 14
    groups = [group_of(each) for each in rows]
    for group in _GROUPS:
        first = groups.index(group)
        last = first + groups.count(group)
        plots.bracket(left, group, first + 0.2, last - 0.2, 124)
        for ax in (left, right):
            ax.axhline(last, color="white", lw=1.5)
    for at in np.cumsum([sum(group_of(c) == g for c in columns) for g in _GROUPS]):
        left.axvline(at, color="white", lw=1.5)
