"""How does what is preserved depend on the teacher's fraction of orthogonal pairs?

Prediction: at the teacher's width uncentred distances preserve the pattern at every
fraction, centred ones lose it below chance level, where a common direction makes the
fraction small; at half the width all are bound by the truncated SVD.

Outcome: all of this came out as predicted. The pattern agreement of centred distances
is -0.2 to -0.3 at fractions of 0.05 to 0.2. At half the width and a fraction of 0.98
that of every distance is 0.16, as is that of the truncated SVD.
"""

import pandas as pd

from experiments.cells import OBJECTIVES, Cell, crossed
from experiments.study import Figure, Sheet, Study, ends, where
from simgeo import plots, teachers

LABELS = {
    "matthews": "pattern agreement\nat the end",
    "fraction_student": "student's fraction\nat the end",
}


def grid(quick: bool) -> list[Cell]:
    """Every width, objective and fraction."""
    fractions = (0.2, 0.6, 0.95) if quick else (0.05, 0.2, 0.4, 0.6, 0.8, 0.9, 0.98)
    asked = {
        f"fraction {each:g}": teachers.OrthogonalFraction(fraction=each, epsilon=0.1)
        for each in fractions
    }
    size = {"num_vectors": 128, "teacher_dim": 64, "num_records": 3}
    if quick:
        size |= {"num_vectors": 64, "teacher_dim": 32, "num_steps": 200}
    widths = [size["teacher_dim"], size["teacher_dim"] // 2]
    return crossed(quick, asked, OBJECTIVES, student_dim=widths, **size)


def draw(last: pd.DataFrame, sheet: Sheet) -> None:
    """Pattern agreement and the student's own fraction over the teacher's fraction."""
    last = plots.joined(last, "matthews", ["student_dim", "fraction_teacher"])
    widths = last["student_dim"].unique()
    for ax, measure, width in sheet.grid(LABELS, widths, (1.9, 1.6), sharey="row"):
        part = where(last, student_dim=width)
        plots.over_setting(part, "fraction_teacher", measure, ax)
        if measure == "matthews":
            ax.set_title(f"m = {width}")
    sheet.label("teacher's fraction of pairs", list(LABELS.values()))
    sheet.names()


STUDY = Study(
    __doc__,
    cells=grid,
    figures={
        "orthogonality_sweep": Figure(
            "Pattern agreement and the student's own fraction at the end, over the "
            "teacher's fraction of epsilon-orthogonal pairs, at full and half its "
            "width.",
            "Where a common direction makes the fraction small, centred objectives "
            "end with a worse pattern than chance gives (-0.2 to -0.3) and uncentred "
            "ones preserve all of it; at high fractions a student of half the width "
            "preserves almost nothing.",
            draw,
            rows=ends,
            columns="objective student_dim seed fraction_teacher fraction_student "
            "matthews loss optimum_loss chance_matthews svd_matthews "
            "chance_fraction_student svd_fraction_student ceiling_fraction_student",
            levels=("chance", "svd", "ceiling"),
        )
    },
    order=3,
)
