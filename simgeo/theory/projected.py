"""Students of zero loss whose cosines are chosen by hand."""

import math

import numpy as np
from jaxtyping import Array, Float

from simgeo.checks import require
from simgeo.theory._base import Vectors, as_array, range_basis


def projected_student(
    teacher: Vectors,
    cosines: Vectors,
    student_dim: int | None = None,
    floor: float = 1e-3,
) -> Float[np.ndarray, "n m"]:
    """Student of zero projection loss whose Gram matrix is as near `cosines` as may be.

    S = B M^(1/2), with orthonormal columns B that span the teacher's column space and,
    where `student_dim` (default: the teacher's) leaves room, the leading directions of
    `cosines` C outside it; M is B'CB with its eigenvalues raised to `floor`.

    Proof: M is invertible, so that col(S) = col(B) contains col(T), and T = S W.
    |S S' - C|^2 = |M - B'CB|^2 + |C - P C P|^2 with P = B B', and B'CB is the least
    over M. If col(B) contains the range of C, the second term is zero, no entry is
    further than `floor` from C, and for unit diagonal no cosine further than 2 `floor`.

    That is so for every C where the teacher has full row rank (n <= d), and at width
    rank(T) + rank((I - T T^+) C) for any n. At width rank(T) < n the students of zero
    loss are the T A, and of these it has the nearest Gram matrix.

    Args:
        cosines: n x n, symmetric and positive semidefinite: the Gram matrix wanted.
        floor: least eigenvalue of M; zero loss is out of reach at zero.
    """
    array, wanted = as_array(teacher, "teacher"), as_array(cosines, "cosines")
    n = len(array)
    _check_gram(wanted, n)
    require(floor > 0, "floor", "be positive", floor)
    width = array.shape[1] if student_dim is None else student_dim
    basis = range_basis(array) if array.any() else np.zeros((n, 0))
    rank = basis.shape[1]
    rule = "be at least the rank of `teacher`, or no student has zero projection loss"
    require(width >= max(rank, 1), "student_dim", rule, f"{width} < {rank}")
    outside = wanted - basis @ (basis.T @ wanted)
    outside -= (outside @ basis) @ basis.T
    values, vectors = np.linalg.eigh((outside + outside.T) / 2)
    leading = np.argsort(-values)[: width - rank]
    leading = leading[values[leading] > 1e-12 * np.trace(wanted)]
    basis, _ = np.linalg.qr(np.hstack([basis, vectors[:, leading]]))
    inner = basis.T @ wanted @ basis
    values, vectors = np.linalg.eigh((inner + inner.T) / 2)
    student = basis @ (vectors * np.sqrt(np.maximum(values, floor)))
    return np.pad(student, ((0, 0), (0, width - student.shape[1])))


def translated_student(
    teacher: Float[np.ndarray, "n d"] | Float[Array, "n d"], cosine: float
) -> Float[np.ndarray, "n d+1"]:
    """Student of zero CKA loss whose orthogonal pairs all get one cosine.

    S = [T, h 1] with h^2 = |t|^2 c / (1 - c), c = `cosine` in [0, 1), |t| the length
    of the longest row. An inner product K_ij becomes K_ij + h^2, so that for rows of
    one length every cosine k becomes c + (1 - c) k; orthogonal rows that are shorter
    get more than c.

    Proof: S_c = [T_c, 0], so that every distance of centred columns is zero; the
    projection is too, since T is a part of S. Conversely a CKA loss of zero means
    S_c = a T_c Q: at zero loss nothing but a translation can change the cosines, and
    a student with centred columns keeps those of a teacher with centred columns.
    """
    array = as_array(teacher, "teacher")
    require(0 <= cosine < 1, "cosine", "lie between 0 and 1, 1 excluded", cosine)
    longest = np.linalg.norm(array, axis=1).max()
    height = longest * math.sqrt(cosine / (1 - cosine))
    return np.hstack([array, np.full((len(array), 1), height)])


def _check_gram(wanted: Float[np.ndarray, "n k"], n: int) -> None:
    is_one = wanted.shape == (n, n) and np.allclose(wanted, wanted.T)
    rule = "be a symmetric matrix of one row per vector of `teacher`"
    require(is_one, "cosines", rule, f"shape {wanted.shape} for {n} vectors")
    least = np.linalg.eigvalsh(wanted)[0]
    got = f"least eigenvalue {least:.3g}. `teachers.FromGram` finds the nearest"
    is_positive = bool(least >= -1e-5 * max(np.trace(wanted), 0) / n)
    require(is_positive, "cosines", "be positive semidefinite", got)
