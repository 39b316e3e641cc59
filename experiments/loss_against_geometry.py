"""At a given loss, how much geometry is kept? Claims C1 to C4.

Prediction: centring decides more than the name of the distance; the projection keeps
nothing that the loss shows.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd

from simgeo import plots


def draw(frame: pd.DataFrame, folder: Path) -> None:
    """One panel per teacher and width; one curve per seed."""
    names = frame["teacher"].unique()
    widths = frame["student_dim"].unique()
    with plots.style():
        figure, axes = plt.subplots(
            len(widths), len(names), figsize=(7, 5), sharex=True, sharey=True
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
        plots.legend(figure, list(frame["objective"].unique()), plots.LEVELS)
        columns = ["teacher", "objective", "student_dim", "seed", "step"]
        columns += ["relative_loss", "relative_optimum", "matthews"]
        columns += ["chance_matthews", "svd_matthews"]
        plots.save(figure, folder, "loss_against_geometry", frame[columns])
        plt.close(figure)
