"""How many vectors can be mutually epsilon-orthogonal, and how many pairs."""

import functools
import math
from collections.abc import Callable

import scipy  # whose parts are imported when they are asked for

from simgeo.limits._arguments import check_counts, check_epsilon, cosine_moment
from simgeo.limits._polynomials import delsarte_count, levenshtein_count

# A bound on a count is evaluated at a slightly larger epsilon, and enlarged by the same
# relative amount, so that rounding can only ever weaken it.
_SLACK = 1e-9
_NUM_ORDERS = 60
_ENOUGH = 10**300  # where 1 / (1 - P) would overflow


def max_orthogonal_vectors(epsilon: float, dim: int) -> tuple[int | float, str]:
    """No more vectors than this are mutually epsilon-orthogonal; and the proof's name.

    The least of `count_bounds`: an integer, or infinite for epsilon >= 1 and where no
    bound says anything.

    >>> from simgeo import limits
    >>> limits.max_orthogonal_vectors(0.1, 64)
    (176, 'welch')
    """
    bounds = count_bounds(epsilon, dim)
    if not bounds:
        return math.inf, "none"
    best = min(bounds, key=lambda name: bounds[name])
    return bounds[best], best


def count_bounds(epsilon: float, dim: int) -> dict[str, int]:
    """Upper bounds on the number of mutually epsilon-orthogonal vectors, by name.

    simplex: d if epsilon < 1/d. plane: the exact count for d = 2.
    welch: (1 - e^2) / (1/d - e^2), also known as the rank lemma. Welch (1974).
    gerzon: d (d + 1)/2 if epsilon < 1/sqrt(d). Lemmens and Seidel (1973).
    sidelnikov: the same by moments, (1 - e^{2k}) / (c_k - e^{2k}), the best order k
    of 2 to 60. Sidelnikov (1974).
    levenshtein: polynomials of the least degree that can do. Levenshtein (1992).
    volume: of caps that do not overlap.
    delsarte: the linear programme in even Gegenbauer polynomials of degree up to 30.
    Delsarte, Goethals and Seidel (1975).
    Those that say nothing are left out. All are proven up to rounding, for which each
    is enlarged by 1e-9; none is below d.
    """
    check_epsilon(epsilon)
    check_counts(dim=dim)
    return dict(_count_bounds(epsilon, dim))


def guaranteed_orthogonal_vectors(epsilon: float, dim: int) -> int | float:
    """At least this many vectors can be mutually epsilon-orthogonal.

    max(d, 1 / (1 - P(|cos| <= epsilon))), rounded up: around a set that cannot be
    extended, the caps that each vector forbids cover the sphere. Infinite for
    epsilon >= 1. Far below the truth at small epsilon: see
    `known_orthogonal_vectors`. Shannon (1959).
    """
    check_epsilon(epsilon)
    check_counts(dim=dim)
    if dim == 1 or epsilon >= 1:
        return 1 if epsilon < 1 else math.inf
    # 1 - random_fraction without cancellation.
    forbidden = float(scipy.special.betainc((dim - 1) / 2, 0.5, 1 - epsilon**2))
    if forbidden < 1 / _ENOUGH:
        return _ENOUGH
    return max(dim, math.ceil(1 / forbidden * (1 - _SLACK)))


def min_dim(epsilon: float, num_vectors: int) -> int:
    """Mutually epsilon-orthogonal vectors need at least so many dimensions.

    One more than a number of dimensions, found by bisection, in which
    `max_orthogonal_vectors` proves that so many do not fit: then they do not fit in
    fewer either.
    """
    check_epsilon(epsilon)
    check_counts(num_vectors=num_vectors)
    too_few, enough = 0, 1
    while max_orthogonal_vectors(epsilon, enough)[0] < num_vectors:
        too_few, enough = enough, min(2 * enough, num_vectors)
    while enough - too_few > 1:
        middle = (too_few + enough) // 2
        if max_orthogonal_vectors(epsilon, middle)[0] < num_vectors:
            too_few = middle
        else:
            enough = middle
    return enough


def turan(num_vertices: int, clique: int) -> int:
    """The most edges of a graph without more than `clique` mutually joined vertices.

    That of the complement of `clique` groups of equal size, to one. Turan (1941).
    """
    check_counts(num_vertices=num_vertices, clique=clique)
    groups = min(clique, num_vertices)
    size, larger = divmod(num_vertices, groups)
    lost = larger * math.comb(size + 1, 2) + (groups - larger) * math.comb(size, 2)
    return math.comb(num_vertices, 2) - lost


def max_orthogonal_pairs(epsilon: float, num_vectors: int, dim: int) -> int:
    """No more pairs than this are epsilon-orthogonal among `num_vectors` vectors.

    Turan's number for N = `max_orthogonal_vectors`. Where N vectors exist it is
    attained, by repeating them.

    Args:
        epsilon: largest |cosine| of a pair that counts as orthogonal, in [0, 1].
        num_vectors: how many vectors, n.
        dim: their dimensions, d.
    """
    check_counts(num_vectors=num_vectors)
    bound, _ = max_orthogonal_vectors(epsilon, dim)
    return turan(num_vectors, int(min(bound, num_vectors)))


def max_orthogonal_fraction(epsilon: float, num_vectors: int, dim: int) -> float:
    """That number as a fraction of all pairs, in [0, 1]; NaN without a pair.

    Args:
        epsilon: largest |cosine| of a pair that counts as orthogonal, in [0, 1].
        num_vectors: how many vectors, n.
        dim: their dimensions, d.
    """
    pairs = math.comb(num_vectors, 2)
    most = max_orthogonal_pairs(epsilon, num_vectors, dim)
    return most / pairs if pairs else math.nan


@functools.lru_cache(maxsize=4096)
def _count_bounds(epsilon: float, dim: int) -> dict[str, int]:
    if epsilon >= 1:
        return {}
    if dim == 1:
        return {"simplex": 1}
    enlarged = epsilon + _SLACK * (1 - epsilon)
    bounds = {name: bound(enlarged, dim) for name, bound in _COUNT_BOUNDS.items()}
    return {
        name: max(math.floor(bound * (1 + _SLACK)), dim)
        for name, bound in bounds.items()
        if math.isfinite(bound)
    }


def _moment_count(epsilon: float, dim: int, order: int = 1) -> float:
    moment, power = cosine_moment(dim, order), epsilon ** (2 * order)
    return (1 - power) / (moment - power) if moment > power else math.inf


def _volume_count(epsilon: float, dim: int) -> float:
    """Around 2n points at angles of arccos(epsilon), caps of half that angle."""
    caps = scipy.special.betainc((dim - 1) / 2, 0.5, (1 - epsilon) / 2)
    return 1 / float(caps) if caps > 0 else math.inf


_COUNT_BOUNDS: dict[str, Callable[[float, int], float]] = {
    "simplex": lambda epsilon, d: d if epsilon < 1 / d else math.inf,
    # Lines at angles of at least arccos(epsilon): exact.
    "plane": lambda epsilon, d: math.pi / math.acos(epsilon) if d == 2 else math.inf,
    "welch": _moment_count,
    "gerzon": lambda e, d: d * (d + 1) / 2 if e < 1 / math.sqrt(d) else math.inf,
    "levenshtein": levenshtein_count,
    "sidelnikov": lambda epsilon, d: min(
        _moment_count(epsilon, d, order) for order in range(2, _NUM_ORDERS + 1)
    ),
    "volume": _volume_count,
    "delsarte": delsarte_count,
}
