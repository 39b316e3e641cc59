"""Pairs of student and teacher on which inequalities are tried."""

from collections.abc import Iterator

import numpy as np
from jaxtyping import Float

Matrix = Float[np.ndarray, "_ _"]
Pair = tuple[Matrix, Matrix]


def awkward_pairs(num_pairs: int, seed: int = 0) -> Iterator[tuple[str, Pair]]:
    """Random pairs, each with the name of its kind, in turn from `KINDS`.

    2 to 12 vectors in 1 to 8 dimensions, student and teacher of different widths, and
    every second pair with a common offset of all rows.
    """
    rng = np.random.default_rng(seed)
    for index in range(num_pairs):
        kind = KINDS[index % len(KINDS)]
        n = int(rng.integers(2, 13))
        m, d = (int(width) for width in rng.integers(1, 9, 2))
        student, teacher = _draw(kind, n, m, d, rng)
        if index // len(KINDS) % 2:
            student = student + rng.standard_normal((1, student.shape[1]))
            teacher = teacher + rng.standard_normal((1, teacher.shape[1]))
        yield kind, (student, teacher)


KINDS = (
    "independent",
    "rank deficient",
    "near",
    "very near",
    "of very different scale",
    "of steep spectrum",
    "of orthogonal ranges",
    "scaled copy",
    "of equal singular values",
    "of equal rows",
    "invertible map",
    "one direction added",
)


def _draw(kind: str, n: int, m: int, d: int, rng: np.random.Generator) -> Pair:
    student, teacher = rng.standard_normal((n, m)), rng.standard_normal((n, d))
    if kind == "rank deficient":
        rank = int(rng.integers(1, min(n, m, d) + 1))
        return _low_rank(n, m, rank, rng), _low_rank(n, d, min(rank + 1, d), rng)
    if kind in ("near", "very near"):
        size = 10.0 ** rng.uniform(*((-2, 0) if kind == "near" else (-9, -3)))
        return _turned(teacher, rng) + size * rng.standard_normal((n, d)), teacher
    if kind == "of very different scale":
        return 10.0 ** rng.uniform(-4, 4) * student, teacher
    if kind == "of steep spectrum":
        return student * 0.3 ** np.arange(m), teacher * 0.3 ** np.arange(d)
    if kind == "of orthogonal ranges":
        basis, _ = np.linalg.qr(rng.standard_normal((n, n)))
        cut = int(rng.integers(1, n))
        own, target = basis[:, :cut], basis[:, cut:]
        return own @ rng.standard_normal((cut, m)), target @ rng.standard_normal(
            (n - cut, d)
        )
    if kind == "scaled copy":
        return rng.uniform(0, 3) * _turned(teacher, rng), teacher
    if kind == "of equal singular values":
        return _isometry(n, m, rng), rng.uniform(0.2, 2) * _isometry(n, d, rng)
    if kind == "of equal rows":
        return student, teacher[rng.integers(0, n, n)]
    if kind == "invertible map":
        return teacher @ rng.standard_normal((d, d)), teacher
    if kind == "one direction added":
        extra = 10.0 ** rng.uniform(-4, 1) * rng.standard_normal((n, 1))
        return np.hstack([_turned(teacher, rng), extra]), teacher
    return student, teacher


def _turned(vectors: Matrix, rng: np.random.Generator) -> Matrix:
    width = vectors.shape[1]
    return vectors @ np.linalg.qr(rng.standard_normal((width, width)))[0]


def _low_rank(n: int, width: int, rank: int, rng: np.random.Generator) -> Matrix:
    return rng.standard_normal((n, rank)) @ rng.standard_normal((rank, width))


def _isometry(n: int, width: int, rng: np.random.Generator) -> Matrix:
    left, _, right = np.linalg.svd(rng.standard_normal((n, width)), full_matrices=False)
    return left @ right
