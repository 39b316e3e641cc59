"""Which sparse features are on, read from the vectors that superpose them.

A representation is the sum over features of activation times direction, one row per
sample: `activations @ directions`. In NumPy, on the host: what is read is small, and
sorting, which the area under the curve needs, is slow in compiled loops.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float


class Readout(NamedTuple):
    """An affine map to one score per feature; higher where the feature is on."""

    weights: Float[np.ndarray, "k n"]
    offset: Float[np.ndarray, " n"]

    def __call__(
        self, representation: Float[np.ndarray, "b k"]
    ) -> Float[np.ndarray, "b n"]:
        return representation @ self.weights + self.offset


def activations(
    rng: np.random.Generator, num_samples: int, num_features: int, sparsity: float
) -> Float[np.ndarray, "b n"]:
    """Activations, zero with probability `sparsity` and else uniform in (0, 1].

    In float32. Elhage et al. (2022), section 2.

    Args:
        rng: that draws them.
        num_samples: b, at least 0.
        num_features: n, at least 1.
        sparsity: probability of a zero, in [0, 1).

    Raises:
        ValueError: if `sparsity` is not in [0, 1).
    """
    if not 0 <= sparsity < 1:
        raise ValueError(
            f"`sparsity` must lie between 0 and 1, 1 excluded; got {sparsity}."
        )
    shape = (num_samples, num_features)
    is_on = rng.random(shape, np.float32) >= np.float32(sparsity)
    return np.where(is_on, np.float32(1) - rng.random(shape, np.float32), np.float32(0))


def fit(
    representation: Float[np.ndarray, "b k"],
    is_on: Bool[np.ndarray, "b n"],
    penalty: float = 1e-3,
) -> Readout:
    """Ridge regression of every feature's indicator on a representation.

    (X'X + p tr(X'X) / k I)^-1 X'Y of the centred columns, X the representation: the
    penalty p is in units of the mean variance, so that scale does not matter. Blind to
    rotation, translation and scale, and, but for the penalty, to any invertible map.

    Args:
        representation: of b samples in k dimensions.
        is_on: whether each of n features is active in each sample.
        penalty: p, above 0.

    Raises:
        ValueError: if `penalty` is not positive.
    """
    if not penalty > 0:
        raise ValueError(f"`penalty` must be positive; got {penalty}.")
    representation = _wide(representation)
    means = representation.mean(axis=0), is_on.mean(axis=0, dtype=representation.dtype)
    inputs, targets = representation - means[0], is_on - means[1]
    inner = inputs.T @ inputs
    width = len(inner)
    ridge = penalty * np.trace(inner) / width
    ridge = 1.0 if ridge == 0 else ridge  # of a constant representation
    weights = np.linalg.solve(
        inner + ridge * np.eye(width, dtype=inner.dtype), inputs.T @ targets
    )
    return Readout(weights, means[1] - means[0] @ weights)


def matched(directions: Float[np.ndarray, "n k"]) -> Readout:
    """The product with every feature's own direction; nothing is fitted."""
    return Readout(directions.T, np.zeros(len(directions), directions.dtype))


def carried(
    student: Float[np.ndarray, "n m"],
    teacher: Float[np.ndarray, "n d"],
    readout: Readout,
    alignment: str,
) -> Readout:
    """A readout of the teacher's representation, as one of the student's.

    The student is first turned onto the teacher, by the partial isometry W that
    minimises |T - c S W| at its best scale c (orthogonal Procrustes), or mapped there,
    by the least-squares W of |T - S W|; no column is centred. At equal width a mapped
    student whose columns span the teacher's is read as the teacher is.

    Args:
        alignment: `rotated` or `mapped`.

    Raises:
        ValueError: if `alignment` is neither.
    """
    student, teacher = _wide(student), _wide(teacher)
    if not (np.isfinite(student).all() and np.isfinite(teacher).all()):
        # On which decompositions do not agree: some raise, some return.
        turn = np.full((student.shape[1], teacher.shape[1]), np.nan, student.dtype)
    elif alignment == "rotated":
        left, sizes, right = np.linalg.svd(student.T @ teacher, full_matrices=False)
        norm = np.sum(student**2)
        scale = np.sum(sizes) / norm if norm > 0 else 0.0
        turn = student.dtype.type(scale) * (left @ right)
    elif alignment == "mapped":
        turn = np.linalg.lstsq(student, teacher)[0]
    else:
        raise ValueError(
            f"`alignment` must be 'rotated' or 'mapped'; got {alignment!r}."
        )
    return Readout(turn @ readout.weights, readout.offset)


def roc_area(
    scores: Float[np.ndarray, "b n"], is_on: Bool[np.ndarray, "b n"]
) -> Float[np.ndarray, " n"]:
    """Area under the ROC curve of every feature, in [0, 1]; 1/2 by chance.

    The probability that a sample with the feature on scores above one with it off, ties
    counting half (Mann and Whitney, 1947). NaN for a feature that is always, or never,
    on, or whose scores are NaN. Blind to any rising function of the scores.
    """
    scores = np.ascontiguousarray(scores.T)
    order = np.argsort(scores, axis=1)
    ranked = np.take_along_axis(scores, order, axis=1)
    on = np.take_along_axis(np.ascontiguousarray(is_on.T), order, axis=1)
    num_on = on.sum(axis=1)
    num_off = on.shape[1] - num_on
    off_below = np.cumsum(~on, axis=1)  # ties, for now, in the order of the sort
    wins = np.sum(off_below, axis=1, where=on).astype(float)
    tied = ranked[:, 1:] == ranked[:, :-1]
    for row in np.flatnonzero(tied.any(axis=1)):
        wins[row] = _wins_with_ties(ranked[row], on[row])
    pairs = num_on * num_off
    is_defined = (pairs > 0) & ~np.isnan(scores).any(axis=1)
    return np.where(is_defined, wins / np.maximum(pairs, 1), np.nan)


def _wide(vectors: Float[np.ndarray, "n k"]) -> Float[np.ndarray, "n k"]:
    """At least float32, which LAPACK takes."""
    return vectors.astype(np.promote_types(vectors.dtype, np.float32), copy=False)


def _wins_with_ties(
    ranked: Float[np.ndarray, " b"], on: Bool[np.ndarray, " b"]
) -> float:
    off = ranked[~on]
    below, not_above = (np.searchsorted(off, ranked[on], side) for side in _SIDES)
    return float(np.sum(below + not_above)) / 2


_SIDES = ("left", "right")
