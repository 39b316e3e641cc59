"""Which pairs are to be epsilon-orthogonal: graphs on the vectors.

A pattern is a symmetric boolean matrix with a false diagonal, true where a pair is to
be epsilon-orthogonal. Families have knobs in place of a matrix, so that an experiment
is described by a few numbers; a matrix of one's own is given as rows, or in a file.
"""

import abc

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, PRNGKeyArray, Shaped

from simgeo import limits
from simgeo.checks import (
    BETWEEN_0_AND_1,
    FRACTION,
    INHERITED,
    at_least,
    check_fields,
    known,
)
from simgeo.linalg import unit_rows
from simgeo.teachers import _pair_moves as moves
from simgeo.teachers._matrix_file import AbstractFile, check_symmetric
from simgeo.teachers._teacher import (
    About,
    AbstractTeacher,
    Rows,
    factor,
    largest_eigenvalue,
    own_epsilon,
    random_frame,
    random_units,
)

_FLOOR = 1.2  # of epsilon: below that a flow pushes apart the other pairs
_SHARE = 0.99  # of the largest a for which I + a A has no negative eigenvalue


class AbstractPattern(eqx.Module):
    """A graph, or a law from which graphs are drawn."""

    def __check_init__(self) -> None:
        check_fields(self)

    @abc.abstractmethod
    def __call__(self, key: PRNGKeyArray, num_vectors: int) -> Bool[Array, "n n"]:
        """True for the pairs that are to be epsilon-orthogonal."""

    def check(self, num_vectors: int) -> None:
        """Raises ValueError if there is no such graph on so many vectors."""

    def num_mutual(self, num_vectors: int) -> int:
        """So many vectors, at least, are to be mutually epsilon-orthogonal."""
        return 1

    def num_pairs(self, num_vectors: int) -> int:
        """So many pairs, at least, are to be epsilon-orthogonal."""
        return 0


class Blocks(AbstractPattern):
    """All pairs of different blocks; vector i lies in block i mod `num_blocks`."""

    num_blocks: int = eqx.field(static=True, default=8, metadata=at_least(1))

    def num_mutual(self, num_vectors: int) -> int:
        return min(self.num_blocks, num_vectors)

    def __call__(self, key: PRNGKeyArray, num_vectors: int) -> Bool[Array, "n n"]:
        block = jnp.arange(num_vectors) % self.num_blocks
        return block[:, None] != block[None, :]


class RandomPairs(AbstractPattern):
    """round(density n (n - 1)/2) pairs, any choice of them equally likely."""

    density: float = eqx.field(default=0.5, metadata=FRACTION)

    def num_pairs(self, num_vectors: int) -> int:
        pairs = num_vectors * (num_vectors - 1) // 2
        return round(float(self.density) * pairs) if known(self.density) else 0

    def __call__(self, key: PRNGKeyArray, num_vectors: int) -> Bool[Array, "n n"]:
        # Equal to 1e-7, which is ranked by place, are too few to matter.
        priority = jax.random.uniform(key, (num_vectors, num_vectors))
        pairs = num_vectors * (num_vectors - 1) // 2
        return moves.smallest_pairs(priority, moves.rounded_share(self.density, pairs))


