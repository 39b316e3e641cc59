"""How low the coherence, the largest |cos| of a pair, can be."""

import math

from simgeo.limits._arguments import check_counts, cosine_moment
from simgeo.limits._largest import max_orthogonal_vectors


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

    Args:
        num_vectors: how many vectors, n.
        dim: their dimensions, d.
        order: k, at least 1.
    """
    check_counts(num_vectors=num_vectors, dim=dim, order=order)
    if num_vectors <= dim:
        return 0.0
    excess = (num_vectors * cosine_moment(dim, order) - 1) / (num_vectors - 1)
    return max(excess, 0.0) ** (1 / (2 * order))


def orthoplex(num_vectors: int, dim: int) -> float:
    """Least coherence of more than d (d + 1)/2 vectors: 1/sqrt(d); otherwise 0.

    Conway, Hardin and Sloane (1996), section 5.
    """
    check_counts(num_vectors=num_vectors, dim=dim)
    return 1 / math.sqrt(dim) if num_vectors > dim * (dim + 1) / 2 else 0.0


def levenshtein(num_vectors: int, dim: int) -> float:
    """Least coherence by the polynomial t^2 (t^2 - mu^2); 0 where it says nothing.

    sqrt((3n - d^2 - 2d) / ((d + 2)(n - d))), attained by Kerdock sets among others.
    Levenshtein (1982); Haas, Hammen and Mixon (2017), theorem 2.
    """
    check_counts(num_vectors=num_vectors, dim=dim)
    excess = 3 * num_vectors - dim**2 - 2 * dim
    if excess <= 0 or num_vectors <= dim:
        return 0.0
    return math.sqrt(excess / ((dim + 2) * (num_vectors - dim)))


def bukh_cox(num_vectors: int, dim: int) -> float:
    """Least coherence of slightly more than d real vectors; 0 if n <= d.

    Z / (n (1 + (k - 1) sqrt(k + 2) / 2) - Z) with k = n - d and Z = k (k + 1)/2;
    the strongest bound here for small k. Bukh and Cox (2020), theorem 1.
    """
    check_counts(num_vectors=num_vectors, dim=dim)
    k = num_vectors - dim
    if k <= 0:
        return 0.0
    z = k * (k + 1) / 2
    return z / (num_vectors * (1 + (k - 1) * math.sqrt(k + 2) / 2) - z)


def packing(num_vectors: int, dim: int) -> tuple[float, str]:
    """Least coherence by the bounds on counts; and the name of the one that says so.

    The largest epsilon, to 1e-6 for d > 2, at which `max_orthogonal_vectors` proves
    that fewer than n vectors fit: by Levenshtein's polynomials of any degree and by
    Delsarte's programme it is the sharpest bound here for n far above d, and costs up
    to a second.
    """
    check_counts(num_vectors=num_vectors, dim=dim)
    low, high, proof = 0.0, 1.0, "orthonormal"
    if num_vectors <= dim:
        return low, proof
    if dim == 1:
        return 1.0, "simplex"
    if dim == 2:
        return math.cos(math.pi / num_vectors), "plane"
    while high - low > 1e-6:
        middle = (low + high) / 2
        most, name = max_orthogonal_vectors(middle, dim)
        if most < num_vectors:
            low, proof = middle, name
        else:
            high = middle
    return low, proof


def coherence_bound(num_vectors: int, dim: int) -> tuple[float, str]:
    """The largest lower bound on the coherence in closed form, and its name.

    The largest of the five above, Sidelnikov's for orders 2 to 12. In [0, 1];
    (0, "orthonormal") when the vectors can be orthogonal. Real vectors only: tables of
    complex packings have smaller coherences. `packing` can be sharper.

    >>> from simgeo import limits
    >>> limits.coherence_bound(28, 7)
    (0.3333333333333333, 'welch')
    """
    check_counts(num_vectors=num_vectors, dim=dim)
    if num_vectors <= dim:
        return 0.0, "orthonormal"
    if dim == 1:
        return 1.0, "welch"
    closed = (welch, orthoplex, levenshtein, bukh_cox)
    bounds = {bound.__name__: bound(num_vectors, dim) for bound in closed}
    for order in range(2, 13):
        name = f"sidelnikov of order {order}"
        bounds[name] = sidelnikov(num_vectors, dim, order)
    best = max(bounds, key=lambda name: bounds[name])
    return bounds[best], best
