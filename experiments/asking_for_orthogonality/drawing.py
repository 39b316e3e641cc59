"""What is preserved over the width, and over the epsilon at which it is judged."""

import pandas as pd

from experiments.asking_for_orthogonality.runs import CHOSEN, EPSILON, JUDGED
from experiments.study import Sheet, where
from simgeo import plots

LABELS = {
    "matthews": "pattern agreement",
    "fraction_student": "fraction of pairs",
    "price": "Procrustes distance\nof unit rows",
}


def draw(last: pd.DataFrame, sheet: Sheet) -> None:
    """A column per teacher: pattern, count and price over the width."""
    rows = [name for name in LABELS if not sheet.narrow or name != "fraction_student"]
    for ax, measure, teacher in sheet.grid(rows, CHOSEN, 1.75, sharey="row"):
        part = where(last, teacher=teacher)
        plots.over_setting(part, "student_dim", measure, ax)
        if sheet.narrow or measure == rows[0]:
            ax.set_title(teacher)
        if measure == rows[-1]:
            ax.set_xticks((12, 24, 48) if sheet.narrow else (12, 18, 24, 36, 48))
    sheet.label("student's width m", [LABELS[name] for name in rows])
    sheet.names()


def draw_judged(patterns: pd.DataFrame, sheet: Sheet) -> None:
    """A column per teacher, a row per width: the pattern over the judging epsilon."""
    shown = patterns[
        patterns["student_dim"].isin((24, 36) if sheet.narrow else (12, 24, 36))
    ]
    panels = {"columns": "teacher", "rows": "student_dim"}
    title = "{teacher}, m = {student_dim}"
    for ax, part in sheet.facets(shown, 1.7, title=title, **panels):
        ax.axvline(EPSILON, color="0.85", lw=3, zorder=-1)
        plots.over_setting(part, "epsilon", "matthews", ax)
        ax.set(xscale="log", ylim=(-0.12, 1.08))
        ax.set_xticks(JUDGED, [f"{epsilon:g}" for epsilon in JUDGED])
        ax.minorticks_off()
    sheet.label("epsilon at which it is judged", "pattern agreement")
    sheet.names()
