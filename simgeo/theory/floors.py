"""How low the CKA loss can be while epsilon-orthogonal pairs are lost.

Rows of unit length and centred columns on both sides. A pair is lost when the teacher
has |cos| <= epsilon and the student |cos| >= `lost_at`.
"""

import math
from bisect import bisect_right
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from scipy.optimize import brentq

from simgeo.checks import require
from simgeo.theory._base import Vectors, as_array, as_unit_rows, centred


def cka_floor(
    teacher: Vectors, epsilon: float, share: float, lost_at: float | None = None
) -> float:
    """Lower bound on 1 - CKA of every student that has lost `share` of the pairs.

    K and L are the cosines, t >= 0 and b = `lost_at` (default: epsilon). Entry by
    entry, |K - t L|^2 is at least

        h(t) = n (1 - t)^2 + 2 sum_lost max(t b - |K_ij|, 0)^2
                           + 2 sum_others max(|K_ij| - t, 0)^2,

    which is least if the lost pairs are those of largest |K_ij| <= epsilon, whatever
    t is. The sine of the angle between K and L is min_t |K - t L| / |K|, so that
    1 - CKA >= 1 - sqrt(1 - min_t h(t) / |K|^2): for exactly orthogonal pairs about
    (effective rank) (fraction lost of all pairs) b^2 / 2, the rank being n^2 / |K|^2.
    For students of any width. `antipodal_axes` attain it.

    Args:
        teacher: rows of unit length and centred columns, to 1e-6; see `balanced`.
        share: of the epsilon-orthogonal pairs, in [0, 1]; counts are rounded up.
    """
    cosines, orthogonal = _cosines(teacher, epsilon)
    require(0 <= share <= 1, "share", "lie between 0 and 1", share)
    lost_at = epsilon if lost_at is None else lost_at
    require(0 < lost_at <= 1, "lost_at", "lie between 0, excluded, and 1", lost_at)
    count = math.ceil(share * len(orthogonal) - 1e-9)
    cheapest = np.argsort(-cosines[orthogonal], kind="stable")
    lost = np.zeros(len(cosines), dtype=bool)
    lost[orthogonal[cheapest[:count]]] = True
    n, moved, kept = len(np.asarray(teacher)), cosines[lost], cosines[~lost]

    def shortfalls(t: float) -> tuple[np.ndarray, np.ndarray]:
        return np.maximum(t * lost_at - moved, 0.0), np.maximum(kept - t, 0.0)

    def slope(t: float) -> float:
        short, over = shortfalls(t)
        return n * (t - 1) + 2 * lost_at * float(short.sum()) - 2 * float(over.sum())

    # h is convex, with slope below zero at t = 0 and not below at t = 1.
    t = float(brentq(slope, 0.0, 1.0)) if slope(1.0) > 0 else 1.0
    squares = sum(float(np.sum(each**2)) for each in shortfalls(t))
    least = n * (1 - t) ** 2 + 2 * squares
    sine = least / (n + 2 * float(np.sum(cosines**2)))
    return sine / (1 + math.sqrt(max(1 - sine, 0.0)))


def most_lost(
    teacher: Vectors, epsilon: float, cka_loss: float, lost_at: float | None = None
) -> float:
    """Largest share of epsilon-orthogonal pairs that this CKA loss leaves room to lose.

    The inverse of `cka_floor`: a certificate of what a student of unit rows and
    centred columns has kept. NaN for a teacher without such pairs.

    Args:
        teacher: the teacher's vectors, of shape (n, d).
        epsilon: largest |cosine| of a pair that counts as orthogonal, in [0, 1].
        cka_loss: 1 - CKA of the student, in [0, 1].
        lost_at: |cosine| from which a pair counts as lost, in [0, 1].
    """
    _, orthogonal = _cosines(teacher, epsilon)
    if not len(orthogonal):
        return math.nan
    num = len(orthogonal)

    def floor(lost: int) -> float:
        return cka_floor(teacher, epsilon, lost / num, lost_at)

    return bisect_right(range(1, num + 1), cka_loss, key=floor) / num


