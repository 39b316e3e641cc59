"""Large epsilon-orthogonal sets that are known to exist."""

import functools
import math

import numpy as np

from simgeo.limits._arguments import check_counts, check_epsilon
from simgeo.limits._chance import random_coherence
from simgeo.limits._largest import guaranteed_orthogonal_vectors

# Dimension, number of lines, largest |cos|. Lemmens and Seidel (1973) has the
# equiangular ones; Conway and Sloane (1999), chapters 4 and 14, those of lattices.
_SPORADIC = {
    "lines of the root system E6": (6, 36, 1 / 2),
    "lines of the root system E7": (7, 63, 1 / 2),
    "lines of the root system E8": (8, 120, 1 / 2),
    "16 equiangular lines": (6, 16, 1 / 3),
    "28 equiangular lines": (7, 28, 1 / 3),
    "36 equiangular lines": (15, 36, 1 / 5),
    "126 equiangular lines": (21, 126, 1 / 5),
    "176 equiangular lines": (22, 176, 1 / 5),
    "276 equiangular lines": (23, 276, 1 / 5),
    "lines of the Barnes-Wall lattice": (16, 2160, 1 / 2),
    "lines below Leech's lattice": (23, 2300, 1 / 3),
    "lines of Leech's lattice": (24, 98_280, 1 / 2),
}
# A cosine as 1/3 may be rounded down where it is written as epsilon.
_ROUNDING = 1e-12
_LARGEST_DIM = 10_000


@functools.lru_cache(maxsize=512)
def known_orthogonal_vectors(epsilon: float, dim: int) -> tuple[int | float, str]:
    """So many mutually epsilon-orthogonal vectors are known; and what they are.

    The most that fit into orthogonal subspaces of these sets, or what covering
    guarantees (`guaranteed_orthogonal_vectors`) if that is more:
    orthonormal vectors; the simplex, d + 1 at 1/d; equal angles in the plane;
    conference frames, 2d at 1/sqrt(2d - 1) where 2d - 1 is a prime or its square that
    leaves 1 when divided by 4, Paley (1933);
    Kerdock sets, d (d/2 + 1) at 1/sqrt(d) for d = 4^k, Calderbank, Cameron, Kantor and
    Seidel (1997);
    graphs of polynomials of degree up to r modulo a prime p, p^(r + 1) at r/p for
    d = p^2, DeVore (2007); with vertical lines, p (p + 1) for r = 1;
    root systems, Leech's lattice and equiangular lines with more.
    Infinite for epsilon >= 1. Beyond 10,000 dimensions only orthonormal vectors and
    what covering guarantees are looked at.
    """
    check_epsilon(epsilon)
    check_counts(dim=dim)
    if epsilon >= 1:
        return math.inf, "any"
    covering = guaranteed_orthogonal_vectors(epsilon, dim)
    count, name = dim, "orthonormal"
    if dim <= _LARGEST_DIM:
        count, name = _fill(dim, _sets(epsilon * (1 + _ROUNDING), dim))
    return (covering, "covering") if covering > count else (count, name)


def known_coherence(num_vectors: int, dim: int) -> tuple[float, str]:
    """So low a coherence is known to be attained; and by what.

    The least epsilon at which `known_orthogonal_vectors` are n or more, or the median
    of random vectors if that is less. (0, "orthonormal") for n <= d.
    """
    check_counts(num_vectors=num_vectors, dim=dim)
    if num_vectors <= dim:
        return 0.0, "orthonormal"
    # Where their number changes, besides the angles in the plane.
    cosines = {cosine for _, _, cosine in _candidates(dim).values()}
    cosines |= {1 / sides for sides in range(1, dim + 1)}
    cosines |= {math.cos(math.pi / num_vectors)} if dim == 2 else set()
    ordered = sorted(cosines)
    low, high = -1, len(ordered) - 1  # at a cosine of 1 everything fits
    while high - low > 1:
        middle = (low + high) // 2
        if known_orthogonal_vectors(ordered[middle], dim)[0] >= num_vectors:
            high = middle
        else:
            low = middle
    found = ordered[high]
    by_chance = random_coherence(num_vectors, dim)
    if by_chance < found:
        return by_chance, "random vectors"
    return found, known_orthogonal_vectors(found, dim)[1]


def _fill(dim: int, sets: dict[str, tuple[int, int]]) -> tuple[int, str]:
    """The largest union of sets in orthogonal subspaces; knapsack, one by one."""
    names = list(sets)
    dims = np.array([sets[name][0] for name in names])
    # Object: the numbers of DeVore's sets pass 64 bits.
    counts = np.array([sets[name][1] for name in names], dtype=object)
    best = np.zeros(dim + 1, dtype=object)
    taken = np.zeros(dim + 1, dtype=int)
    for d in range(1, dim + 1):
        fits = np.flatnonzero(dims <= d)
        totals = best[d - dims[fits]] + counts[fits]
        choice = int(np.argmax(totals))
        best[d], taken[d] = totals[choice], fits[choice]
    parts: dict[str, int] = {}
    left = dim
    while left:
        name = names[taken[left]]
        parts[name] = parts.get(name, 0) + 1
        left -= sets[name][0]
    label = " + ".join(
        name if number == 1 or name == "orthonormal" else f"{number} x {name}"
        for name, number in parts.items()
    )
    return int(best[dim]), label


def _sets(epsilon: float, dim: int) -> dict[str, tuple[int, int]]:
    """Dimension and number of vectors of each set that epsilon and dim allow."""
    found = {"orthonormal": (1, 1)}
    if epsilon > 0:
        sides = math.ceil(1 / epsilon)
        found["simplex"] = (sides, sides + 1)
        angles = math.pi / math.acos(min(epsilon, 1.0))
        found["equal angles in the plane"] = (2, math.floor(angles))
    for name, (its_dim, count, cosine) in _candidates(dim).items():
        if cosine <= epsilon:
            found[name] = (its_dim, count)
    return {name: pair for name, pair in found.items() if pair[0] <= dim}


@functools.lru_cache(maxsize=8)
def _candidates(dim: int) -> dict[str, tuple[int, int, float]]:
    """Dimension, number and coherence of each set of fixed angles that may fit."""
    if dim > _LARGEST_DIM:
        return {}
    found = dict(_SPORADIC)
    for power in range(1, dim.bit_length()):
        d = 4**power
        found[f"Kerdock set in {d}"] = (d, d * (d // 2 + 1), 2.0**-power)
    primes = [p for p in range(2, 2 * dim) if _is_prime(p)]
    for q in [p**power for p in primes for power in (1, 2)]:
        if q % 4 == 1:
            d = (q + 1) // 2
            found[f"conference frame in {d}"] = (d, 2 * d, 1 / math.sqrt(q))
    for p in primes:
        for degree in range(1, p):
            count = p * (p + 1) if degree == 1 else p ** (degree + 1)
            name = f"polynomials of degree {degree} modulo {p}"
            found[name] = (p * p, count, degree / p)
            if p * p > dim:
                break
    return {name: row for name, row in found.items() if row[0] <= dim}


def _is_prime(number: int) -> bool:
    return all(number % p for p in range(2, math.isqrt(number) + 1))
