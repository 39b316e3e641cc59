"""How much of the teacher's geometry a student has kept.

Plain functions of (student, teacher); `battery` computes all of them for a record.
Pairs are always those of different vectors, and the cosines of many are taken tile by
tile, so that memory stays linear in the number of vectors.
"""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from simgeo.linalg import (
    centre,
    inverse_root,
    nuclear_norm,
    ridge_solution,
    safe_divide,
    safe_sqrt,
    squared_norm,
    unit_rows,
)

_BLOCK_ENTRIES = 2**22  # cosines held at once: 16 MiB in float32
_TILE = 256  # rows and columns of a block of many vectors, which a core's cache holds


class Measure(NamedTuple):
    """What a number in the battery says, for tables and axes."""

    label: str
    better: str  # "higher", "lower", or "" where neither is
    bounds: str
    chance: str  # what a student that knows nothing of the teacher gets


MEASURES: dict[str, Measure] = {
    "pairs_student": Measure("epsilon-orthogonal pairs, student", "", "count", "law"),
    "pairs_teacher": Measure("epsilon-orthogonal pairs, teacher", "", "count", "law"),
    "pairs_both": Measure("epsilon-orthogonal pairs in both", "higher", "count", "law"),
    "fraction_student": Measure("fraction of pairs, student", "", "[0, 1]", "law"),
    "fraction_teacher": Measure("fraction of pairs, teacher", "", "[0, 1]", "law"),
    "pattern_recall": Measure("recall of the pattern", "higher", "[0, 1]", "law"),
    "pattern_precision": Measure(
        "precision of the pattern", "higher", "[0, 1]", "teacher's fraction"
    ),
    "matthews": Measure("Matthews correlation", "higher", "[-1, 1]", "0"),
    "isolated_student": Measure(
        "vectors orthogonal to all others, student", "", "count", "drawn"
    ),
    "isolated_teacher": Measure(
        "vectors orthogonal to all others, teacher", "", "count", "drawn"
    ),
    "gram_error": Measure("relative Gram error, unit rows", "lower", ">= 0", "law"),
    "cosine_correlation": Measure("correlation of cosines", "higher", "[-1, 1]", "0"),
    "cka": Measure("linear CKA", "higher", "[0, 1]", "drawn"),
    "cka_uncentred": Measure("linear CKA, uncentred", "higher", "[0, 1]", "drawn"),
    "procrustes_similarity": Measure(
        "Procrustes similarity", "higher", "[0, 1]", "drawn"
    ),
    "r2_of_teacher": Measure("R2, teacher from student", "higher", "[0, 1]", "drawn"),
    "r2_of_student": Measure("R2, student from teacher", "higher", "[0, 1]", "drawn"),
    "coherence": Measure("coherence, student", "", "[0, 1]", "drawn"),
    "effective_rank": Measure("effective rank, student", "", "[1, m]", "drawn"),
}


DEFAULT = tuple(MEASURES)
def require(names): pass
def needs_root(names): return True


class PairCounts(NamedTuple):
    """Counts of epsilon-orthogonal pairs, exact integers."""

    student: int
    teacher: int
    both: int
    total: int


class Pattern(NamedTuple):
    """Agreement of two epsilon-orthogonality patterns."""

    recall: Float[Array, ""]
    precision: Float[Array, ""]
    matthews: Float[Array, ""]


class _Rows(NamedTuple):
    """Sums over each vector's cosines with all others; the last two over all."""

    student: Int[Array, " n"]
    teacher: Int[Array, " n"]
    both: Int[Array, " n"]
    coherence: Float[Array, " n"]
    covariance: Float[Array, " n"]
    variance_student: Float[Array, " n"]
    variance_teacher: Float[Array, " n"]
    squared_error: Float[Array, " n"]
    squared_teacher: Float[Array, " n"]


