"""At a given loss, how much geometry is preserved? Claims C1 to C4.

Prediction: centring decides more than the name of the distance; the projection
preserves nothing that the loss shows.

Outcome: centring decides what is preserved, and the loss of the projection says nothing
about the geometry, as predicted. All losses end within 1 % of their optimum. On the
common mean the pattern agreement at the teacher's width is then -0.01 for CKA, 1.00 for
uncentred CKA, Procrustes and Gram, and 0.13 for the projection. On blocks at that width
CKA reaches 0.999, which contradicts claim C1.
"""

import pandas as pd

from experiments import cells
from experiments.study import Figure, Sheet, Study, columns, ends, where
from simgeo import plots


def draw_runs(frame: pd.DataFrame, sheet: Sheet) -> pd.DataFrame:
    """One panel per teacher and width: every run in the plane of loss and pattern."""
    widths, names = frame["student_dim"].unique(), frame["teacher"].unique()
    for ax, width, name in sheet.grid(widths, names, (2.0, 1.4)):
        part = where(frame, teacher=name, student_dim=width)
        plots.loss_against_geometry(part, "matthews", ax)
        ax.set_title(f"{name}, m = {width}")
    sheet.label("loss / zero student's loss", "pattern agreement")
    sheet.legend(frame["objective"].unique())
    drawn = "teacher objective student_dim seed step relative_loss relative_optimum"
    return columns(frame, f"{drawn} matthews chance_matthews svd_matthews")


def draw_ends(frame: pd.DataFrame, sheet: Sheet) -> pd.DataFrame:
    """One panel per teacher and width: where the runs end."""
    last = ends(frame)
    widths, names = last["student_dim"].unique(), last["teacher"].unique()
    for ax, width, name in sheet.grid(widths, names, (1.6, 1.3)):
        plots.ends(where(last, teacher=name, student_dim=width), "matthews", ax)
        ax.set_title(f"{name},{chr(10) if sheet.narrow else ' '}m = {width}")
        ax.set_xlim(-0.1, 1.04)
        ax.set_xticks([0, 0.5, 1])
    sheet.label("pattern agreement", "")
    sheet.legend()
    drawn = "teacher objective student_dim seed matthews chance_matthews svd_matthews"
    return columns(last, drawn)


STUDY = Study(
    __doc__,
    cells=cells.main_grid,
    data=cells.main_frame,
    figures={
        "loss_against_geometry": Figure(
            "Loss against pattern agreement over the run, one curve per seed and "
            "objective, for three teachers at full and half their width. Loss is "
            "relative to that of the zero student, and drawn at 1e-8 where it is less. "
            "Markers: ends of runs; ticks on the axis: the optimum, where it is not 0.",
            "At one and the same small loss a centred objective can have lost the "
            "whole pattern and an uncentred one preserved it; a learned projection "
            "loses most of it for every teacher.",
            draw_runs,
            levels=("chance", "svd"),
        ),
        "kept_geometry": Figure(
            "Pattern agreement at the end of training, for seven objectives, three "
            "teachers and two widths. Points: seeds; bars: medians.",
            "Whether columns are centred decides more than the name of the distance: "
            "on the common mean at the teacher's width CKA ends at -0.01 and "
            "uncentred CKA at 1.00. Below the rank no distance preserves a teacher of "
            "high fraction: all end at 0.32 or less, where the SVD baseline is 0.32.",
            draw_ends,
            levels=("chance", "svd"),
        ),
    },
    main=True,
    order=2,
)
