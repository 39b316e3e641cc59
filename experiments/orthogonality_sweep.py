"""How does what is kept depend on the teacher's epsilon-orthogonal fraction?

Prediction: at the teacher's width uncentred distances keep the pattern at every
fraction, centred ones lose it below chance level, where a common direction makes the
fraction small; at half the width all are bound by the truncated SVD.

Outcome: held. Centred distances keep -.2 to -.3 at fractions of .05 to .2; at half the
width and a fraction of .98 all keep .16, as the truncated SVD does.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd

from experiments import cells
from experiments.cells import OBJECTIVES, Cell, preset
from experiments.gallery import Shown
from simgeo import plots, teachers


def grid(quick: bool) -> list[Cell]:
    """Every fraction, objective and width."""
    fractions = (0.2, 0.6, 0.95) if quick else (0.05, 0.2, 0.4, 0.6, 0.8, 0.9, 0.98)
    size = (
        {"num_vectors": 64, "teacher_dim": 32, "num_steps": 200}
        if quick
        else {"num_vectors": 128, "teacher_dim": 64}
    )
    return [
        Cell(
            "sweep",
            f"fraction {fraction:g}",
            preset(
                quick,
                teacher=teachers.OrthogonalFraction(fraction=fraction, epsilon=0.1),
                objective=objective,
                student_dim=width,
                num_records=3,
                **size,
            ),
        )
        for width in (size["teacher_dim"], size["teacher_dim"] // 2)
        for objective in OBJECTIVES
        for fraction in fractions
    ]


FIGURES = {
    "orthogonality_sweep": Shown(
        "Kept pattern and the student's own fraction at the end, over the teacher's "
        "fraction of epsilon-orthogonal pairs, at full and half its width.",
        "Where a common direction makes the fraction small, centred objectives keep "
        "less than chance (-.2 to -.3) and uncentred ones everything; at high "
        "fractions half the width keeps almost nothing.",
        ("chance", "svd", "ceiling"),
    ),
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
    """Kept geometry and the student's own fraction over the teacher's fraction."""
    last = frame[frame["step"] == frame["step"].max()]
    labels = {
        "matthews": "Matthews correlation\nat the end",
        "fraction_student": "student's fraction\nat the end",
    }
    widths = last["student_dim"].unique()
    with plots.style(narrow):
        figure, axes = plots.panels(
            2, len(widths), 1.6 if narrow else 1.9, narrow, sharex=True, sharey="row"
        )
        for column, width in zip(axes.T, widths, strict=True):
            part = last[last["student_dim"] == width]
            for ax, measure in zip(column, labels, strict=True):
                plots.over_setting(part, "fraction_teacher", measure, ax)
            column[0].set_title(f"m = {width}")
        plots.label(axes, "teacher's fraction of pairs", list(labels.values()))
        levels = ("chance", "svd", "ceiling")
        note += (
            "\nGram hides Procrustes and uncentred CKA, and these the truncated SVD."
        )
        plots.legend(figure, last["objective"].unique(), levels, note)
        columns = ["objective", "student_dim", "seed", "fraction_teacher"]
        columns += ["fraction_student", "matthews", "loss", "optimum_loss"]
        columns += ["chance_matthews", "svd_matthews", "chance_fraction_student"]
        columns += ["svd_fraction_student", "ceiling_fraction_student"]
        plots.save(figure, folder, "orthogonality_sweep", last[columns], narrow)
        plt.close(figure)
