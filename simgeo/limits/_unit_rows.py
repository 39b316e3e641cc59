"""What students whose rows are unit vectors cannot do better than."""

import math

import numpy as np
import scipy  # whose parts are imported when they are asked for

from simgeo.limits._arguments import Vectors, as_array, check_counts, unit_rows
from simgeo.limits._optima import gram_optimum


def unit_row_gram_bound(teacher: Vectors, student_dim: int) -> float:
    """Lower bound on |K - L|^2 for students with unit rows, K the teacher's cosines.

    The best of the Lagrange duals
    theta(y) = |K|^2 - sum_{i<=m} max(l_i(K - diag y), 0)^2 - 2 sum_i y_i
    that L-BFGS finds; any y gives a bound, y = 0 that of `gram_optimum`. Zero for
    students as wide as the teacher. Students were seen to come within 1 % of it. The
    nearest low-rank correlation matrix: Grubisic and Pietersz (2007).
    """
    check_counts(student_dim=student_dim)
    units = unit_rows(as_array(teacher))
    if student_dim >= min(units.shape):
        return 0.0
    cosines = units @ units.T
    n, m = len(units), student_dim
    squared = np.sum(cosines**2)

    def negative_dual(y):
        top = (n - m, n - 1)
        values, vectors = scipy.linalg.eigh(cosines - np.diag(y), subset_by_index=top)
        values = np.maximum(values, 0.0)
        theta = squared - np.sum(values**2) - 2 * np.sum(y)
        return -theta, 2 - 2 * vectors**2 @ values

    # The best of equal entries; optimal for a flat spectrum, where theta has a kink.
    kept = scipy.linalg.eigh(cosines, eigvals_only=True, subset_by_index=(n - m, n - 1))
    start = np.full(n, (np.sum(kept) - n) / m)
    options = {"maxiter": 200}
    best = scipy.optimize.minimize(
        negative_dual, start, jac=True, method="L-BFGS-B", options=options
    )
    found = max(-best.fun, -negative_dual(start)[0])
    return float(max(found, gram_optimum(units, m), 0.0))


def unit_row_procrustes_bound(teacher: Vectors, student_dim: int) -> float:
    """Lower bound on |T|^2 + |S|^2 - 2 |S'T|_* for students S with unit rows.

    |T|^2 + n - 2 sqrt(n sum_{i<=m} l_i), l_i the eigenvalues of T T', m =
    `student_dim`: S Q' has rank m and norm sqrt(n), so that its product with T is at
    most sqrt(n) times the norm of the best part of T of that rank. Attained if the
    rows of that part have equal lengths.
    """
    check_counts(student_dim=student_dim)
    array = as_array(teacher)
    eigenvalues = np.linalg.svd(array, compute_uv=False) ** 2
    kept = np.sum(eigenvalues[:student_dim])
    free = float(np.sum(eigenvalues[student_dim:]))
    bound = np.sum(eigenvalues) + len(array) - 2 * math.sqrt(len(array) * kept)
    return max(float(bound), free)
