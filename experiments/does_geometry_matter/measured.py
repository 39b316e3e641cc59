"""Every run: what readers get from it, against two measures; and all measures."""

from typing import NamedTuple

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.lines import Line2D

from experiments.does_geometry_matter.predicting import CANDIDATES, MEASURES
from experiments.does_geometry_matter.readers import READERS, RUN, SPARSITIES
from experiments.study import Sheet, where
from simgeo import measures, objectives, plots


class Ranked(NamedTuple):
    """Every run, sparsity and reader; and how well measures predict readers."""

    runs: pd.DataFrame
    table: pd.DataFrame


LABELS = {"student_dim": "width m"} | {
    name: measures.MEASURES[name].label for name in MEASURES
}
LABELS |= {"fraction_student": "fraction of pairs (count)"}
LABELS |= {"matthews": "pattern agreement"}
LABELS |= {
    f"distance_{name}": f"distance: {each.label}"
    for name, each in objectives.STANDARD.items()
}
SAYS = {
    "rotated": "teacher's readout,\nstudent rotated",
    "mapped": "teacher's readout,\nstudent mapped",
    "fitted": "readout fitted\nto the student",
    "own": "student's own\ndirections",
}
SHOWN = ("fraction_student", "effective_rank")
_WIDTHS = (("0.1", "o"), ("0.45", "^"), ("0.7", "s"))  # hues are of objectives


def rows(ranked: Ranked) -> pd.DataFrame:
    """Every run and reader at the first sparsity."""
    drawn = where(ranked.runs, sparsity=SPARSITIES[0])
    names = [*RUN, "reader", "area", "area_plain", "teacher_area", *CANDIDATES[1:]]
    return drawn[names]


def draw(runs: pd.DataFrame, sheet: Sheet) -> None:
    """What the students' own directions give, over count and effective rank."""
    own = where(runs, reader="own")
    widths = sorted(own["student_dim"].unique(), reverse=True)
    for ax, measure in sheet.line(SHOWN, (2.3, 1.8), sharex=False):
        for width, (colour, marker) in zip(widths, _WIDTHS, strict=False):
            part = where(own, student_dim=width)
            options = {"s": 7, "lw": 0, "alpha": 0.5, "rasterized": True}
            options |= {"marker": marker, "color": colour}
            ax.scatter(part[measure], part["area"], **options)
        plots.level(ax, "chance", 0.5)
        ax.set_xlabel(LABELS[measure])
    sheet.axes[0, 0].set_ylabel("area under ROC,\nstudent's own directions")
    others = [
        Line2D([], [], ls="", ms=4, color=colour, marker=marker, label=f"m = {width}")
        for width, (colour, marker) in zip(widths, _WIDTHS, strict=False)
    ]
    sheet.legend(others=others, ncols=4)


def draw_ranking(table: pd.DataFrame, sheet: Sheet) -> None:
    """The rank correlation of every measure (rows) with every reader (columns)."""
    drawn = where(table, sparsity=SPARSITIES[0])
    is_sure = np.sign(drawn["given_both_low"]) == np.sign(drawn["given_both_high"])
    stars = is_sure.map({True: "*", False: ""})
    drawn = drawn.assign(
        said=(drawn["given_both"].round(2) + 0.0).map("{:.2f}".format) + stars
    )
    wide = drawn.pivot(index="measure", columns="reader")
    values = wide["given_both"].dropna()[list(READERS)]
    values = values.loc[values.abs().mean(axis=1).sort_values(ascending=False).index]
    said = wide["said"].loc[values.index, values.columns]
    ax = sheet.panels(1, 1, (3.6, 3.4))[0, 0]
    options = {"vmin": -1, "vmax": 1, "cmap": "vlag", "annot_kws": {"size": 6.5}}
    sns.heatmap(values, ax=ax, annot=said, fmt="", cbar=False, **options)
    says = READERS if sheet.narrow else [SAYS[reader] for reader in READERS]
    ax.set_xticklabels(says, rotation=0)
    ax.set_yticklabels([LABELS[str(name)] for name in values.index], rotation=0)
    ax.set(xlabel="", ylabel="")
    ax.tick_params(length=0, labelsize=6 if sheet.narrow else 7)
    ax.xaxis.tick_top()
