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
    for narrow in (False, True):
        _draw_runs(frame, folder, note, narrow)
        _draw_ends(frame[frame["step"] == frame["step"].max()], folder, note, narrow)


def _draw_runs(frame: pd.DataFrame, folder: Path, note: str, narrow: bool) -> None:
    names, widths = frame["teacher"].unique(), frame["student_dim"].unique()
    with plots.style(narrow):
        figure, axes = plots.panels(
            len(widths), len(names), 1.4 if narrow else 2.0, narrow, **_SHARED
        )
        for row, width in zip(axes, widths, strict=True):
            for ax, name in zip(row, names, strict=True):
                part = frame.query("teacher == @name and student_dim == @width")
                plots.loss_against_geometry(part, "matthews", ax)
                ax.set_title(f"{name}, m = {width}")
        plots.label(axes, "loss / zero student's loss", "Matthews correlation")
        note += "\nMarkers: ends of runs. Ticks on the axis: least possible loss (no "
        note += "tick: zero). Values below 1e-8 are drawn there."
        plots.legend(figure, frame["objective"].unique(), note=note)
        columns = ["teacher", "objective", "student_dim", "seed", "step"]
        columns += ["relative_loss", "relative_optimum", "matthews"]
        columns += ["chance_matthews", "svd_matthews"]
        plots.save(figure, folder, "loss_against_geometry", frame[columns], narrow)
        plt.close(figure)


def _draw_ends(last: pd.DataFrame, folder: Path, note: str, narrow: bool) -> None:
    names, widths = last["teacher"].unique(), last["student_dim"].unique()
    with plots.style(narrow):
        figure, axes = plots.panels(
            len(widths), len(names), 1.3 if narrow else 1.6, narrow, **_SHARED
        )
        for row, width in zip(axes, widths, strict=True):
            for ax, name in zip(row, names, strict=True):
                part = last.query("teacher == @name and student_dim == @width")
                plots.ends(part, "matthews", ax)
                ax.set_title(
                    f"{name},\nm = {width}" if narrow else f"{name}, m = {width}"
                )
                ax.set_xlim(-0.1, 1.04)
                ax.set_xticks([0, 0.5, 1])
        plots.label(axes, "Matthews correlation", "")
        note += " Bars: medians over seeds, at the end."
        plots.legend(figure, note=note)
        columns = ["teacher", "objective", "student_dim", "seed", "matthews"]
        columns += ["chance_matthews", "svd_matthews"]
        plots.save(figure, folder, "kept_geometry", last[columns], narrow)
        plt.close(figure)


_SHARED = {"sharex": True, "sharey": True}
