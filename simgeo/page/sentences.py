"""Screens 2 to 4 in words: one function for each screen."""

import jax.numpy as jnp
import numpy as np

from simgeo import limits, measures
from simgeo.page import runs, tables
from simgeo.page.grams import EPSILON, said

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


def teacher_readings(done: list[runs.Run]) -> dict[str, str]:
    """What screen 2 says of each teacher."""
    found = {}
    for name, vectors in runs.teachers_of(done).items():
        cosines = np.abs(runs.pair_cosines(vectors))
        within, pairs = int(np.sum(cosines <= EPSILON)), len(cosines)
        chance = limits.random_fraction(EPSILON, runs.TEACHER_DIM)
        rank = float(measures.effective_rank(jnp.asarray(vectors)))
        found[name] = (
            f"{name.capitalize()}: {SAYS[name]}. {within:,} of {pairs:,} pairs "
            f"({100 * within / pairs:.1f} %) are ε-orthogonal; of random "
            f"directions {100 * chance:.1f} %. Largest |cos| {cosines.max():.2f}, "
            f"effective rank {rank:.1f} of {vectors.shape[1]}."
        )
    return found


def run_readings(done: list[runs.Run]) -> dict[str, str]:
    """What screen 3 says at each record of every cell, of seed 0."""
    rows = {}
    for each in done:
        names = "|".join(str(name) for name in runs.names_of(each.cell).values())
        records = each.trajectory.records
        optimum = float(each.trajectory.references["optimum_loss"][0])
        for row in tables.curves([each]):
            if row["seed"] == each.trajectory.seeds[0]:
                at = row["record"]
                teacher, student, both = (
                    int(records[f"pairs_{kind}"][0, at])
                    for kind in ("teacher", "student", "both")
                )
                rows[f"{names}|{at}"] = (
                    f"Step {row['step']}: loss {said(row['loss'])}, least possible "
                    f"{said(optimum)}. Of the teacher's {teacher:,} ε-orthogonal pairs "
                    f"{both:,} are kept and {teacher - both:,} lost; "
                    f"{student - both:,} are gained that the teacher lacks. "
                    f"Matthews correlation {said(row['matthews'])}."
                )
    return rows


def end_readings(done: list[runs.Run]) -> dict[str, str]:
    """What screen 4 says of each teacher and width."""
    ended, found = tables.ends(done), {}
    for level in tables.levels(done):
        if level["level"] == "limit":
            names = {key: level[key] for key in ("teacher", "width")}
            groups: dict[str, list[dict]] = {}
            for row in ended:
                if names.items() <= row.items():
                    groups.setdefault(_group(row["objective"]), []).append(row)
            medians = "; ".join(
                f"{group} {_range([row['matthews'] for row in groups[group]])}"
                for group in sorted(groups, key=GROUPS.index)
            )
            found[f"{level['teacher']}|{level['width']}"] = (
                f"Matthews correlation at the end, medians over seeds: {medians}. "
                f"Limit (truncated SVD of the teacher) {said(level['matthews'])}."
            )
    return found


def _group(label: str) -> str:
    objective = next(each for each in runs.OBJECTIVES if each.label == label)
    if "linear map" in objective.invariant_to:
        return GROUPS[2]
    return GROUPS["translation" in objective.invariant_to]


def _range(values: list[float | None]) -> str:
    numbers = np.asarray(values, float)
    low, high = said(numbers.min()), said(numbers.max())
    return low if low == high else f"{low} to {high}"
