"""What does each distance do while another is optimised? Claim C6.

Prediction: Procrustes and Gram vanish together.

Outcome: Procrustes and Gram vanish together for all three teachers, as predicted.
"""

import pandas as pd

from experiments import cells
from experiments.study import Figure, Sheet, Study, ends, where
from simgeo import plots

NAMES = {
    "cka": "CKA",
    "cka_uncentred": "CKA, uncentred",
    "projection": "Projection",
    "procrustes": "Procrustes",
    "procrustes_normalised": "Procrustes, centred,\nnormalised",
    "gram": "Gram",
    "gram_centred": "Gram, centred",
}


def distances(frame: pd.DataFrame) -> pd.DataFrame:
    """Every distance at the end, relative to the zero student's: medians over seeds."""
    last = ends(where(frame, student_dim=frame["student_dim"].max()))
    relative = pd.DataFrame(
        {
            label: last[f"distance_{name}"] / last[f"zero_student_distance_{name}"]
            for name, label in NAMES.items()
        }
    ).assign(teacher=last["teacher"], optimised=last["objective"])
    middle = relative.groupby(["teacher", "optimised"], sort=False).median()
    long = middle.rename_axis(columns="recorded").stack()
    return long.rename("relative").reset_index()


def draw(table: pd.DataFrame, sheet: Sheet) -> None:
    """Optimised by recorded, one grid per teacher, at the teacher's width."""
    if sheet.narrow:
        table = where(table, teacher=table["teacher"].iloc[-1])
    options = {"title": "{teacher}", "sharex": False}
    for ax, part in sheet.facets(table, (2.1, 2.4), "teacher", **options):
        plots.distance_grid(part, ax, cbar=False, cmap="cividis", square=True)
    sheet.label("recorded", "optimised")
    sheet.colour_bar("log10 of the distance /\nthat of the zero student", 0.6)


STUDY = Study(
    __doc__,
    cells=cells.main_grid,
    data=cells.main_frame,
    figures={
        "cross_objectives": Figure(
            "Every distance (columns) after another was optimised (rows), at the "
            "teacher's width; logarithms, relative to the zero student; medians over "
            "seeds.",
            "Procrustes and Gram vanish together, and all other distances with them; "
            "CKA, centred Procrustes and the projection reach zero while the others "
            "are far from it.",
            draw,
            rows=distances,
        ),
    },
    main=True,
    order=4,
)
