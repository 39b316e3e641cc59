"""What is possible: packing bounds, levels of chance, and the optimum of objectives.

Everything runs in NumPy float64 on the host and nothing is traced. A vector here is a
direction: lengths and signs do not matter, only |cos|. Two vectors are
epsilon-orthogonal when |cos| <= epsilon.
"""

import functools
import math
from collections.abc import Callable

import numpy as np
from jaxtyping import Array, Float
from scipy.linalg import eigh
from scipy.optimize import linprog, minimize
from scipy.special import betainc

Vectors = Float[np.ndarray, "n d"] | Float[Array, "n d"]

# A bound on a count is evaluated at a slightly larger epsilon, and enlarged by the same
# relative amount, so that rounding can only ever weaken it.
_SLACK = 1e-9
_NUM_ORDERS = 60
_LP_DEGREE = 30
_LP_GRID = 600
_PROOF_GRID = 20_000


# Levels of chance


def random_fraction(epsilon: float, dim: int) -> float:
    """Expected fraction of epsilon-orthogonal pairs among random vectors, in [0, 1].

    P(|cos| <= epsilon) = I_{epsilon^2}(1/2, (dim - 1)/2), the regularised incomplete
    beta function: (1 + cos)/2 of independent uniform directions is
    Beta((dim - 1)/2, (dim - 1)/2). Cai, Fan and Jiang (2013), section 2.
    """
    _check_epsilon(epsilon)
    _check_counts(dim=dim)
    if dim == 1:
        return float(epsilon >= 1)
    return float(betainc(0.5, (dim - 1) / 2, min(epsilon, 1.0) ** 2))


def random_fraction_spread(epsilon: float, dim: int, num_vectors: int) -> float:
    """Standard deviation of that fraction over draws of `num_vectors` vectors.

    sqrt(p (1 - p) / (n (n - 1) / 2)), exact although pairs share vectors: cosines of
    uniform directions are pairwise independent. NaN for fewer than two vectors.
    """
    _check_counts(num_vectors=num_vectors)
    p = random_fraction(epsilon, dim)
    pairs = math.comb(num_vectors, 2)
    return math.sqrt(p * (1 - p) / pairs) if pairs else math.nan


def random_gram_error(teacher: Vectors, student_dim: int) -> float:
    """Root mean square of |K - L| / |K| for a student of random directions.

    K are the teacher's cosines, L those of n uniform directions in m = `student_dim`
    dimensions: E |K - L|^2 = |K|^2 - n + n (n - 1)/m, since E L = I and
    E cos^2 = 1/m. This is chance level for cosines kept.
    """
    _check_counts(student_dim=student_dim)
    units = _unit_rows(_array(teacher))
    n = len(units)
    squared = np.sum((units.T @ units) ** 2)
    return math.sqrt(max(squared - n + n * (n - 1) / student_dim, 0.0) / squared)


# How low the coherence can be


def welch(num_vectors: int, dim: int) -> float:
    """Least coherence by the frame potential: sqrt((n - d) / (d (n - 1))), 0 if n <= d.

    Attained by equiangular tight frames only. Welch (1974).
    """
    return sidelnikov(num_vectors, dim, order=1)


def sidelnikov(num_vectors: int, dim: int, order: int = 1) -> float:
    """Least coherence by the 2k-th moment of real vectors; k = `order`.

    mu^{2k} >= (n c_k - 1) / (n - 1) with
    c_k = E cos^{2k} = (2k - 1)!! / (d (d + 2) ... (d + 2k - 2)), attained by
    equiangular projective designs. The bound for complex vectors has
    1 / binom(d + k - 1, k) in place of c_k and is weaker. Sidelnikov (1974).
    """
    _check_counts(num_vectors=num_vectors, dim=dim, order=order)
    if num_vectors <= dim:
        return 0.0
    excess = (num_vectors * _cosine_moment(dim, order) - 1) / (num_vectors - 1)
    return max(excess, 0.0) ** (1 / (2 * order))


def orthoplex(num_vectors: int, dim: int) -> float:
    """Least coherence of more than d (d + 1)/2 vectors: 1/sqrt(d); otherwise 0.

    Conway, Hardin and Sloane (1996), section 5.
    """
    _check_counts(num_vectors=num_vectors, dim=dim)
    return 1 / math.sqrt(dim) if num_vectors > dim * (dim + 1) / 2 else 0.0


