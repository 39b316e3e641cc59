"""How many pairs can be epsilon-orthogonal."""

import math

from simgeo.limits._arguments import check_counts
from simgeo.limits._largest import max_orthogonal_vectors


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
    """
    check_counts(num_vectors=num_vectors)
    bound, _ = max_orthogonal_vectors(epsilon, dim)
    return turan(num_vectors, int(min(bound, num_vectors)))


def max_orthogonal_fraction(epsilon: float, num_vectors: int, dim: int) -> float:
    """That number as a fraction of all pairs, in [0, 1]; NaN without a pair."""
    pairs = math.comb(num_vectors, 2)
    most = max_orthogonal_pairs(epsilon, num_vectors, dim)
    return most / pairs if pairs else math.nan
