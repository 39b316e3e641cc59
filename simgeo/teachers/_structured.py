"""Vectors in groups, and such as features of networks are said to be."""

import math

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from simgeo.checks import (
    BELOW_1,
    NOT_NEGATIVE,
    at_least,
    check_fields,
    known,
    require,
    rule,
)
from simgeo.linalg import unit_rows
from simgeo.teachers._teacher import About, AbstractTeacher, Rows, lean, random_units


class OrthogonalBlocks(AbstractTeacher):
    """Blocks of vectors, each block in its own coordinates.

    Vector i lies in block i mod `num_blocks`. Block k has d // num_blocks
    coordinates (those left over stay zero) and a random unit vector u_k in them; its
    vectors are sqrt(c) u_k + sqrt(1 - c) z_i, c = `cosine`, z_i uniform unit vectors
    of the block's coordinates orthogonal to u_k. Two vectors of one block have
    expected cosine c; those of different blocks are exactly orthogonal.
    """

    about = About(
        control="number of blocks; mean cosine inside",
        feasible="up to d / 2 blocks; cosine 0 to 1, 1 excluded",
        exact="exactly orthogonal between blocks, in expectation inside",
        cost="n d; milliseconds",
    )
    num_blocks: int = eqx.field(static=True, default=8, metadata=at_least(1))
    cosine: float = eqx.field(default=0.5, metadata=BELOW_1)

    def check(self, num_vectors: int, teacher_dim: int) -> None:
        super().check(num_vectors, teacher_dim)
        num = self.num_blocks
        rule = "not exceed `num_vectors`"
        require(num_vectors >= num, "num_blocks", rule, f"{num} > {num_vectors}")
        rule = f"not exceed {teacher_dim // 2}, half of `teacher_dim`"
        require(teacher_dim >= 2 * num, "num_blocks", rule, num)

    def __call__(self, key: PRNGKeyArray, num_vectors: int, teacher_dim: int) -> Rows:
        self.check(num_vectors, teacher_dim)
        mean_key, own_key = jax.random.split(key)
        width = teacher_dim // self.num_blocks
        rows = np.arange(num_vectors)
        block = rows % self.num_blocks
        means = random_units(mean_key, self.num_blocks, width)
        own = lean(means[block], random_units(own_key, num_vectors, width), self.cosine)
        blocked = jnp.zeros((num_vectors, self.num_blocks, width), own.dtype)
        blocked = blocked.at[rows, block].set(own).reshape(num_vectors, -1)
        return jnp.pad(blocked, ((0, 0), (0, teacher_dim - blocked.shape[1])))


class Superposition(AbstractTeacher):
    """Sparse sums of more features than there are dimensions.

    Feature k of `num_features` is a random direction f_k of importance
    (k + 1)^-`decay`. A vector is the unit row of the sum over k of
    importance_k a_ik f_k, where a_ik is uniform in [0, 1] with probability `density`
    and zero otherwise; at least one of each vector's features is active. Vectors of
    common features are similar, and so, a little, are all others. The model is
    Elhage et al. (2022), section 2, with features at random.
    """

    about = About(
        control="number, density and importance of features",
        feasible="any n and d; density 0 to 1, 0 excluded",
        exact="in distribution",
        cost="n d features; milliseconds",
    )
    num_features: int = eqx.field(static=True, default=512, metadata=at_least(1))
    density: float = eqx.field(
        default=0.05,
        metadata=rule(
            "be above 0 and at most 1",
            lambda x: 0 < x <= 1,
            exclusiveMinimum=0,
            maximum=1,
        ),
    )
    decay: float = eqx.field(default=0.0, metadata=NOT_NEGATIVE)

    def features(
        self, key: PRNGKeyArray, teacher_dim: int
    ) -> Float[Array, "features d"]:
        """The directions of a draw with this key."""
        return random_units(jax.random.split(key)[0], self.num_features, teacher_dim)

    def activations(
        self, key: PRNGKeyArray, num_vectors: int
    ) -> Float[Array, "n features"]:
        """importance_k a_ik of a draw with this key, before rows are normalised."""
        size_key, on_key, first_key = jax.random.split(jax.random.split(key)[1], 3)
        shape = (num_vectors, self.num_features)
        on = jax.random.bernoulli(on_key, self.density, shape)
        first = jax.random.randint(first_key, (num_vectors, 1), 0, self.num_features)
        rank = jnp.arange(self.num_features)[None, :]
        on = on | (~jnp.any(on, axis=1, keepdims=True) & (rank == first))
        # Not zero, which would leave nothing of a vector with one feature.
        size = jax.random.uniform(size_key, shape, minval=1e-3)
        return jnp.where(on, size * (rank + 1.0) ** -self.decay, 0.0)

    def __call__(self, key: PRNGKeyArray, num_vectors: int, teacher_dim: int) -> Rows:
        self.check(num_vectors, teacher_dim)
        return unit_rows(
            self.activations(key, num_vectors) @ self.features(key, teacher_dim)
        )


