"""How low can the CKA loss be while epsilon-orthogonal pairs are lost?

Unit rows and centred columns on both sides. Prediction: a teacher of few directions
loses all its pairs at a loss of epsilon^2; one of many does not.

Outcome: held, and lower: two axes lose all pairs at half of epsilon^2, four at 1.5
times, the simplex of 16 at 5.8; Gaussian teachers at .8 (d = 8) and 2.4 (d = 12).
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from tqdm import tqdm

from experiments import cells
from experiments.gallery import Shown
from simgeo import limits, plots, theory


def settings(quick: bool) -> dict:
    """What is looked at."""
    if quick:
        return {"names": ["2 axes", "4 axes"], "shares": [0.5, 1.0], "num_starts": 2}
    return {"names": [*_TEACHERS], "shares": [0.25, 0.5, 0.75, 1.0], "num_starts": 8}


def _gaussian(num_vectors: int, dim: int) -> np.ndarray:
    draw = np.random.default_rng(0).standard_normal((num_vectors, dim))
    return theory.balanced(draw)


# Teacher, student width, epsilon.
_TEACHERS = {
    "2 axes": (theory.antipodal_axes((6, 6)), 2, 0.1),
    "4 axes": (theory.antipodal_axes((3, 3, 3, 3)), 4, 0.1),
    "Gaussian": (_gaussian(24, 8), 8, 0.1),
    "Gaussian, narrow": (_gaussian(24, 8), 6, 0.1),
    "Gaussian, wide": (_gaussian(32, 12), 12, 0.2),
    "simplex": (theory.balanced(np.eye(16)), 16, 0.1),
}
_MARGINS = (1.0, 2.0)  # a pair is lost from this many epsilon


def compute(names: list[str], shares: list[float], num_starts: int) -> pd.DataFrame:
    """Least CKA loss found, and the floors, for every teacher, share and margin."""
    asked = [
        (name, margin, share)
        for name in names
        for margin in _MARGINS
        for share in shares
    ]
    rows = []
    for name, margin, share in tqdm(asked, desc="cka_frontier"):
        teacher, width, epsilon = _TEACHERS[name]
        lost_at = margin * epsilon
        found = theory.losing_student(
            teacher, epsilon, share, width, lost_at, num_starts
        )
        target = np.abs(teacher @ teacher.T)[np.triu_indices(len(teacher), 1)]
        rows.append(
            {
                "teacher": name,
                "num_vectors": len(teacher),
                "teacher_dim": np.linalg.matrix_rank(teacher),
                "student_dim": width,
                "epsilon": epsilon,
                "orthogonal": np.mean(target <= epsilon),
                "effective_rank": theory.compare(teacher, teacher).ranks[1],
                "lost_at": lost_at,
                "margin": margin,
                "asked": share,
                "share": found.share if found else np.nan,
                "found": found.cka_loss if found else np.nan,
                "floor": theory.cka_floor(teacher, epsilon, share, lost_at),
                "width_floor": limits.cka_optimum(teacher, width),
            }
        )
    return pd.DataFrame(rows).assign(num_starts=num_starts)


FIGURES = {
    "cka_frontier": Shown(
        "Least CKA loss of students that have lost a given share of the "
        "epsilon-orthogonal pairs, found and proven, six teachers. Unit rows, centred"
        " columns.",
        "A teacher on two axes loses every orthogonal pair at a CKA loss of .005; the"
        " more directions a teacher has, the more it takes.",
        (),
    ),
}


def note(quick: bool) -> str:
    """The settings that all cells share."""
    return f"Best of {settings(quick)['num_starts']} starts of penalised descent."


def main(quick: bool, folder: Path) -> None:
    """Computes and draws."""
    frame = cells.cached(compute, settings(quick))
    for narrow in (False, True):
        draw(frame, folder, narrow)


def draw(frame: pd.DataFrame, folder: Path, narrow: bool) -> None:
    """One panel per teacher."""
    names = frame["teacher"].unique()
    with plots.style(narrow):
        num_rows = -(-len(names) // 3)
        figure, axes = plots.panels(
            num_rows,
            min(len(names), 3),
            1.5 if narrow else 2.0,
            narrow,
            sharex=True,
            sharey=True,
        )
        for ax, name in zip(axes.flat, names, strict=True):
            part = frame[frame["teacher"] == name]
            plots.frontier(part, ax)
            one = part.iloc[0]
            gap = "\n" if narrow else " "
            ax.set_title(
                f"{name}:{gap}n = {one['num_vectors']}, d = {one['teacher_dim']}, "
                f"m = {one['student_dim']}\n$\\epsilon$ = {one['epsilon']:g}, "
                f"{100 * one['orthogonal']:.0f} % orthogonal, "
                f"$R_T$ = {one['effective_rank']:.1f}",
                fontsize=5.5 if narrow else 7,
            )
        plots.label(axes, "share of pairs lost", "1 $-$ CKA")
        note = (
            f"Unit rows and centred columns on both sides; found: best of "
            f"{frame['num_starts'].iloc[0]} starts of penalised descent, an upper "
            f"bound.\nFloor: theory.cka_floor, or the least loss at that width where "
            f"that is higher; lines join what was computed. $R_T$: effective rank of "
            f"the teacher."
        )
        others = axes[0, 0].get_legend_handles_labels()[0]
        plots.legend(figure, levels=(), note=note, ncols=2, others=others)
        plots.save(figure, folder, "cka_frontier", frame, narrow)
        plt.close(figure)
