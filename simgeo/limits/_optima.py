"""The best that any student of a given width can do."""

import hashlib
import math

import numpy as np
from jaxtyping import Float

from simgeo.limits._arguments import Vectors, as_array, check_counts

_SPECTRA: dict[str, Float[np.ndarray, " rank"]] = {}  # the oldest first
_NUM_SPECTRA = 1024


def gram_optimum(teacher: Vectors, student_dim: int, centred: bool = False) -> float:
    """Least |K - L|^2 over all students: the sum of l_i^2 beyond `student_dim`.

    l_1 >= l_2 >= ... are the eigenvalues of K = T T', or of T_c T_c' if `centred`.
    Attained by `optimal_student`. Eckart and Young (1936).

    Args:
        teacher: the teacher's vectors, of shape (n, d).
        student_dim: the student's dimensions m, at least 1.
        centred: whether the mean of the rows is removed from both sides first.
    """
    eigenvalues = _eigenvalues(teacher, student_dim, centred)
    return float(np.sum(eigenvalues[student_dim:] ** 2))


def procrustes_optimum(
    teacher: Vectors, student_dim: int, centred: bool = False
) -> float:
    """Least |T|^2 + |S|^2 - 2 |S'T|_*: the sum of l_i beyond `student_dim`.

    Attained by `optimal_student`. Von Neumann (1937), trace inequality.

    Args:
        teacher: the teacher's vectors, of shape (n, d).
        student_dim: the student's dimensions m, at least 1.
        centred: whether the mean of the rows is removed from both sides first.
    """
    return float(np.sum(_eigenvalues(teacher, student_dim, centred)[student_dim:]))


def projection_optimum(teacher: Vectors, student_dim: int) -> float:
    """Least |T - S W|^2 / n over students S and maps W: the same sum, over n.

    Attained by `optimal_student` and by every invertible linear map of it.
    """
    return procrustes_optimum(teacher, student_dim) / len(teacher)


def normalised_procrustes_optimum(
    teacher: Vectors, student_dim: int, centred: bool = True
) -> float:
    """Least 2 - 2 |S'T|_* / (|S| |T|): 2 - 2 sqrt(sum_{i<=m} l_i / sum l_i).

    l_i as in `gram_optimum`, m = `student_dim`; in [0, 2]. Attained by
    `optimal_student` at any scale. NaN for a teacher without variance.

    Args:
        teacher: the teacher's vectors, of shape (n, d).
        student_dim: the student's dimensions m, at least 1.
        centred: whether the mean of the rows is removed from both sides first.
    """
    return 2 * _kept_shortfall(_eigenvalues(teacher, student_dim, centred), student_dim)


def cka_optimum(teacher: Vectors, student_dim: int, centred: bool = True) -> float:
    """Least 1 - CKA: 1 - sqrt(sum_{i<=m} l_i^2 / sum l_i^2), in [0, 1].

    l_i as in `gram_optimum`, m = `student_dim`; for the biased estimator. Attained by
    `optimal_student` at any scale. NaN for a teacher without variance.

    Args:
        teacher: the teacher's vectors, of shape (n, d).
        student_dim: the student's dimensions m, at least 1.
        centred: whether the mean of the rows is removed from both sides first.

    >>> import numpy as np
    >>> from simgeo import limits
    >>> [round(limits.cka_optimum(np.eye(4), width), 3) for width in (1, 2, 3)]
    [0.423, 0.184, 0.0]
    """
    eigenvalues = _eigenvalues(teacher, student_dim, centred)
    return _kept_shortfall(eigenvalues**2, student_dim)


def optimal_student(
    teacher: Vectors, student_dim: int, centred: bool = False
) -> Float[np.ndarray, "n m"]:
    """Truncated singular value decomposition U_m diag(s_m) of the teacher.

    Reaches the optimum of every objective above with the same `centred`. Columns beyond
    the teacher's own dimensions are zero.

    Args:
        teacher: the teacher's vectors, of shape (n, d).
        student_dim: the student's dimensions m, at least 1.
        centred: whether the mean of the rows is removed from both sides first.
    """
    check_counts(student_dim=student_dim)
    left, singular, _ = np.linalg.svd(_centred(teacher, centred), full_matrices=False)
    kept = min(student_dim, len(singular))
    student = np.zeros((len(left), student_dim))
    student[:, :kept] = left[:, :kept] * singular[:kept]
    return student


def _eigenvalues(
    teacher: Vectors, student_dim: int, centred: bool
) -> Float[np.ndarray, " rank"]:
    """Eigenvalues of the Gram matrix, largest first, without the n - rank zeros."""
    check_counts(student_dim=student_dim)
    vectors = np.ascontiguousarray(_centred(teacher, centred))
    # One teacher is asked for the optima of every distance, and by many students.
    key = hashlib.sha256(vectors).hexdigest() + str(vectors.shape)
    if key not in _SPECTRA:
        if len(_SPECTRA) >= _NUM_SPECTRA:
            _SPECTRA.pop(next(iter(_SPECTRA)), None)
        spectrum = np.linalg.svd(vectors, compute_uv=False) ** 2
        spectrum.setflags(write=False)
        _SPECTRA[key] = spectrum
    return _SPECTRA[key]


def _kept_shortfall(spectrum: Float[np.ndarray, " rank"], kept: int) -> float:
    """1 - sqrt(sum of the first over sum of all), accurate near zero."""
    total = np.sum(spectrum)
    if total == 0:
        return math.nan
    lost = np.sum(spectrum[kept:]) / total
    return float(lost / (1 + math.sqrt(max(1 - lost, 0.0))))


def _centred(vectors: Vectors, centred: bool) -> Float[np.ndarray, "n d"]:
    array = as_array(vectors)
    return array - array.mean(axis=0, keepdims=True) if centred else array
