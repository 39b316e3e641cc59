"""Sets of unit vectors of least coherence that are known in closed form.

NumPy, float64, on the host; rows are vectors. Equiangular tight frames attain Welch's
bound: every pair has the same |cos|. Kerdock sets attain Levenshtein's.
"""

import functools
import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

Frame = Float[np.ndarray, "n d"]


def simplex(dim: int) -> Frame:
    """d + 1 vectors at coherence 1/d: the corners of a regular simplex."""
    if dim < 1:
        raise ValueError(f"`dim` must be at least 1; got {dim}.")
    n = dim + 1
    return _of_rank(((n * np.eye(n)) - 1) / dim, dim)


def conference(dim: int) -> Frame:
    """2d vectors at 1/sqrt(2d - 1), for 2d - 1 = 1 mod 4 a prime or its square.

    G = I + C / sqrt(2d - 1) with C the symmetric conference matrix of the squares of
    the field with 2d - 1 elements. Paley (1933); van Lint and Seidel (1966).
    """
    q = 2 * dim - 1
    residue = _quadratic_character(q)
    if residue is None or q % 4 != 1:
        raise ValueError(
            f"`dim` must be so that 2 dim - 1 is 1 mod 4 and a prime or its square; "
            f"got {dim}."
        )
    matrix = np.ones((q + 1, q + 1))
    matrix[1:, 1:] = residue
    np.fill_diagonal(matrix, 0)
    return _of_rank(np.eye(q + 1) + matrix / math.sqrt(q), dim)


def bent(dim: int) -> Frame:
    """4^m vectors in 2^(m - 1) (2^m -+ 1) dimensions: (6, 16), (10, 16), (28, 64) ...

    Rows of a Hadamard matrix cut to where a bent function is 1, or 0: a difference
    set. Ding and Feng (2007).
    """
    for m in range(1, 16):
        for sign in (-1, 1):
            if dim == 2 ** (m - 1) * (2**m + sign):
                bits = _bits(2 * m)
                form = np.sum(bits[:, 0::2] * bits[:, 1::2], axis=1) % 2
                chosen = form == (1 if sign < 0 else 0)
                signs = (-1.0) ** (bits @ bits[chosen].T)
                return signs / math.sqrt(dim)
    raise ValueError(
        f"`dim` must be 2^(m - 1) (2^m -+ 1), such as 1, 3, 6, 10, 28; got {dim}."
    )


def lines_28() -> Frame:
    """28 equiangular lines in 7 dimensions at 1/3: all places of two 3s in
    (3, 3, -1, -1, -1, -1, -1, -1), which have sum zero."""
    corners = np.full((28, 8), -1.0)
    first, second = np.triu_indices(8, 1)
    corners[np.arange(28), first] = corners[np.arange(28), second] = 3
    return _of_rank(corners @ corners.T / 24, 7)


