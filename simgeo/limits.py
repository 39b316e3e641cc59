"""What is possible: chance, packing bounds, and the optimum of every objective.

Plain functions on the host, in float64; nothing here is traced.
"""

import math

import numpy as np
from scipy.optimize import linprog, minimize
from scipy.special import betainc

# Chance ----------------------------------------------------------------------------


def random_fraction(epsilon: float, dim: int) -> float:
    """Probability that two random unit vectors have |cosine| <= epsilon, in [0, 1].

    I_{e^2}(1/2, (d - 1)/2), the regularised incomplete beta function.
    """
    if dim == 1:
        return float(epsilon >= 1)
    return float(betainc(0.5, (dim - 1) / 2, min(epsilon, 1.0) ** 2))


def random_fraction_spread(epsilon: float, dim: int, num_vectors: int) -> float:
    """Standard deviation of that fraction among n vectors: pairs are independent."""
    chance = random_fraction(epsilon, dim)
    return math.sqrt(chance * (1 - chance) / math.comb(num_vectors, 2))


def random_gram_error(teacher: np.ndarray, student_dim: int) -> float:
    """Root mean square of |K_u - L_u| / |K_u| for L_u of random unit rows.

    E |K - L|^2 = |K|^2 - n + n (n - 1) / m, since E L is the identity.
    """
    rows = _unit_rows(teacher)
    num_vectors = len(rows)
    target = float(np.sum((rows.T @ rows) ** 2))
    noise = num_vectors * (num_vectors - 1) / student_dim
    return math.sqrt((target - num_vectors + noise) / target)


# Packing ---------------------------------------------------------------------------


def welch(num_vectors: int, dim: int, order: int = 1) -> float:
    """Lower bound on the coherence of n unit vectors, real Welch bound of order k.

    mu^2k >= (n c_k - 1) / (n - 1), c_k = (2k-1)!! / (d (d+2) ... (d+2k-2)).
    Sidelnikov (1974).
    """
    bound = (num_vectors * _moment(dim, order) - 1) / (num_vectors - 1)
    return max(bound, 0.0) ** (1 / (2 * order))


def max_orthogonal_vectors(epsilon: float, dim: int) -> tuple[int, str]:
    """Upper bound on the number of mutually epsilon-orthogonal vectors, and its name.

    The least of the simplex bound, the real Welch bounds solved for n, Levenshtein's
    and Gerzon's, and Delsarte's linear programme with even Gegenbauer polynomials.
    """
    bounds: dict[str, float] = {}
    if epsilon < 1 / dim:
        bounds["simplex"] = dim
    for order in range(1, 41):
        moment, power = _moment(dim, order), epsilon ** (2 * order)
        if moment > power:
            bounds[f"Welch, order {order}"] = (1 - power) / (moment - power)
    if epsilon**2 < 3 / (dim + 2):
        bounds["Levenshtein"] = (
            dim * (dim + 2) * (1 - epsilon**2) / (3 - (dim + 2) * epsilon**2)
        )
    if epsilon < 1 / math.sqrt(dim):
        bounds["Gerzon"] = dim * (dim + 1) / 2
    if dim > 2:
        bounds["Delsarte"] = _delsarte(epsilon, dim)
    name = min(bounds, key=bounds.__getitem__, default="none")
    value = bounds.get(name, math.inf)
    count = math.floor(value + 1e-6) if value < 1e15 else 10**15
    return max(count, dim), name


def max_orthogonal_pairs(epsilon: float, num_vectors: int, dim: int) -> int:
    """Upper bound on the number of epsilon-orthogonal pairs among n vectors.

    Turan (1941): a graph without a clique above N has at most the edges of the
    balanced complete N-partite graph; N from `max_orthogonal_vectors`.
    """
    parts = min(max_orthogonal_vectors(epsilon, dim)[0], num_vectors)
    size, larger = divmod(num_vectors, parts)
    inside = larger * math.comb(size + 1, 2) + (parts - larger) * math.comb(size, 2)
    return math.comb(num_vectors, 2) - inside


def max_orthogonal_fraction(epsilon: float, num_vectors: int, dim: int) -> float:
    """`max_orthogonal_pairs` as a fraction of all pairs, in [0, 1]."""
    return max_orthogonal_pairs(epsilon, num_vectors, dim) / math.comb(num_vectors, 2)


# Optima of the objectives over all students of width m -------------------------------
# Eckart and Young (1936) and von Neumann's trace inequality; with unit rows they are
# lower bounds.


def gram_optimum(
    teacher: np.ndarray, student_dim: int, *, centred: bool = False
) -> float:
    """Least |T T' - S S'|^2: the sum of l_i^2 over i > m."""
    return float(np.sum(_spectrum(teacher, centred)[student_dim:] ** 2))


def procrustes_optimum(
    teacher: np.ndarray, student_dim: int, *, centred: bool = False
) -> float:
    """Least squared Procrustes distance: the sum of l_i over i > m."""
    return float(np.sum(_spectrum(teacher, centred)[student_dim:]))


