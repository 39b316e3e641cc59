"""Which pairs are epsilon-orthogonal, and small moves that make it so."""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from simgeo import limits
from simgeo.linalg import unit_rows
from simgeo.teachers._teacher import Knob

EASE = 0.9  # of epsilon: where a flow stops pushing a pair
# Found by trial at 64 to 256 vectors: larger steps oscillate, more momentum overshoots.
_STEP = 0.3
_MOMENTUM = 0.8
_MARGIN = 4e-6  # above float32 rounding of a cosine in some thousand dimensions
_MAX_REPAIRS = 100


def require_room(
    has_room: bool,
    name: str,
    rule: str,
    got: int | float,
    epsilon: float,
    num_vectors: int,
    teacher_dim: int,
) -> None:
    """Refuses a setting that asks for more pairs than there can be, with the bound."""
    if not has_room:
        count, bound = limits.max_orthogonal_vectors(epsilon, teacher_dim)
        raise ValueError(
            f"`{name}` must {rule} for {num_vectors} vectors in {teacher_dim} "
            f"dimensions at epsilon {epsilon:g}, where no more than {count} vectors "
            f"are mutually epsilon-orthogonal ({bound}); got {got:g}. Ask for less, or "
            f"raise `epsilon` or `teacher_dim`."
        )


def off_diagonal(n: int) -> Bool[Array, "n n"]:
    """All pairs i != j; made by the program, since a constant would be stored in it."""
    return ~jnp.eye(n, dtype=bool)


def num_within(gram: Float[Array, "n n"], epsilon: Knob) -> Int[Array, ""]:
    """Pairs with |cos| <= epsilon; the diagonal is larger."""
    return jnp.sum(jnp.abs(gram) <= epsilon) // 2


def rounded_share(share: Knob, total: int) -> Int[Array, ""]:
    """share * total, rounded, halves to even.

    In whole numbers for up to six decimals, since float32 holds neither the share nor
    the product to the unit when the total is some millions.
    """
    share = jnp.asarray(share)
    millionths = jnp.round(share * 1e6).astype(int)
    beyond = share - millionths / 1e6
    is_rounding = jnp.abs(beyond) <= jnp.finfo(share.dtype).eps
    beyond = jnp.where(is_rounding, 0.0, beyond * total)
    (a, b), (p, q) = jnp.divmod(millionths, 1000), divmod(total, 1000)
    middle = a * q + b * p
    whole = a * p + middle // 1000
    rest = ((middle % 1000) * 1000 + b * q) / 1e6 + beyond
    odd = whole % 2
    return whole - odd + jnp.round(odd + rest).astype(int)


def level(
    sizes: Float[Array, "..."], num: Int[Array, ""] | Float[Array, ""], halvings: int
) -> tuple[Float[Array, ""], Float[Array, ""]]:
    """An interval of [0, 1], its end included, that holds the `num`-th smallest.

    By bisection, which takes a tenth of the time of sorting some million numbers.
    """

    def halve(_, bracket):
        low, high = bracket
        middle = (low + high) / 2
        too_few = jnp.sum(sizes <= middle) < num
        return jnp.where(too_few, middle, low), jnp.where(too_few, high, middle)

    # Below zero, so that no number is at or below the lower end at the start.
    ends = jnp.full((), -1e-3, sizes.dtype), jnp.ones((), sizes.dtype)
    return jax.lax.fori_loop(0, halvings, halve, ends)


def smallest_pairs(
    sizes: Float[Array, "n n"], num: Int[Array, ""]
) -> Bool[Array, "n n"]:
    """A symmetric choice of `num` pairs of least size in [0, 1], to 1e-7 in size."""
    upper = jnp.triu(jnp.ones(sizes.shape, bool), 1)
    sizes = jnp.where(upper, sizes, 2.0)
    low, high = level(sizes, num, 24)
    sure = sizes <= low
    maybe = (sizes <= high) & ~sure
    rank = jnp.cumsum(maybe.ravel()).reshape(maybe.shape)
    chosen = sure | (maybe & (rank <= num - jnp.sum(sure)))
    return chosen | chosen.T


class Flow(eqx.Module):
    """Where a descent is, and the best set on its way."""

    step: Int[Array, ""]
    vectors: Float[Array, "n d"]
    momentum: Float[Array, "n d"]
    gram: Float[Array, "n n"]
    wrong: Int[Array, ""]
    previous: Float[Array, "n d"]
    best: Float[Array, "n d"]
    least_wrong: Int[Array, ""]


def descend(
    start: Float[Array, "n d"],
    count_wrong: Callable[[Float[Array, "n n"]], Int[Array, ""]],
    excess_of: Callable[[Flow], Float[Array, "n n"]],
    num_steps: int,
    restart: tuple[int, Float[Array, "n d"]] | None = None,
) -> Flow:
    """Steps on the sphere that lower each cosine in proportion to its excess.

    Until no pair is wrong. At the step of `restart` it goes on from those vectors.
    """

    def unfinished(state):
        return (state.wrong > 0) & (state.step < num_steps)

    def advance(state):
        force = excess_of(state) @ state.vectors
        along = jnp.sum(force * state.vectors, axis=1, keepdims=True)
        momentum = _MOMENTUM * state.momentum + force - along * state.vectors
        vectors = unit_rows(state.vectors - _STEP * momentum)
        if restart is not None:
            is_anew = state.step == restart[0]
            vectors = jnp.where(is_anew, restart[1], vectors)
            momentum = jnp.where(is_anew, 0.0, momentum)
        gram = vectors @ vectors.T
        wrong = count_wrong(gram)
        better = wrong < state.least_wrong
        best = jnp.where(better, vectors, state.best)
        least = jnp.minimum(wrong, state.least_wrong)
        own = vectors, momentum, gram, wrong, state.vectors
        return Flow(state.step + 1, *own, best, least)

    gram = start @ start.T
    wrong, step = count_wrong(gram), jnp.zeros((), int)
    own = start, jnp.zeros_like(start), gram, wrong, start
    return jax.lax.while_loop(unfinished, advance, Flow(step, *own, start, wrong))


def settle(
    vectors: Float[Array, "n d"], pattern: Bool[Array, "n n"], epsilon: Knob
) -> Float[Array, "n d"]:
    """The pairs of the pattern below epsilon, all others above, with a margin.

    With R the wanted changes of cosines, X + R X / 2 makes them to first order. For
    patterns of which few pairs are far from where they should be.
    """
    margin = jnp.minimum(_MARGIN, 0.1 * jnp.minimum(epsilon, 1.0 - epsilon))
    pairs = off_diagonal(len(vectors))

    def changes(vectors):
        gram = vectors @ vectors.T
        size = jnp.abs(gram)
        over, under = size - (epsilon - margin), (epsilon + margin) - size
        change = jnp.where(pattern, jnp.minimum(-over, 0.0), jnp.maximum(under, 0.0))
        return jnp.where(pairs, jnp.where(gram < 0, -change, change), 0.0)

    def unsettled(state):
        repairs, _, change = state
        return jnp.any(change != 0.0) & (repairs < _MAX_REPAIRS)

    def repair(state):
        repairs, vectors, change = state
        change = change + 0.5 * margin * jnp.sign(change)  # a little further
        vectors = unit_rows(vectors + 0.5 * change @ vectors)
        return repairs + 1, vectors, changes(vectors)

    start = (0, vectors, changes(vectors))
    return jax.lax.while_loop(unsettled, repair, start)[1]
