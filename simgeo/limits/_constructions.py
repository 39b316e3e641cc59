"""Large epsilon-orthogonal sets that are known to exist."""

import functools
import math
from bisect import bisect_left

import numpy as np

from simgeo import frames
from simgeo.limits._arguments import check_counts, check_epsilon
from simgeo.limits._chance import random_coherence
from simgeo.limits._largest import guaranteed_orthogonal_vectors

# A cosine as 1/3 may be rounded down where it is written as epsilon.
_ROUNDING = 1e-12
_LARGEST_DIM = 10_000


@functools.lru_cache(maxsize=512)
def known_orthogonal_vectors(epsilon: float, dim: int) -> tuple[int | float, str]:
    """So many mutually epsilon-orthogonal vectors are known; and what they are.

    The most that fit into orthogonal subspaces of these sets, or what covering
    guarantees (`guaranteed_orthogonal_vectors`) if that is more:
    orthonormal vectors; the simplex, d + 1 at 1/d; equal angles in the plane; and those
    of `frames.known_sets`, with their sources. Infinite for epsilon >= 1. Beyond
    10,000 dimensions only orthonormal vectors, simplices and what covering guarantees
    are looked at.
    """
    check_epsilon(epsilon)
    check_counts(dim=dim)
    if epsilon >= 1:
        return math.inf, "any"
    covering = guaranteed_orthogonal_vectors(epsilon, dim)
    enlarged = min(epsilon * (1 + _ROUNDING), math.nextafter(1, 0))
    if dim <= _LARGEST_DIM:
        count, name = _fill(dim, _sets(enlarged, dim))
    else:
        simplices = dim // _sides(enlarged, dim)
        count, name = dim + simplices, f"{simplices} x simplex"
        name = name if simplices else "orthonormal"
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
    cosines = {each.coherence for each in frames.known_sets(dim)}
    few = range(1, dim + 1)
    sides = few if dim <= _LARGEST_DIM else {max(dim // (num_vectors - dim), 1)}
    cosines |= {1.0, *(1 / each for each in sides)}
    cosines |= {math.cos(math.pi / num_vectors)} if dim == 2 else set()
    ordered = sorted(cosines)
    # At a cosine of 1 everything fits.
    place = bisect_left(
        ordered, num_vectors, key=lambda each: known_orthogonal_vectors(each, dim)[0]
    )
    found = ordered[place]
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
    sides = _sides(epsilon, dim)
    found["simplex"] = (sides, sides + 1)
    angles = math.pi / math.acos(epsilon)
    found["equal angles in the plane"] = (2, math.floor(angles))
    for each in frames.known_sets(dim):
        if each.coherence <= epsilon:
            found[each.name] = each.dim, each.count
    return {name: pair for name, pair in found.items() if pair[0] <= dim}


def _sides(epsilon: float, dim: int) -> int:
    """The least dimension of a simplex at epsilon; dim + 1 if there is none up to dim.

    The product is compared, since 1 / epsilon may be beyond the largest float.
    """
    return math.ceil(1 / epsilon) if epsilon * (dim + 1) > 1 else dim + 1
