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
from jaxtyping import Array, Bool, PRNGKeyArray, Shaped

from simgeo.teachers._base import Knob, known
from simgeo.teachers._files import AbstractFile, check_symmetric
from simgeo.teachers._pairs import off_diagonal, rounded_share, smallest_pairs


class AbstractPattern(eqx.Module):
    """A graph, or a law from which graphs are drawn."""

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

    num_blocks: int = eqx.field(static=True, default=8)

    def __check_init__(self) -> None:
        _at_least("num_blocks", self.num_blocks, 1)

    def num_mutual(self, num_vectors: int) -> int:
        return min(self.num_blocks, num_vectors)

    def __call__(self, key: PRNGKeyArray, num_vectors: int) -> Bool[Array, "n n"]:
        block = jnp.arange(num_vectors) % self.num_blocks
        return block[:, None] != block[None, :]


class RandomPairs(AbstractPattern):
    """round(density n (n - 1)/2) pairs, any choice of them equally likely."""

    density: float = 0.5

    def __check_init__(self) -> None:
        _in_unit_interval("density", self.density)

    def num_pairs(self, num_vectors: int) -> int:
        pairs = num_vectors * (num_vectors - 1) // 2
        return round(float(self.density) * pairs) if known(self.density) else 0

    def __call__(self, key: PRNGKeyArray, num_vectors: int) -> Bool[Array, "n n"]:
        # Equal to 1e-7, which is ranked by place, are too few to matter.
        priority = jax.random.uniform(key, (num_vectors, num_vectors))
        pairs = num_vectors * (num_vectors - 1) // 2
        return smallest_pairs(priority, rounded_share(self.density, pairs))


class Ring(AbstractPattern):
    """All pairs but neighbours on a ring: `num_neighbours` to either side are not."""

    num_neighbours: int = eqx.field(static=True, default=1)

    def __check_init__(self) -> None:
        _at_least("num_neighbours", self.num_neighbours, 1)

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
        return (half[:, None] == half[None, :]) & off_diagonal(num_vectors)


class StochasticBlocks(AbstractPattern):
    """Each pair with a probability: `within` a block, or `between` blocks.

    Vector i lies in block i mod `num_blocks`. Holland, Laskey and Leinhardt (1983).
    """

    num_blocks: int = eqx.field(static=True, default=8)
    within: float = 0.1
    between: float = 0.9

    def __check_init__(self) -> None:
        _at_least("num_blocks", self.num_blocks, 1)
        _in_unit_interval("within", self.within)
        _in_unit_interval("between", self.between)

    def __call__(self, key: PRNGKeyArray, num_vectors: int) -> Bool[Array, "n n"]:
        block = jnp.arange(num_vectors) % self.num_blocks
        same = block[:, None] == block[None, :]
        chance = jnp.where(same, self.within, self.between)
        draw = jax.random.uniform(key, (num_vectors, num_vectors)) < chance
        upper = jnp.triu(draw, 1)
        return upper | upper.T


class PatternMatrix(AbstractPattern):
    """A matrix given by its rows: true, or 1, for pairs to be epsilon-orthogonal.

    `PatternMatrix.of` takes an array. The diagonal does not matter.
    """

    rows: tuple[tuple[bool, ...], ...] = eqx.field(
        static=True, default=((False, True), (True, False))
    )

    def __check_init__(self) -> None:
        check_symmetric("rows", np.asarray(self.rows))

    @classmethod
    def of(
        cls, matrix: Shaped[np.ndarray, "n n"] | Shaped[Array, "n n"]
    ) -> "PatternMatrix":
        """From an array."""
        return cls(tuple(tuple(row) for row in np.asarray(matrix, bool).tolist()))

    def check(self, num_vectors: int) -> None:
        check_symmetric("rows", np.asarray(self.rows), num_vectors)

    def num_pairs(self, num_vectors: int) -> int:
        return int(np.sum(np.triu(self.rows, 1)))

    def __call__(self, key: PRNGKeyArray, num_vectors: int) -> Bool[Array, "n n"]:
        return jnp.asarray(self.rows, bool) & off_diagonal(num_vectors)


class PatternFile(AbstractPattern, AbstractFile):
    """A matrix read from a file; true, or not zero, for pairs to be epsilon-orthogonal.

    The settings are those of `FromFile`. The diagonal does not matter.
    """

    def check(self, num_vectors: int) -> None:
        check_symmetric("path", self.matrix(), num_vectors)

    def num_pairs(self, num_vectors: int) -> int:
        return int(np.sum(np.triu(self.matrix() != 0, 1)))

    def __call__(self, key: PRNGKeyArray, num_vectors: int) -> Bool[Array, "n n"]:
        return jnp.asarray(self.matrix() != 0) & off_diagonal(num_vectors)


def _at_least(name: str, value: int, least: int) -> None:
    if value < least:
        raise ValueError(f"`{name}` must be at least {least}; got {value}.")


def _in_unit_interval(name: str, value: Knob) -> None:
    if known(value) and not 0 <= value <= 1:
        raise ValueError(f"`{name}` must be in [0, 1]; got {value}.")
