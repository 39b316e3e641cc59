"""Screen 5: students of zero or low loss whose geometry is ruined, built by hand."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from scipy.linalg import expm

from simgeo import linalg, measures, objectives, teachers, theory
from simgeo_apps.page.rounding import EPSILON, number, order, quantised, said

NUM_VECTORS, DIM = 24, 16
PLACES = 11
SHOWN = {
    "cka": "CKA",
    "procrustes_centred": "Procrustes, centred, normalised",
    "projection": "Projection",
    "cka_uncentred": "CKA, uncentred",
    "procrustes": "Procrustes",
    "gram": "Gram",
}
ZERO = 1e-5  # relative distances below it are rounding


class Family(NamedTuple):
    """Students along a path that starts at their teacher."""

    says: str
    teacher: np.ndarray
    student: Callable[[float], np.ndarray]  # of how far, in [0, 1]; 0 is the teacher
    amount: Callable[[float], str]


def families() -> dict[str, Family]:
    """The ways to move a student that a reader can drag."""
    keys = jax.random.split(jax.random.key(0), 2)
    blocks = teachers.OrthogonalBlocks(num_blocks=8, cosine=0.7)
    draw = jax.jit(blocks, static_argnums=(1, 2))
    teacher = draw(keys[0], NUM_VECTORS, DIM)
    cosines = np.asarray(linalg.cosines(teacher), float)
    inverse = np.where(np.abs(cosines) <= EPSILON, 0.3, 0.0) + np.eye(NUM_VECTORS)
    skew = np.asarray(jax.random.normal(keys[1], (DIM, DIM)), float)
    skew = skew - skew.T
    vectors = np.asarray(teacher, float)
    return {
        "shift": Family(
            "All vectors are moved by one and the same vector. Centring takes the move "
            "away again, so centred objectives stay at zero",
            vectors,
            lambda far: theory.translated_student(vectors, 0.45 * far),
            lambda far: f"orthogonal pairs raised to cosine {0.45 * far:.2f}",
        ),
        "map": Family(
            "The student turns the pattern inside out, but a linear map still turns it "
            "into its teacher. A learned projection asks for no more",
            vectors,
            lambda far: theory.projected_student(
                vectors, (1 - far) * cosines + far * inverse, NUM_VECTORS, floor=0.003
            ),
            lambda far: f"{100 * far:.0f} % of the way to the inverse pattern",
        ),
        "tilt": Family(
            "Antipodal pairs on 4 orthogonal axes, and the axes are tilted towards one "
            "another. CKA stays low, though not zero, while every pair is lost at once",
            theory.antipodal_axes((3, 3, 3, 3)),
            lambda far: theory.antipodal_axes((3, 3, 3, 3), 0.18 * far),
            lambda far: f"axes tilted to cosine {0.18 * far:.2f}",
        ),
        "rotate": Family(
            "A rotation, for comparison: no objective sees it and nothing is lost",
            vectors,
            lambda far: vectors @ expm(far * skew / DIM),
            lambda far: f"{100 * far:.0f} % of a rotation",
        ),
    }


def students() -> list[dict]:
    """One row for each family and place of the slider: cosines and distances."""
    judge = jax.jit(jax.vmap(_distances, (0, None)))
    rows = []
    for name, family in families().items():
        path = [family.student(float(far)) for far in np.linspace(0, 1, PLACES)]
        together = jnp.stack([_padded(student, NUM_VECTORS) for student in path])
        relative, battery = judge(together, _padded(family.teacher, DIM))
        places = order(jnp.asarray(family.teacher, float))
        for place, far in enumerate(np.linspace(0, 1, PLACES)):
            losses = {key: float(values[place]) for key, values in relative.items()}
            rows.append(
                {
                    "family": name,
                    "far": place,
                    "amount": family.amount(float(far)),
                    "cells": quantised(together[place][places]),
                    "matthews": number(float(battery["matthews"][place])),
                    "recall": number(float(battery["pattern_recall"][place])),
                }
                | {
                    key: number(loss) if loss > ZERO else 0.0
                    for key, loss in losses.items()
                }
            )
    return rows


def distances(rows: list[dict]) -> list[dict]:
    """The same distances, one row for each."""
    return [
        {"family": row["family"], "far": row["far"], "objective": label}
        | {"distance": row[key]}
        for row in rows
        for key, label in SHOWN.items()
    ]


def readings(rows: list[dict]) -> dict[str, str]:
    """What the screen says at each place of its slider."""
    known = families()
    sentences = {}
    for row in rows:
        low = [label for key, label in SHOWN.items() if row[key] == 0]
        matthews = "undefined, for no pair is ε-orthogonal"
        if row["matthews"] is not None:
            matthews = said(row["matthews"])
        zeros = f"Losses at zero: {'; '.join(low)}" if low else "No loss is zero"
        sentences[f"{row['family']}|{row['far']}"] = (
            f"{known[row['family']].says}. Here: {row['amount']}. "
            f"{zeros}. CKA loss {said(row['cka'])}. Of the teacher's ε-orthogonal "
            f"pairs {100 * row['recall']:.0f} % are preserved; pattern agreement "
            f"{matthews}."
        )
    return sentences


def _padded(vectors: np.ndarray, width: int) -> jax.Array:
    """With columns of zeros, which no distance sees: one compilation does for all."""
    return jnp.pad(jnp.asarray(vectors, float), ((0, 0), (0, width - vectors.shape[1])))


def _distances(student: jax.Array, teacher: jax.Array) -> tuple[dict, dict]:
    """Distances relative to the zero student's, and the measures that are shown."""
    standard = objectives.STANDARD | {
        "procrustes_centred": objectives.Procrustes(centred=True, normalised=True)
    }
    relative = {
        key: standard[key](student, teacher) / standard[key](0.0 * student, teacher)
        for key in SHOWN
    }
    names = ("matthews", "pattern_recall")
    return relative, measures.battery(student, teacher, EPSILON, names)
