"""What does the weight w of a geometry term do in (1 - w) L1 / s1 + w L2 / s2?

s is the loss of the student of zero rows, which knows nothing, so that w = 1/2 weighs
both parts alike; the pattern hinge is zero there, and its s is the loss of random rows.
Medians over the seeds, to three digits, for every teacher and width.

Prediction: CKA and Procrustes or Gram share a minimiser at m = d, and hardly compete at
half of it, so w = 0.001 buys nine tenths of what any weight buys, and CKA does not
rise. The task reads 32 directions of 128, keeps little by itself and needs w near 0.1.
The hinge helps the projection, but alone it makes every pair orthogonal: best inside.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd

from experiments import cells
from experiments.cells import TEACHERS, Cell, preset
from simgeo import experiment, objectives, students
from simgeo.objectives import AbstractObjective

WEIGHTS = (0.0, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 0.7, 1.0)


class Pair(NamedTuple):
    """Both parts, and which of them is recorded as which distance."""

    first: AbstractObjective
    second: AbstractObjective
    record: str  # the first's; or the second's, and the first is what is left
    is_first: bool = True
    widths: tuple[int, ...] = (2,)  # the teacher's width over the student's


PAIRS = {
    "CKA + Procrustes": Pair(
        objectives.CKA(), objectives.Procrustes(), "cka", widths=(1, 2)
    ),
    "CKA + Gram, unit rows": Pair(
        objectives.CKA(), objectives.FeatureGram(unit_rows=True), "cka"
    ),
    "Logit KL + Procrustes": Pair(
        objectives.LogitKL(), objectives.Procrustes(), "procrustes", is_first=False
    ),
    "Projection + pattern hinge": Pair(
        objectives.LinearProjection(), objectives.PatternHinge(), "projection"
    ),
}


def scales(quick: bool, num_seeds: int) -> pd.DataFrame:
    """The loss of a student that knows nothing, for every part, teacher and width."""
    parts = {part.label: part for pair in PAIRS.values() for part in pair[:2]}
    rows = []
    for name, teacher in TEACHERS.items():
        one = preset(quick, teacher=teacher, num_seeds=num_seeds)
        drawn = np.asarray(experiment.draw_teachers(one))
        for width in (one.teacher_dim, one.teacher_dim // 2):
            random = students.GaussianStart()(jax.random.key(0), drawn[0], width)
            for label, part in parts.items():
                learned = part.init(jax.random.key(0), width, one.teacher_dim)
                for student in (jnp.zeros_like(random), random):
                    losses = [part(student, each, learned) for each in drawn]
                    if np.median(losses) > 0:
                        break
                scale = float(f"{np.median(losses):.3g}")
                rows.append((name, width, label, scale))
    return pd.DataFrame(rows, columns=["teacher", "student_dim", "part", "scale"])


def compute(quick: bool, weights: tuple[float, ...] = WEIGHTS) -> pd.DataFrame:
    """The end of every run: beside the records `hybrid`, `weight`, `first_loss`."""
    num_seeds = 4 if quick else 8
    asked = {"quick": quick, "num_seeds": num_seeds}
    table = cells.cached(scales, asked).set_index(["teacher", "student_dim", "part"])
    grid, names = [], []
    for hybrid, pair in PAIRS.items():
        for ratio in pair.widths:
            for teacher in TEACHERS:
                width = preset(quick).teacher_dim // ratio
                s1, s2 = (table.scale[teacher, width, each.label] for each in pair[:2])
                for weight in weights:
                    both = (float((1 - weight) / s1), float(weight / s2))
                    one = preset(
                        quick,
                        teacher=TEACHERS[teacher],
                        objective=objectives.Hybrid(pair[:2], both),
                        student_dim=width,
                        num_steps=200 if quick else 500,
                        num_records=2,
                        record_spacing="even",
                        num_seeds=num_seeds,
                    )
                    grid.append(Cell("hybrid_weight", teacher, one))
                    label = one.objective.label
                    names.append((teacher, width, label, hybrid, weight, *both, s1, s2))
    keys = ["teacher", "student_dim", "objective"]
    columns = [*keys, "hybrid", "weight", "own", "other", "first_scale", "second_scale"]
    frame = cells.compute(grid).merge(pd.DataFrame(names, columns=columns), on=keys)
    last = frame[frame["step"] == frame["step"].max()].copy()
    last["first_loss"] = _first(last) / last["first_scale"]
    return last


def _first(last: pd.DataFrame) -> pd.Series:
    """The first part, as recorded or as what the second leaves of the whole loss."""
    found = []
    for hybrid, runs in last.groupby("hybrid", sort=False):
        pair = PAIRS[str(hybrid)]
        recorded = runs[f"distance_{pair.record}"]
        if not pair.is_first:
            own = runs["own"].where(runs["own"] > 0)  # nobody trains its map at w = 1
            recorded = (runs["loss"] - runs["other"] * recorded) / own
        found.append(recorded)
    return pd.concat(found)
