"""A chosen pattern of epsilon-orthogonal pairs."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray

from simgeo import limits
from simgeo.linalg import unit_rows
from simgeo.teachers._base import (
    About,
    AbstractTeacher,
    factor,
    known,
    largest_eigenvalue,
    random_frame,
    random_units,
)
from simgeo.teachers._pairs import EASE, descend, off_diagonal, settle
from simgeo.teachers.patterns import AbstractPattern, Blocks

_FLOOR = 1.2  # of epsilon: below that a flow pushes apart the other pairs
_SHARE = 0.99  # of the largest a for which I + a A has no negative eigenvalue


class OrthogonalPattern(AbstractTeacher):
    """Vectors of which chosen pairs, and no others, are epsilon-orthogonal.

    With A the graph of the other pairs, G = I + a A is the Gram matrix of n <= d
    vectors that have the pattern exactly: cosines of 0 and a, where a is `cosine` or,
    if G would have a negative eigenvalue, just below 1 / |least eigenvalue of A|.
    Edges of A have random signs if that allows a larger a. Where a is not above
    epsilon, and for n > d, the vectors start near the square root of G and follow the
    descent of the squared excess over all pairs that are on the wrong side of epsilon,
    until none is; no cosine is then within 4e-6 of epsilon.

    For n > d a pattern may be impossible. It is refused if a bound on the number of
    mutually epsilon-orthogonal vectors forbids it, otherwise the set with the fewest
    wrong pairs is returned: see `num_wrong`.
    """

    about = About(
        control="which pairs are epsilon-orthogonal: a graph",
        feasible="n <= d: nearly any; n > d: until a bound forbids it",
        exact="exact for n <= d; wrong pairs are counted for n > d",
        cost="n^3 for the start, n^2 d per step",
    )
    pattern: AbstractPattern = eqx.field(default_factory=Blocks)
    epsilon: float = 0.1
    cosine: float = 0.5
    num_steps: int = eqx.field(static=True, default=1000)

    def __check_init__(self) -> None:
        if known(self.epsilon) and not 0 < self.epsilon < 1:
            raise ValueError(f"`epsilon` must be in (0, 1); got {self.epsilon}.")
        if known(self.cosine) and not 0 < self.cosine < 1:
            raise ValueError(f"`cosine` must be in (0, 1); got {self.cosine}.")
        if self.num_steps < 1:
            raise ValueError(f"`num_steps` must be at least 1; got {self.num_steps}.")

    def check(self, num_vectors: int, dim: int) -> None:
        super().check(num_vectors, dim)
        self.pattern.check(num_vectors)
        if not known(self.epsilon):
            return
        epsilon = float(self.epsilon)
        count, bound = limits.max_orthogonal_vectors(epsilon, dim)
        mutual = self.pattern.num_mutual(num_vectors)
        if mutual > count:
            raise ValueError(
                f"`pattern` must not ask for more than {count} mutually "
                f"epsilon-orthogonal vectors in {dim} dimensions at epsilon "
                f"{epsilon:g} ({bound}); got {mutual}. Raise `epsilon` or the "
                f"dimension."
            )
        most = limits.max_orthogonal_pairs(epsilon, num_vectors, dim)
        pairs = self.pattern.num_pairs(num_vectors)
        if pairs > most:
            raise ValueError(
                f"`pattern` must not ask for more than {most} pairs for {num_vectors} "
                f"vectors in {dim} dimensions at epsilon {epsilon:g}, where no more "
                f"than {count} vectors are mutually epsilon-orthogonal ({bound}); "
                f"got {pairs}. Raise `epsilon` or the dimension."
            )

    def wanted(self, key: PRNGKeyArray, num_vectors: int) -> Bool[Array, "n n"]:
        """The pattern that a draw with this key is to have."""
        return self.pattern(jax.random.split(key)[0], num_vectors)

    def num_wrong(self, key: PRNGKeyArray, vectors: Float[Array, "n d"]) -> int:
        """Pairs of a draw with this key on the wrong side, counted on the host."""
        units = np.asarray(vectors, np.float64)
        units = units / np.linalg.norm(units, axis=1, keepdims=True)
        within = np.abs(units @ units.T) <= float(self.epsilon)
        wrong = within != np.asarray(self.wanted(key, len(units)))
        return int(np.sum(np.triu(wrong, 1)))

    def __call__(
        self, key: PRNGKeyArray, num_vectors: int, dim: int
    ) -> Float[Array, "n d"]:
        self.check(num_vectors, dim)
        wanted = self.wanted(key, num_vectors)
        sign_key, start_key, turn_key = jax.random.split(jax.random.split(key)[1], 3)
        with jax.default_matmul_precision("highest"):
            offset = _offset(sign_key, wanted, self.cosine)
            if num_vectors <= dim:
                gram = jnp.eye(num_vectors) + offset
                roots = factor(start_key, gram, num_vectors)
                start = roots @ random_frame(turn_key, dim, num_vectors).T
            else:
                draw = random_units(start_key, num_vectors, dim)
                start = draw + 0.5 * offset @ draw  # (I + O)^1/2 to first order
            best = _plant(unit_rows(start), wanted, self.epsilon, self.num_steps)
            # What the best has wrong is kept, at the same distance from epsilon.
            return settle(best, jnp.abs(best @ best.T) <= self.epsilon, self.epsilon)


def _offset(
    key: PRNGKeyArray, wanted: Bool[Array, "n n"], cosine: Float[Array, ""] | float
) -> Float[Array, "n n"]:
    """a A, with A's signs and a as in the teacher's docstring."""
    n = len(wanted)
    plain = jnp.where(off_diagonal(n) & ~wanted, 1.0, 0.0)
    signs = jnp.triu(jax.random.rademacher(key, (n, n), plain.dtype), 1)
    signed = plain * (signs + signs.T)
    most, most_signed = (_largest_scale(each) for each in (plain, signed))
    is_better = most_signed > 1.1 * most
    best = jnp.where(is_better, signed, plain)
    return jnp.minimum(cosine, jnp.where(is_better, most_signed, most)) * best


def _largest_scale(graph: Float[Array, "n n"]) -> Float[Array, ""]:
    """Just below the largest a <= 1 for which I + a A is positive semidefinite."""
    degree = jnp.max(jnp.sum(jnp.abs(graph), axis=1))
    shifted = degree * jnp.eye(len(graph)) - graph
    least = largest_eigenvalue(shifted) - degree
    return _SHARE / jnp.maximum(least, _SHARE)


class _Planting(eqx.Module):
    step: Int[Array, ""]
    vectors: Float[Array, "n d"]
    momentum: Float[Array, "n d"]
    gram: Float[Array, "n n"]
    best: Float[Array, "n d"]
    num_wrong: Int[Array, ""]


def _plant(
    start: Float[Array, "n d"],
    wanted: Bool[Array, "n n"],
    epsilon: Float[Array, ""] | float,
    num_steps: int,
) -> Float[Array, "n d"]:
    """The set with the fewest wrong pairs on the way down from the start."""
    pairs = off_diagonal(len(start))

    def count(gram):
        return jnp.sum(((jnp.abs(gram) <= epsilon) != wanted) & pairs)

    def unfinished(state):
        return (state.num_wrong > 0) & (state.step < num_steps)

    def advance(state):
        gram = state.gram
        over = gram - jnp.clip(gram, -EASE * epsilon, EASE * epsilon)
        floor = jnp.minimum(_FLOOR * epsilon, (1.0 + epsilon) / 2)
        missing = jnp.maximum(floor - jnp.abs(gram), 0.0)
        under = jnp.where(gram < 0, missing, -missing)
        excess = jnp.where(pairs, jnp.where(wanted, over, under), 0.0)
        vectors, momentum = descend(state.vectors, state.momentum, excess)
        gram = vectors @ vectors.T
        num_wrong = count(gram)
        better = num_wrong < state.num_wrong
        return _Planting(
            step=state.step + 1,
            vectors=vectors,
            momentum=momentum,
            gram=gram,
            best=jnp.where(better, vectors, state.best),
            num_wrong=jnp.minimum(num_wrong, state.num_wrong),
        )

    gram = start @ start.T
    begin = _Planting(
        step=jnp.zeros((), int),
        vectors=start,
        momentum=jnp.zeros_like(start),
        gram=gram,
        best=start,
        num_wrong=count(gram),
    )
    return jax.lax.while_loop(unfinished, advance, begin).best
