"""Hybrids of two objectives over their weight: the runs."""

import itertools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd

from experiments import cells
from experiments.cells import TEACHERS, Cell, preset
from experiments.study import ends
from simgeo import engine, objectives, students
from simgeo.objectives import AbstractObjective
from simgeo.problems import Experiment

WEIGHTS = (0.0, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 0.7, 1.0)


class Pair(NamedTuple):
    """Both parts, and which of them is recorded as which distance."""

    first: AbstractObjective
    second: AbstractObjective
    record: str  # the first's; or the second's, and the first is what is left
    is_first: bool = True
    ratios: tuple[int, ...] = (2,)  # the teacher's width over the student's


PAIRS = {
    "CKA + Procrustes": Pair(
        objectives.CKA(), objectives.Procrustes(), "cka", ratios=(1, 2)
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


def common(quick: bool, **changes) -> Experiment:
    """What the runs share."""
    size = {"num_steps": 200 if quick else 500, "num_seeds": 4 if quick else 8}
    return preset(quick, num_records=2, record_spacing="even", **size, **changes)


def scales(**teachers: Experiment) -> pd.DataFrame:
    """The loss of a student that knows nothing, for every part, teacher and width."""
    parts = {part.label: part for pair in PAIRS.values() for part in pair[:2]}
    rows = []
    for name, one in teachers.items():
        drawn = jnp.asarray(engine.draw(one))
        for width in (one.teacher_dim, one.teacher_dim // 2):
            random = students.GaussianStart()(jax.random.key(0), drawn[0], width)
            for label, part in parts.items():
                learned = part.init(jax.random.key(0), width, one.teacher_dim)
                over_seeds = jax.jit(
                    jax.vmap(
                        lambda student, teacher: part(student, teacher, learned),  # noqa: B023
                        in_axes=(None, 0),
                    )
                )
                for student in (jnp.zeros_like(random), random):
                    losses = over_seeds(student, drawn)
                    if np.median(losses) > 0:
                        break
                rows.append((name, width, label, float(f"{np.median(losses):.3g}")))
    return pd.DataFrame(rows, columns=["teacher", "student_dim", "part", "scale"])


def grid(quick: bool) -> list[Cell]:
    """Every hybrid, width, teacher and weight, and what its parts are divided by."""
    base = {name: common(quick, teacher=teacher) for name, teacher in TEACHERS.items()}
    table = cells.cached(scales, base).set_index(["teacher", "student_dim", "part"])
    asked = []
    for hybrid, pair in PAIRS.items():
        for ratio, teacher in itertools.product(pair.ratios, TEACHERS):
            width = base[teacher].teacher_dim // ratio
            s1, s2 = (table.scale[teacher, width, part.label] for part in pair[:2])
            for weight in WEIGHTS:
                weights = (float((1 - weight) / s1), float(weight / s2))
                one = common(
                    quick,
                    teacher=TEACHERS[teacher],
                    objective=objectives.Hybrid(pair[:2], weights),
                    student_dim=width,
                )
                labels = {"teacher": teacher, "hybrid": hybrid, "weight": weight}
                labels |= dict(zip(("own", "other"), weights, strict=True))
                labels |= {"first_scale": s1, "second_scale": s2}
                asked.append(Cell(one, labels))
    return asked


def data(quick: bool) -> pd.DataFrame:
    """The end of every run, with `first_loss` beside what is recorded."""
    last = ends(cells.compute(grid(quick)))
    last["first_loss"] = _first(last) / last["first_scale"]
    return last


def _first(last: pd.DataFrame) -> pd.Series:
    """The first part, as recorded or as what the second leaves of the whole loss."""
    parts = []
    for hybrid, runs in last.groupby("hybrid", sort=False):
        pair = PAIRS[str(hybrid)]
        recorded = runs[f"distance_{pair.record}"]
        if not pair.is_first:
            own = runs["own"].where(runs["own"] > 0)  # nobody trains its map at w = 1
            recorded = (runs["loss"] - runs["other"] * recorded) / own
        parts.append(recorded)
    return pd.concat(parts)
