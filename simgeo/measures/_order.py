"""Whether the same vectors are near: neighbours, and the order of all distances."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from simgeo.linalg import centre, of_size_one, safe_sqrt, unit_rows
from simgeo.measures._battery import measure
from simgeo.measures._ratio import ratio
from simgeo.measures._tiles import has_zero_row, over_rows

_NUM_NEIGHBOURS = 10
_MOST_RANKED = 2**24  # distances: to rank them takes one and a half GiB


@measure(
    label="overlap of nearest neighbours",
    bounds="[0, 1]",
    better="higher",
    chance="k / (n - 1)",
)
def neighbour_overlap(
    student: Float[Array, "n m"], teacher: Float[Array, "n d"]
) -> Float[Array, ""]:
    """The mean share of a vector's k nearest neighbours that student and teacher share.

    The nearest are those of largest cosine, k = 10 of them, or n - 1 if there are no
    more, when the overlap is 1. If some are equally near, to rounding, the first in
    order count. Blind to rotation and to the lengths of rows. NaN if a vector is zero,
    for it has no cosines, or as near to all others, where there are more than k. The
    work is O(n^2 (m + d)).
    """
    num_vectors = student.shape[0]
    num_near = min(_NUM_NEIGHBOURS, num_vectors - 1)
    whole = ~(has_zero_row(student) | has_zero_row(teacher))
    student, teacher = unit_rows(student), unit_rows(teacher)
    step = 64.0 * jnp.finfo(student.dtype).eps  # coarser than rounding

    def shared(place: Int[Array, ""]) -> Float[Array, ""]:
        near, is_ordered = [], True
        for units in (student, teacher):
            cosines = jnp.round(units @ units[place] / step)
            lowest = jnp.min(cosines)
            cosines = cosines.at[place].set(lowest - 1.0)
            near.append(jax.lax.top_k(cosines, num_near)[1])
            is_ordered &= jnp.max(cosines) > lowest
        both = jnp.sum(near[0][:, None] == near[1][None, :], dtype=student.dtype)
        return jnp.where(is_ordered | (num_near == num_vectors - 1), both, jnp.nan)

    total = jnp.sum(over_rows(shared, jnp.arange(num_vectors)))
    return jnp.where(whole, total / (num_vectors * num_near), jnp.nan)


@measure(
    label="rank correlation of distances", bounds="[-1, 1]", better="higher", chance="0"
)
def rsa(student: Float[Array, "n m"], teacher: Float[Array, "n d"]) -> Float[Array, ""]:
    """Spearman's correlation, over pairs, of the student's and the teacher's distances.

    Representational similarity analysis of Euclidean distances; equal distances, and
    those that differ by rounding alone, share the mean of their ranks. Blind to
    rotation, translation and scale, and to any rising function of the distances. NaN if
    all distances of a side are equal. Of more than 5,793 vectors, which have more than
    2^24 pairs, so many are compared, the same ones whenever n is the same; that moves
    it by less than .0005 in nineteen of twenty draws of pairs. The work is
    O(n^2 (m + d + log n)) up to there, the memory O(n^2). Kriegeskorte et al. (2008).
    """
    own, target = _centred_ranks(student), _centred_ranks(teacher)
    spread = safe_sqrt(jnp.sum(own**2)) * safe_sqrt(jnp.sum(target**2))
    return ratio(jnp.sum(own * target), spread)


def _centred_ranks(vectors: Float[Array, "n k"]) -> Float[Array, " p"]:
    """Ranks of all p distances less their mean, over p."""
    distances = _squared_distances(vectors)
    ordered = jnp.sort(distances)
    rounding = 16.0 * jnp.finfo(vectors.dtype).eps * distances
    below, not_above = (
        jnp.searchsorted(ordered, ends, side)
        for ends, side in (
            (distances - rounding, "left"),
            (distances + rounding, "right"),
        )
    )
    # Whole numbers until the division: twice the ranks, less twice their mean.
    twice = below + not_above - len(distances)
    return twice.astype(vectors.dtype) / max(1, len(distances))


def _squared_distances(vectors: Float[Array, "n k"]) -> Float[Array, " p"]:
    """Of every pair once, or of 2^24: of all vectors with those some places behind.

    Differences, not products, so that equal distances of equal rows stay equal.
    """
    num_vectors = len(vectors)
    vectors = of_size_one(centre(vectors))
    places = np.arange(1, (num_vectors + 1) // 2)
    has_all = num_vectors * (num_vectors - 1) // 2 <= _MOST_RANKED
    if not has_all:
        draw = np.random.default_rng(0)
        vectors = vectors[draw.permutation(num_vectors)]  # neighbours may be alike
        some = max(1, _MOST_RANKED // num_vectors)
        places = draw.choice(places, some, replace=False)

    def apart(places: Int[Array, ""] | int) -> Float[Array, " n"]:
        return jnp.sum((vectors - jnp.roll(vectors, -places, axis=0)) ** 2, axis=1)

    distances = jax.lax.map(apart, jnp.asarray(places)).reshape(-1)
    if has_all and num_vectors % 2 == 0:  # those opposite on the circle meet twice
        opposite = apart(num_vectors // 2)[: num_vectors // 2]
        distances = jnp.concatenate([distances, opposite])
    return distances
