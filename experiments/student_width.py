"""Does what is kept depend on the student's width, or on how it compares with d?

Prediction: from the teacher's rank upwards uncentred distances keep the whole pattern,
and more width changes nothing for any objective but the projection, which keeps less
the more room it has. Below the rank all follow the truncated SVD, so that m over the
rank decides, whatever d is.

Outcome: held for uncentred distances. Room beyond d changes nothing for the projection,
and what centring lost it gives back in part: .59 to .64 on the high fraction, .71 to
.85 on blocks (d = 32). What decides on blocks is not m over d but the number of blocks,
8: the uncentred keep .35 with four dimensions, .94 with eight and 1.00 from d on.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd

from experiments import cells
from experiments.cells import OBJECTIVES, TEACHERS, Cell, preset
from experiments.gallery import Shown
from simgeo import plots, sweep

RATIOS = (0.125, 0.25, 0.5, 0.75, 1.0, 2.0)
DIMS = (32, 64)

FIGURES = {
    "student_width": Shown(
        "Matthews correlation at the end over the student's width, as a share of the "
        "teacher's. Points: seeds; lines: medians.",
        "Uncentred distances follow the truncated SVD at every width, and keep all "
        "from the teacher's rank on; room beyond it gives centred ones a part back.",
        ("chance", "svd"),
    )
}


def grid(quick: bool) -> list[Cell]:
    """Every teacher's width, student's width, teacher and objective."""
    ratios, dims = ((0.5, 1.0, 1.5), (24,)) if quick else (RATIOS, DIMS)
    size = {"num_records": 2, "num_seeds": 4 if quick else 8}
    size |= {"num_steps": 200 if quick else 600}
    return [
        Cell("student_width", name, one)
        for name, teacher in TEACHERS.items()
        for one in sweep.grid(
            preset(quick, **size),
            sweep.together(
                num_vectors=[4 * dim for dim in dims for _ in ratios],
                teacher_dim=[dim for dim in dims for _ in ratios],
                student_dim=[int(ratio * dim) for dim in dims for ratio in ratios],
            ),
            teacher=[teacher],
            objective=OBJECTIVES,
        )
    ]


def note(quick: bool) -> str:
    """The settings that the runs share."""
    chosen = [cell.experiment for cell in grid(quick)]
    dims = " and ".join(map(str, sorted({one.teacher_dim for one in chosen})))
    _, _, rest = cells.describe(chosen[0]).split(", ", 2)
    return f"n = 4 d, d = {dims}, {rest}"


def main(quick: bool, folder: Path) -> None:
    """Computes and draws."""
    frame = cells.compute(grid(quick))
    for narrow in (False, True):
        draw(frame, folder, note(quick), narrow)


def draw(frame: pd.DataFrame, folder: Path, note: str, narrow: bool) -> None:
    """Kept geometry over m / d: a column for every teacher, a row for every d."""
    last = frame[frame["step"] == frame["step"].max()].copy()
    last["ratio"] = last["student_dim"] / last["teacher_dim"]
    names, dims = last["teacher"].unique(), sorted(last["teacher_dim"].unique())
    with plots.style(narrow):
        figure, axes = plots.panels(
            len(dims), len(names), 1.4 if narrow else 1.9, narrow, **_SHARED
        )
        for row, dim in zip(axes, dims, strict=True):
            for ax, name in zip(row, names, strict=True):
                part = last[(last["teacher"] == name) & (last["teacher_dim"] == dim)]
                plots.over_setting(part, "ratio", "matthews", ax)
                ax.set_title(f"{name}, d = {dim}")
                ax.axvline(1, color="0.85", lw=3, zorder=-1)
        kept = "Matthews correlation\nat the end"
        plots.label(axes, "student's width / teacher's", kept)
        note += "\nGrey bar: m = d. Gram hides Procrustes, uncentred CKA and the SVD."
        plots.legend(figure, last["objective"].unique(), note=note)
        columns = ["teacher", "objective", "num_vectors", "teacher_dim", "student_dim"]
        columns += ["seed", "matthews", "fraction_student", "fraction_teacher"]
        columns += ["relative_loss", "relative_optimum"]
        columns += ["chance_matthews", "svd_matthews"]
        plots.save(figure, folder, "student_width", last[columns], narrow)
        plt.close(figure)


_SHARED = {"sharex": True, "sharey": True}
