"""The vectors of the theorem, and how far the copy is from its teachers."""

import numpy as np
from jaxtyping import Float


def plain(n: int) -> Float[np.ndarray, "n 1"]:
    """Two antipodal groups of n / 2 unit vectors, in one dimension."""
    return np.repeat([1.0, -1.0], n // 2)[:, None]


def turned(n: int, k: int) -> Float[np.ndarray, "n k+1"]:
    """The same, k / 2 of each group turned along directions of their own."""
    vectors = np.pad(plain(n), ((0, 0), (0, k)))
    rows = np.r_[n // 2 - k // 2 : n // 2, n - k // 2 : n]
    vectors[rows] = np.eye(k + 1)[1:]
    return vectors


def distances(n: float, k: float) -> dict[str, float]:
    """Those of the copy from the turned teacher, in closed form.

    CKA losses as they are; squared Procrustes and Gram distances relative to those of
    the zero student, and in the teacher's own units as `_size`; the share of pairs that
    are orthogonal in the teacher, of which the copy has none.

    The copy has the Gram matrix x x', with x the signs; the turned teacher y y' + D,
    with y the signs that are left and D the identity on what was turned. Both x and y
    sum to zero, so that centring changes only D.
    """
    left = n - k
    overlap = left**2 + k  # x' (y y' + D) x
    norm, centred = left**2 + k, left**2 + k - 2 * k / n + k**2 / n**2
    procrustes = 2 * n - 2 * overlap**0.5
    gram = n**2 + norm - 2 * overlap
    return {
        "cka": 1 - overlap / (n * centred**0.5),
        "cka_uncentred": 1 - overlap / (n * norm**0.5),
        "procrustes": procrustes / n,
        "gram": gram / norm,
        "procrustes_size": procrustes,
        "gram_size": gram,
        "pairs": k * (2 * n - k - 1) / (n * (n - 1)),
    }
