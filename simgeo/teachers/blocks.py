"""Exactly orthogonal blocks."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from simgeo.linalg import unit_rows
from simgeo.teachers._base import AbstractTeacher, require


class OrthogonalBlocks(AbstractTeacher):
    """Blocks of vectors in mutually orthogonal coordinate subspaces.

    Vector i lies in block i mod `num_blocks`, in d // `num_blocks` dimensions of its
    own. Within a block, `cosine` is the expected cosine of two vectors, to order one
    over that dimension: each mixes a direction of its block with a random one.
    """

    num_blocks: int = eqx.field(static=True, default=8)
    cosine: float = 0.5

    def __check_init__(self) -> None:
        require(self.cosine, "cosine", 0, 1, "lie in [0, 1)")
        if self.num_blocks < 1:
            raise ValueError(
                f"`num_blocks` must be at least 1; got {self.num_blocks}."
            )

    def check(self, num_vectors: int, dim: int) -> None:
        if self.num_blocks > dim:
            raise ValueError(
                f"`num_blocks` must not exceed `teacher_dim`, for each block needs a "
                f"dimension; got {self.num_blocks} > {dim}."
            )

    def __call__(
        self, key: PRNGKeyArray, num_vectors: int, dim: int
    ) -> Float[Array, "n d"]:
        self.check(num_vectors, dim)
        own_key, shared_key = jax.random.split(key)
        width = dim // self.num_blocks
        block = jnp.arange(num_vectors) % self.num_blocks
        own = unit_rows(jax.random.normal(own_key, (num_vectors, width)))
        shared = unit_rows(jax.random.normal(shared_key, (self.num_blocks, width)))
        inside = unit_rows(
            jnp.sqrt(1.0 - self.cosine) * own
            + jnp.sqrt(self.cosine) * shared[block]
        )
        member = block[:, None] == jnp.arange(self.num_blocks)[None, :]
        placed = jnp.where(member[:, :, None], inside[:, None, :], 0.0)
        vectors = placed.reshape(num_vectors, self.num_blocks * width)
        return jnp.pad(vectors, ((0, 0), (0, dim - vectors.shape[1])))
