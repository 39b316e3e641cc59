"""How alike the cosines, Gram matrices and clouds of two sets of vectors are."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from simgeo.linalg import (
    centre,
    nuclear_norm,
    of_size_one,
    ridge_solution,
    safe_divide,
    safe_sqrt,
    squared_norm,
)
from simgeo.measures._battery import measure
from simgeo.measures._ratio import ratio
from simgeo.measures._tiles import PairSums


@measure(
    label="relative error of all cosines",
    bounds=">= 0",
    better="lower",
    chance="closed form",
)
def gram_error(pairs: PairSums) -> Float[Array, ""]:
    """The error of the student's cosines L relative to the teacher's K, |K - L| / |K|.

    Each vector's cosine with itself counts. Blind to rotation and to the lengths of
    rows. Chance: `limits.random_gram_error`.
    """
    return safe_sqrt(safe_divide(pairs.squared_error, pairs.squared_teacher))


@measure(label="correlation of cosines", bounds="[-1, 1]", better="higher", chance="0")
def cosine_correlation(pairs: PairSums) -> Float[Array, ""]:
    """The Pearson correlation, over pairs, of the student's and the teacher's cosines.

    NaN if all cosines of either are equal to rounding. Blind to rotation, to the
    lengths of rows, and to any shift and positive scale that all cosines of a side have
    in common.
    """
    # Of ordered pairs, whose cosines are exact to a few units of rounding.
    rounding = 8.0 * jnp.finfo(pairs.covariance.dtype).eps
    noise = 2.0 * pairs.total * rounding**2
    spreads = [
        safe_sqrt(jnp.where(variance <= noise, 0.0, variance))
        for variance in (pairs.variance_student, pairs.variance_teacher)
    ]
    return ratio(pairs.covariance, spreads[0] * spreads[1])


@measure(label="linear CKA", bounds="[0, 1]", better="higher", chance="random student")
def cka(student: Float[Array, "n m"], teacher: Float[Array, "n d"]) -> Float[Array, ""]:
    """Linear centred kernel alignment (biased); 1 when the centred geometry is equal.

    |S'T|^2 / (|S'S| |T'T|) of centred columns. Blind to rotation, translation and
    scale of either. NaN for a constant argument. Kornblith et al. (2019), section 3.
    """
    return _alignment(of_size_one(centre(student)), of_size_one(centre(teacher)))


@measure(
    label="linear CKA, uncentred",
    bounds="[0, 1]",
    better="higher",
    chance="random student",
)
def cka_uncentred(
    student: Float[Array, "n m"], teacher: Float[Array, "n d"]
) -> Float[Array, ""]:
    """Uncentred linear CKA: the cosine of the two Gram matrices.

    |S'T|^2 / (|S'S| |T'T|). Blind to rotation and scale of either. NaN for an argument
    of zeros. Cristianini et al. (2001).
    """
    return _alignment(of_size_one(student), of_size_one(teacher))


def _alignment(
    student: Float[Array, "n m"], teacher: Float[Array, "n d"]
) -> Float[Array, ""]:
    own = jnp.sqrt(squared_norm(student.T @ student))
    target = jnp.sqrt(squared_norm(teacher.T @ teacher))
    return ratio(squared_norm(student.T @ teacher), own * target)


@measure(
    label="Procrustes similarity",
    bounds="[0, 1]",
    better="higher",
    chance="random student",
)
def procrustes_similarity(
    student: Float[Array, "n m"], teacher: Float[Array, "n d"]
) -> Float[Array, ""]:
    """Normalised Bures similarity, |S'T|_* / (|S| |T|) of centred columns.

    The cosine of the Procrustes angle; blind to rotation, translation and scale of
    either. NaN for a constant argument. Williams et al. (2021); Harvey et al. (2024).
    """
    student, teacher = of_size_one(centre(student)), of_size_one(centre(teacher))
    norms = jnp.sqrt(squared_norm(student)) * jnp.sqrt(squared_norm(teacher))
    return ratio(nuclear_norm(student.T @ teacher), norms)


@measure(
    label="R2 of the teacher from the student",
    bounds="[0, 1]",
    better="higher",
    chance="random student",
)
def r2_of_teacher(
    student: Float[Array, "n m"], teacher: Float[Array, "n d"]
) -> Float[Array, ""]:
    """The share of the teacher's variance that an affine map of the student explains.

    1 - min_W |T - S W|^2 / |T|^2 of centred columns, on the data that the map is fitted
    to: an independent student of m dimensions reaches m / (n - 1). Blind to any
    invertible map of the student. NaN for a constant teacher.
    """
    return _explained(student, teacher)


@measure(
    label="R2 of the student from the teacher",
    bounds="[0, 1]",
    better="higher",
    chance="random student",
)
def r2_of_student(
    student: Float[Array, "n m"],
    teacher: Float[Array, "n d"],
    root: Float[Array, "d d"],
) -> Float[Array, ""]:
    """The share of the student's variance that an affine map of the teacher explains.

    As `measures.r2_of_teacher`, the other way round. NaN for a constant student.
    """
    return _explained(teacher, student, root)


def _explained(
    inputs: Float[Array, "n p"],
    targets: Float[Array, "n q"],
    root: Float[Array, "p p"] | None = None,
) -> Float[Array, ""]:
    inputs, targets = centre(inputs), of_size_one(centre(targets))
    residual = targets - inputs @ ridge_solution(inputs, targets, root=root)
    return 1.0 - ratio(squared_norm(residual), squared_norm(targets))
