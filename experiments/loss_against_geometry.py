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
from experiments.study import Figure, Sheet, Study, ends
from simgeo import plots

PANELS = {"columns": "teacher", "rows": "student_dim"}


def draw_runs(frame: pd.DataFrame, sheet: Sheet) -> None:
    """One panel per teacher and width: every run in the plane of loss and pattern."""
    title = "{teacher}, m = {student_dim}"
    for ax, part in sheet.facets(frame, (2.0, 1.4), title=title, **PANELS):
        plots.loss_against_geometry(part, "matthews", ax)
    sheet.label("loss / zero student's loss", "pattern agreement")
    sheet.legend(frame["objective"].unique())


def draw_ends(last: pd.DataFrame, sheet: Sheet) -> None:
    """One panel per teacher and width: where the runs end."""
    title = (
        "{teacher},\nm = {student_dim}"
        if sheet.narrow
        else "{teacher}, m = {student_dim}"
    )
    for ax, part in sheet.facets(last, (1.6, 1.3), title=title, **PANELS):
        plots.ends(part, "matthews", ax)
        ax.set(xlim=(-0.1, 1.04), xticks=[0, 0.5, 1])
    sheet.label("pattern agreement", "")
    sheet.legend()


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
            columns="teacher objective student_dim seed step relative_loss "
            "relative_optimum matthews chance_matthews svd_matthews",
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
            rows=ends,
            columns="teacher objective student_dim seed matthews chance_matthews "
            "svd_matthews",
            levels=("chance", "svd"),
        ),
    },
    main=True,
    order=2,
)
