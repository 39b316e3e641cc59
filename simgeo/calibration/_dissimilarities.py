"""Vectors from dissimilarities, so that measures of vectors take those too."""

from typing import Any

import numpy as np
from jaxtyping import Float

from simgeo.checks import require

_ROUNDING = 1e-6  # of the largest eigenvalue


def embedded(rdms: Any) -> dict[str, Float[np.ndarray, "n k"]]:
    """Vectors whose squared distances are given dissimilarities, by classical scaling.

    They are exact up to rotation, and have the mean zero: what a measure says of them
    it says of centred vectors. Their Gram matrix is -H D H / 2, with the centring
    matrix H and the dissimilarities D (Torgerson, 1952).

    Args:
        rdms: what rsatoolbox calls RDMs, or anything that has `get_matrices()` of
            shape (k, n, n). `calc_rdm` gives squared distances for the methods
            `euclidean`, `correlation` and `mahalanobis`.

    Returns:
        By its number, "0" and so on, the vectors of each matrix.

    Raises:
        ValueError: if a matrix is not one of squared distances: it is not finite, not
            symmetric, or no vectors have these distances.

    >>> import numpy as np
    >>> from rsatoolbox.rdm import RDMs
    >>> from simgeo import calibration
    >>> [vectors] = calibration.embedded(RDMs(np.array([[9.0, 25, 16]]))).values()
    >>> round(float(np.linalg.norm(vectors[0] - vectors[2])), 6)  # squared, 25
    5.0
    """
    found = {}
    for number, matrix in enumerate(np.asarray(rdms.get_matrices(), np.float64)):
        name, rule = f"rdms [{number}]", "hold squared distances"
        require(
            bool(np.isfinite(matrix).all()), name, rule, "numbers that are not finite"
        )
        is_right = np.allclose(matrix, matrix.T)
        require(is_right, name, rule, "a matrix that is not symmetric")
        centred = matrix - matrix.mean(axis=0)
        gram = -0.5 * (centred - centred.mean(axis=1, keepdims=True))
        values, axes = np.linalg.eigh(gram)
        least = values[-1] * _ROUNDING
        is_right = bool(values[0] >= -least)
        got = f"an eigenvalue of {values[0]:.3g}, where none may be negative"
        require(is_right, name, rule, got)
        kept = values > least if values[-1] > 0 else values == values[-1]
        found[str(number)] = axes[:, kept] * np.sqrt(np.maximum(values[kept], 0.0))
    return found
