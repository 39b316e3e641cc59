"""Sums over all pairs of vectors, tile by tile.

The cosines of many vectors are never held at once. Memory is linear in their number,
but for the list of tiles: 8 bytes for each, 30 MB for a million vectors.
"""

import math
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from simgeo.linalg import (
    Vectors,
    all_finite,
    as_matrices,
    in_full_precision,
    squared_norm,
    unit_rows,
)

_BLOCK_ENTRIES = 2**22  # cosines held at once: 16 MiB in float32
_TILE = 512  # rows and columns of a block of many vectors, which a cache holds


Index = Int[Array, ""] | int


class PairSums(NamedTuple):
    """Sums over pairs of different vectors, which many measures share.

    The last five are over ordered pairs, twice as many as `total`. All but that are NaN
    where a vector that they depend on is zero, for it has no cosines.
    """

    student: Float[Array, ""]  # epsilon-orthogonal pairs, student
    teacher: Float[Array, ""]  # epsilon-orthogonal pairs, teacher
    both: Float[Array, ""]  # pairs that are so in both
    total: float  # all pairs, n (n - 1) / 2
    isolated_student: Float[Array, ""]  # vectors epsilon-orthogonal to all others
    isolated_teacher: Float[Array, ""]  # the same of the teacher
    coherence: Float[Array, ""]  # the largest |cosine| of the student
    covariance: Float[Array, ""]  # products of both cosines, each from its mean
    variance_student: Float[Array, ""]  # squares of the student's, from their mean
    variance_teacher: Float[Array, ""]  # squares of the teacher's, from their mean
    squared_error: Float[Array, ""]  # squared differences, also of i with i
    squared_teacher: Float[Array, ""]  # squared cosines, also of i with i


class PairCounts(NamedTuple):
    """Counts of epsilon-orthogonal pairs, exact integers."""

    student: int
    teacher: int
    both: int
    total: int


class _Sums(NamedTuple):
    """Sums over ordered pairs, in n parts; the first two are those of each vector."""

    student: Int[Array, " n"]
    teacher: Int[Array, " n"]
    both: Int[Array, " n"]
    coherence: Float[Array, " n"]  # the largest
    covariance: Float[Array, " n"]
    variance_student: Float[Array, " n"]
    variance_teacher: Float[Array, " n"]
    squared_error: Float[Array, " n"]
    squared_teacher: Float[Array, " n"]


def pair_sums(
    student: Float[Array, "n m"],
    teacher: Float[Array, "n d"],
    epsilon: Float[Array, ""] | float,
) -> PairSums:
    """The sums, in floats."""
    rows = _over_pairs(student, teacher, epsilon)
    num_vectors = student.shape[0]
    mine, theirs = (
        jnp.where(has_zero_row(side) | (num_vectors < 2), jnp.nan, 1.0)
        for side in (student, teacher)
    )
    exact = num_vectors * (num_vectors - 1) < 2**31

    def counted(per_row: Int[Array, " n"]) -> Array:
        return jnp.sum(per_row if exact else per_row.astype(student.dtype)) // 2

    return PairSums(
        student=mine * counted(rows.student),
        teacher=theirs * counted(rows.teacher),
        both=mine * theirs * counted(rows.both),
        total=num_vectors * (num_vectors - 1) / 2,
        isolated_student=mine * jnp.sum(rows.student == num_vectors - 1),
        isolated_teacher=theirs * jnp.sum(rows.teacher == num_vectors - 1),
        coherence=mine * jnp.max(rows.coherence),
        covariance=mine * theirs * jnp.sum(rows.covariance),
        variance_student=mine * jnp.sum(rows.variance_student),
        variance_teacher=theirs * jnp.sum(rows.variance_teacher),
        squared_error=mine * theirs * jnp.sum(rows.squared_error),
        squared_teacher=theirs * jnp.sum(rows.squared_teacher),
    )


def has_zero_row(vectors: Float[Array, "n k"]) -> Bool[Array, ""]:
    """Whether a vector is zero, and so without direction and cosines."""
    return ~jnp.all(jnp.any(vectors != 0.0, axis=1))


@in_full_precision
def count_pairs(student: Vectors, teacher: Vectors, epsilon: float) -> PairCounts:
    """Numbers of pairs with |cosine| <= epsilon, as exact integers for any n.

    Args:
        student: vectors, of shape (n, m).
        teacher: vectors, of shape (n, d).
        epsilon: in [0, 1].

    Raises:
        ValueError: if a vector is zero or not finite.
    """
    student, teacher = as_matrices(student, teacher)
    if not all_finite(student, teacher):
        raise ValueError("Pairs of vectors that are not finite cannot be counted.")
    if has_zero_row(student) or has_zero_row(teacher):
        raise ValueError("Pairs with a zero vector, which has no cosines, cannot be.")
    student_pairs, teacher_pairs, both = (
        int(np.sum(np.asarray(part), dtype=np.int64)) // 2
        for part in counts_alone(student, teacher, epsilon)
    )
    num_vectors = student.shape[0]
    total = num_vectors * (num_vectors - 1) // 2
    return PairCounts(student_pairs, teacher_pairs, both, total)


