"""Target matrices of cosines.

A family has knobs in place of a matrix, so that an experiment is described by a few
numbers; a matrix of one's own is given as rows, or in a file.
"""

import abc

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray, Shaped

from simgeo.checks import NOT_NEGATIVE, at_least, check_fields, known, require, rule
from simgeo.linalg import squared_norm, unit_rows
from simgeo.teachers._matrix_file import AbstractFile, check_symmetric
from simgeo.teachers._teacher import (
    About,
    AbstractTeacher,
    Rows,
    factor,
    largest_eigenvalue,
    random_frame,
    random_units,
)

COSINE = rule(
    "lie between -1 and 1", lambda value: -1 <= value <= 1, minimum=-1, maximum=1
)

_MOMENTUM = 0.9
_NOISE = 0.1


class AbstractGram(eqx.Module):
    """A symmetric matrix with a unit diagonal, or a law from which such are drawn."""

    def __check_init__(self) -> None:
        check_fields(self)

    @abc.abstractmethod
    def __call__(self, key: PRNGKeyArray, num_vectors: int) -> Float[Array, "n n"]:
        """The cosine that each pair is to have."""

    def check(self, num_vectors: int, teacher_dim: int) -> None:
        """Raises ValueError if there is no such matrix on so many vectors."""


class Equicorrelated(AbstractGram):
    """One cosine for all pairs: positive semidefinite from -1 / (n - 1) on."""

    cosine: float = eqx.field(default=0.5, metadata=COSINE)

    def check(self, num_vectors: int, teacher_dim: int) -> None:
        if known(self.cosine) and (num_vectors - 1) * self.cosine < -1 - 1e-9:
            rule = (
                f"be at least {-1 / (num_vectors - 1):.6g} for {num_vectors} vectors, "
                f"whose sum has no negative squared length"
            )
            require(False, "cosine", rule, self.cosine)

    def __call__(self, key: PRNGKeyArray, num_vectors: int) -> Float[Array, "n n"]:
        return jnp.where(jnp.eye(num_vectors, dtype=bool), 1.0, self.cosine)


class Toeplitz(AbstractGram):
    """cosine^|i - j|: an autoregressive process of order one."""

    cosine: float = eqx.field(default=0.9, metadata=COSINE)

    def __call__(self, key: PRNGKeyArray, num_vectors: int) -> Float[Array, "n n"]:
        place = jnp.arange(num_vectors)
        apart = jnp.abs(place[:, None] - place[None, :])
        # Not a power of a traced, negative base, which is NaN.
        sign = jnp.where((apart % 2 == 1) & (jnp.asarray(self.cosine) < 0), -1.0, 1.0)
        return sign * jnp.abs(jnp.asarray(self.cosine)) ** apart


class BlockGram(AbstractGram):
    """One cosine `within` blocks and one `between`; vector i in block i mod num_blocks.

    Positive semidefinite for between <= within, both from 0 on.
    """

    num_blocks: int = eqx.field(static=True, default=8, metadata=at_least(1))
    within: float = eqx.field(default=0.5, metadata=COSINE)
    between: float = eqx.field(default=0.0, metadata=COSINE)

    def __call__(self, key: PRNGKeyArray, num_vectors: int) -> Float[Array, "n n"]:
        block = jnp.arange(num_vectors) % self.num_blocks
        same = block[:, None] == block[None, :]
        cosines = jnp.where(same, self.within, self.between)
        return jnp.where(jnp.eye(num_vectors, dtype=bool), 1.0, cosines)


