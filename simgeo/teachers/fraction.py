"""A chosen fraction of epsilon-orthogonal pairs, to the pair."""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray

from simgeo import limits
from simgeo.linalg import unit_rows
from simgeo.teachers._base import AbstractTeacher, require

_RATE = 5e-3
_NUM_BISECTIONS = 30
_NUM_REPAIRS = 30


class _Flow(NamedTuple):
    before: Float[Array, "n d"]  # the last with fewer pairs than asked for
    after: Float[Array, "n d"]
    moments: optax.OptState
    count: Int[Array, ""]
    step: Int[Array, ""]


class OrthogonalFraction(AbstractTeacher):
    """Vectors of which round(`fraction` n (n-1) / 2) pairs have |cosine| <= `epsilon`.

    From random vectors, a smaller fraction mixes in a common direction; a larger one
    follows the gradient of sum relu(|cosine| - epsilon)^2, and once that stalls, of an
    annealed sigmoid count. Between the last set with too few and the first with
    enough, bisection; then the wanted number of pairs of least |cosine| is the
    pattern, and every pair is pushed 4e-6 away from epsilon to its side, so that the
    count is the same integer in float32 and float64. Where `num_steps` do not reach
    the fraction, the set that came nearest is returned: `report` tells.
    """

    fraction: float = 0.95
    epsilon: float = 0.1
    num_steps: int = eqx.field(static=True, default=3000)

    def __check_init__(self) -> None:
        require(self.fraction, "fraction", 0, 1 + 1e-12, "lie in [0, 1]")
        require(self.epsilon, "epsilon", 1e-6, 1, "lie between 0 and 1")
        if self.num_steps < 1:
            raise ValueError(f"`num_steps` must be at least 1; got {self.num_steps}.")

    def check(self, num_vectors: int, dim: int) -> None:
        knobs = (self.fraction, self.epsilon)
        if any(isinstance(knob, jax.core.Tracer) for knob in knobs):
            return
        fraction, epsilon = map(float, knobs)
        total = num_vectors * (num_vectors - 1) // 2
        most = limits.max_orthogonal_pairs(epsilon, num_vectors, dim)
        if round(fraction * total) > most:
            size, name = limits.max_orthogonal_vectors(epsilon, dim)
            raise ValueError(
                f"`fraction` must not exceed {most / total:.6f} at epsilon "
                f"{epsilon:g} for {num_vectors} vectors in {dim} dimensions: at most "
                f"{size} are mutually epsilon-orthogonal ({name}), hence at most "
                f"{most} pairs (Turan); got {fraction:g}. Lower it, or raise "
                f"`epsilon` or `teacher_dim`."
            )

    def __call__(
        self, key: PRNGKeyArray, num_vectors: int, dim: int
    ) -> Float[Array, "n d"]:
        self.check(num_vectors, dim)
        total = num_vectors * (num_vectors - 1) // 2
        target = jnp.round(self.fraction * total).astype(jnp.int32)
        own_key, shared_key = jax.random.split(key)
        start = unit_rows(jax.random.normal(own_key, (num_vectors, dim)))
        shared = unit_rows(jax.random.normal(shared_key, (1, dim)))
        lowers = self._count(start) > target
        few, many = self._flow(start, jnp.where(lowers, 0, target))

        def between(share):
            mixed = jnp.sqrt(share) * start + jnp.sqrt(1.0 - share) * shared
            moved = (1.0 - share) * few + share * many
            return unit_rows(jnp.where(lowers, mixed, moved))

        vectors = self._bisect(between, target)
        return self._repair(vectors, target)

    def _count(self, units: Float[Array, "n d"]) -> Int[Array, ""]:
        near = (jnp.abs(units @ units.T) <= self.epsilon) & _others(units)
        return jnp.sum(near, dtype=jnp.int32) // 2

    def _flow(
        self, start: Float[Array, "n d"], target: Int[Array, ""]
    ) -> tuple[Float[Array, "n d"], Float[Array, "n d"]]:
        """The last set with fewer pairs than `target`, and the first with enough."""
        optimiser = optax.adam(_RATE)
        others = _others(start)
        half = self.num_steps // 2

        def excess(units, step):
            cosine = jnp.abs(units @ units.T)
            over = jax.nn.relu(cosine - 0.98 * self.epsilon)
            hinge = jnp.sum(jnp.where(others, over, 0.0) ** 2)
            # The width falls from 0.1 to 0.002 over the second half.
            width = 0.1 * 0.02 ** jnp.clip((step - half) / half, 0.0, 1.0)
            far = jax.nn.sigmoid((cosine - self.epsilon) / width)
            count = jnp.sum(jnp.where(others, far, 0.0))
            return jnp.where(step < half, hinge, count)

        def unfinished(flow: _Flow):
            return (flow.count < target) & (flow.step < self.num_steps)

        def advance(flow: _Flow) -> _Flow:
            gradient = jax.grad(lambda x: excess(unit_rows(x), flow.step))(flow.after)
            updates, moments = optimiser.update(gradient, flow.moments)
            moved = unit_rows(optax.apply_updates(flow.after, updates))
            count = self._count(moved)
            return _Flow(flow.after, moved, moments, count, flow.step + 1)

        first = _Flow(
            start, start, optimiser.init(start), self._count(start), jnp.asarray(0)
        )
        last = jax.lax.while_loop(unfinished, advance, first)
        return last.before, last.after

    def _bisect(self, path, target: Int[Array, ""]) -> Float[Array, "n d"]:
        """A point of the path, whose count rises from 0 to 1, near the target."""

        def halve(_, bounds):
            low, high = bounds
            middle = 0.5 * (low + high)
            enough = self._count(path(middle)) >= target
            return jnp.where(enough, low, middle), jnp.where(enough, middle, high)

        ends = (jnp.zeros(()), jnp.ones(()))
        return path(jax.lax.fori_loop(0, _NUM_BISECTIONS, halve, ends)[1])

    def _repair(
        self, units: Float[Array, "n d"], target: Int[Array, ""]
    ) -> Float[Array, "n d"]:
        """The set with exactly the nearest `target` pairs inside, none at the edge."""
        margin = jnp.minimum(4e-6, 0.1 * self.epsilon)
        pattern = _nearest_pairs(units, target)
        reached = jnp.abs(self._count(units) - target) <= 0.001 * len(units) ** 2

        def push(_, units):
            cosine = units @ units.T
            size = jnp.abs(cosine)
            inside = pattern & (size > self.epsilon - margin)
            outside = ~pattern & (size < self.epsilon + margin) & _others(units)
            wanted = jnp.where(inside, self.epsilon - 2 * margin, size)
            wanted = jnp.where(outside, self.epsilon + 2 * margin, wanted)
            sign = jnp.where(cosine < 0, -1.0, 1.0)
            return unit_rows(units + 0.5 * (sign * (wanted - size)) @ units)

        pushed = jax.lax.fori_loop(0, _NUM_REPAIRS, push, units)
        return jnp.where(reached, pushed, units)


def _others(units: Float[Array, "n d"]) -> Bool[Array, "n n"]:
    return ~jnp.eye(units.shape[0], dtype=bool)


def _nearest_pairs(
    units: Float[Array, "n d"], count: Int[Array, ""]
) -> Bool[Array, "n n"]:
    """The `count` pairs of least |cosine|, as a symmetric pattern."""
    num_vectors = units.shape[0]
    first, second = jnp.triu_indices(num_vectors, 1)
    order = jnp.argsort(jnp.abs(units @ units.T)[first, second])
    chosen = jnp.zeros(order.shape, bool).at[order].set(
        jnp.arange(order.shape[0]) < count
    )
    pattern = jnp.zeros((num_vectors, num_vectors), bool)
    pattern = pattern.at[first, second].set(chosen)
    return pattern | pattern.T
