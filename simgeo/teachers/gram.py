"""A chosen matrix of cosines."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, PRNGKeyArray

from simgeo.linalg import squared_norm, unit_rows
from simgeo.teachers._base import (
    About,
    AbstractTeacher,
    factor,
    largest_eigenvalue,
    random_frame,
    random_units,
)
from simgeo.teachers.grams import AbstractGram, Equicorrelated

_MOMENTUM = 0.9
_NOISE = 0.1


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
    num_steps: int = eqx.field(static=True, default=500)

    def __check_init__(self) -> None:
        if self.num_steps < 0:
            raise ValueError(f"`num_steps` must not be negative; got {self.num_steps}.")

    def check(self, num_vectors: int, dim: int) -> None:
        super().check(num_vectors, dim)
        self.gram.check(num_vectors, dim)

    def target(self, key: PRNGKeyArray, num_vectors: int) -> Float[Array, "n n"]:
        """The matrix that a draw with this key is to have."""
        return self.gram(jax.random.split(key)[0], num_vectors)

    def error(self, key: PRNGKeyArray, vectors: Float[Array, "n d"]) -> float:
        """|G - X X'| / |G| of a draw with this key, on the host."""
        array = np.asarray(vectors, np.float64)
        target = np.asarray(self.target(key, len(array)), np.float64)
        return float(np.linalg.norm(target - array @ array.T) / np.linalg.norm(target))

    def __call__(
        self, key: PRNGKeyArray, num_vectors: int, dim: int
    ) -> Float[Array, "n d"]:
        self.check(num_vectors, dim)
        target = self.target(key, num_vectors)
        start_key, noise_key, turn_key = jax.random.split(jax.random.split(key)[1], 3)
        rank = min(num_vectors, dim)
        with jax.default_matmul_precision("highest"):
            start = factor(start_key, target, rank)
            # Off the saddles of fewer dimensions, unless it is met.
            error = squared_norm(target - start @ start.T)
            noise = jnp.where(error > 1e-8 * squared_norm(target), _NOISE, 0.0)
            shape = num_vectors, rank
            start = unit_rows(start + noise * random_units(noise_key, *shape))
            largest = jnp.maximum(_largest_size(target), num_vectors / rank)
            vectors = _nearest(start, target, 0.5 / largest, self.num_steps)
            frame = random_frame(turn_key, dim, rank)
            return unit_rows(vectors @ frame.T)


def _largest_size(target: Float[Array, "n n"]) -> Float[Array, ""]:
    """Of an eigenvalue, from above."""
    return jnp.sqrt(largest_eigenvalue(target @ target))


class _Fit(eqx.Module):
    step: Int[Array, ""]
    vectors: Float[Array, "n r"]
    previous: Float[Array, "n r"]
    change: Float[Array, ""]


def _nearest(
    start: Float[Array, "n r"],
    target: Float[Array, "n n"],
    rate: Float[Array, ""],
    num_steps: int,
) -> Float[Array, "n r"]:
    """Descent of |G - X X'|^2 until rows stop; momentum ends where it opposes."""
    tolerance = 30 * jnp.finfo(start.dtype).eps

    def unfinished(state):
        return (state.step < num_steps) & (state.change > tolerance)

    def advance(state):
        ahead = state.vectors + _MOMENTUM * (state.vectors - state.previous)
        force = target @ ahead - ahead @ (ahead.T @ ahead)
        force = force - jnp.sum(force * ahead, axis=1, keepdims=True) * ahead
        vectors = unit_rows(ahead + rate * force)
        move = vectors - state.vectors
        previous = jnp.where(jnp.sum(force * move) < 0, vectors, state.vectors)
        return _Fit(state.step + 1, vectors, previous, jnp.max(jnp.abs(move)))

    begin = _Fit(jnp.zeros((), int), start, start, jnp.ones((), start.dtype))
    return jax.lax.while_loop(unfinished, advance, begin).vectors
