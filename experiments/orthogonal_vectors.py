"""How many epsilon-orthogonal pairs over the run, and which? Claims C4 and C5.

Prediction: counts follow chance closely; the pattern tells the objectives apart.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd

from simgeo import plots


def draw(frame: pd.DataFrame, folder: Path) -> None:
    """Fraction and Matthews correlation over steps, at half the teacher's width."""
    names = frame["teacher"].unique()
    width = frame["student_dim"].min()
    part = frame[frame["student_dim"] == width]
    labels = {
        "fraction_student": "fraction of pairs\nepsilon-orthogonal",
        "matthews": "Matthews correlation",
    }
    with plots.style():
        figure, axes = plt.subplots(
            2, len(names), figsize=(7, 4.6), sharex=True, sharey="row"
        )
        for row, (measure, label) in zip(axes, labels.items(), strict=True):
            for ax, name in zip(row, names, strict=True):
                runs = part[part["teacher"] == name]
                plots.over_steps(runs, measure, ax)
                if measure == "fraction_student":
                    level = runs["fraction_teacher"].median()
                    ax.axhline(level, color="black", lw=0.8, zorder=0)
                    ax.set_title(f"{name}, m = {width}")
                else:
                    ax.set_xlabel("steps")
            row[0].set_ylabel(label)
        levels = {"teacher": "-"} | plots.LEVELS
        plots.legend(figure, list(part["objective"].unique()), levels)
        columns = ["teacher", "objective", "student_dim", "seed", "step"]
        columns += ["fraction_student", "fraction_teacher", "matthews"]
        columns += ["chance_fraction_student", "svd_fraction_student"]
        plots.save(figure, folder, "orthogonal_vectors", part[columns])
        plt.close(figure)
