"""Vectors as far apart as they can be."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, PRNGKeyArray

from simgeo import frames, limits
from simgeo.checks import at_least, check_fields, require
from simgeo.linalg import unit_rows
from simgeo.teachers._pair_moves import off_diagonal
from simgeo.teachers._teacher import (
    About,
    AbstractTeacher,
    Rows,
    random_frame,
    random_units,
)

_RATE = 0.02
_POWERS = 4.0, 4000.0  # of the norm, in the first and in the last step


class LowCoherence(AbstractTeacher):
    """Unit vectors whose largest |cos| is as small as could be found.

    Where a frame known in closed form attains the largest lower bound, it is taken:
    see `frames.best_known`. Otherwise `num_restarts` random starts descend the p-norm
    of the cosines, p growing from 4 to 4,000 over `num_steps` of Adam, and the best
    set on any of their paths is taken, or the closed form if that is better. Without
    restarts there is the closed form only. The key rotates the vectors, in either
    case. `report` has the coherence and its ratio to the bound.

    Best known real packings, of vectors x dimensions: Sloane's tables, now kept by
    Cohn; tables of complex ones do not apply.
    """

    about = About(
        control="none: the least coherence",
        feasible="any n and d; limits.coherence_bound is the floor",
        exact="exact for closed forms, else the best of restarts",
        cost="restarts x steps x n^2 d: 28 x 7 in 2 s",
    )
    num_restarts: int = eqx.field(static=True, default=32, metadata=at_least(0))
    num_steps: int = eqx.field(static=True, default=2000, metadata=at_least(1))
    use_known: bool = eqx.field(static=True, default=True)

    def __check_init__(self) -> None:
        check_fields(self)
        can_draw = self.use_known or self.num_restarts > 0
        rule = "be at least 1 without `use_known`"
        require(can_draw, "num_restarts", rule, self.num_restarts)

    def check(self, num_vectors: int, teacher_dim: int) -> None:
        super().check(num_vectors, teacher_dim)
        if not self.num_restarts and not frames.best_known(num_vectors, teacher_dim):
            rule = (
                f"be at least 1 for {num_vectors} vectors in {teacher_dim} dimensions, "
                f"for which no closed form is known here"
            )
            require(False, "num_restarts", rule, self.num_restarts)

    def __call__(self, key: PRNGKeyArray, num_vectors: int, teacher_dim: int) -> Rows:
        self.check(num_vectors, teacher_dim)
        turn_key, key = jax.random.split(key)
        with jax.default_matmul_precision("highest"):
            vectors = self._best(key, num_vectors, teacher_dim)
            return unit_rows(vectors @ random_frame(turn_key, teacher_dim, teacher_dim))

    def _best(
        self, key: PRNGKeyArray, num_vectors: int, teacher_dim: int
    ) -> Float[Array, "n d"]:
        bound, _ = limits.coherence_bound(num_vectors, teacher_dim)
        known = frames.best_known(num_vectors, teacher_dim) if self.use_known else None
        if known is not None:
            frame = known[0]
            coherence = np.max(np.abs(frame @ frame.T) - 2 * np.eye(num_vectors))
            if not self.num_restarts or coherence <= bound + 1e-9:
                return jnp.asarray(frame, float)
        keys = jax.random.split(key, self.num_restarts)
        starts = jax.vmap(lambda key: random_units(key, num_vectors, teacher_dim))(keys)
        found, coherences = jax.vmap(lambda start: _pack(start, self.num_steps))(starts)
        best, least = found[jnp.argmin(coherences)], jnp.min(coherences)
        if known is None:
            return best
        return jnp.where(least < coherence, best, jnp.asarray(frame, best.dtype))


def _pack(
    start: Float[Array, "n d"], num_steps: int
) -> tuple[Float[Array, "n d"], Float[Array, ""]]:
    """The set of least coherence on the way from the start, and that coherence."""
    optimiser = optax.adam(optax.cosine_decay_schedule(_RATE, num_steps, alpha=1e-4))
    pairs = off_diagonal(len(start))
    low, high = _POWERS

    def advance(step, state):
        vectors, best, least, moments = state
        power = low * (high / low) ** (step / num_steps)
        gram = jnp.where(pairs, vectors @ vectors.T, 0.0)
        size = jnp.maximum(jnp.abs(gram), 1e-12)
        coherence = jnp.max(size)
        best = jnp.where(coherence < least, vectors, best)
        # The gradient of log |cos|_p: in the log domain, |cos|^p does not vanish.
        weights = jnp.exp(power * jnp.log(size / coherence))
        weights = weights / jnp.sum(weights)
        gradient = jnp.where(gram < 0, -weights, weights) / size @ vectors
        along = jnp.sum(gradient * vectors, axis=1, keepdims=True)
        update, moments = optimiser.update(gradient - along * vectors, moments)
        vectors = unit_rows(vectors + update)
        return vectors, best, jnp.minimum(coherence, least), moments

    begin = (start, start, jnp.full((), 2.0, start.dtype), optimiser.init(start))
    _, best, least, _ = jax.lax.fori_loop(0, num_steps, advance, begin)
    return best, least
