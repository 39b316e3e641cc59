"""How many epsilon-orthogonal pairs over the run, and which? Claims C4 and C5.

Prediction: counts follow chance closely; the pattern tells the objectives apart.

Outcome: the second held, the first in part. Objectives that keep the pattern also keep
the count. Those that lose it end at chance (the projection, .72 for .74), except that
CKA gains up to .27 of fraction over chance, and on the common mean has .74 of all pairs
orthogonal where the teacher has .49.
"""

import itertools

import pandas as pd

from experiments import cells
from experiments.study import Figure, Sheet, Study, columns, where
from simgeo import plots

LABELS = {
    "fraction_student": "fraction of pairs\nepsilon-orthogonal",
    "matthews": "Matthews correlation\nwith the teacher's pattern",
}


def draw(frame: pd.DataFrame, sheet: Sheet) -> pd.DataFrame:
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
            ax.axhline(part["fraction_teacher"].median(), color="black", lw=0.8)
            ax.set_ylim(0, 1.04)
    sheet.label("steps", [LABELS[measure] for _, measure in rows])
    sheet.legend(
        frame["objective"].unique(),
        "\nBlack line: the teacher's fraction. Thin: seeds; thick: medians.",
    )
    drawn = "teacher objective student_dim seed step fraction_student fraction_teacher"
    more = "matthews pattern_recall pattern_precision isolated_student isolated_teacher"
    levels = " ".join(f"{kind}_fraction_student" for kind in sheet.levels)
    return columns(frame, f"{drawn} {more} {levels}")


STUDY = Study(
    __doc__,
    cells=cells.main_grid,
    data=cells.main_frame,
    figures={
        "orthogonal_vectors": Figure(
            "Epsilon-orthogonal pairs over the run: their fraction, and which of the "
            "teacher's they are. Black: the teacher's fraction. Thin: seeds; thick: "
            "medians.",
            "Counting misleads: on the common mean CKA ends with more orthogonal pairs "
            "than its teacher (.74 of all against .49) and none of its pattern.",
            draw,
            levels=("chance", "svd", "ceiling"),
        )
    },
    main=True,
    order=2,
)