def levenshtein(num_vectors: int, dim: int) -> float:
    """Least coherence by the polynomial t^2 (t^2 - mu^2); 0 where it says nothing.

    sqrt((3n - d^2 - 2d) / ((d + 2)(n - d))), attained by Kerdock sets among others.
    Levenshtein (1982); Haas, Hammen and Mixon (2017), theorem 2.
    """
    _check_counts(num_vectors=num_vectors, dim=dim)
    excess = 3 * num_vectors - dim**2 - 2 * dim
    if excess <= 0 or num_vectors <= dim:
        return 0.0
    return math.sqrt(excess / ((dim + 2) * (num_vectors - dim)))


def bukh_cox(num_vectors: int, dim: int) -> float:
    """Least coherence of slightly more than d real vectors; 0 if n <= d.

    Z / (n (1 + (k - 1) sqrt(k + 2) / 2) - Z) with k = n - d and Z = k (k + 1)/2;
    the strongest bound here for small k. Bukh and Cox (2020), theorem 1.
    """
    _check_counts(num_vectors=num_vectors, dim=dim)
    k = num_vectors - dim
    if k <= 0:
        return 0.0
    z = k * (k + 1) / 2
    return z / (num_vectors * (1 + (k - 1) * math.sqrt(k + 2) / 2) - z)


def coherence_bound(num_vectors: int, dim: int) -> tuple[float, str]:
    """Best known-in-closed-form lower bound on the coherence, and the bound's name.

    The largest of the five above, Sidelnikov's for orders 2 to 12. In [0, 1];
    (0, "orthonormal") when the vectors can be orthogonal. Real vectors only.
    """
    _check_counts(num_vectors=num_vectors, dim=dim)
    if num_vectors <= dim:
        return 0.0, "orthonormal"
    if dim == 1:
        return 1.0, "welch"
    bounds = {
        "welch": welch(num_vectors, dim),
        "orthoplex": orthoplex(num_vectors, dim),
        "levenshtein": levenshtein(num_vectors, dim),
        "bukh_cox": bukh_cox(num_vectors, dim),
    }
    for order in range(2, 13):
        name = f"sidelnikov of order {order}"
        bounds[name] = sidelnikov(num_vectors, dim, order)
    best = max(bounds, key=lambda name: bounds[name])
    return bounds[best], best


def _cosine_moment(dim: int, order: int) -> float:
    """E cos^{2 order} between random directions of `dim` dimensions."""
    j = np.arange(order)
    return float(np.prod((1 + 2 * j) / (dim + 2 * j)))


# How many vectors fit


@functools.lru_cache(maxsize=512)
def max_orthogonal_vectors(epsilon: float, dim: int) -> tuple[int | float, str]:
    """No more vectors than this are mutually epsilon-orthogonal; and the proof's name.

    An upper bound on the size, an integer (infinite for epsilon >= 1): the least of
    the simplex bound (d if epsilon < 1/d), Welch's and Sidelnikov's bounds solved for
    n, Levenshtein's, Gerzon's d (d + 1)/2 if epsilon < 1/sqrt(d), the exact count in
    the plane, the volume of caps that do not overlap, and Delsarte's linear programme
    with even Gegenbauer polynomials of degree up to 30. The programme is solved on a
    grid; what its polynomial may exceed between grid points is bounded by its second
    derivative and charged to the result, so that the bound is proven up to rounding,
    for which it is enlarged by 1e-9.
    Delsarte, Goethals and Seidel (1975).
    """
    _check_epsilon(epsilon)
    _check_counts(dim=dim)
    if epsilon >= 1:
        return math.inf, "none"
    if dim == 1:
        return 1, "simplex"
    epsilon = epsilon + _SLACK * (1 - epsilon)
    bounds = {name: bound(epsilon, dim) for name, bound in _COUNT_BOUNDS.items()}
    best = min(bounds, key=lambda name: bounds[name])
    if not math.isfinite(bounds[best]):
        return math.inf, "none"
    return max(math.floor(bounds[best] * (1 + _SLACK)), dim), best


def guaranteed_orthogonal_vectors(epsilon: float, dim: int) -> int | float:
    """At least this many vectors can be mutually epsilon-orthogonal.

    max(d, 1 / (1 - P(|cos| <= epsilon))), rounded up: around a set that cannot be
    extended, the caps that each vector forbids cover the sphere. Infinite for
    epsilon >= 1. Far below the truth at small epsilon. Shannon (1959).
    """
    _check_epsilon(epsilon)
    _check_counts(dim=dim)
    if dim == 1 or epsilon >= 1:
        return 1 if epsilon < 1 else math.inf
    # 1 - random_fraction without cancellation.
    forbidden = float(betainc((dim - 1) / 2, 0.5, 1 - epsilon**2))
    if forbidden == 0:
        return math.inf
    return max(dim, math.ceil(1 / forbidden * (1 - _SLACK)))