def kerdock(dim: int) -> Frame:
    """d/2 + 1 orthonormal bases at coherence 1/sqrt(d), for d = 4^k: d (d/2 + 1)
    vectors, the most there are. The first basis is the identity.

    Diagonal signs (-1)^Q(x) with Q from a Kerdock set of quadratic forms, times a
    Hadamard matrix. Calderbank, Cameron, Kantor and Seidel (1997), section 5.
    """
    m = max(dim, 0).bit_length() - 1
    if m < 0 or dim != 2**m or m % 2 or m < 2:
        raise ValueError(f"`dim` must be a power of 4, from 4 on; got {dim}.")
    field = _BinaryField(m - 1)
    points = _bits(m)
    hadamard = (-1.0) ** (points @ points.T) / math.sqrt(dim)
    x, last = np.arange(dim) % 2 ** (m - 1), np.arange(dim) // 2 ** (m - 1)
    bases = [np.eye(dim)]
    for multiple in range(2 ** (m - 1)):
        y = field.product(np.full(dim, multiple), x)
        form = last * field.trace(y)
        power = y
        for _ in range((m - 2) // 2):
            power = field.product(power, power)  # y^(2^i)
            form = form + field.trace(field.product(power, y))
        bases.append(hadamard * (-1.0) ** (form % 2)[None, :])
    return np.concatenate(bases)


def complement(frame: Frame) -> Float[np.ndarray, "n codim"]:
    """n vectors in n - d dimensions from a tight frame: equiangular if it is.

    The rows of an orthonormal basis of what the columns leave. Naimark's theorem.
    """
    n, dim = frame.shape
    if n <= dim:
        raise ValueError(
            f"`frame` must have more vectors than dimensions; got shape {frame.shape}."
        )
    gram = frame @ frame.T * (dim / n)
    return _of_rank((np.eye(n) - gram) * (n / (n - dim)), n - dim)


class KnownSet(NamedTuple):
    """A set of vectors that is known to exist."""

    name: str
    dim: int
    count: int
    coherence: float
    make: Callable[[], Frame] | None  # None where it is not built here


@functools.lru_cache(maxsize=8)
def known_sets(dim: int) -> tuple[KnownSet, ...]:
    """The sets of fixed size in up to `dim` dimensions; `limits` rests on these too.

    Conference frames, Paley (1933); sets of bent functions, Ding and Feng (2007);
    Kerdock sets, Calderbank, Cameron, Kantor and Seidel (1997); graphs of polynomials
    of degree up to r modulo a prime p, p^(r + 1) at r/p for d = p^2, DeVore (2007),
    with vertical lines p (p + 1) for r = 1; and single ones: root systems, lattices,
    equiangular lines. Not the simplex, which there is in any dimension. Empty beyond
    10,000 dimensions.
    """
    if dim > _LARGEST_DIM:
        return ()
    found = list(_SINGLE)
    for m in range(1, dim.bit_length()):
        d = 4**m
        make = functools.partial(kerdock, d) if d in _KERDOCK_DIMS else None
        found.append(KnownSet(f"Kerdock set in {d}", d, d * (d // 2 + 1), 0.5**m, make))
        for side in (2**m - 1, 2**m + 1) if m > 1 else ():
            d, make = 2 ** (m - 1) * side, functools.partial(bent, 2 ** (m - 1) * side)
            name = f"{4**m} equiangular lines in {d}"
            found.append(KnownSet(name, d, 4**m, 1 / side, make))
    primes = [p for p in range(2, 2 * dim) if _is_prime(p)]
    for q in [p**power for p in primes for power in (1, 2) if p**power % 4 == 1]:
        d = (q + 1) // 2
        make = functools.partial(conference, d)
        found.append(
            KnownSet(f"conference frame in {d}", d, 2 * d, 1 / math.sqrt(q), make)
        )
    for p in (p for p in primes if p * p <= dim):
        for degree in range(1, p):
            count = p * (p + 1) if degree == 1 else p ** (degree + 1)
            name = f"polynomials of degree {degree} modulo {p}"
            found.append(KnownSet(name, p * p, count, degree / p, None))
    return tuple(each for each in found if each.dim <= dim)


@functools.lru_cache(maxsize=32)
def best_known(num_vectors: int, dim: int) -> tuple[Frame, str] | None:
    """A frame of that size in closed form, of the least coherence here, and its name.

    Also parts of larger frames: any vectors of one in no more dimensions. None where
    there is none, which says nothing about what exists.

    >>> from simgeo import frames
    >>> frames.best_known(28, 7)[1]
    '28 equiangular lines in 7'
    """
    if num_vectors <= dim:
        name, best = "orthonormal", np.eye(dim)
    else:
        regular = functools.partial(simplex, dim)
        sets = KnownSet("simplex", dim, dim + 1, 1 / dim, regular), *known_sets(dim)
        fitting = [each for each in sets if each.make and num_vectors <= each.count]
        if not fitting:
            return None
        # Of more vectors than dimensions, a part is no less coherent than the whole.
        name, *_, make = min(fitting, key=lambda each: each.coherence)
        best = make()
    part = np.zeros((num_vectors, dim))
    part[:, : best.shape[1]] = best[:num_vectors]
    part.setflags(write=False)
    return part, name


def _of_rank(gram: Float[np.ndarray, "n n"], dim: int) -> Frame:
    """Vectors with that Gram matrix, of which all other eigenvalues are zero."""
    values, vectors = np.linalg.eigh(gram)
    assert np.allclose(values[:-dim], 0, atol=1e-9), "the rank is as given"
    frame = vectors[:, -dim:] * np.sqrt(np.maximum(values[-dim:], 0))
    return frame / np.linalg.norm(frame, axis=1, keepdims=True)


def _bits(num: int) -> Int[np.ndarray, "points bits"]:
    return (np.arange(2**num)[:, None] >> np.arange(num)[None, :]) & 1


def _quadratic_character(q: int) -> Int[np.ndarray, "q q"] | None:
    """1 where a - b is a square of the field with q elements, else -1; 0 if a = b.

    For odd primes and their squares; None for other q.
    """
    root = math.isqrt(q)
    if q % 2 and _is_prime(q):
        squares = set((np.arange(1, q) ** 2 % q).tolist())
        difference = (np.arange(q)[:, None] - np.arange(q)[None, :]) % q
    elif root * root == q and root % 2 and _is_prime(root):
        # a + b t with t^2 = r, which is no square of the prime field.
        p = root
        r = next(r for r in range(2, p) if pow(r, (p - 1) // 2, p) == p - 1)
        a, b = np.arange(q) // p, np.arange(q) % p
        squares = set(((((a * a + r * b * b) % p) * p + 2 * a * b % p)[1:]).tolist())
        difference = ((a[:, None] - a[None, :]) % p) * p + (b[:, None] - b[None, :]) % p
    else:
        return None
    is_square = np.isin(difference, list(squares))
    return np.where(difference == 0, 0, np.where(is_square, 1, -1))


def _is_prime(q: int) -> bool:
    return q > 1 and all(q % k for k in range(2, math.isqrt(q) + 1))


class _BinaryField:
    """The field with 2^degree elements; an element is a whole number, its bits the
    coefficients of a polynomial."""

    _MODULI = {1: 0b11, 3: 0b1011, 5: 0b100101, 7: 0b10000011}

    def __init__(self, degree: int) -> None:
        self.degree, self.modulus = degree, self._MODULI[degree]

    def product(
        self, a: Int[np.ndarray, " k"], b: Int[np.ndarray, " k"]
    ) -> Int[np.ndarray, " k"]:
        result = np.zeros_like(a)
        for bit in range(self.degree):
            result = result ^ np.where((b >> bit) & 1, a, 0)
            a = a << 1
            a = np.where(a >> self.degree, a ^ self.modulus, a)
        return result

    def trace(self, a: Int[np.ndarray, " k"]) -> Int[np.ndarray, " k"]:
        total = np.zeros_like(a)
        for _ in range(self.degree):
            total = total ^ a
            a = self.product(a, a)
        return total & 1


_LARGEST_DIM = 10_000
_KERDOCK_DIMS = [2 ** (degree + 1) for degree in _BinaryField._MODULI]

# Lemmens and Seidel (1973) has the equiangular lines; Conway and Sloane (1999),
# chapters 4 and 14, those of lattices.
_SINGLE = [
    KnownSet("28 equiangular lines in 7", 7, 28, 1 / 3, lines_28),
    KnownSet("complement of 28 lines", 21, 28, 1 / 9, lambda: complement(lines_28())),
    *(
        KnownSet(f"{count} equiangular lines in {dim}", dim, count, 1 / inverse, None)
        for dim, count, inverse in (
            (15, 36, 5),
            (21, 126, 5),
            (22, 176, 5),
            (23, 276, 5),
        )
    ),
    KnownSet("lines of the root system E6", 6, 36, 1 / 2, None),
    KnownSet("lines of the root system E7", 7, 63, 1 / 2, None),
    KnownSet("lines of the root system E8", 8, 120, 1 / 2, None),
    KnownSet("lines of the Barnes-Wall lattice", 16, 2160, 1 / 2, None),
    KnownSet("lines below Leech's lattice", 23, 2300, 1 / 3, None),
    KnownSet("lines of Leech's lattice", 24, 98_280, 1 / 2, None),
]