class Spectrum(AbstractGram):
    """A random matrix of cosines with chosen eigenvalues.

    Proportional to `eigenvalues`, the rest zero; their sum is n. Orthonormal columns,
    scaled and then rotated in the plane of two vectors at a time until all rows have
    unit length: Bendel and Mickey (1978), as in scipy.stats.random_correlation.
    """

    eigenvalues: tuple[float, ...] = eqx.field(
        default=(8.0, 4.0, 2.0, 1.0), metadata=NOT_NEGATIVE
    )

    def __check_init__(self) -> None:
        check_fields(self)
        is_any = not known(*self.eigenvalues) or sum(self.eigenvalues) > 0
        rule = "not be empty, nor all zero"
        require(is_any, "eigenvalues", rule, self.eigenvalues)

    def check(self, num_vectors: int, teacher_dim: int) -> None:
        num = len(self.eigenvalues)
        rule = "not be more than the vectors or the dimensions"
        got = f"{num} for {num_vectors} vectors in {teacher_dim} dimensions"
        require(num <= min(num_vectors, teacher_dim), "eigenvalues", rule, got)

    def __call__(self, key: PRNGKeyArray, num_vectors: int) -> Float[Array, "n n"]:
        eigenvalues = jnp.stack([jnp.asarray(each, float) for each in self.eigenvalues])
        scale = jnp.sqrt(num_vectors * eigenvalues / jnp.sum(eigenvalues))
        rows = random_frame(key, num_vectors, len(self.eigenvalues)) * scale[None, :]
        with jax.default_matmul_precision("highest"):
            rows = _unit_by_rotations(rows)
            return rows @ rows.T


class AbstractGivenGram(AbstractGram):
    """A matrix that is given, scaled to a unit diagonal."""

    @abc.abstractmethod
    def matrix(self) -> Float[np.ndarray, "n n"]:
        """The matrix; its diagonal is positive."""

    def check(self, num_vectors: int, teacher_dim: int) -> None:
        check_symmetric(self, self.matrix(), num_vectors, positive=True)

    def __call__(self, key: PRNGKeyArray, num_vectors: int) -> Float[Array, "n n"]:
        matrix = self.matrix()
        scale = 1 / np.sqrt(np.diagonal(matrix))
        return jnp.asarray(matrix * scale[:, None] * scale[None, :], dtype=float)


class GramMatrix(AbstractGivenGram):
    """A matrix given by its rows; `GramMatrix.of` takes an array.

    Scaled to a unit diagonal: a covariance becomes its correlation.
    """

    rows: tuple[tuple[float, ...], ...] = eqx.field(
        static=True, default=((1.0, 0.5), (0.5, 1.0))
    )

    def __check_init__(self) -> None:
        check_fields(self)
        check_symmetric(self, self.matrix(), positive=True)

    @classmethod
    def of(cls, matrix: Float[np.ndarray, "n n"] | Float[Array, "n n"]) -> "GramMatrix":
        """From an array."""
        return cls(tuple(tuple(row) for row in np.asarray(matrix, float).tolist()))

    def matrix(self) -> Shaped[np.ndarray, "..."]:
        return np.asarray(self.rows)


class GramFile(AbstractFile, AbstractGivenGram):
    """A matrix read from a file, scaled to a unit diagonal.

    The settings are those of `FromFile`.
    """


