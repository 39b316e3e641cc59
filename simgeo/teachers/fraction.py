"""An exact number of epsilon-orthogonal pairs."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, PRNGKeyArray

from simgeo import limits
from simgeo.linalg import unit_rows
from simgeo.teachers._base import AbstractTeacher, Knob, known, random_units

# Found by trial at 64 to 256 vectors: larger steps oscillate, more momentum overshoots.
_STEP = 0.3
_MOMENTUM = 0.8
_TARGET_COSINE = 0.9  # of epsilon: where the flow stops pushing a pair
# How the quantile of |cos| is followed: in proportion to the share of pairs that it is
# off by, at least so much when a few of many are missing, at most so much when few are.
_QUANTILE_GAIN = 3.0
_QUANTILE_LEAST = 0.002
_QUANTILE_MOST = 0.05
_MOST_WAIVED = 0.02  # of the pairs asked for, by the last step
_NUM_BISECTIONS = 24  # float32 resolves no more
_MARGIN = 4e-6  # above float32 rounding of a cosine in some thousand dimensions
_MAX_REPAIRS = 100


class OrthogonalFraction(AbstractTeacher):
    """Vectors of which exactly a chosen fraction of pairs is epsilon-orthogonal.

    round(fraction n (n - 1)/2) pairs have |cos| <= epsilon. No cosine is within 4e-6
    of epsilon (less for epsilon or 1 - epsilon below 4e-5), so that every program
    counts the same pairs, in float32 too if its products are not of lower precision.

    Vectors move along a path that starts at one common direction, with no such pair,
    and leads straight to random directions. If those have too few, it follows the
    descent of sum max(|cos| - 0.9 epsilon, 0)^2 over the pairs that are wanted: the
    round(fraction ...) smallest |cos| of the moment. The others keep their cosines, so
    that the pattern has a wide margin. The step at which the number is passed is
    bisected, and pairs that are then on the wrong side, by a rounding, are corrected.

    A request that is proven impossible is refused. If `num_steps` of descent do not
    reach another, the best set on the path is returned, for which up to 2 % of the
    wanted pairs are waived in the second half of the steps: see `report` for what was
    achieved. Near the bound of `limits.max_orthogonal_fraction` that will happen, and
    vectors come to lie in groups of near-duplicates, as in Turan's graph.
    """

    fraction: float = 0.95
    epsilon: float = 0.1
    num_steps: int = eqx.field(static=True, default=1000)

    def __check_init__(self) -> None:
        if known(self.fraction) and not 0 <= self.fraction <= 1:
            raise ValueError(f"`fraction` must be in [0, 1]; got {self.fraction}.")
        if known(self.epsilon) and not 0 < self.epsilon < 1:
            raise ValueError(f"`epsilon` must be in (0, 1); got {self.epsilon}.")
        if self.num_steps < 1:
            raise ValueError(f"`num_steps` must be at least 1; got {self.num_steps}.")

    def check(self, num_vectors: int, dim: int) -> None:
        super().check(num_vectors, dim)
        if num_vectors < 2:
            raise ValueError(
                f"`num_vectors` must be at least 2 to have a pair; got {num_vectors}."
            )
        if not known(self.fraction, self.epsilon):
            return
        fraction, epsilon = float(self.fraction), float(self.epsilon)
        most = limits.max_orthogonal_pairs(epsilon, num_vectors, dim)
        pairs = num_vectors * (num_vectors - 1) // 2
        if round(fraction * pairs) > most:
            count, bound = limits.max_orthogonal_vectors(epsilon, dim)
            raise ValueError(
                f"`fraction` must not exceed {most / pairs:.6g} for {num_vectors} "
                f"vectors in {dim} dimensions at epsilon {epsilon:g}, where no more "
                f"than {count} vectors are mutually epsilon-orthogonal ({bound}); "
                f"got {fraction:g}. Raise `epsilon` or the dimension."
            )

    def __call__(
        self, key: PRNGKeyArray, num_vectors: int, dim: int
    ) -> Float[Array, "n d"]:
        self.check(num_vectors, dim)
        common_key, own_key = jax.random.split(key)
        common = random_units(common_key, 1, dim)
        start = random_units(own_key, num_vectors, dim)
        target = _num_pairs(self.fraction, num_vectors)
        # Accelerators would round factors to 10 bits, which moves pairs across epsilon.
        with jax.default_matmul_precision("highest"):
            below, above, target = _descend(
                start, common, target, self.epsilon, self.num_steps
            )
            vectors = _bisect(below, above, target, self.epsilon)
            return _settle(vectors, target, self.epsilon)


def _num_pairs(fraction: Knob, num_vectors: int) -> Int[Array, ""]:
    """fraction n (n - 1)/2, rounded; halves, up to float32's rounding, to even."""
    pairs = num_vectors * (num_vectors - 1) // 2
    exact = jnp.asarray(fraction) * pairs
    half = jnp.round(2 * exact) / 2
    exact = jnp.where(jnp.abs(exact - half) < 2.5e-7 * pairs, half, exact)
    return jnp.round(exact).astype(int)


class _Descent(eqx.Module):
    step: Int[Array, ""]
    vectors: Float[Array, "n d"]
    momentum: Float[Array, "n d"]
    gram: Float[Array, "n n"]
    count: Int[Array, ""]
    reach: Float[Array, ""]  # pairs with a larger |cos| are given up
    previous: Float[Array, "n d"]
    best: Float[Array, "n d"]
    best_count: Int[Array, ""]


