"""Vectors of many seeds, judged by simgeo's measures after the runs."""

import jax
import numpy as np
from jaxtyping import Array, Float, Int

from simgeo import linalg, measures


@jax.jit
def patterns(
    student: Float[Array, "s n m"], teacher: Float[Array, "s n d"], epsilon: float
) -> dict[str, Float[Array, " s"]]:
    """Matthews correlation (NaN for a constant pattern) and fraction, of every seed."""

    def of_seed(one: Float[Array, "n m"], other: Float[Array, "n d"]):
        names = ("matthews", "fraction_student")
        return measures.battery(one, other, epsilon, names)

    return jax.vmap(of_seed)(student, teacher)


@jax.jit
def readable(
    student: Float[Array, "s n m"], teacher: Float[Array, "s n d"]
) -> Float[Array, " s"]:
    """Share of the teacher's variance that an affine map of the student explains."""
    return jax.vmap(measures.r2_of_teacher)(student, teacher)


@jax.jit
@jax.vmap
def price(
    student: Float[Array, "n m"], teacher: Float[Array, "n d"]
) -> Float[Array, ""]:
    """Procrustes distance of the unit rows at the best scale, over the zero student's.

    1 - |S'T|_*^2 / (|S|^2 |T|^2), so that lengths, which losses on cosines do not see,
    do not count.
    """
    one, other = linalg.unit_rows(student), linalg.unit_rows(teacher)
    overlap = linalg.nuclear_norm(one.T @ other)
    return 1 - overlap**2 / (linalg.squared_norm(one) * linalg.squared_norm(other))


def random_students(
    seeds: Int[np.ndarray, " s"], num_vectors: int, width: int
) -> Float[np.ndarray, "s n m"]:
    """Gaussian vectors, which know nothing of a teacher."""
    shape = (num_vectors, width)
    drawn = [np.random.default_rng(int(each)).standard_normal(shape) for each in seeds]
    return np.stack(drawn)
