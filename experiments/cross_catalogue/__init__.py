"""What does every objective of the catalogue do to every distance, below the rank?

Prediction: three groups that vanish together, uncentred (Procrustes, Gram, uncentred
CKA), centred (CKA, centred Procrustes, relations) and blind to linear maps
(projections, CCA); and of all, only the hinge preserves more of the pattern than the
first.

Outcome: the three groups are there, and on blocks the centred one ends at a pattern
agreement of about 0.45 where the uncentred one ends at 0.98. The hinge does not exceed
the uncentred group: it ends at 0.96 and 0.69, with every distance at its level by
chance. Patches and covariances preserve nothing.
"""

import functools

import jax
import numpy as np
import pandas as pd

from experiments import cells, judging
from experiments.cells import TEACHERS, Cell, crossed
from experiments.cross_catalogue.drawing import AGREEMENT, draw
from experiments.study import Figure, Study, where
from simgeo import objectives, students
from simgeo.objectives import LOSSES, AbstractObjective

NAMES = ("blocks", "common mean")
NEEDS_A_MAP = (
    objectives.CosineProjection,
    objectives.FixedProjection,
    objectives.MLPProjection,
    objectives.LogitKL,
    objectives.RelationCKA,
)
# Those with a map of their own are recorded where that has a closed form.
RECORDED = tuple(
    each
    for each in LOSSES
    if not isinstance(each, NEEDS_A_MAP) and "solved" not in each.label
)


def grid(quick: bool) -> list[Cell]:
    """Every objective, at half the teacher's width."""
    size = {"num_vectors": 96, "teacher_dim": 48, "student_dim": 24, "num_seeds": 4}
    size |= {"num_steps": 100 if quick else 600, "num_records": 10}
    chosen = LOSSES[::6] if quick else LOSSES
    return crossed(quick, {name: TEACHERS[name] for name in NAMES}, chosen, **size)


def compute(quick: bool) -> pd.DataFrame:
    """One row per teacher, optimised and recorded: medians over the seeds.

    `relative` is (value - optimum) / (chance - optimum): where the optimum of that
    width is not known, `optimum_known` is false and it is the least that any row found.
    """
    levels: dict[str, dict] = {}  # of a teacher, which all objectives share
    rows = []
    for cell, _, student, teacher in cells.vectors(grid(quick)):
        one, name = cell.experiment, cell.labels["teacher"]
        if name not in levels:
            levels[name] = _levels(teacher, one.student_dim, one.epsilon)
        values = _recorded(student, teacher, one.epsilon)
        for recorded, (chance, best) in levels[name].items():
            place = (name, one.objective.label, recorded)
            rows.append((*place, values[recorded], chance, best))
    columns = ["teacher", "optimised", "recorded", "value", "chance", "optimum"]
    table = pd.DataFrame(rows, columns=columns)
    table["optimum_known"] = table["optimum"].notna()
    least = table.groupby(["teacher", "recorded"])["value"].transform("min")
    table["optimum"] = table["optimum"].fillna(least)
    span = table["chance"] - table["optimum"]
    table["relative"] = (table["value"] - table["optimum"]) / span
    return table


def _recorded(student: np.ndarray, teacher: np.ndarray, epsilon: float) -> dict:
    """Every distance, and the pattern agreement: medians over the seeds."""
    found = {each.label: _values(each, student, teacher) for each in RECORDED}
    # A constant pattern has no correlation, and keeps nothing of the teacher's.
    matthews = judging.patterns(student, teacher, epsilon)["matthews"]
    found[AGREEMENT] = np.nan_to_num(matthews)
    return {name: float(np.median(values)) for name, values in found.items()}


def _levels(teacher: np.ndarray, width: int, epsilon: float) -> dict:
    """What chance gives, and the optimum, of all that is recorded."""
    random = students.UnitRows(students.GaussianStart())
    keys = jax.random.split(jax.random.key(1), len(teacher))
    start = jax.vmap(lambda key, each: random.init(key, each, width))
    chance = _recorded(jax.vmap(random.vectors)(start(keys, teacher)), teacher, epsilon)
    hosted = np.asarray(teacher, float)
    optima = {
        objective.label: np.median([objective.optimum(t, width) for t in hosted])
        for objective in RECORDED
    }
    return {name: (chance[name], optima.get(name, 1.0)) for name in chance}


@jax.jit
def _values(objective: AbstractObjective, student: jax.Array, teacher: jax.Array):
    return jax.vmap(objective)(student, teacher)


STUDY = Study(
    __doc__,
    cells=grid,
    data=compute,
    figures={
        f"cross_catalogue_{name.replace(' ', '_')}": Figure(
            "Every objective of the catalogue (rows) against every distance "
            f"(columns), in groups, teacher of {name} at half its width. Shades: 0 is "
            "the optimum, or with a star the least that any row found, and 1 what "
            "random unit vectors have; medians. Right: the pattern agreement.",
            finding,
            draw,
            rows=functools.partial(where, teacher=name),
            narrow=False,
        )
        for name, finding in {
            "blocks": "Three groups of distances vanish together: uncentred, centred, "
            "and blind to linear maps. Centring costs half of the pattern of blocks.",
            "common mean": "On a common mean only uncentred distances preserve the "
            "pattern; patches and covariances preserve nothing.",
        }.items()
    },
    order=9,
)
