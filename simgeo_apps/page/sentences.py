"""Screens 2 to 4 in words: one function for each screen."""

import jax.numpy as jnp
import numpy as np

from simgeo import limits, measures
from simgeo_apps.page import tables, training
from simgeo_apps.page.rounding import EPSILON, loss_said, said

SAYS = {
    "orthogonal groups": "3 groups of 8 vectors: mean cosine 0.5 within, orthogonal "
    "across",
    "nearly all pairs orthogonal": "12 orthogonal pairs of like vectors, with noise",
    "a shared direction": "random directions that all lean the same way",
    training.RANDOM: "independent, with no structure",
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
        sizes = np.abs(training.pair_cosines(array))
        orthogonal = np.count_nonzero(sizes <= EPSILON)
        rank = float(measures.effective_rank(jnp.asarray(array)))
        readings[name] = (
            f"{_begun(name)}: {SAYS[name]}. {orthogonal} of {len(sizes)} pairs "
            f"({100 * orthogonal / len(sizes):.1f} %) are ε-orthogonal; of random "
            f"directions {100 * chance:.1f} %. Largest |cosine| {sizes.max():.2f}, "
            f"effective rank {rank:.1f} of {array.shape[1]}."
        )
    return readings


def run_readings(runs: list[training.Run]) -> dict[str, str]:
    """What screen 3 says at each record of every cell, of its first seed."""
    readings = {}
    for run in runs:
        first = run.data.isel(seed=0)
        for record in range(first.sizes["step"]):
            here = first.isel(step=record)
            teacher, student, both = (
                int(here[f"pairs_{kind}"]) for kind in ("teacher", "student", "both")
            )
            readings[f"{run.cell.key}|{record}"] = (
                f"{_begun(run.cell.objective)}, step {int(here['step'])}: "
                f"{loss_said(float(here['excess_loss']))}. Of the teacher's {teacher} "
                f"ε-orthogonal pairs {both} are preserved and {teacher - both} lost; "
                f"{student - both} are gained. Pattern agreement "
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


def _group(objective: str) -> str:
    if objective in training.CENTRED:
        return GROUPS[1]
    return GROUPS[2 if objective == GROUPS[2] else 0]


def _begun(text: str) -> str:
    return text[0].upper() + text[1:]


def _range(values: list[float | None]) -> str:
    numbers = np.asarray(values, float)
    low, high = said(numbers.min()), said(numbers.max())
    return low if low == high else f"{low} to {high}"
