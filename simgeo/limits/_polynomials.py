"""Bounds on the largest set by polynomials that are positive definite on the sphere.

If f(t) = f_0 + sum f_k P_k(t) with f_0 > 0, f_k >= 0, P_k the even Gegenbauer
polynomials with P_k(1) = 1, and f <= 0 on [0, epsilon], then no more than f(1) / f_0
vectors are mutually epsilon-orthogonal. Delsarte, Goethals and Seidel (1975).

SciPy's Jacobi polynomials were tried in place of the recurrences: `eval_jacobi` takes
ten times as long on the grid of the proof, and `roots_jacobi` gives NaN for 100 nodes
in 10^5 dimensions.
"""

import math

import numpy as np
import scipy  # whose parts are imported when they are asked for
from jaxtyping import Float

_LP_DEGREE = 30
_LP_GRID = 600
_PROOF_GRID = 20_000
_MOST_LEVELS = 128
# Beyond these 1 + x, x = 2 t^2 - 1, has lost more to rounding than is allowed for.
_LARGEST_DIM = 10**6
_LEAST_EPSILON = 1e-3


def delsarte_count(epsilon: float, dim: int) -> float:
    """The least f(1) / f_0 of degree up to 30, by linear programming.

    It is solved on a grid with f_0 = 1; what f may exceed between the points of a finer
    grid is bounded by its second derivative and charged to the result.
    """
    if dim > _LARGEST_DIM:
        return math.inf
    degrees = np.arange(2, _LP_DEGREE + 1, 2)
    grid = np.linspace(0, epsilon, _LP_GRID)
    solved = scipy.optimize.linprog(
        np.ones(len(degrees)),
        A_ub=_gegenbauer(grid, dim),
        b_ub=-np.ones(_LP_GRID),
        bounds=(0, None),
        method="highs",
    )
    if solved.status != 0:
        return math.inf
    weights = np.maximum(solved.x, 0.0)
    # |P_k''| <= P_k''(1), so f exceeds its values on a grid of spacing h by no more
    # than h^2 / 8 sum f_k P_k''(1). Where f <= v, f - v proves (f(1) - v) / (1 - v).
    curvature = degrees * (degrees - 1) * (degrees + dim - 2) * (degrees + dim - 1)
    curvature = weights @ (curvature / ((dim - 1) * (dim + 1)))
    proof_grid = np.linspace(0, epsilon, _PROOF_GRID)
    excess = np.max(1 + _gegenbauer(proof_grid, dim) @ weights)
    excess = max(excess + proof_grid[1] ** 2 / 8 * curvature, 0.0)
    return (1 + weights.sum() - excess) / (1 - excess) if excess < 1 else math.inf


def levenshtein_count(epsilon: float, dim: int) -> float:
    """Levenshtein's universal bound: the best f of the least degree that can do.

    In x = 2 t^2 - 1, with s = 2 epsilon^2 - 1, the polynomial is
    f(x) = (x - s) (x + 1)^e (sum_{i<k} p_i(x) p_i(s))^2, p_i orthonormal for the
    weight (1 - x)^(a + 1) (1 + x)^(e - 1/2), a = (dim - 3)/2. Its level, e in {0, 1}
    and k, is the first whose p_k has its largest zero at s or above. Level
    (0, 1) is Welch's bound and (1, 1) the one of `limits.levenshtein`; attained by
    every known sharp set of lines, such as the 98,280 of Leech's lattice at 1/2.
    Levenshtein (1992); (1998), section 5. Infinite beyond 256 levels, beyond 10^6
    dimensions and below 0.001.
    """
    if dim > _LARGEST_DIM or epsilon < _LEAST_EPSILON:
        return math.inf
    a, b = (dim - 3) / 2, -0.5
    s = 2 * epsilon**2 - 1
    for k in range(1, _MOST_LEVELS + 1):
        for e in (0, 1):
            if s <= _jacobi_nodes(a + 1, b + e, k)[-1]:
                return _levenshtein_ratio(s, k, e, a, b)
    return math.inf


def _levenshtein_ratio(s: float, k: int, e: int, a: float, b: float) -> float:
    nodes = _jacobi_nodes(a, b, k + 2)  # Gauss's rule is exact for f and more
    x = np.append(nodes, [s, 1.0])
    with np.errstate(over="ignore", invalid="ignore"):
        # The weights from values, not from eigenvectors, whose small entries are
        # rounded away: f is largest where weights are least.
        weights = 1 / np.sum(_jacobi(nodes, a, b, k + 2) ** 2, axis=0)
        values = _jacobi(x, a + 1, b + e, k)
        kernel = np.sum(values * values[:, -2:-1], axis=0)
        kernel = kernel / kernel[-1]
        f = (x - s) * (1 + x) ** e * kernel**2
        ratio = float(f[-1] / (weights @ f[:-2]))
    return ratio if ratio > 0 and math.isfinite(ratio) else math.inf


def _jacobi(
    x: Float[np.ndarray, " points"], a: float, b: float, num: int
) -> Float[np.ndarray, "degrees points"]:
    """The first orthonormal polynomials for (1 - x)^a (1 + x)^b, of total mass 1."""
    diagonal, off = _recurrence(a, b, num)
    values = [np.ones_like(x)]
    before = np.zeros_like(x)
    for i in range(num - 1):
        ahead = (x - diagonal[i]) * values[-1] - (off[i - 1] if i else 0.0) * before
        before = values[-1]
        values.append(ahead / off[i])
    return np.stack(values)


def _jacobi_nodes(a: float, b: float, num: int) -> Float[np.ndarray, " num"]:
    """The zeros of the polynomial of degree `num`, ascending."""
    diagonal, off = _recurrence(a, b, num)
    return scipy.linalg.eigvalsh_tridiagonal(diagonal, off[: num - 1])


def _recurrence(
    a: float, b: float, num: int
) -> tuple[Float[np.ndarray, " num"], Float[np.ndarray, " num"]]:
    """d and o of x p_i = o_{i-1} p_{i-1} + d_i p_i + o_i p_{i+1}, p_i orthonormal.

    The first entries are apart, for a + b may be 0 or -1.
    """
    i = np.arange(1, num)
    s = 2 * i + a + b
    diagonal = np.append((b - a) / (a + b + 2), (b * b - a * a) / (s * (s + 2)))
    i = np.arange(2, num + 1)
    s = 2 * i + a + b
    square = 4 * i * (i + a) * (i + b) * (i + a + b) / (s**2 * (s + 1) * (s - 1))
    first = 4 * (1 + a) * (1 + b) / ((2 + a + b) ** 2 * (3 + a + b))
    return diagonal, np.sqrt(np.append(first, square))


def _gegenbauer(
    t: Float[np.ndarray, " points"], dim: int
) -> Float[np.ndarray, "points degrees"]:
    """P_2, P_4, ... of the sphere in `dim` dimensions, with P_k(1) = 1."""
    previous, current = np.ones_like(t), t
    even = []
    for k in range(2, _LP_DEGREE + 1):
        ahead = (2 * k + dim - 4) * t * current - (k - 1) * previous
        previous, current = current, ahead / (k + dim - 3)
        if k % 2 == 0:
            even.append(current)
    return np.stack(even, axis=1)
