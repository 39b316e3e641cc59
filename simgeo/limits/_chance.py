"""Levels of chance: what random directions do."""

import math

import numpy as np
import scipy  # whose parts are imported when they are asked for

from simgeo.limits._arguments import (
    Vectors,
    as_array,
    check_counts,
    check_epsilon,
    unit_rows,
)


def random_fraction(epsilon: float, dim: int) -> float:
    """Expected fraction of epsilon-orthogonal pairs among random vectors, in [0, 1].

    P(|cos| <= epsilon) = I_{epsilon^2}(1/2, (dim - 1)/2), the regularised incomplete
    beta function: (1 + cos)/2 of independent uniform directions is
    Beta((dim - 1)/2, (dim - 1)/2). Cai, Fan and Jiang (2013), section 2.

    >>> from simgeo import limits
    >>> [round(limits.random_fraction(0.1, dim), 3) for dim in (2, 16, 256)]
    [0.064, 0.297, 0.89]
    """
    check_epsilon(epsilon)
    check_counts(dim=dim)
    if dim == 1:
        return float(epsilon >= 1)
    return float(scipy.special.betainc(0.5, (dim - 1) / 2, min(epsilon, 1.0) ** 2))


def random_fraction_spread(epsilon: float, dim: int, num_vectors: int) -> float:
    """Standard deviation of that fraction over draws of `num_vectors` vectors.

    sqrt(p (1 - p) / (n (n - 1) / 2)), exact although pairs share vectors: cosines of
    uniform directions are pairwise independent. NaN for fewer than two vectors.

    Args:
        epsilon: largest |cosine| of a pair that counts as orthogonal, in [0, 1].
        dim: dimensions of the vectors.
        num_vectors: in one draw.
    """
    check_counts(num_vectors=num_vectors)
    p = random_fraction(epsilon, dim)
    pairs = math.comb(num_vectors, 2)
    return math.sqrt(p * (1 - p) / pairs) if pairs else math.nan


def random_pairs(epsilon: float, num_vectors: int, dim: int) -> tuple[float, float]:
    """Expected number of epsilon-orthogonal pairs, and its standard deviation.

    p n (n - 1)/2 and sqrt(p (1 - p) n (n - 1)/2), p = `random_fraction`; both exact,
    as in `random_fraction_spread`. (0, 0) for a single vector.

    Args:
        epsilon: largest |cosine| of a pair that counts as orthogonal, in [0, 1].
        num_vectors: how many vectors, n.
        dim: their dimensions, d.
    """
    check_counts(num_vectors=num_vectors)
    p = random_fraction(epsilon, dim)
    pairs = math.comb(num_vectors, 2)
    return p * pairs, math.sqrt(p * (1 - p) * pairs)


def random_coherence(num_vectors: int, dim: int) -> float:
    """Upper bound on the median coherence of random vectors, and close to it.

    The t at which n (n - 1)/2 P(|cos| > t) = 1/2, since a probability is at most the
    sum of its parts. For many vectors the number of such pairs is nearly Poisson's,
    and the median where it is log 2 in place of 1/2. NaN for a single vector.
    Cai, Fan and Jiang (2013).
    """
    check_counts(num_vectors=num_vectors, dim=dim)
    if num_vectors == 1:
        return math.nan
    if dim == 1:
        return 1.0
    share = 0.5 / math.comb(num_vectors, 2)
    return math.sqrt(1 - scipy.special.betaincinv((dim - 1) / 2, 0.5, share))


def random_gram_error(teacher: Vectors, student_dim: int) -> float:
    """Root mean square of |K - L| / |K| for a student of random directions.

    K are the teacher's cosines, L those of n uniform directions in m = `student_dim`
    dimensions: E |K - L|^2 = |K|^2 - n + n (n - 1)/m, since E L = I and
    E cos^2 = 1/m. This is chance level for cosines kept.
    """
    check_counts(student_dim=student_dim)
    units = unit_rows(as_array(teacher))
    n = len(units)
    squared = np.sum((units.T @ units) ** 2)
    return math.sqrt(max(squared - n + n * (n - 1) / student_dim, 0.0) / squared)