def normalised_procrustes_optimum(
    teacher: np.ndarray, student_dim: int, *, centred: bool = True
) -> float:
    """Least normalised one: 2 - 2 sqrt(sum of the first m l_i / sum of all)."""
    spectrum = _spectrum(teacher, centred)
    share = np.sum(spectrum[:student_dim]) / np.sum(spectrum)
    return float(2 - 2 * math.sqrt(min(share, 1.0)))


def projection_optimum(teacher: np.ndarray, student_dim: int) -> float:
    """Least |T - S W|^2 / n: the sum of l_i over i > m, divided by n."""
    return procrustes_optimum(teacher, student_dim) / len(teacher)


def cka_optimum(
    teacher: np.ndarray, student_dim: int, *, centred: bool = True
) -> float:
    """Least 1 - CKA: 1 - sqrt(sum of the first m l_i^2 / sum of all)."""
    squares = _spectrum(teacher, centred) ** 2
    share = np.sum(squares[:student_dim]) / np.sum(squares)
    return float(1 - math.sqrt(min(share, 1.0)))


def unit_row_gram_bound(teacher: np.ndarray, student_dim: int) -> float:
    """Lower bound on |K_u - L_u|^2 over students of unit rows.

    The Lagrange dual of the nearest low-rank correlation matrix, maximised: zero
    where the student is as wide as the teacher.
    """
    rows = _unit_rows(teacher)
    if student_dim >= min(rows.shape):
        return 0.0
    target = rows @ rows.T

    def negative_dual(shift):
        values, vectors = np.linalg.eigh(target - np.diag(shift))
        kept = np.clip(values[::-1][:student_dim], 0, None)
        leading = vectors[:, ::-1][:, :student_dim]
        dual = np.sum(target**2) - np.sum(kept**2) - 2 * np.sum(shift)
        return -dual, 2 - 2 * (leading**2) @ kept

    start = np.full(len(rows), 1 - len(rows) / student_dim)
    found = minimize(negative_dual, start, jac=True, method="L-BFGS-B")
    return max(float(-found.fun), 0.0)


def optimal_student(
    teacher: np.ndarray, student_dim: int, *, centred: bool = False
) -> np.ndarray:
    """The truncated SVD U_m diag(s_m), n x m, zero-padded beyond the rank.

    The minimiser of Gram and Procrustes, and of the projection; centred, of CKA.
    """
    vectors = _prepared(teacher, centred)
    left, values, _ = np.linalg.svd(vectors, full_matrices=False)
    best = (left * values)[:, :student_dim]
    return np.pad(best, ((0, 0), (0, student_dim - best.shape[1])))


def _prepared(teacher: np.ndarray, centred: bool) -> np.ndarray:
    vectors = np.asarray(teacher, np.float64)
    return vectors - vectors.mean(axis=0) if centred else vectors


def _spectrum(teacher: np.ndarray, centred: bool) -> np.ndarray:
    return np.linalg.svd(_prepared(teacher, centred), compute_uv=False) ** 2


def _unit_rows(vectors: np.ndarray) -> np.ndarray:
    vectors = np.asarray(vectors, np.float64)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def _moment(dim: int, order: int) -> float:
    """E t^2k of one coordinate of a random unit vector."""
    index = np.arange(order)
    return float(np.prod((1 + 2 * index) / (dim + 2 * index)))


def _delsarte(epsilon: float, dim: int, degree: int = 30, grid: int = 600) -> float:
    """Delsarte's bound for antipodal codes: f(1) for the best f <= 0 on [0, epsilon].

    f = 1 + sum f_k P_k, f_k >= 0. Solved on a grid; between its points f may be
    positive by a little, which a finer grid measures: with f <= r < 1 there, the
    bound is (f(1) - r) / (1 - r).
    """
    found = linprog(
        np.ones(degree // 2),
        A_ub=_gegenbauer(np.linspace(0, epsilon, grid), dim, degree).T,
        b_ub=-np.ones(grid),
        bounds=(0, None),
        method="highs",
    )
    if found.status != 0:
        return math.inf
    fine = _gegenbauer(np.linspace(0, epsilon, 40 * grid), dim, degree)
    excess = max(float(np.max(1 + found.x @ fine)), 0.0) * 2 + 1e-9
    return (1 + found.fun - excess) / (1 - excess) if excess < 0.5 else math.inf


def _gegenbauer(points: np.ndarray, dim: int, degree: int) -> np.ndarray:
    """Even Gegenbauer polynomials of the sphere, P_k(1) = 1, k = 2 to `degree`."""
    values = [np.ones_like(points), points]
    for k in range(2, degree + 1):
        upper = (2 * k + dim - 4) * points * values[-1] - (k - 1) * values[-2]
        values.append(upper / (k + dim - 3))
    return np.array(values[2::2])
