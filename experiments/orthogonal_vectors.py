"""How many epsilon-orthogonal pairs over the run, and which? Claims C4 and C5.

Prediction: counts follow chance closely; the pattern tells the objectives apart.

Outcome: the second held, the first in part. Objectives that keep the pattern also keep
the count. Those that lose it end at chance (the projection, .72 for .74), except that
CKA gains up to .27 of fraction over chance, and on the common mean has .74 of all pairs
orthogonal where the teacher has .49.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd

from experiments import cells
from experiments.gallery import Shown
from simgeo import plots

LABELS = {
    "fraction_student": "fraction of pairs\nepsilon-orthogonal",
    "matthews": "Matthews correlation\nwith the teacher's pattern",
}


FIGURES = {
    "orthogonal_vectors": Shown(
        "Epsilon-orthogonal pairs over the run: their fraction, and which of the "
        "teacher's they are. Black: the teacher's fraction. Thin: seeds; thick: "
        "medians.",
        "Counting misleads: on the common mean CKA ends with more orthogonal pairs "
        "than its teacher (.74 of all against .49) and none of its pattern.",
        ("chance", "svd", "ceiling"),
    ),
}


def note(quick: bool) -> str:
    """The settings that the runs share."""
    return cells.describe(cells.main_grid(quick)[0].experiment)


def main(quick: bool, folder: Path) -> None:
    """Computes and draws."""
    frame = cells.main_frame(quick)
    draw(frame, folder, note(quick))
    half = frame[frame["student_dim"] == frame["student_dim"].min()]
    draw(half, folder, note(quick), narrow=True)


def draw(frame: pd.DataFrame, folder: Path, note: str, narrow: bool = False) -> None:
    """The fraction and which pairs, over the steps, for every teacher and width."""
    names, widths = frame["teacher"].unique(), frame["student_dim"].unique()
    rows = [(width, measure) for width in widths for measure in LABELS]
    with plots.style(narrow):
        figure, axes = plots.panels(
            len(rows), len(names), 1.75, narrow, sharex=True, sharey="row"
        )
        for row, (width, measure) in zip(axes, rows, strict=True):
            for ax, name in zip(row, names, strict=True):
                part = frame.query("teacher == @name and student_dim == @width")
                plots.over_steps(part, measure, ax)
                ax.set_title(f"{name}, m = {width}")
                if measure == "fraction_student":
                    ax.axhline(part["fraction_teacher"].median(), color="black", lw=0.8)
                    ax.set_ylim(0, 1.04)
        plots.label(axes, "steps", [LABELS[measure] for _, measure in rows])
        note += "\nBlack line: the teacher's fraction. Thin: seeds; thick: medians."
        levels = ("chance", "svd", "ceiling")
        plots.legend(figure, frame["objective"].unique(), levels, note)
        columns = ["teacher", "objective", "student_dim", "seed", "step"]
        columns += ["fraction_student", "fraction_teacher", "matthews"]
        columns += ["pattern_recall", "pattern_precision"]
        columns += ["isolated_student", "isolated_teacher", "chance_fraction_student"]
        columns += ["svd_fraction_student", "ceiling_fraction_student"]
        plots.save(figure, folder, "orthogonal_vectors", frame[columns], narrow)
        plt.close(figure)
