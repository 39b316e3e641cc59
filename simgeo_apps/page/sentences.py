"""Screens 2 to 4 in words: one function for each screen."""

import jax.numpy as jnp
import numpy as np

from simgeo import limits, measures
from simgeo_apps.page import tables, training
from simgeo_apps.page.rounding import EPSILON, said

SAYS = {
    "blocks": "6 groups of 8 vectors: mean cosine 0.5 within, orthogonal across",
    "high fraction": "9 of 10 pairs made ε-orthogonal by optimisation",
    "common mean": "random directions that all lean the same way",
    "random": "independent random directions",
}

GROUPS = (
    "uncentred CKA, Procrustes and Gram",
    "the same three centred",
    "learned projection",
)


def teacher_readings(runs: list[training.Run]) -> dict[str, str]:
    """What screen 2 says of each teacher."""
    chance = limits.random_fraction(EPSILON, training.TEACHER_DIM)
    readings = {}
    for name, array in training.teachers_of(runs).items():
        vectors = jnp.asarray(array)
        pairs = measures.count_pairs(vectors, vectors, EPSILON)
        readings[name] = (
            f"{name.capitalize()}: {SAYS[name]}. {pairs.teacher:,} of {pairs.total:,} "
            f"pairs ({100 * pairs.teacher / pairs.total:.1f} %) are ε-orthogonal; of "
            f"random directions {100 * chance:.1f} %. Largest |cosine| "
            f"{float(measures.coherence(vectors, vectors)):.2f}, effective rank "
            f"{float(measures.effective_rank(vectors)):.1f} of {array.shape[1]}."
        )
    return readings


def run_readings(runs: list[training.Run]) -> dict[str, str]:
    """What screen 3 says at each record of every cell, of its first seed."""
    readings = {}
    for run in runs:
        key = "|".join(str(name) for name in run.cell.names.values())
        first = run.data.isel(seed=0)
        optimum = said(float(first["optimum_loss"]))
        for record in range(first.sizes["step"]):
            here = first.isel(step=record)
            teacher, student, both = (
                int(here[f"pairs_{kind}"]) for kind in ("teacher", "student", "both")
            )
            readings[f"{key}|{record}"] = (
                f"Step {int(here['step'])}: loss {said(float(here['loss']))}, optimum "
                f"{optimum}. Of the teacher's {teacher:,} ε-orthogonal pairs {both:,} "
                f"are preserved and {teacher - both:,} lost; {student - both:,} are "
                f"gained that the teacher lacks. Pattern agreement "
                f"{said(float(here['matthews']))}."
            )
    return readings


def end_readings(runs: list[training.Run]) -> dict[str, str]:
    """What screen 4 says of each teacher and width."""
    ended, readings = tables.ends(runs), {}
    for level in tables.levels(runs):
        if level["level"] != "SVD baseline":
            continue
        teacher, width = level["teacher"], level["width"]
        groups: dict[str, list[float | None]] = {}
        for row in ended:
            if (row["teacher"], row["width"]) == (teacher, width):
                group = _group(row["objective"])
                groups.setdefault(group, []).append(row["matthews"])
        medians = "; ".join(
            f"{group} {_range(groups[group])}"
            for group in sorted(groups, key=GROUPS.index)
        )
        readings[f"{teacher}|{width}"] = (
            f"Pattern agreement at the end, medians over seeds: {medians}. SVD "
            f"baseline (truncated SVD of the teacher) {said(level['matthews'])}."
        )
    return readings


def _group(label: str) -> str:
    objective = next(known for known in training.OBJECTIVES if known.label == label)
    if "linear map" in objective.invariant_to:
        return GROUPS[2]
    return GROUPS["translation" in objective.invariant_to]


def _range(values: list[float | None]) -> str:
    numbers = np.asarray(values, float)
    low, high = said(numbers.min()), said(numbers.max())
    return low if low == high else f"{low} to {high}"