class Ring(AbstractPattern):
    """All pairs but neighbours on a ring: `num_neighbours` to either side are not."""

    num_neighbours: int = eqx.field(static=True, default=1, metadata=at_least(1))

    def num_mutual(self, num_vectors: int) -> int:
        return max(num_vectors // (self.num_neighbours + 1), 1)

    def __call__(self, key: PRNGKeyArray, num_vectors: int) -> Bool[Array, "n n"]:
        place = jnp.arange(num_vectors)
        apart = jnp.abs(place[:, None] - place[None, :])
        return jnp.minimum(apart, num_vectors - apart) > self.num_neighbours


class Bipartite(AbstractPattern):
    """All pairs inside either half; none across. Even and odd vectors are the halves.

    Two unbiased bases are an example: cosines of 1/sqrt(d) across.
    """

    def num_mutual(self, num_vectors: int) -> int:
        return (num_vectors + 1) // 2

    def __call__(self, key: PRNGKeyArray, num_vectors: int) -> Bool[Array, "n n"]:
        half = jnp.arange(num_vectors) % 2
        return (half[:, None] == half[None, :]) & moves.off_diagonal(num_vectors)


class StochasticBlocks(AbstractPattern):
    """Each pair with a probability: `within` a block, or `between` blocks.

    Vector i lies in block i mod `num_blocks`. Holland, Laskey and Leinhardt (1983).
    """

    num_blocks: int = eqx.field(static=True, default=8, metadata=at_least(1))
    within: float = eqx.field(default=0.1, metadata=FRACTION)
    between: float = eqx.field(default=0.9, metadata=FRACTION)

    def __call__(self, key: PRNGKeyArray, num_vectors: int) -> Bool[Array, "n n"]:
        block = jnp.arange(num_vectors) % self.num_blocks
        same = block[:, None] == block[None, :]
        chance = jnp.where(same, self.within, self.between)
        draw = jax.random.uniform(key, (num_vectors, num_vectors)) < chance
        upper = jnp.triu(draw, 1)
        return upper | upper.T


class AbstractGivenPattern(AbstractPattern):
    """A matrix that is given: true, or not zero, for pairs to be epsilon-orthogonal."""

    @abc.abstractmethod
    def matrix(self) -> Shaped[np.ndarray, "n n"]:
        """The matrix; its diagonal does not matter."""

    def check(self, num_vectors: int) -> None:
        check_symmetric(self, self.matrix(), num_vectors)

    def num_pairs(self, num_vectors: int) -> int:
        return int(np.sum(np.triu(self.matrix() != 0, 1)))

    def __call__(self, key: PRNGKeyArray, num_vectors: int) -> Bool[Array, "n n"]:
        return jnp.asarray(self.matrix() != 0) & moves.off_diagonal(num_vectors)


class PatternMatrix(AbstractGivenPattern):
    """A matrix given by its rows: true, or 1, for pairs to be epsilon-orthogonal.

    `PatternMatrix.of` takes an array. The diagonal does not matter.
    """

    rows: tuple[tuple[bool, ...], ...] = eqx.field(
        static=True, default=((False, True), (True, False))
    )

    def __check_init__(self) -> None:
        check_fields(self)
        check_symmetric(self, self.matrix())

    @classmethod
    def of(
        cls, matrix: Shaped[np.ndarray, "n n"] | Shaped[Array, "n n"]
    ) -> "PatternMatrix":
        """From an array."""
        return cls(tuple(tuple(row) for row in np.asarray(matrix, bool).tolist()))

    def matrix(self) -> Shaped[np.ndarray, "..."]:
        return np.asarray(self.rows)


class PatternFile(AbstractFile, AbstractGivenPattern):
    """A matrix read from a file; true, or not zero, for pairs to be epsilon-orthogonal.

    The settings are those of `FromFile`. The diagonal does not matter.
    """


class OrthogonalPattern(AbstractTeacher):
    """Vectors of which chosen pairs, and no others, are epsilon-orthogonal.

    With A the graph of the other pairs, G = I + a A is the Gram matrix of n <= d
    vectors that have the pattern exactly: cosines of 0 and a, where a is `cosine` or,
    if G would have a negative eigenvalue, just below 1 / |least eigenvalue of A|.
    Edges of A have random signs if that allows a larger a. Where a is not above
    epsilon, and for n > d, the vectors start near the square root of G and follow the
    descent of the squared excess over all pairs that are on the wrong side of epsilon,
    until none is; no cosine is then within 4e-6 of epsilon.

    `epsilon` None is the experiment's, and 0.1 for a teacher that is used on its own.

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
    epsilon: float | None = eqx.field(
        default=None, metadata=BETWEEN_0_AND_1 | INHERITED
    )
    cosine: float = eqx.field(default=0.5, metadata=BETWEEN_0_AND_1)
    num_steps: int = eqx.field(static=True, default=1000, metadata=at_least(1))

    def check(self, num_vectors: int, teacher_dim: int) -> None:
        super().check(num_vectors, teacher_dim)
        self.pattern.check(num_vectors)
        if not known(own_epsilon(self.epsilon)):
            return
        epsilon = float(own_epsilon(self.epsilon))
        shape = num_vectors, teacher_dim
        count, _ = limits.max_orthogonal_vectors(epsilon, teacher_dim)
        mutual = self.pattern.num_mutual(num_vectors)
        rule = f"not ask for more than {count} mutually epsilon-orthogonal vectors"
        moves.require_room(mutual <= count, "pattern", rule, mutual, epsilon, *shape)
        most = limits.max_orthogonal_pairs(epsilon, *shape)
        pairs = self.pattern.num_pairs(num_vectors)
        rule = f"not ask for more than {most} pairs"
        moves.require_room(pairs <= most, "pattern", rule, pairs, epsilon, *shape)

    def wanted(self, key: PRNGKeyArray, num_vectors: int) -> Bool[Array, "n n"]:
        """The pattern that a draw with this key is to have."""
        return self.pattern(jax.random.split(key)[0], num_vectors)

    def num_wrong(self, key: PRNGKeyArray, vectors: Float[Array, "n d"]) -> int:
        """Pairs of a draw with this key on the wrong side, counted on the host."""
        units = np.asarray(vectors, np.float64)
        units = units / np.linalg.norm(units, axis=1, keepdims=True)
        within = np.abs(units @ units.T) <= float(own_epsilon(self.epsilon))
        wrong = within != np.asarray(self.wanted(key, len(units)))
        return int(np.sum(np.triu(wrong, 1)))

    def __call__(self, key: PRNGKeyArray, num_vectors: int, teacher_dim: int) -> Rows:
        self.check(num_vectors, teacher_dim)
        epsilon = own_epsilon(self.epsilon)
        wanted = self.wanted(key, num_vectors)
        sign_key, start_key, turn_key = jax.random.split(jax.random.split(key)[1], 3)
        with jax.default_matmul_precision("highest"):
            offset = _offset(sign_key, wanted, self.cosine)
            if num_vectors <= teacher_dim:
                gram = jnp.eye(num_vectors) + offset
                roots = factor(start_key, gram, num_vectors)
                start = roots @ random_frame(turn_key, teacher_dim, num_vectors).T
            else:
                draw = random_units(start_key, num_vectors, teacher_dim)
                start = draw + 0.5 * offset @ draw  # (I + O)^1/2 to first order
            best = _plant(unit_rows(start), wanted, epsilon, self.num_steps)
            # What the best has wrong is kept, at the same distance from epsilon.
            return moves.settle(best, jnp.abs(best @ best.T) <= epsilon, epsilon)


def _offset(
    key: PRNGKeyArray, wanted: Bool[Array, "n n"], cosine: Float[Array, ""] | float
) -> Float[Array, "n n"]:
    """a A, with A's signs and a as in the teacher's docstring."""
    n = len(wanted)
    plain = jnp.where(moves.off_diagonal(n) & ~wanted, 1.0, 0.0)
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


def _plant(
    start: Float[Array, "n d"],
    wanted: Bool[Array, "n n"],
    epsilon: Float[Array, ""] | float,
    num_steps: int,
) -> Float[Array, "n d"]:
    """The set with the fewest wrong pairs on the way down from the start."""
    pairs = moves.off_diagonal(len(start))

    def count_wrong(gram):
        return jnp.sum(((jnp.abs(gram) <= epsilon) != wanted) & pairs)

    def excess_of(state):
        gram = state.gram
        over = gram - jnp.clip(gram, -moves.EASE * epsilon, moves.EASE * epsilon)
        floor = jnp.minimum(_FLOOR * epsilon, (1.0 + epsilon) / 2)
        missing = jnp.maximum(floor - jnp.abs(gram), 0.0)
        under = jnp.where(gram < 0, missing, -missing)
        return jnp.where(pairs, jnp.where(wanted, over, under), 0.0)

    return moves.descend(start, count_wrong, excess_of, num_steps).best