def battery(
    student: Float[Array, "n m"],
    teacher: Float[Array, "n d"],
    epsilon: Float[Array, ""] | float,
    root: Float[Array, "d d"] | None = None,
    names=None,
) -> dict[str, Array]:
    """Every measure of `MEASURES`, in its order.

    Counts of pairs are exact while n <= 46,340; beyond, they are rounded floats, and
    `count_pairs` gives the integers.

    Args:
        root: `root_of` the teacher, where many students have the same: else computed,
            at m = d / 2 a quarter to a third of the work.

    >>> import jax.numpy as jnp
    >>> from simgeo import measures
    >>> teacher = jnp.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
    >>> student = teacher.at[1, 1].set(1.0)  # two of four orthogonal pairs are lost
    >>> found = measures.battery(student, teacher, epsilon=0.1)
    >>> for name in ("pattern_recall", "pattern_precision", "matthews"):
    ...     print(name, f"{found[name]:.2f}")
    pattern_recall 0.50
    pattern_precision 1.00
    matthews 0.50
    """
    rows = _over_pairs(student, teacher, epsilon)
    num_vectors = student.shape[0]
    num_pairs = num_vectors * (num_vectors - 1) / 2
    exact = num_vectors * (num_vectors - 1) < 2**31
    counts = {
        name: jnp.sum(per_row if exact else per_row.astype(student.dtype)) // 2
        for name, per_row in (
            ("student", rows.student),
            ("teacher", rows.teacher),
            ("both", rows.both),
        )
    }
    fractions = {name: count / num_pairs for name, count in counts.items()}
    agreement = pattern_agreement(**fractions)
    error = safe_divide(jnp.sum(rows.squared_error), jnp.sum(rows.squared_teacher))
    spread = safe_sqrt(jnp.sum(rows.variance_student)) * safe_sqrt(
        jnp.sum(rows.variance_teacher)
    )
    return {
        "pairs_student": counts["student"],
        "pairs_teacher": counts["teacher"],
        "pairs_both": counts["both"],
        "fraction_student": fractions["student"],
        "fraction_teacher": fractions["teacher"],
        "pattern_recall": agreement.recall,
        "pattern_precision": agreement.precision,
        "matthews": agreement.matthews,
        "isolated_student": jnp.sum(rows.student == num_vectors - 1),
        "isolated_teacher": jnp.sum(rows.teacher == num_vectors - 1),
        "gram_error": safe_sqrt(error),
        "cosine_correlation": _ratio(jnp.sum(rows.covariance), spread),
        "cka": linear_cka(student, teacher),
        "cka_uncentred": kernel_alignment(student, teacher),
        "procrustes_similarity": procrustes_similarity(student, teacher),
        "r2_of_teacher": linear_r2(student, teacher),
        "r2_of_student": linear_r2(teacher, student, root),
        "coherence": jnp.max(rows.coherence),
        "effective_rank": effective_rank(student),
    }


def count_pairs(
    student: Float[Array, "n m"], teacher: Float[Array, "n d"], epsilon: float
) -> PairCounts:
    """Numbers of pairs with |cosine| <= epsilon, as exact integers for any n."""
    rows = _over_pairs(student, teacher, epsilon)
    student_pairs, teacher_pairs, both = (
        int(np.sum(np.asarray(per_row), dtype=np.int64)) // 2
        for per_row in (rows.student, rows.teacher, rows.both)
    )
    num_vectors = student.shape[0]
    total = num_vectors * (num_vectors - 1) // 2
    return PairCounts(student_pairs, teacher_pairs, both, total)


def pattern_agreement(
    student: Float[Array, ""], teacher: Float[Array, ""], both: Float[Array, ""]
) -> Pattern:
    """Recall, precision and Matthews correlation from fractions of all pairs.

    `student`, `teacher` and `both` are the fractions of pairs that are
    epsilon-orthogonal there. Matthews correlation, in [-1, 1], is the Pearson
    correlation of the two patterns (Matthews, 1975). NaN where undefined: recall when
    the teacher has no such pair, precision when the student has none, the correlation
    when a pattern is constant.
    """
    spread = safe_sqrt(student * (1.0 - student)) * safe_sqrt(teacher * (1.0 - teacher))
    return Pattern(
        recall=_ratio(both, teacher),
        precision=_ratio(both, student),
        matthews=_ratio(both - student * teacher, spread),
    )


def linear_cka(
    student: Float[Array, "n m"], teacher: Float[Array, "n d"]
) -> Float[Array, ""]:
    """Linear centred kernel alignment (biased), in [0, 1]; 1 when geometry is kept.

    |S'T|^2 / (|S'S| |T'T|) of centred columns. Blind to rotation, translation and
    scale of either. NaN for a constant argument. Kornblith et al. (2019), section 3.
    """
    return kernel_alignment(centre(student), centre(teacher))


def kernel_alignment(
    student: Float[Array, "n m"], teacher: Float[Array, "n d"]
) -> Float[Array, ""]:
    """Uncentred linear CKA, in [0, 1]: the cosine of the two Gram matrices.

    Blind to rotation and scale of either. Cristianini et al. (2001).
    """
    own = jnp.sqrt(squared_norm(student.T @ student))
    target = jnp.sqrt(squared_norm(teacher.T @ teacher))
    return _ratio(squared_norm(student.T @ teacher), own * target)


def procrustes_similarity(
    student: Float[Array, "n m"], teacher: Float[Array, "n d"]
) -> Float[Array, ""]:
    """Normalised Bures similarity, |S'T|_* / (|S| |T|) of centred columns, in [0, 1].

    The cosine of the Procrustes angle; blind to rotation, translation and scale of
    either. Williams et al. (2021); Harvey et al. (2024).
    """
    student, teacher = centre(student), centre(teacher)
    norms = jnp.sqrt(squared_norm(student)) * jnp.sqrt(squared_norm(teacher))
    return _ratio(nuclear_norm(student.T @ teacher), norms)


