"""Groups of similar vectors, exactly orthogonal between groups."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from simgeo.checks import at_least, require
from simgeo.teachers._teacher import (
    SHARED_COSINE,
    About,
    AbstractTeacher,
    lean,
    random_units,
)


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
    cosine: float = eqx.field(default=0.5, metadata=SHARED_COSINE)

    def check(self, num_vectors: int, teacher_dim: int) -> None:
        super().check(num_vectors, teacher_dim)
        num = self.num_blocks
        rule = "not exceed `num_vectors`"
        require(num_vectors >= num, "num_blocks", rule, f"{num} > {num_vectors}")
        rule = f"not exceed {teacher_dim // 2}, half of `teacher_dim`"
        require(teacher_dim >= 2 * num, "num_blocks", rule, num)

    def __call__(
        self, key: PRNGKeyArray, num_vectors: int, teacher_dim: int
    ) -> Float[Array, "n d"]:
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
