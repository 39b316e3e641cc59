"""How low can the CKA loss be while epsilon-orthogonal pairs are lost?

Unit rows and centred columns on both sides. Prediction: a teacher of few directions
loses all its pairs at a loss of epsilon^2; one of many does not.

Outcome: a teacher of few directions loses all its pairs at a small loss, as predicted,
and at a smaller one than predicted: two axes lose them at half of epsilon^2, four at
1.5 times and the simplex of 16 at 5.8 times; Gaussian teachers lose them at 0.8 times
(d = 8) and 2.4 times (d = 12).
"""

import itertools

import numpy as np
import pandas as pd
from tqdm import tqdm

from experiments import cells
from experiments.study import Figure, Sheet, Study, where
from simgeo import limits, plots, theory


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


def settings(quick: bool) -> dict:
    """What is looked at."""
    if quick:
        return {"names": ["2 axes", "4 axes"], "shares": [0.5, 1.0], "num_starts": 2}
    return {"names": [*_TEACHERS], "shares": [0.25, 0.5, 0.75, 1.0], "num_starts": 8}


def compute(names: list[str], shares: list[float], num_starts: int) -> pd.DataFrame:
    """Least CKA loss found, and the floors, for every teacher, share and margin."""
    asked = tqdm([*itertools.product(names, _MARGINS, shares)], desc="cka_frontier")
    return pd.DataFrame([_row(*each, num_starts) for each in asked])


def _row(name: str, margin: float, share: float, num_starts: int) -> dict:
    teacher, width, epsilon = _TEACHERS[name]
    lost_at = margin * epsilon
    found = theory.losing_student(teacher, epsilon, share, width, lost_at, num_starts)
    target = np.abs(teacher @ teacher.T)[np.triu_indices(len(teacher), 1)]
    return {
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
        "num_starts": num_starts,
    }


def draw(frame: pd.DataFrame, sheet: Sheet) -> None:
    """One panel per teacher."""
    names = frame["teacher"].unique()
    shape = -(-len(names) // 3), min(len(names), 3)
    axes = sheet.panels(*shape, (2.0, 1.5))
    for ax, name in zip(axes.flat, names, strict=True):
        part = where(frame, teacher=name)
        plots.frontier(part, ax)
        many, rank = part[["orthogonal", "effective_rank"]].iloc[0]
        ax.set_title(f"{name}\n{many:.0%} orthogonal, rank {rank:.1f}")
    sheet.label("share of pairs lost", "1 $-$ CKA")
    sheet.names()


STUDY = Study(
    __doc__,
    data=lambda quick: cells.cached(compute, settings(quick)),
    figures={
        "cka_frontier": Figure(
            "Least CKA loss of students that have lost a given share of the "
            "epsilon-orthogonal pairs, found and proven, six teachers, with their "
            "share of orthogonal pairs and effective rank. Unit rows and centred "
            "columns on both sides; what is found is an upper bound. Floor: "
            "`theory.cka_floor`, or the optimum at that width where that is higher. "
            "The csv has the sizes.",
            "A teacher on two axes loses every orthogonal pair at a CKA loss of "
            "0.005; the more directions a teacher has, the more it takes.",
            draw,
        )
    },
    note="Best of {asked[num_starts]} starts of penalised descent.",
    asked=settings,
    order=10,
)