def lost_share(
    student: Vectors, teacher: Vectors, epsilon: float, lost_at: float | None = None
) -> float:
    """Share of the teacher's epsilon-orthogonal pairs with |cos| >= `lost_at` here.

    Args:
        student: vectors, of shape (n, m).
        teacher: the teacher's vectors, of shape (n, d).
        epsilon: largest |cosine| of a pair that counts as orthogonal, in [0, 1].
        lost_at: |cosine| from which a pair counts as lost, in [0, 1].
    """
    lost_at = epsilon if lost_at is None else lost_at
    units = as_unit_rows(student, "student"), as_unit_rows(teacher, "teacher")
    above = np.triu_indices(len(units[0]), 1)
    own, target = (np.abs(each @ each.T)[above] for each in units)
    orthogonal = target <= epsilon
    return float(np.mean(own[orthogonal] >= lost_at)) if orthogonal.any() else math.nan


def antipodal_axes(
    counts: Sequence[int], cosine: float = 0.0
) -> Float[np.ndarray, "n p"]:
    """Unit rows +-a_k, `counts[k]` of each sign, along p axes of one pairwise cosine.

    Centred, with n = 2 sum(counts). Between `cosine` a and b, with w_k the shares of
    the axes and W = sum w_k^2 = 1 / (effective rank at cosine 0),
    CKA = (W + (1 - W) a b) / sqrt((W + (1 - W) a^2) (W + (1 - W) b^2)).

    From a = 0 to b = epsilon all orthogonal pairs are lost for
    1 - 1 / sqrt(1 + (1/W - 1) b^2), the least that `cka_floor` allows: half a percent
    for two equal axes at 0.1. From just below epsilon to just above, for nothing.
    """
    num_axes = len(counts)
    is_right = min(counts, default=0) >= 1
    require(is_right, "counts", "hold positive numbers", list(counts))
    require(0 <= cosine < 1, "cosine", "lie between 0 and 1, 1 excluded", cosine)
    gram = (1 - cosine) * np.eye(num_axes) + cosine
    axes = np.repeat(np.linalg.cholesky(gram), counts, axis=0)
    return np.stack([axes, -axes], axis=1).reshape(-1, num_axes)


def balanced(vectors: Vectors, num_steps: int = 10_000) -> Float[np.ndarray, "n k"]:
    """Near vectors with rows of unit length and centred columns, to rounding.

    Centres and normalises in turn. Refused where that does not settle.
    """
    units = as_unit_rows(vectors, "vectors")
    for _ in range(num_steps):
        moved = centred(units)
        lengths = np.linalg.norm(moved, axis=1, keepdims=True)
        if lengths.min() < 1e-6:
            break
        units = moved / lengths
        if np.abs(units.mean(axis=0)).max() < 1e-15 * len(units):
            return units
    raise ValueError(
        "`vectors` must have unit rows with centred columns nearby; none were found. "
        "Use more vectors than dimensions, or spread them around the origin."
    )


def _cosines(
    teacher: Vectors, epsilon: float
) -> tuple[Float[np.ndarray, " pairs"], np.ndarray]:
    """|cos| of every pair, and the indices of those up to epsilon."""
    array = as_array(teacher, "teacher")
    uneven = np.abs(np.linalg.norm(array, axis=1) - 1).max()
    offset = np.linalg.norm(array.mean(axis=0))
    if max(uneven, offset) > 1e-6:
        raise ValueError(
            f"`teacher` must have rows of unit length and centred columns; got lengths "
            f"off by {uneven:.3g} and a mean of length {offset:.3g}. Use `balanced`."
        )
    require(epsilon >= 0, "epsilon", "not be negative", epsilon)
    cosines = np.abs(array @ array.T)[np.triu_indices(len(array), 1)]
    return cosines, np.flatnonzero(cosines <= epsilon)