class FromGram(AbstractTeacher):
    """Unit vectors whose cosines are a chosen matrix, or the nearest they can be.

    A target G that is positive semidefinite and of rank d at most is met exactly, by
    pivoted Cholesky. From there, for any other, |G - X X'| descends over unit rows of d
    dimensions: the nearest correlation matrix of rank d. For n <= d that is a convex
    problem; for fewer dimensions the descent was seen to end within a percent of what
    `limits.unit_row_gram_bound` proves. See `error` for what was achieved. The key
    rotates the vectors, and draws the target where that is random.

    Nearest of low rank: Pietersz and Groenen (2004); Grubisic and Pietersz (2007).
    """

    about = About(
        control="every cosine: a Gram or correlation matrix",
        feasible="any symmetric matrix with positive diagonal",
        exact="exact if of rank d and positive semidefinite, else nearest",
        cost="n^3 once, n^2 d per step",
    )
    gram: AbstractGram = eqx.field(default_factory=Equicorrelated)
    num_steps: int = eqx.field(static=True, default=500, metadata=at_least(0))

    def check(self, num_vectors: int, teacher_dim: int) -> None:
        super().check(num_vectors, teacher_dim)
        self.gram.check(num_vectors, teacher_dim)

    def target(self, key: PRNGKeyArray, num_vectors: int) -> Float[Array, "n n"]:
        """The matrix that a draw with this key is to have."""
        return self.gram(jax.random.split(key)[0], num_vectors)

    def error(self, key: PRNGKeyArray, vectors: Float[Array, "n d"]) -> float:
        """|G - X X'| / |G| of a draw with this key, on the host."""
        array = np.asarray(vectors, np.float64)
        target = np.asarray(self.target(key, len(array)), np.float64)
        return float(np.linalg.norm(target - array @ array.T) / np.linalg.norm(target))

    def __call__(self, key: PRNGKeyArray, num_vectors: int, teacher_dim: int) -> Rows:
        self.check(num_vectors, teacher_dim)
        target = self.target(key, num_vectors)
        start_key, noise_key, turn_key = jax.random.split(jax.random.split(key)[1], 3)
        rank = min(num_vectors, teacher_dim)
        with jax.default_matmul_precision("highest"):
            start = factor(start_key, target, rank)
            # Off the saddles of fewer dimensions, unless it is met.
            error = squared_norm(target - start @ start.T)
            noise = jnp.where(error > 1e-8 * squared_norm(target), _NOISE, 0.0)
            shape = num_vectors, rank
            start = unit_rows(start + noise * random_units(noise_key, *shape))
            largest = jnp.maximum(
                jnp.sqrt(largest_eigenvalue(target @ target)), num_vectors / rank
            )
            vectors = _nearest(start, target, 0.5 / largest, self.num_steps)
            frame = random_frame(turn_key, teacher_dim, rank)
            return unit_rows(vectors @ frame.T)


def _unit_by_rotations(rows: Float[Array, "n r"]) -> Float[Array, "n r"]:
    """Rows of mean squared length 1, rotated among themselves until all have it."""
    n = len(rows)

    def rotate(_, rows):
        squared = jnp.sum(rows**2, axis=1)
        i, j = jnp.argmin(squared), jnp.argmax(squared)
        short, long, both = squared[i], squared[j], rows[i] @ rows[j]
        # |c x_i + s x_j| = 1 for s / c = t: the root without cancellation.
        root = jnp.sqrt(both**2 + jnp.maximum((long - 1.0) * (1.0 - short), 0.0))
        divisor = both + jnp.where(both < 0, -root, root)
        is_done = jnp.abs(divisor) < 1e-30
        t = jnp.where(is_done, 0.0, (1.0 - short) / jnp.where(is_done, 1.0, divisor))
        c = 1.0 / jnp.sqrt(1.0 + t**2)
        new_i, new_j = c * (rows[i] + t * rows[j]), c * (rows[j] - t * rows[i])
        return rows.at[i].set(new_i).at[j].set(new_j)

    return unit_rows(jax.lax.fori_loop(0, n - 1, rotate, rows))


def _nearest(
    start: Float[Array, "n r"],
    target: Float[Array, "n n"],
    rate: Float[Array, ""],
    num_steps: int,
) -> Float[Array, "n r"]:
    """Descent of |G - X X'|^2 until rows stop; momentum ends where it opposes."""
    tolerance = 30 * jnp.finfo(start.dtype).eps

    def unfinished(state):
        step, _, _, change = state
        return (step < num_steps) & (change > tolerance)

    def advance(state):
        step, vectors, previous, _ = state
        ahead = vectors + _MOMENTUM * (vectors - previous)
        force = target @ ahead - ahead @ (ahead.T @ ahead)
        force = force - jnp.sum(force * ahead, axis=1, keepdims=True) * ahead
        after = unit_rows(ahead + rate * force)
        move = after - vectors
        previous = jnp.where(jnp.sum(force * move) < 0, after, vectors)
        return step + 1, after, previous, jnp.max(jnp.abs(move))

    begin = (jnp.zeros((), int), start, start, jnp.ones((), start.dtype))
    return jax.lax.while_loop(unfinished, advance, begin)[1]
