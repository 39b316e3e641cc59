"""Relations between vectors: their distances."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from simgeo.linalg import centre, gram, safe_divide, safe_sqrt
from simgeo.objectives._base import AbstractObjective, Learned, optimum_of_a_copy


class RelationalDistance(AbstractObjective):
    """Mean Huber loss between the mean-normalised distances of all pairs.

    mean over i != j of h(|s_i - s_j| / mu_S - |t_i - t_j| / mu_T), with mu the mean
    distance of the pairs i != j, h(x) = x^2 / 2 up to |x| = `delta` and linear beyond.
    Not negative; a student without spread has all distances zero. Forms n x n
    matrices; in float32, distances below about 1e-3 of the cloud's radius are rough.
    Park et al. (2019), RKD, section 3.2.1.
    """

    delta: float = 1.0

    def __check_init__(self) -> None:
        if not isinstance(self.delta, jax.core.Tracer) and not self.delta > 0:
            raise ValueError(f"`delta` must be positive; got {self.delta}.")

    def __call__(
        self,
        student: Float[Array, "n m"],
        teacher: Float[Array, "n d"],
        learned: Learned = None,
    ) -> Float[Array, ""]:
        n = student.shape[0]
        error = jnp.abs(_relative_distances(student) - _relative_distances(teacher))
        near = jnp.minimum(error, self.delta)
        return jnp.sum(near * (error - near / 2)) / (n * (n - 1))

    @property
    def label(self) -> str:
        return "Relational, distance"

    @property
    def invariant_to(self) -> frozenset[str]:
        return frozenset({"rotation", "translation", "scale"})

    def optimum(self, teacher: Float[np.ndarray, "n d"], student_dim: int) -> float:
        return optimum_of_a_copy(teacher, student_dim)


def _relative_distances(vectors: Float[Array, "n k"]) -> Float[Array, "n n"]:
    """Pairwise distances over the mean of those between different rows."""
    n = vectors.shape[0]
    products = gram(centre(vectors))
    norms = jnp.diagonal(products)
    squared = norms[:, None] + norms[None, :] - 2.0 * products
    distances = safe_sqrt(jnp.where(np.eye(n, dtype=bool), 0.0, squared))
    return safe_divide(distances, jnp.sum(distances) / (n * (n - 1)))