def _plane_count(epsilon: float, dim: int) -> float:
    """Lines in the plane at angles of at least arccos(epsilon): exact."""
    return math.pi / math.acos(epsilon) if dim == 2 else math.inf


def _simplex_count(epsilon: float, dim: int) -> float:
    return float(dim) if epsilon < 1 / dim else math.inf


def _gerzon_count(epsilon: float, dim: int) -> float:
    return dim * (dim + 1) / 2 if epsilon < 1 / math.sqrt(dim) else math.inf


def _welch_count(epsilon: float, dim: int) -> float:
    return _moment_count(epsilon, dim, order=1)


def _sidelnikov_count(epsilon: float, dim: int) -> float:
    return min(_moment_count(epsilon, dim, k) for k in range(2, _NUM_ORDERS + 1))


def _moment_count(epsilon: float, dim: int, order: int) -> float:
    moment, power = _cosine_moment(dim, order), epsilon ** (2 * order)
    return (1 - power) / (moment - power) if moment > power else math.inf


def _levenshtein_count(epsilon: float, dim: int) -> float:
    room = 3 - (dim + 2) * epsilon**2
    return dim * (dim + 2) * (1 - epsilon**2) / room if room > 0 else math.inf


def _volume_count(epsilon: float, dim: int) -> float:
    """Around 2n points at angles of arccos(epsilon), caps of half that angle."""
    caps = betainc((dim - 1) / 2, 0.5, (1 - epsilon) / 2)
    return 1 / float(caps) if caps > 0 else math.inf


