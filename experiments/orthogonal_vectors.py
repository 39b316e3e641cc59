"""How many epsilon-orthogonal pairs over the run, and which? Claims C4 and C5.

Prediction: counts follow chance closely; the pattern tells the objectives apart.

Outcome: the pattern tells the objectives apart, as predicted, while the counts follow
chance only in part. Objectives that preserve the pattern also preserve the count. The
projection loses both: on the high fraction it ends at chance, with 0.72 of all pairs
where chance gives 0.74. CKA loses the pattern but gains up to 0.27 of all pairs over
its start, and on the common mean 0.74 of its student's pairs are epsilon-orthogonal
where 0.49 of the teacher's are.
"""

import itertools

import pandas as pd

from experiments import cells
from experiments.study import Figure, Sheet, Study, where
from simgeo import plots

LABELS = {
    "fraction_student": "fraction of pairs\nepsilon-orthogonal",
    "matthews": "pattern agreement",
}


def draw(frame: pd.DataFrame, sheet: Sheet) -> None:
    """The fraction and which pairs, over the steps, for every teacher and width."""
    if sheet.narrow:
        frame = where(frame, student_dim=frame["student_dim"].min())
    rows = list(itertools.product(frame["student_dim"].unique(), LABELS))
    for ax, (width, measure), name in sheet.grid(
        rows, frame["teacher"].unique(), 1.75, sharey="row"
    ):
        part = where(frame, teacher=name, student_dim=width)
        plots.over_steps(part, measure, ax)
        ax.set_title(f"{name}, m = {width}")
        if measure == "fraction_student":
            teacher = part["fraction_teacher"].median()
            ax.axhline(teacher, color="black", lw=0.8, label="the teacher")
            ax.set_ylim(0, 1.04)
    for ax in sheet.axes.flat if sheet.narrow else ():
        ax.set_xticks((0, 10, frame["step"].max()))
        ax.minorticks_off()
    sheet.label("steps", [LABELS[measure] for _, measure in rows])
    sheet.names()


STUDY = Study(
    __doc__,
    cells=cells.main_grid,
    data=cells.main_frame,
    figures={
        "orthogonal_vectors": Figure(
            "Epsilon-orthogonal pairs over the run: their fraction, and which of the "
            "teacher's they are. Black: the teacher's fraction. Thin: seeds; thick: "
            "medians.",
            "Counting misleads: on the common mean CKA ends with more orthogonal "
            "pairs than its teacher has (0.74 of all against 0.49), and with none of "
            "its pattern (agreement -0.01).",
            draw,
            columns="teacher objective student_dim seed step fraction_student "
            "fraction_teacher matthews pattern_recall pattern_precision "
            "isolated_student isolated_teacher chance_fraction_student "
            "svd_fraction_student ceiling_fraction_student",
            levels=("chance", "svd", "ceiling"),
        )
    },
    main=True,
    order=3,
)
