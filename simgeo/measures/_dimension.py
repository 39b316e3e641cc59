"""How a student spreads its vectors over its dimensions."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from simgeo.linalg import of_size_one, squared_norm, unit_rows
from simgeo.measures._battery import measure
from simgeo.measures._ratio import ratio
from simgeo.measures._tiles import PairSums, has_zero_row, over_rows


@measure(
    label="coherence of the student",
    bounds="[0, 1]",
    better="",
    chance="random student",
)
def coherence(pairs: PairSums) -> Float[Array, ""]:
    """The largest |cosine| of two of the student's vectors.

    NaN if a vector is zero. Bounds from below: `limits.coherence_bound`.
    """
    return pairs.coherence


@measure(
    label="effective rank of the student",
    bounds="[1, m]",
    better="",
    chance="random student",
)
def effective_rank(student: Float[Array, "n m"]) -> Float[Array, ""]:
    """The participation ratio of the student's Gram matrix L, (tr L)^2 / |L|^2.

    The number of equally strong directions; uncentred. NaN for a student of zeros.
    """
    student = of_size_one(student)
    return ratio(squared_norm(student) ** 2, squared_norm(student.T @ student))


@measure(
    label="dimensions per vector of the student",
    bounds="(0, min(1, m / n)]",
    better="",
    chance="random student",
)
def feature_dimensionality(student: Float[Array, "n m"]) -> Float[Array, ""]:
    """The mean share of a dimension that a vector has for itself.

    The mean over i of |s_i|^2 / sum_j (u_i's_j)^2, where s_i are the student's vectors
    and u_i = s_i / |s_i|. A vector orthogonal to all others has 1, one of two
    antipodal ones 1/2. The sum over vectors is at most the rank. NaN if a vector is
    zero. The work is O(n^2 m). Elhage et al. (2022), section 3.
    """
    student = of_size_one(student)

    def share(own: Float[Array, " m"], unit: Float[Array, " m"]) -> Float[Array, ""]:
        overlaps = student @ unit
        largest = jnp.max(jnp.abs(overlaps))  # a vector may be short beside others
        return ratio(own @ unit, largest) ** 2 / squared_norm(ratio(overlaps, largest))

    return jnp.mean(over_rows(share, student, unit_rows(student)))


@measure(
    label="frame potential of the student",
    bounds="[max(n, n^2 / m), n^2]",
    better="",
    chance="n + n (n - 1) / m",
)
def frame_potential(student: Float[Array, "n m"]) -> Float[Array, ""]:
    """The sum of the squared cosines of all ordered pairs, i with i too.

    sum_i sum_j (u_i'u_j)^2 = |U'U|^2 of the unit rows U, not divided by anything. Its
    lower bound n^2 / m (Welch, 1974) is reached by tight frames, and n by orthogonal
    vectors. NaN if a vector is zero. Benedetto and Fickus (2003), section 6.
    """
    units = unit_rows(student)
    return jnp.where(has_zero_row(student), jnp.nan, squared_norm(units.T @ units))
