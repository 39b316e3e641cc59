"""Does what is kept survive the learning rate, the optimiser and the start's scale?

Prediction: from 0.003 to 0.1 the rate of Adam changes nothing for any objective but the
projection; below, nobody arrives in the steps given, and CKA is left behind first. SGD
needs rates of its own for every objective, and with them keeps the same. A start a
hundred times smaller saves the projection, which is then implicitly regularised, and
leaves the others as they are.
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
        "",
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
    return cells.describe(grid(quick)[0].experiment)


def main(quick: bool, folder: Path) -> None:
    """Computes and draws."""
    draw(cells.compute(grid(quick)), folder, note(quick))


def draw(frame: pd.DataFrame, folder: Path, note: str) -> None:
    """Kept geometry over each setting: a row for every teacher."""
    last = frame[frame["step"] == frame["step"].max()]
    panels = {
        "adam": ("learning_rate", "rate of Adam"),
        "sgd": ("learning_rate", "rate of gradient descent"),
        "start": ("student.start.scale", "scale of the start (rate 0.03)"),
    }
    names = last["teacher"].unique()
    with plots.style():
        figure, axes = plt.subplots(
            len(names), len(panels), figsize=(7, 6.4), sharex="col", sharey=True
        )
        for row, name in zip(axes, names, strict=True):
            for ax, (study, (setting, label)) in zip(row, panels.items(), strict=True):
                part = last[(last["teacher"] == name) & (last["study"] == study)]
                plots.over_setting(part, setting, "matthews", ax)
                ax.set(xscale="log", title=name)
                if ax in axes[-1]:
                    ax.set_xlabel(label)
            row[0].set_ylabel("Matthews correlation\nat the end")
        plots.legend(figure, last["objective"].unique(), note=note)
        columns = ["study", "teacher", "objective", "optimiser", "learning_rate"]
        columns += ["student.start.scale", "seed", "matthews"]
        columns += ["relative_loss", "relative_optimum"]
        columns += ["chance_matthews", "svd_matthews"]
        plots.save(figure, folder, "optimiser_sensitivity", last[columns])
        plt.close(figure)
