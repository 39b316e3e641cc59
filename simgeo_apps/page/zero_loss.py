"""Screen 5: students of zero or low loss whose geometry is ruined, built by hand."""

import functools
import math
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from scipy.linalg import expm

from simgeo import linalg, measures, objectives, teachers, theory
from simgeo_apps.page import arrows, marks
from simgeo_apps.page.rounding import EPSILON, FLOOR, number, order, quantised, said

NUM_VECTORS, DIM = 24, 16
PLACES = 11
# In the order of the bars: those that centre, those that do not, the projection.
SHOWN = (
    "cka",
    "procrustes_normalised",
    "gram_centred",
    "cka_uncentred",
    "procrustes",
    "gram",
    "projection",
)
LABELS = dict(zip(SHOWN, marks.IN_ORDER, strict=True))
MOST = 0.3  # the cosine that orthogonal vectors get at the end of the shift


class Family(NamedTuple):
    """Students along a path that starts at their teacher."""

    says: str
    teacher: np.ndarray
    student: Callable[[float], np.ndarray]  # of how far, in [0, 1]; 0 is the teacher
    amount: Callable[[float], str]
    sketch: Callable[[float], np.ndarray]  # the same of three groups in the room


@functools.cache
def families() -> dict[str, Family]:
    """The ways to move a student that a reader can drag."""
    blocks = teachers.OrthogonalBlocks(num_blocks=8, cosine=0.7)
    draw = jax.jit(blocks, static_argnums=(1, 2))
    teacher = draw(jax.random.key(0), NUM_VECTORS, DIM)
    cosines = np.asarray(linalg.cosines(teacher), float)
    inverse = np.where(np.abs(cosines) <= EPSILON, 0.3, 0.0) + np.eye(NUM_VECTORS)
    skew = np.random.default_rng(0).standard_normal((DIM, DIM))
    skew = skew - skew.T
    vectors = np.asarray(teacher, float)
    return {
        "shift": Family(
            "All vectors are moved by one and the same vector. Centring takes the move "
            "away again, so centred objectives stay at zero",
            vectors,
            lambda far: theory.translated_student(vectors, MOST * far),
            lambda far: f"orthogonal pairs raised to cosine {MOST * far:.2f}",
            lambda far: _GROUPS + _common(MOST * far),
        ),
        "map": Family(
            "The student turns the pattern inside out, but a linear map still turns it "
            "into its teacher. A learned projection asks for no more",
            vectors,
            lambda far: theory.projected_student(
                vectors, (1 - far) * cosines + far * inverse, NUM_VECTORS, floor=0.003
            ),
            lambda far: f"{100 * far:.0f} % of the way to the inverse pattern",
            lambda far: _root((1 - far) * _PAIR_AND_ONE + far * _INVERSE),
        ),
        "tilt": Family(
            "Antipodal pairs on 4 orthogonal axes, and the axes are tilted towards one "
            "another. CKA stays low, though not zero, while every pair is lost at once",
            theory.antipodal_axes((3, 3, 3, 3)),
            lambda far: theory.antipodal_axes((3, 3, 3, 3), 0.18 * far),
            lambda far: f"axes tilted to cosine {0.18 * far:.2f}",
            lambda far: np.vstack(
                [sign * _root(_tilted(0.18 * far)) for sign in (1, -1)]
            ),
        ),
        "rotate": Family(
            "A rotation, for comparison: no objective sees it and nothing is lost",
            vectors,
            lambda far: vectors @ expm(far * skew / DIM),
            lambda far: f"{100 * far:.0f} % of a rotation",
            lambda far: _GROUPS @ expm(far * _TURN),
        ),
    }


@functools.cache
def students() -> list[dict]:
    """One row for each family and place of the slider: cosines and distances."""
    judge = jax.jit(jax.vmap(_distances, (0, None)))
    rows = []
    for name, family in families().items():
        path = [family.student(float(far)) for far in np.linspace(0, 1, PLACES)]
        zeros = np.zeros_like(path[0])
        together = jnp.stack([_padded(each, NUM_VECTORS) for each in (*path, zeros)])
        distances, battery = judge(together, _padded(family.teacher, DIM))
        places = order(jnp.asarray(family.teacher, float))
        for place, far in enumerate(np.linspace(0, 1, PLACES)):
            losses = {
                key: float(values[place] / values[-1])
                for key, values in distances.items()
            }
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
                    key: number(loss) if loss > FLOOR else 0.0
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
        for key, label in LABELS.items()
    ]


def sketches() -> dict[str, dict]:
    """Arrows for each family and place of the slider: the same move of few vectors."""
    made = {}
    for name, family in families().items():
        ways = family.sketch(0.0)[:3]
        for place, far in enumerate(np.linspace(0, 1, PLACES)):
            vectors = family.sketch(float(far))
            made[f"{name}|{place}"] = arrows.picture(vectors, vectors[:3], ways)
    return made


def readings(rows: list[dict]) -> dict[str, str]:
    """What the screen says at each place of its slider."""
    known = families()
    sentences = {}
    for row in rows:
        low = [label for key, label in LABELS.items() if row[key] == 0]
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
    """Distances, and the measures that are shown."""
    distances = {key: objectives.STANDARD[key](student, teacher) for key in SHOWN}
    names = ("matthews", "pattern_recall")
    return distances, measures.battery(student, teacher, EPSILON, names)


# Sketches: three groups whose first vectors are orthogonal; two like vectors and one
# that is orthogonal to both, as cosines, and their pattern inside out.
_GROUPS = np.vstack([np.eye(3), np.eye(3) + 0.2 * np.roll(np.eye(3), 1, axis=1)])
_PAIR_AND_ONE = np.array([[1.0, 0.7, 0.0], [0.7, 1.0, 0.0], [0.0, 0.0, 1.0]])
_INVERSE = np.array([[1.0, 0.0, 0.3], [0.0, 1.0, 0.3], [0.3, 0.3, 1.0]])
_TURN = np.array([[0.0, -0.5, 0.4], [0.5, 0.0, -0.3], [-0.4, 0.3, 0.0]])


def _tilted(cosine: float) -> np.ndarray:
    return (1 - cosine) * np.eye(3) + cosine


def _common(cosine: float) -> float:
    """What, added to all coordinates, raises orthogonal unit vectors to this cosine."""
    return (math.sqrt(1 + 3 * cosine / (1 - cosine)) - 1) / 3


def _root(cosines: np.ndarray) -> np.ndarray:
    """Vectors of these cosines: the symmetric root, which moves all of them alike."""
    values, axes = np.linalg.eigh(cosines)
    return axes * np.sqrt(values) @ axes.T