class Hierarchy(AbstractTeacher):
    """A tree of clusters: the later two vectors part, the larger their cosine.

    Every node at depth k of the tree has `branching[k]` children and each node a random
    direction u. A vector is sqrt(c_1) u_1 + sqrt(c_2 - c_1) u_2 + ... +
    sqrt(1 - c_L) z over the nodes u_1, u_2, ... on the way to its leaf, c = `cosines`,
    z a direction of its own: two vectors whose way is common down to depth k have
    expected cosine c_k, others 0. Vector i lies in leaf i mod the number of leaves.
    """

    about = About(
        control="branching, and a cosine for each level",
        feasible="cosines rising from level to level, below 1",
        exact="in expectation, deviations of 1 / sqrt(d)",
        cost="n d levels; milliseconds",
    )
    branching: tuple[int, ...] = eqx.field(
        static=True, default=(4, 4), metadata=at_least(1)
    )
    cosines: tuple[float, ...] = (0.3, 0.7)

    def __check_init__(self) -> None:
        check_fields(self)
        levels = len(self.branching)
        require(levels > 0, "branching", "not be empty", "()")
        rule = f"be one for each of the {levels} levels of `branching`"
        require(len(self.cosines) == levels, "cosines", rule, len(self.cosines))
        if known(*self.cosines):
            steps = np.diff([0.0, *map(float, self.cosines), 1.0])
            is_rising = bool(np.all(steps >= 0) and steps[-1] > 0)
            rule = "rise from 0 on and stay below 1"
            require(is_rising, "cosines", rule, self.cosines)

    def check(self, num_vectors: int, teacher_dim: int) -> None:
        super().check(num_vectors, teacher_dim)
        leaves = math.prod(self.branching)
        rule = "not have more leaves than there are vectors"
        require(num_vectors >= leaves, "branching", rule, f"{leaves} > {num_vectors}")

    def __call__(self, key: PRNGKeyArray, num_vectors: int, teacher_dim: int) -> Rows:
        self.check(num_vectors, teacher_dim)
        own_key, *keys = jax.random.split(key, len(self.branching) + 1)
        leaf = np.arange(num_vectors) % math.prod(self.branching)
        num_nodes, reached, total = 1, 0.0, jnp.zeros((num_vectors, teacher_dim))
        for level_key, children, cosine in zip(
            keys, self.branching, self.cosines, strict=True
        ):
            num_nodes *= children
            node = leaf * num_nodes // math.prod(self.branching)
            directions = random_units(level_key, num_nodes, teacher_dim)
            total = total + jnp.sqrt(cosine - reached) * directions[node]
            reached = cosine
        own = random_units(own_key, num_vectors, teacher_dim)
        return unit_rows(total + jnp.sqrt(1.0 - reached) * own)
