"""Teachers drawn from simple laws."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from simgeo.linalg import unit_rows
from simgeo.teachers._base import AbstractTeacher, require


class Gaussian(AbstractTeacher):
    """Independent random unit vectors."""

    def __call__(
        self, key: PRNGKeyArray, num_vectors: int, dim: int
    ) -> Float[Array, "n d"]:
        return unit_rows(jax.random.normal(key, (num_vectors, dim)))


class CommonMean(AbstractTeacher):
    """Random unit vectors mixed with one direction that all share.

    sqrt(1 - c) z + sqrt(c) u before normalisation, z and u random unit vectors:
    `cosine` = c is the expected cosine of two vectors, to order 1 / d.
    """

    cosine: float = 0.1

    def __check_init__(self) -> None:
        require(self.cosine, "cosine", 0, 1, "lie in [0, 1)")

    def __call__(
        self, key: PRNGKeyArray, num_vectors: int, dim: int
    ) -> Float[Array, "n d"]:
        own_key, shared_key = jax.random.split(key)
        own = unit_rows(jax.random.normal(own_key, (num_vectors, dim)))
        shared = unit_rows(jax.random.normal(shared_key, (1, dim)))
        return unit_rows(
            jnp.sqrt(1.0 - self.cosine) * own + jnp.sqrt(self.cosine) * shared
        )


class PowerLawSpectrum(AbstractTeacher):
    """Gaussian vectors whose k-th coordinate is scaled by k^-exponent, rows to unit."""

    exponent: float = 0.75

    def __check_init__(self) -> None:
        require(self.exponent, "exponent", 0, float("inf"), "be zero or positive")

    def __call__(
        self, key: PRNGKeyArray, num_vectors: int, dim: int
    ) -> Float[Array, "n d"]:
        scales = jnp.arange(1, dim + 1)[None, :] ** -(1.0 * self.exponent)
        return unit_rows(jax.random.normal(key, (num_vectors, dim)) * scales)