def _descend(
    start: Float[Array, "n d"],
    common: Float[Array, "1 d"],
    target: Int[Array, ""],
    epsilon: Knob,
    num_steps: int,
) -> tuple[Float[Array, "n d"], Float[Array, "n d"], Int[Array, ""]]:
    """Neighbours on the path with fewer and with enough pairs, and how many to make.

    If the target is not reached: twice the best on the path, and its number.
    """
    n = len(start)
    off_diagonal = ~np.eye(n, dtype=bool)
    pairs = n * (n - 1) // 2

    def unfinished(state):
        return (state.count < target) & (state.step < num_steps)

    def advance(state):
        size = jnp.abs(state.gram)
        wanted = off_diagonal & (size <= state.reach)
        ease = _TARGET_COSINE * epsilon
        excess = jnp.where(wanted, state.gram - jnp.clip(state.gram, -ease, ease), 0.0)
        force = excess @ state.vectors
        along = jnp.sum(force * state.vectors, axis=1, keepdims=True)
        momentum = _MOMENTUM * state.momentum + force - along * state.vectors
        vectors = unit_rows(state.vectors - _STEP * momentum)
        # In the second half of the steps fewer pairs are wanted than asked for: what
        # cannot all be had makes room for the most that can.
        waived = _MOST_WAIVED * jnp.maximum(2 * state.step / num_steps - 1.0, 0.0)
        missing = target * (1.0 - waived) - jnp.sum(wanted) // 2
        change = _QUANTILE_GAIN * jnp.abs(missing) / pairs
        change = jnp.clip(change, _QUANTILE_LEAST, _QUANTILE_MOST) * jnp.sign(missing)
        reach = jnp.clip(state.reach * jnp.exp(change), 1.001 * epsilon, 1.0)
        gram = vectors @ vectors.T
        count = _count(gram, epsilon)
        better = count > state.best_count
        return _Descent(
            step=state.step + 1,
            vectors=vectors,
            momentum=momentum,
            gram=gram,
            count=count,
            reach=reach.astype(state.reach.dtype),
            previous=state.vectors,
            best=jnp.where(better, vectors, state.best),
            best_count=jnp.where(better, count, state.best_count),
        )

    gram = start @ start.T
    count = _count(gram, epsilon)
    sizes = jnp.sort(_over_pairs(jnp.abs(gram)))
    begin = _Descent(
        step=jnp.zeros((), int),
        vectors=start,
        momentum=jnp.zeros_like(start),
        gram=gram,
        count=count,
        reach=sizes[jnp.minimum(target, pairs - 1)],
        previous=jnp.broadcast_to(common, start.shape),
        best=start,
        best_count=count,
    )
    end = jax.lax.while_loop(unfinished, advance, begin)
    reached = end.count >= target
    below = jnp.where(reached, end.previous, end.best)
    return below, end.best, jnp.minimum(target, end.best_count)


def _bisect(
    below: Float[Array, "n d"],
    above: Float[Array, "n d"],
    target: Int[Array, ""],
    epsilon: Knob,
) -> Float[Array, "n d"]:
    """The last set on the straight way up that has no more than the target's pairs."""

    def between(place):
        return unit_rows((1.0 - place) * below + place * above)

    def halve(_, bracket):
        low, high = bracket
        middle = (low + high) / 2
        vectors = between(middle)
        too_many = _count(vectors @ vectors.T, epsilon) > target
        return jnp.where(too_many, low, middle), jnp.where(too_many, middle, high)

    ends = jnp.zeros((), below.dtype), jnp.ones((), below.dtype)
    return between(jax.lax.fori_loop(0, _NUM_BISECTIONS, halve, ends)[0])


def _settle(
    vectors: Float[Array, "n d"], target: Int[Array, ""], epsilon: Knob
) -> Float[Array, "n d"]:
    """The target's number of pairs below epsilon, all others above, with a margin.

    Which pairs: those of smallest |cos|. With R the wanted changes of cosines,
    X + R X / 2 makes them to first order, where wanted pairs are few.
    """
    n = len(vectors)
    rows, columns = np.triu_indices(n, 1)
    order = jnp.argsort(jnp.abs(vectors @ vectors.T)[rows, columns])
    chosen = jnp.zeros(len(rows), bool).at[order].set(np.arange(len(rows)) < target)
    pattern = jnp.zeros((n, n), bool).at[rows, columns].set(chosen)
    pattern = pattern | pattern.T
    off_diagonal = ~np.eye(n, dtype=bool)
    margin = jnp.minimum(_MARGIN, 0.1 * jnp.minimum(epsilon, 1.0 - epsilon))

    def changes(vectors, margin):
        gram = vectors @ vectors.T
        size = jnp.abs(gram)
        inside = jnp.minimum(size, epsilon - margin)
        outside = jnp.maximum(size, epsilon + margin)
        change = jnp.where(pattern, inside, outside) - size
        return jnp.where(off_diagonal, jnp.where(gram < 0, -change, change), 0.0)

    def unsettled(state):
        repairs, vectors = state
        return jnp.any(changes(vectors, margin) != 0.0) & (repairs < _MAX_REPAIRS)

    def repair(state):
        repairs, vectors = state
        change = changes(vectors, 1.5 * margin)
        return repairs + 1, unit_rows(vectors + 0.5 * change @ vectors)

    return jax.lax.while_loop(unsettled, repair, (0, vectors))[1]


def _count(gram: Float[Array, "n n"], epsilon: Knob) -> Int[Array, ""]:
    """Pairs with |cos| <= epsilon; the diagonal is larger."""
    return jnp.sum(jnp.abs(gram) <= epsilon) // 2


def _over_pairs(symmetric: Float[Array, "n n"]) -> Float[Array, " pairs"]:
    return symmetric[np.triu_indices(len(symmetric), 1)]