def root_of(inputs: Float[Array, "n p"]) -> Float[Array, "p p"]:
    """The inverse root of the covariance, which `linear_r2` takes where it is known."""
    return inverse_root(centre(inputs))


def linear_r2(
    inputs: Float[Array, "n p"],
    targets: Float[Array, "n q"],
    root: Float[Array, "p p"] | None = None,
) -> Float[Array, ""]:
    """Share of the targets' variance that an affine map of the inputs explains.

    1 - min_W |Y_c - X_c W|^2 / |Y_c|^2, in [0, 1], on the data that the map is fitted
    to: independent inputs of p dimensions reach p / (n - 1). Blind to any invertible
    map of the inputs. `root` is `root_of` them, if it is known.
    """
    inputs, targets = centre(inputs), centre(targets)
    residual = targets - inputs @ ridge_solution(inputs, targets, root=root)
    return 1.0 - _ratio(squared_norm(residual), squared_norm(targets))


def effective_rank(vectors: Float[Array, "n k"]) -> Float[Array, ""]:
    """Participation ratio of the Gram matrix, (tr K)^2 / |K|^2, in [1, k].

    The number of equally strong directions; uncentred.
    """
    return _ratio(squared_norm(vectors) ** 2, squared_norm(vectors.T @ vectors))


def _ratio(
    numerator: Float[Array, ""], denominator: Float[Array, ""]
) -> Float[Array, ""]:
    """Quotient, NaN where the denominator is zero: undefined, not made up."""
    is_zero = denominator == 0.0
    return jnp.where(is_zero, jnp.nan, numerator / jnp.where(is_zero, 1.0, denominator))


def _over_pairs(
    student: Float[Array, "n m"],
    teacher: Float[Array, "n d"],
    epsilon: Float[Array, ""] | float,
) -> _Rows:
    student, teacher = unit_rows(student), unit_rows(teacher)
    num_vectors = student.shape[0]
    means = _mean_cosine(student), _mean_cosine(teacher)
    side = math.isqrt(_BLOCK_ENTRIES)
    side = num_vectors if num_vectors <= side else min(side, _TILE)
    num_blocks = -(-num_vectors // side)
    # Zero rows fill the last block: they are no one's others, and are cut off.
    fill = ((0, num_blocks * side - num_vectors), (0, 0))
    student, teacher = jnp.pad(student, fill), jnp.pad(teacher, fill)

    def of_tile(rows: Int[Array, " b"], columns: Int[Array, " b"]) -> _Rows:
        others = rows[:, None] != columns[None, :]
        others &= (columns < num_vectors)[None, :]
        mine = student[rows] @ student[columns].T
        theirs = teacher[rows] @ teacher[columns].T
        in_student = (jnp.abs(mine) <= epsilon) & others
        in_teacher = (jnp.abs(theirs) <= epsilon) & others
        from_mean = jnp.where(others, mine - means[0], 0.0)
        teacher_from_mean = jnp.where(others, theirs - means[1], 0.0)
        return _Rows(
            student=jnp.sum(in_student, axis=1, dtype=jnp.int32),
            teacher=jnp.sum(in_teacher, axis=1, dtype=jnp.int32),
            both=jnp.sum(in_student & in_teacher, axis=1, dtype=jnp.int32),
            coherence=jnp.max(jnp.where(others, jnp.abs(mine), 0.0), axis=1),
            covariance=jnp.sum(from_mean * teacher_from_mean, axis=1),
            variance_student=jnp.sum(from_mean**2, axis=1),
            variance_teacher=jnp.sum(teacher_from_mean**2, axis=1),
            squared_error=jnp.sum((mine - theirs) ** 2, axis=1),
            squared_teacher=jnp.sum(theirs**2, axis=1),
        )

    blocks = jnp.arange(num_blocks * side).reshape(num_blocks, side)
    if num_blocks == 1:
        return of_tile(blocks[0], blocks[0])

    def of_rows(rows: Int[Array, " b"]) -> _Rows:
        tiles = jax.lax.map(lambda columns: of_tile(rows, columns), blocks)
        sums = jax.tree.map(lambda leaf: jnp.sum(leaf, axis=0), tiles)
        return sums._replace(coherence=jnp.max(tiles.coherence, axis=0))

    rows = jax.lax.map(of_rows, blocks)
    return jax.tree.map(lambda leaf: leaf.reshape(-1)[:num_vectors], rows)


def _mean_cosine(units: Float[Array, "n k"]) -> Float[Array, ""]:
    num_vectors = units.shape[0]
    total = squared_norm(jnp.sum(units, axis=0)) - squared_norm(units)
    return total / (num_vectors * (num_vectors - 1.0))
