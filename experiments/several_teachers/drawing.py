"""One teacher against the other over their weights, and all over their number."""

import pandas as pd
from matplotlib.axes import Axes

from experiments.several_teachers.runs import PARTS
from experiments.study import Sheet, where
from simgeo import plots


def draw(pairs: pd.DataFrame, sheet: Sheet) -> None:
    """A column per kind, a row per width: one teacher against the other."""
    panels = {"columns": "kind", "rows": "student_dim"}
    title = "{kind}, m = {student_dim}"
    for ax, part in sheet.facets(pairs, (2.4, 1.7), title=title, **panels):
        _fronts(part, ax)
    sheet.label(
        "pattern agreement\nwith 32 dimensions", "pattern agreement\nwith 16 dimensions"
    )
    sheet.legend(PARTS, markers=False)


def _fronts(part: pd.DataFrame, ax: Axes) -> None:
    keys = ["objective", "weight", "seed"]
    kept = part.fillna({"matthews": 0.0}).set_index([*keys, "place"])["matthews"]
    seeds = kept.unstack("place")
    for objective in part["objective"].unique():
        colour, line, *_ = plots.STYLES[objective]
        own = seeds.loc[objective]
        ax.plot(own[0], own[1], "o", color=colour, ms=1.5, alpha=0.3, mew=0)
        middle = own.groupby("weight").median()
        ax.plot(middle[0], middle[1], line, color=colour, lw=1)
        for weight, at in middle.iterrows():
            marker = "s" if weight == 0.5 else "o"
            face = "white" if weight == 0.0 else colour
            ax.plot(at[0], at[1], marker, color=colour, mfc=face, ms=4)
    both = part.groupby("place")["both_matthews"].median()
    ax.plot(both[0], both[1], "x", color="0.0", ms=7, zorder=5)
    ax.set(xlim=(-0.12, 1.08), ylim=(-0.12, 1.08))


def draw_number(number: pd.DataFrame, sheet: Sheet) -> None:
    """A column per kind: what is kept and what can be read, over the number."""
    labels = {"matthews": "pattern agreement", "r2": "R2, teacher from student"}
    for ax, measure, kind in sheet.grid(
        labels, number["kind"].unique(), (2.0, 1.5), sharey="row"
    ):
        part = where(number, kind=kind)
        plots.over_setting(part, "number", measure, ax)
        ax.set_xticks(range(1, 5))
        if measure == "matthews":
            both = part.groupby("number")["both_matthews"].median()
            ax.plot(both.index, both, "x", color="0.0", ms=7, zorder=5)
            ax.set_title(f"teachers that {kind}")
    sheet.label("number of teachers", list(labels.values()))
    sheet.names()
