"""Sets of unit vectors of least coherence that are known in closed form.

NumPy, float64, on the host; rows are vectors. Equiangular tight frames attain Welch's
bound: every pair has the same |cos|. Kerdock sets attain Levenshtein's.
"""

import functools
import math
from collections.abc import Callable, Iterator

import numpy as np
from jaxtyping import Float, Int

Frame = Float[np.ndarray, "n d"]


def simplex(dim: int) -> Frame:
    """d + 1 vectors at coherence 1/d: the corners of a regular simplex."""
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
    m = dim.bit_length() - 1
    if dim != 2**m or m % 2 or m < 2:
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
    gram = frame @ frame.T * (dim / n)
    return _of_rank((np.eye(n) - gram) * (n / (n - dim)), n - dim)


@functools.lru_cache(maxsize=32)
def best_known(num_vectors: int, dim: int) -> tuple[Frame, str] | None:
    """A frame of that size in closed form, of the least coherence here, and its name.

    Also parts of larger frames: any vectors of one in no more dimensions. None where
    there is none, which says nothing about what exists.
    """
    found = []
    for name, frame in _candidates(num_vectors, dim):
        part = np.zeros((num_vectors, dim))
        part[:, : frame.shape[1]] = frame[:num_vectors]
        cosines = np.abs(part @ part.T)
        np.fill_diagonal(cosines, 0)
        found.append((round(float(np.max(cosines)), 12), name, part))
    if not found:
        return None
    _, name, best = min(found, key=lambda each: each[0])
    best.setflags(write=False)
    return best, name


def _candidates(num_vectors: int, dim: int) -> Iterator[tuple[str, Frame]]:
    if num_vectors <= dim:
        yield "orthonormal", np.eye(dim)
        return
    tight: dict[str, Callable[[int], Frame]] = {
        "simplex": simplex,
        "conference": conference,
        "bent": bent,
    }
    for name, make in tight.items():
        if num_vectors <= _SIZES[name](dim):
            try:
                yield name, make(dim)
            except ValueError:
                pass
    if 7 <= dim and num_vectors <= 28:
        yield "28 lines", lines_28()
    if (dim, num_vectors) == (21, 28):
        yield "complement of 28 lines", complement(lines_28())
    size = 4 ** int(math.log(dim, 4) + 1e-9)
    if 4 <= size <= 256 and num_vectors <= size * (size // 2 + 1):
        yield "kerdock", kerdock(size)


_SIZES: dict[str, Callable[[int], int]] = {
    "simplex": lambda dim: dim + 1,
    "conference": lambda dim: 2 * dim,
    "bent": lambda dim: 4 ** ((2 * dim).bit_length() // 2),
}


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
    if _is_odd_prime(q):
        squares = set((np.arange(1, q) ** 2 % q).tolist())
        difference = (np.arange(q)[:, None] - np.arange(q)[None, :]) % q
    elif root * root == q and _is_odd_prime(root):
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


def _is_odd_prime(q: int) -> bool:
    return q > 2 and all(q % k for k in range(2, math.isqrt(q) + 1))


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
