"""At a given loss, how much geometry is kept? Claims C1 to C4.

Prediction: centring decides more than the name of the distance; the projection keeps
nothing that the loss shows.

Outcome: held. All end within 1 % of their optimum; on the common mean centred
objectives then keep -.01 and uncentred ones 1 at the teacher's width, the projection
.13. On blocks at that width CKA keeps .999, against claim C1.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd

from experiments import cells
from experiments.gallery import Shown
from simgeo import plots

FIGURES = {
    "loss_against_geometry": Shown(
        "Loss against kept pattern over the run, one curve per seed and objective, "
        "for three teachers at full and half their width. Loss is relative to that of"
        " the zero student.",
        "At one and the same small loss, centred objectives may have lost the whole "
        "pattern and uncentred ones kept it, and a learned projection loses it "
        "everywhere.",
        ("chance", "svd"),
    ),
    "kept_geometry": Shown(
        "Kept pattern at the end of training, for seven objectives, three teachers "
        "and two widths. Points: seeds; bars: medians.",
        "Whether columns are centred decides more than the name of the distance; "
        "below the rank nobody keeps a teacher of high fraction.",
        ("chance", "svd"),
    ),
}


def note(quick: bool) -> str:
    """The settings that the runs share."""
    return cells.describe(cells.main_grid(quick)[0].experiment)


def main(quick: bool, folder: Path) -> None:
    """Computes and draws."""
    draw(cells.main_frame(quick), folder, note(quick))


def draw(frame: pd.DataFrame, folder: Path, note: str) -> None:
    """One panel per teacher and width; first the runs, then where they end."""
    _draw_runs(frame, folder, note)
    _draw_ends(frame[frame["step"] == frame["step"].max()], folder, note)


def _draw_runs(frame: pd.DataFrame, folder: Path, note: str) -> None:
    names, widths = frame["teacher"].unique(), frame["student_dim"].unique()
    with plots.style():
        figure, axes = plt.subplots(
            len(widths), len(names), figsize=(7, 5.2), sharex=True, sharey=True
        )
        for row, width in zip(axes, widths, strict=True):
            for ax, name in zip(row, names, strict=True):
                part = frame.query("teacher == @name and student_dim == @width")
                plots.loss_against_geometry(part, "matthews", ax)
                ax.set_title(f"{name}, m = {width}")
        for ax in axes[-1]:
            ax.set_xlabel("loss / loss of the zero student")
        for ax in axes[:, 0]:
            ax.set_ylabel("Matthews correlation")
        note += "\nMarkers: ends of runs. Ticks on the axis: least possible loss (no "
        note += "tick: zero). Values below 1e-8 are drawn there."
        plots.legend(figure, frame["objective"].unique(), note=note)
        columns = ["teacher", "objective", "student_dim", "seed", "step"]
        columns += ["relative_loss", "relative_optimum", "matthews"]
        columns += ["chance_matthews", "svd_matthews"]
        plots.save(figure, folder, "loss_against_geometry", frame[columns])
        plt.close(figure)


def _draw_ends(last: pd.DataFrame, folder: Path, note: str) -> None:
    names, widths = last["teacher"].unique(), last["student_dim"].unique()
    with plots.style():
        figure, axes = plt.subplots(
            len(widths), len(names), figsize=(7, 4.2), sharex=True, sharey=True
        )
        for row, width in zip(axes, widths, strict=True):
            for ax, name in zip(row, names, strict=True):
                part = last.query("teacher == @name and student_dim == @width")
                plots.ends(part, "matthews", ax)
                ax.set_title(f"{name}, m = {width}")
                ax.set_xlim(-0.1, 1.04)
        for ax in axes[-1]:
            ax.set_xlabel("Matthews correlation at the end")
        plots.legend(figure, note=note + " Bars: medians over seeds.")
        columns = ["teacher", "objective", "student_dim", "seed", "matthews"]
        columns += ["chance_matthews", "svd_matthews"]
        plots.save(figure, folder, "kept_geometry", last[columns])
        plt.close(figure)
