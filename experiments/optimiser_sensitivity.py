"""Does what is kept survive the learning rate, the optimiser and the start's scale?

Prediction: from 0.003 to 0.1 the rate of Adam changes nothing for any objective but the
projection; below, nobody arrives in the steps given, and CKA is left behind first. SGD
needs rates of its own for every objective, and with them keeps the same. A start a
hundred times smaller saves the projection, which is then implicitly regularised, and
leaves the others as they are.

Outcome: the first held, to .1 for centred objectives; below .001 all are equally late,
CKA not more so. Gradient descent keeps what Adam keeps, at rates that differ by a
factor of a thousand between Gram and CKA, and the centred normalised distances gain
(.78 to .92 on blocks) where it can step far. The small start does not save the
projection, .28 for .25 and .38 for .30, its map being of the usual size. Not foreseen:
a start three times as large ruins the centred Gram distance, .56 to .13, at a loss of
2e-4 of the zero student's; at ten times neither Gram distance gets anywhere in the
steps given.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd

from experiments import cells
from experiments.cells import OBJECTIVES, TEACHERS, Cell, preset
from experiments.gallery import Shown
from simgeo import plots, students, sweep

RATES = {"adam": (1e-4, 1.0), "sgd": (1e-3, 1e3)}
SCALES = (1e-3, 1e1)

FIGURES = {
    "optimiser_sensitivity": Shown(
        "Matthews correlation at the end over the learning rate of two optimisers, "
        "and over the scale of the start. Points: seeds; lines: medians.",
        "What is kept does not depend on rate or optimiser where the loss arrives; a "
        "start of large scale costs the Gram distances the pattern.",
        ("chance", "svd"),
    )
}


def grid(quick: bool) -> list[Cell]:
    """Every rate of every optimiser, and every scale at one rate of Adam."""
    num = 3 if quick else 9
    size = {"num_vectors": 96, "teacher_dim": 48, "student_dim": 48, "num_records": 2}
    size |= {"num_steps": 200 if quick else 1000, "num_seeds": 4 if quick else 8}
    chosen = []
    for name, teacher in TEACHERS.items():
        base = preset(quick, teacher=teacher, **size)
        axes = {"objective": OBJECTIVES}
        for optimiser, ends in RATES.items():
            rates = sweep.log_span(*ends, num)
            found = sweep.grid(base, optimiser=[optimiser], learning_rate=rates, **axes)
            chosen += [Cell(optimiser, name, one) for one in found]
        starts = [
            students.FreeRows(students.GaussianStart(scale=scale))
            for scale in sweep.log_span(*SCALES, num)
        ]
        found = sweep.grid(base, student=starts, **axes)
        chosen += [Cell("start", name, one) for one in found]
    return chosen


def note(quick: bool) -> str:
    """The settings that the runs share."""
    [*_, last] = grid(quick)
    told = cells.describe(last.experiment).replace("Adam at 0.03", "Adam or SGD")
    return f"{told} m = {last.experiment.student_dim}."


def main(quick: bool, folder: Path) -> None:
    """Computes and draws."""
    frame = cells.compute(grid(quick), diverging=True)
    draw(frame, folder, note(quick))
    few = frame[frame["teacher"].isin(["high fraction", "blocks"])]
    draw(few, folder, note(quick), narrow=True)


def draw(frame: pd.DataFrame, folder: Path, note: str, narrow: bool = False) -> None:
    """Kept geometry over each setting: a row for every teacher."""
    last = frame[frame["step"] == frame["step"].max()]
    panels = {
        "adam": ("learning_rate", "rate of Adam"),
        "sgd": ("learning_rate", "rate of gradient descent"),
        "start": ("student.start.scale", "scale of the start (rate 0.03)"),
    }
    names = last["teacher"].unique()
    with plots.style(narrow):
        figure, axes = plots.panels(
            len(names), len(panels), 1.8, narrow, sharex="col", sharey=True
        )
        for row, name in zip(axes, names, strict=True):
            for ax, (study, (setting, _)) in zip(row, panels.items(), strict=True):
                part = last[(last["teacher"] == name) & (last["study"] == study)]
                plots.over_setting(part, setting, "matthews", ax)
                ax.set(xscale="log", title=name)
        settings = [label for _, label in panels.values()]
        plots.label(axes, settings, "Matthews correlation\nat the end")
        note += "\nNo point: the gradient did not stay finite."
        plots.legend(figure, last["objective"].unique(), note=note)
        columns = ["study", "teacher", "objective", "optimiser", "learning_rate"]
        columns += ["student.start.scale", "seed", "matthews"]
        columns += ["relative_loss", "relative_optimum"]
        columns += ["chance_matthews", "svd_matthews"]
        plots.save(figure, folder, "optimiser_sensitivity", last[columns], narrow)
        plt.close(figure)
