"""Objectives that ask for the pattern beside distances, judged at three epsilons."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from experiments import cells, judging
from experiments.cells import TEACHERS, Cell, crossed
from experiments.study import ends
from simgeo import limits, objectives, stats, teachers
from simgeo.objectives import AbstractObjective

N, D, EPSILON = 96, 48, 0.1
WIDTHS = (12, 18, 24, 36, 48)
JUDGED = (0.5 * EPSILON, EPSILON, 2.0 * EPSILON)
CHOSEN = {
    "high fraction": TEACHERS["high fraction"],
    "blocks": TEACHERS["blocks"],
    "Gaussian": teachers.Gaussian(),
}
_HINGE = objectives.PatternHinge(epsilon=EPSILON)
# Each part has half of the weight, over what it is for a student that knows nothing: n
# for Procrustes, n^2 / d for a Gram matrix of flat spectrum, a tenth for the hinge.
ASKED: dict[str, AbstractObjective] = {
    "CKA": objectives.CKA(),
    "Procrustes": objectives.Procrustes(),
    "Gram": objectives.FeatureGram(),
    "Pattern hinge": _HINGE,
    "Procrustes + hinge": objectives.Hybrid(
        (objectives.Procrustes(), _HINGE), (0.5 / N, 0.5 / 0.1)
    ),
    "Gram, unit rows + hinge": objectives.Hybrid(
        (objectives.FeatureGram(unit_rows=True), _HINGE), (0.5 * D / N**2, 0.5 / 0.1)
    ),
}
PLACE = ["teacher", "student_dim", "epsilon"]


class Judged(NamedTuple):
    """The ends of runs, and their patterns at other epsilons, one row for each."""

    last: pd.DataFrame
    patterns: pd.DataFrame


def grid(quick: bool) -> list[Cell]:
    """Every objective, by its name here, width and teacher."""
    size = {"num_vectors": N, "teacher_dim": D, "num_records": 2, "epsilon": EPSILON}
    size |= {"num_steps": 100 if quick else 400, "num_seeds": 3 if quick else 8}
    return [
        cell
        for label, objective in ASKED.items()
        for width in ((24,) if quick else WIDTHS)
        for cell in crossed(
            quick, CHOSEN, [objective], {"objective": label}, student_dim=width, **size
        )
    ]


def data(quick: bool) -> Judged:
    """Judges what every run ends with."""
    asked = grid(quick)
    last = ends(cells.compute(asked, keep_vectors=True))
    prices, patterns = [], []
    for cell, seeds, student, teacher in cells.vectors(asked):
        width = student.shape[2]
        exact = np.asarray(teacher, float)
        best = np.stack([limits.optimal_student(each, width) for each in exact])
        random = judging.random_students(seeds, N, width)
        place = {**cell.labels, "student_dim": width, "seed": seeds}
        paid = {"price": student, "svd_price": best}
        paid = {name: judging.price(each, teacher) for name, each in paid.items()}
        prices.append(pd.DataFrame(place | paid))
        for epsilon in JUDGED:
            found, svd, chance = (
                judging.patterns(each, teacher, epsilon)
                for each in (student, best, random)
            )
            levels = {"svd_matthews": svd, "chance_matthews": chance}
            levels = {name: each["matthews"] for name, each in levels.items()}
            patterns.append(pd.DataFrame(place | {"epsilon": epsilon} | found | levels))
    keys = ["objective", "teacher", "student_dim", "seed"]
    last = last.merge(pd.concat(prices), on=keys)
    return Judged(last, pd.concat(patterns, ignore_index=True))


def compare(patterns: pd.DataFrame) -> pd.DataFrame:
    """Pattern agreement of every objective less that of Procrustes, by seed."""
    defined = patterns.fillna({"matthews": 0.0})
    return stats.paired_comparisons(
        defined, "matthews", "objective", within=PLACE, baseline="Procrustes"
    )
