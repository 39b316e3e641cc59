"""Shared by all theory: arrays on the host, their norms, and refusals."""

import numpy as np
from jaxtyping import Array, Float

from simgeo.checks import require

# One function takes two of these, of different widths, and says itself what must agree.
Vectors = Float[np.ndarray, "_ _"] | Float[Array, "_ _"]


def as_array(vectors: Vectors, name: str) -> Float[np.ndarray, "n k"]:
    """The vectors in float64, refused unless finite."""
    array = np.asarray(vectors, dtype=np.float64)
    require(bool(np.isfinite(array).all()), name, "be finite", "NaN or infinity")
    return array


def as_pair(
    student: Vectors, teacher: Vectors
) -> tuple[Float[np.ndarray, "n m"], Float[np.ndarray, "n d"]]:
    """Both in float64, refused unless they have as many rows."""
    own, target = as_array(student, "student"), as_array(teacher, "teacher")
    got = f"{len(own)} and {len(target)}"
    rule = "have as many rows as `teacher`"
    require(len(own) == len(target), "student", rule, got)
    return own, target


def as_unit_rows(vectors: Vectors, name: str) -> Float[np.ndarray, "n k"]:
    """Directions of the rows, refused where a row is zero."""
    array = as_array(vectors, name)
    lengths = np.linalg.norm(array, axis=1, keepdims=True)
    require(bool(lengths.all()), name, "have no zero row", "one")
    return array / lengths


def centred(vectors: Float[np.ndarray, "n k"]) -> Float[np.ndarray, "n k"]:
    return vectors - vectors.mean(axis=0, keepdims=True)


def singular_values(matrix: Float[np.ndarray, "n k"]) -> Float[np.ndarray, " r"]:
    """Those above rounding, largest first: as many as the numerical rank."""
    values = np.linalg.svd(matrix, compute_uv=False)
    floor = values[0] * max(matrix.shape) * np.finfo(np.float64).eps
    return values[values > floor]


def range_basis(matrix: Float[np.ndarray, "n k"]) -> Float[np.ndarray, "n r"]:
    """Orthonormal basis of the column space."""
    left, values, _ = np.linalg.svd(matrix, full_matrices=False)
    floor = values[0] * max(matrix.shape) * np.finfo(np.float64).eps
    return left[:, values > floor]