@jax.jit
def counts_alone(
    student: Float[Array, "n m"],
    teacher: Float[Array, "n d"],
    epsilon: Float[Array, ""] | float,
) -> tuple[Int[Array, " n"], Int[Array, " n"], Int[Array, " n"]]:
    """Of student, teacher and both: the program leaves out what is not asked for."""
    return _over_pairs(student, teacher, epsilon)[:3]


def over_rows(function: Callable, *rows: Array) -> Any:
    """What a function of one row gives for each, many rows at a time."""
    num_vectors = len(rows[0])
    batch = min(num_vectors, max(1, _BLOCK_ENTRIES // num_vectors))
    return jax.lax.map(lambda each: function(*each), rows, batch_size=batch)


def _over_pairs(
    student: Float[Array, "n m"],
    teacher: Float[Array, "n d"],
    epsilon: Float[Array, ""] | float,
) -> _Sums:
    student, teacher = unit_rows(student), unit_rows(teacher)
    num_vectors = student.shape[0]
    of_tile = partial(
        _of_tile, means=(_mean_cosine(student), _mean_cosine(teacher)), epsilon=epsilon
    )
    if num_vectors**2 <= _BLOCK_ENTRIES:
        every = jnp.arange(num_vectors)
        others = every[:, None] != every[None, :]
        return of_tile(student @ student.T, teacher @ teacher.T, others, axis=1)
    side = min(_TILE, math.isqrt(_BLOCK_ENTRIES))
    num_blocks = -(-num_vectors // side)
    # Zero rows fill the last block: they are no one's others, and are cut off.
    fill = ((0, num_blocks * side - num_vectors), (0, 0))
    student, teacher = (
        jnp.pad(units, fill).reshape(num_blocks, side, -1)
        for units in (student, teacher)
    )
    vectors = jnp.arange(num_blocks * side).reshape(num_blocks, side)
    is_real = vectors < num_vectors

    def tile_of(row: Index, column: Index) -> tuple[_Sums, _Sums]:
        """What a tile gives to the vectors of its columns, and of its rows."""
        others = vectors[row][:, None] != vectors[column][None, :]
        others &= is_real[row][:, None] & is_real[column][None, :]
        mine = student[row] @ student[column].T
        theirs = teacher[row] @ teacher[column].T
        return (
            of_tile(mine, theirs, others, axis=0),
            of_tile(mine, theirs, others, axis=1),
        )

    def add_tile(sums: _Sums, at: Int[Array, " 2"]) -> tuple[_Sums, None]:
        row, column = at
        down, across = tile_of(row, column)
        # A block with itself has a pair in both orders, two blocks have it in one.
        orders = jnp.where(row == column, 1, 2)
        added = jax.tree.map(
            lambda total, part: total.at[column].add(orders * part), sums, down
        )
        in_student, in_teacher = (
            total.at[column].add(own).at[row].add((orders - 1) * other)
            for total, own, other in zip(sums[:2], down[:2], across[:2], strict=True)
        )
        largest = sums.coherence.at[column].max(down.coherence)
        added = added._replace(
            student=in_student, teacher=in_teacher, coherence=largest
        )
        return added, None

    # Of two types of float, each sum has its own.
    like = jax.eval_shape(lambda: tile_of(0, 0))
    none = jax.tree.map(lambda each: jnp.zeros(vectors.shape, each.dtype), like[0])
    tiles = np.stack(np.triu_indices(num_blocks), axis=1)
    found, _ = jax.lax.scan(add_tile, none, tiles)
    return jax.tree.map(lambda leaf: leaf.reshape(-1)[:num_vectors], found)


def _of_tile(
    mine: Float[Array, "b c"],
    theirs: Float[Array, "b c"],
    others: Bool[Array, "b c"],
    means: tuple[Float[Array, ""], Float[Array, ""]],
    epsilon: Float[Array, ""] | float,
    axis: int,
) -> _Sums:
    """Of cosines of student and teacher, along an axis."""
    in_student = (jnp.abs(mine) <= epsilon) & others
    in_teacher = (jnp.abs(theirs) <= epsilon) & others
    from_mean = jnp.where(others, mine - means[0], 0.0)
    teacher_from_mean = jnp.where(others, theirs - means[1], 0.0)
    return _Sums(
        student=jnp.sum(in_student, axis=axis, dtype=jnp.int32),
        teacher=jnp.sum(in_teacher, axis=axis, dtype=jnp.int32),
        both=jnp.sum(in_student & in_teacher, axis=axis, dtype=jnp.int32),
        coherence=jnp.max(jnp.where(others, jnp.abs(mine), 0.0), axis=axis),
        covariance=jnp.sum(from_mean * teacher_from_mean, axis=axis),
        variance_student=jnp.sum(from_mean**2, axis=axis),
        variance_teacher=jnp.sum(teacher_from_mean**2, axis=axis),
        squared_error=jnp.sum((mine - theirs) ** 2, axis=axis),
        squared_teacher=jnp.sum(theirs**2, axis=axis),
    )


def _mean_cosine(units: Float[Array, "n k"]) -> Float[Array, ""]:
    num_vectors = units.shape[0]
    total = squared_norm(jnp.sum(units, axis=0)) - squared_norm(units)
    return total / (num_vectors * (num_vectors - 1.0))
