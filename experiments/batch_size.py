"""How large must a batch be for its loss to be that of all vectors?

Prediction: Procrustes, Gram and the learned projection are sums over rows or pairs, so
that small batches only add noise; biased CKA and CCA are not, and below about the
student's width they minimise something else; debiased CKA is faithful from few rows on.

Outcome: CCA learns nothing from batches of up to m rows and reaches its optimum from 2
m on, as predicted. Debiased CKA gains nothing over the biased one, against the
prediction. The learned projection preserves the pattern of blocks the better the
smaller its batches are, which was not foreseen.
"""

import pandas as pd

from experiments.cells import TEACHERS, Cell, crossed
from experiments.study import Figure, Sheet, Study, ends
from simgeo import objectives, plots
from simgeo.objectives import AbstractObjective

LABELS = {
    "relative_loss": "loss on all vectors /\nthat of the zero student",
    "matthews": "pattern agreement\nat the end",
}
OBJECTIVES: tuple[AbstractObjective, ...] = (
    objectives.CKA(),
    objectives.DebiasedCKA(),
    objectives.CCA(),
    objectives.LinearProjection(),
    objectives.Procrustes(),
    objectives.FeatureGram(),
)


def grid(quick: bool) -> list[Cell]:
    """Every objective and batch size, at half the teacher's width."""
    size = {"num_seeds": 4, "num_records": 3}
    if quick:
        size |= {"num_vectors": 96, "teacher_dim": 48, "num_steps": 200}
    else:
        size |= {"num_vectors": 256, "teacher_dim": 128, "num_steps": 1000}
    n, width = size["num_vectors"], size["teacher_dim"] // 2
    batches = (n // 8, n // 4, n) if quick else (16, 32, 64, 96, 128, 192, 256)
    chosen = [
        objectives.Minibatch(objective, batch_size=batch)
        for objective in OBJECTIVES
        for batch in batches
    ]
    blocks = {"blocks": TEACHERS["blocks"]}
    return crossed(quick, blocks, chosen, student_dim=width, **size)


def rows(frame: pd.DataFrame) -> pd.DataFrame:
    """The ends of the runs, by the objective that sees batches and their size."""
    last = ends(frame)
    last["objective"] = last["objective"].str.replace(", batches.*", "", regex=True)
    return last.assign(
        batch_size=last["objective.batch_size"].astype(float),
        relative_loss=last["relative_loss"].clip(lower=plots.FLOOR),
    )


def draw(last: pd.DataFrame, sheet: Sheet) -> None:
    """Loss on all vectors and pattern agreement at the end, over the batch size."""
    sizes = sorted(last["batch_size"].unique())
    for ax, measure in sheet.line(LABELS, (2.4, 1.7), sharex=False, sharey=False):
        ax.set_yscale("log" if measure == "relative_loss" else "linear")
        plots.over_setting(last, "batch_size", measure, ax)
        ax.axvline(last["student_dim"].iloc[0], color="0.8", lw=3, zorder=-1)
        ax.set(xscale="log", xlabel="batch size", ylabel=LABELS[measure])
        ax.set_xticks(sizes, [f"{size:g}" for size in sizes])
        ax.minorticks_off()
    sheet.names()


STUDY = Study(
    __doc__,
    cells=grid,
    figures={
        "batch_size": Figure(
            "Loss on all vectors and pattern agreement at the end, over the batch "
            "size, for blocks; batches are drawn anew at every step. Grey bar: the "
            "student's width. Points: seeds; lines: medians.",
            "Small batches make the learned projection preserve the pattern (0.97 at "
            "16 rows, 0.42 at all 256) and teach CCA nothing; Procrustes and Gram "
            "need about 32 rows, CKA about 128.",
            draw,
            rows=rows,
            columns="objective batch_size student_dim seed loss optimum_loss "
            "relative_loss matthews chance_matthews svd_matthews",
            levels=("chance", "svd"),
        )
    },
    order=5,
)
