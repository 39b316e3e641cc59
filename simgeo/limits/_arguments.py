"""Shared by all limits: arrays on the host, and refusals."""

import numpy as np
from jaxtyping import Array, Float

from simgeo.checks import require

_MOST = 10**100  # whose squares are below the largest float

Vectors = Float[np.ndarray, "n d"] | Float[Array, "n d"]


def as_array(vectors: Vectors) -> Float[np.ndarray, "n d"]:
    return np.asarray(vectors, dtype=np.float64)


def unit_rows(vectors: Float[np.ndarray, "n d"]) -> Float[np.ndarray, "n d"]:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / np.where(lengths == 0, 1.0, lengths)


def cosine_moment(dim: int, order: int) -> float:
    """E cos^{2 order} between random directions of `dim` dimensions."""
    j = np.arange(order)
    return float(np.prod((1 + 2 * j) / (float(dim) + 2 * j)))


def check_epsilon(epsilon: float) -> None:
    require(bool(epsilon >= 0), "epsilon", "not be negative", epsilon)


def check_counts(**counts: int) -> None:
    for name, count in counts.items():
        require(bool(count >= 1), name, "be at least 1", count)
        require(bool(count <= _MOST), name, "not exceed 10^100", count)
