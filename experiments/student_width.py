"""Does what is preserved depend on the student's width, or on its share of d?

Prediction: from the teacher's rank upwards uncentred distances preserve the whole
pattern, and more width changes nothing for any objective but the projection, which
preserves less the more room it has. Below the rank all follow the truncated SVD, so
that m over the rank decides, whatever d is.

Outcome: uncentred distances behave as predicted. Room beyond d changes nothing for the
projection, and gives centred distances a part of what they lost back: the pattern
agreement of CKA rises from 0.59 to 0.64 on the high fraction and from 0.71 to 0.85 on
blocks (d = 32). On blocks the share m over d does not decide, but the number of blocks,
which is 8: uncentred distances reach about 0.35 with four dimensions, 0.94 with eight
and 1.00 from d on.
"""

import pandas as pd

from experiments.cells import OBJECTIVES, TEACHERS, Cell, crossed
from experiments.study import Figure, Sheet, Study, ends
from simgeo import plots

RATIOS = (0.125, 0.25, 0.5, 0.75, 1.0, 2.0)
DIMS = (32, 64)


def grid(quick: bool) -> list[Cell]:
    """Every teacher's width, student's width, objective and teacher."""
    ratios, dims = ((0.5, 1.0, 1.5), (24,)) if quick else (RATIOS, DIMS)
    size = {"num_records": 2, "num_seeds": 4 if quick else 8}
    size |= {"num_steps": 200 if quick else 600}
    return [
        cell
        for dim in dims
        for cell in crossed(
            quick,
            TEACHERS,
            OBJECTIVES,
            num_vectors=4 * dim,
            teacher_dim=dim,
            student_dim=[int(ratio * dim) for ratio in ratios],
            **size,
        )
    ]


def draw(last: pd.DataFrame, sheet: Sheet) -> None:
    """Pattern agreement over m / d: a column for every teacher, a row for every d."""
    last = last.assign(ratio=last["student_dim"] / last["teacher_dim"])
    last = plots.joined(last, "matthews", ["teacher", "teacher_dim", "ratio"])
    panels = {"columns": "teacher", "rows": "teacher_dim"}
    title = "{teacher},%sd = {teacher_dim}" % ("\n" if sheet.narrow else " ")
    for ax, part in sheet.facets(last, (1.9, 1.4), title=title, **panels):
        plots.over_setting(part, "ratio", "matthews", ax)
        ax.axvline(1, color="0.85", lw=3, zorder=-1)
    sheet.label("student's width / teacher's", "pattern agreement\nat the end")
    sheet.names()


STUDY = Study(
    __doc__,
    cells=grid,
    figures={
        "student_width": Figure(
            "Pattern agreement at the end over the student's width, as a share of the "
            "teacher's. Points: seeds; lines: medians; grey bar: m = d.",
            "Uncentred distances follow the SVD baseline at every width, and preserve "
            "the whole pattern from the teacher's rank on; room beyond it gives "
            "centred ones a part of theirs back.",
            draw,
            rows=ends,
            columns="teacher objective num_vectors teacher_dim student_dim seed "
            "matthews fraction_student fraction_teacher relative_loss "
            "relative_optimum chance_matthews svd_matthews",
            levels=("chance", "svd"),
        )
    },
    note="n = 4 d, d = 32 and 64, epsilon = {one.epsilon:g}, {one.num_seeds} seeds, "
    "{one.num_steps} steps of {one.optimiser.label}; free rows from a Gaussian start.",
    order=6,
)