def _delsarte_count(epsilon: float, dim: int) -> float:
    """Minimal 1 + sum f_k over f_k >= 0 with 1 + sum f_k P_k <= 0 on [0, epsilon]."""
    degrees = np.arange(2, _LP_DEGREE + 1, 2)
    grid = np.linspace(0, epsilon, _LP_GRID)
    solved = linprog(
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


_COUNT_BOUNDS: dict[str, Callable[[float, int], float]] = {
    "simplex": _simplex_count,
    "plane": _plane_count,
    "welch": _welch_count,
    "gerzon": _gerzon_count,
    "levenshtein": _levenshtein_count,
    "sidelnikov": _sidelnikov_count,
    "volume": _volume_count,
    "delsarte": _delsarte_count,
}


# How many pairs can be epsilon-orthogonal


def max_orthogonal_pairs(epsilon: float, num_vectors: int, dim: int) -> int:
    """No more pairs than this are epsilon-orthogonal among `num_vectors` vectors.

    The Turan number of N = `max_orthogonal_vectors`: a graph on n vertices without
    N + 1 mutually joined ones has most edges when its complement is N groups of equal
    size, to one. If N is attained, so is this, by repeating the vectors. Turan (1941).
    """
    _check_counts(num_vectors=num_vectors)
    bound, _ = max_orthogonal_vectors(epsilon, dim)
    groups = int(min(bound, num_vectors))
    size, larger = divmod(num_vectors, groups)
    lost = larger * math.comb(size + 1, 2) + (groups - larger) * math.comb(size, 2)
    return math.comb(num_vectors, 2) - lost


def max_orthogonal_fraction(epsilon: float, num_vectors: int, dim: int) -> float:
    """That number as a fraction of all pairs, in [0, 1]; NaN without a pair."""
    pairs = math.comb(num_vectors, 2)
    most = max_orthogonal_pairs(epsilon, num_vectors, dim)
    return most / pairs if pairs else math.nan


# The best that any student of a given width can do


def gram_optimum(teacher: Vectors, student_dim: int, centred: bool = False) -> float:
    """Least |K - L|^2 over all students: the sum of l_i^2 beyond `student_dim`.

    l_1 >= l_2 >= ... are the eigenvalues of K = T T', or of T_c T_c' if `centred`.
    Attained by `optimal_student`. Eckart and Young (1936).
    """
    eigenvalues = _eigenvalues(teacher, student_dim, centred)
    return float(np.sum(eigenvalues[student_dim:] ** 2))


def procrustes_optimum(
    teacher: Vectors, student_dim: int, centred: bool = False
) -> float:
    """Least |T|^2 + |S|^2 - 2 |S'T|_*: the sum of l_i beyond `student_dim`.

    Attained by `optimal_student`. Von Neumann (1937), trace inequality.
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
    """
    return 2 * _kept_shortfall(_eigenvalues(teacher, student_dim, centred), student_dim)


def cka_optimum(teacher: Vectors, student_dim: int, centred: bool = True) -> float:
    """Least 1 - CKA: 1 - sqrt(sum_{i<=m} l_i^2 / sum l_i^2), in [0, 1].

    l_i as in `gram_optimum`, m = `student_dim`; for the biased estimator. Attained by
    `optimal_student` at any scale. NaN for a teacher without variance.
    """
    eigenvalues = _eigenvalues(teacher, student_dim, centred)
    return _kept_shortfall(eigenvalues**2, student_dim)


def unit_row_gram_bound(teacher: Vectors, student_dim: int) -> float:
    """Lower bound on |K - L|^2 for students with unit rows, K the teacher's cosines.

    The best of the Lagrange duals
    theta(y) = |K|^2 - sum_{i<=m} max(l_i(K - diag y), 0)^2 - 2 sum_i y_i
    that L-BFGS finds; any y gives a bound, y = 0 that of `gram_optimum`. Zero for
    students as wide as the teacher. Students were seen to come within 1 % of it. The
    nearest low-rank correlation matrix: Grubisic and Pietersz (2007).
    """
    _check_counts(student_dim=student_dim)
    units = _unit_rows(_array(teacher))
    if student_dim >= min(units.shape):
        return 0.0
    cosines = units @ units.T
    n, m = len(units), student_dim
    squared = np.sum(cosines**2)

    def negative_dual(y):
        top = (n - m, n - 1)
        values, vectors = eigh(cosines - np.diag(y), subset_by_index=top)
        values = np.maximum(values, 0.0)
        theta = squared - np.sum(values**2) - 2 * np.sum(y)
        return -theta, 2 - 2 * vectors**2 @ values

    start = np.full(n, 1 - n / m)
    options = {"maxiter": 200}
    best = minimize(negative_dual, start, jac=True, method="L-BFGS-B", options=options)
    return float(max(-best.fun, gram_optimum(units, m), 0.0))


def optimal_student(
    teacher: Vectors, student_dim: int, centred: bool = False
) -> Float[np.ndarray, "n m"]:
    """Truncated singular value decomposition U_m diag(s_m) of the teacher.

    Reaches the optimum of every objective above with the same `centred`. Columns beyond
    the teacher's own dimensions are zero.
    """
    _check_counts(student_dim=student_dim)
    left, singular, _ = np.linalg.svd(_centred(teacher, centred), full_matrices=False)
    kept = min(student_dim, len(singular))
    student = np.zeros((len(left), student_dim))
    student[:, :kept] = left[:, :kept] * singular[:kept]
    return student


def _eigenvalues(
    teacher: Vectors, student_dim: int, centred: bool
) -> Float[np.ndarray, " rank"]:
    """Eigenvalues of the Gram matrix, largest first, without the n - rank zeros."""
    _check_counts(student_dim=student_dim)
    return np.linalg.svd(_centred(teacher, centred), compute_uv=False) ** 2


def _kept_shortfall(spectrum: Float[np.ndarray, " rank"], kept: int) -> float:
    """1 - sqrt(sum of the first over sum of all), accurate near zero."""
    total = np.sum(spectrum)
    if total == 0:
        return math.nan
    lost = np.sum(spectrum[kept:]) / total
    return float(lost / (1 + math.sqrt(max(1 - lost, 0.0))))


def _array(vectors: Vectors) -> Float[np.ndarray, "n d"]:
    return np.asarray(vectors, dtype=np.float64)


def _centred(vectors: Vectors, centred: bool) -> Float[np.ndarray, "n d"]:
    array = _array(vectors)
    return array - array.mean(axis=0, keepdims=True) if centred else array


def _unit_rows(vectors: Float[np.ndarray, "n d"]) -> Float[np.ndarray, "n d"]:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / np.where(lengths == 0, 1.0, lengths)


def _check_epsilon(epsilon: float) -> None:
    if not epsilon >= 0:
        raise ValueError(f"`epsilon` must not be negative; got {epsilon}.")


def _check_counts(**counts: int) -> None:
    for name, count in counts.items():
        if count < 1:
            raise ValueError(f"`{name}` must be at least 1; got {count}.")
