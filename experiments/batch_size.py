"""How large must a batch be for its loss to be that of all vectors?

Prediction: Procrustes, Gram and the learned projection are sums over rows or pairs, so
that small batches only add noise; biased CKA and CCA are not, and below about the
student's width they minimise something else; debiased CKA is faithful from few rows on.

Outcome: held for CCA, which learns nothing from batches up to m and is right from 2 m
on; not for debiased CKA, which gains nothing over the biased one; and not foreseen, the
learned projection keeps the pattern of blocks the better the smaller its batches are.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from experiments import cells
from experiments.cells import TEACHERS, Cell, preset
from experiments.gallery import Shown
from simgeo import objectives, plots
from simgeo.objectives import AbstractObjective

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
    return [
        Cell(
            "batches",
            "blocks",
            preset(
                quick,
                teacher=TEACHERS["blocks"],
                objective=objectives.Minibatch(objective, batch_size=batch),
                student_dim=width,
                **size,
            ),
        )
        for objective in OBJECTIVES
        for batch in batches
    ]


FIGURES = {
    "batch_size": Shown(
        "Loss on all vectors and kept pattern at the end, over the batch size. Grey "
        "bar: the student's width. Thin: seeds; thick: medians.",
        "Small batches make the learned projection keep the pattern, and CCA learn "
        "nothing; distances that are sums over rows or pairs hardly notice.",
        ("chance", "svd"),
    )
}


def note(quick: bool) -> str:
    """The settings that the runs share."""
    return cells.describe(grid(quick)[0].experiment)


def main(quick: bool, folder: Path) -> None:
    """Computes and draws."""
    frame = cells.compute(grid(quick))
    for narrow in (False, True):
        draw(frame, folder, note(quick), narrow)


def draw(frame: pd.DataFrame, folder: Path, note: str, narrow: bool) -> None:
    """Loss on all vectors and kept geometry at the end, over the batch size."""
    last = frame[frame["step"] == frame["step"].max()].copy()
    last["objective"] = last["objective"].str.replace(
        r", batches of \d+", "", regex=True
    )
    last["batch_size"] = last["objective.batch_size"].astype(float)
    loss = np.maximum(last["relative_loss"], plots.FLOOR)
    last["relative_loss"] = loss
    labels = {
        "relative_loss": "loss on all vectors /\nthat of the zero student",
        "matthews": "Matthews correlation\nat the end",
    }
    with plots.style(narrow):
        rows = 2 if narrow else 1
        figure, axes = plots.panels(rows, 2 // rows, 1.7 if narrow else 2.4, narrow)
        for ax, (measure, label) in zip(axes.flat, labels.items(), strict=True):
            plots.over_setting(last, "batch_size", measure, ax)
            ax.axvline(last["student_dim"].iloc[0], color="0.8", lw=3, zorder=-1)
            ax.set(xscale="log", xlabel="batch size", ylabel=label)
            sizes = sorted(last["batch_size"].unique())
            ax.set_xticks(sizes, [f"{size:g}" for size in sizes])
            ax.minorticks_off()
        axes.flat[0].set_yscale("log")
        note += "\nBlocks; drawn anew at every step. Grey bar: the student's width m."
        plots.legend(figure, last["objective"].unique(), note=note)
        columns = ["objective", "batch_size", "student_dim", "seed", "loss"]
        columns += ["optimum_loss", "relative_loss", "matthews", "chance_matthews"]
        columns += ["svd_matthews"]
        plots.save(figure, folder, "batch_size", last[columns], narrow)
        plt.close(figure)
