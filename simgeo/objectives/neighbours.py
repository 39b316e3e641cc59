"""Soft neighbourhoods of each vector."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from simgeo.linalg import cosines
from simgeo.objectives._base import AbstractObjective, Learned, optimum_of_a_copy


class NeighbourKL(AbstractObjective):
    """Divergence from the teacher's to the student's softmax over neighbours.

    mean_i sum_{j != i} p_ij log(p_ij / q_ij), with p_i the softmax over j != i of the
    teacher's cos(t_i, t_j) / `temperature` and q_i the student's. In
    [0, 4 / temperature]. A softmax does not see a constant added to its row, so all
    cosines may drift together: a teacher of equal cosines has loss 0 with a collapsed
    student. Forms n x n matrices. After van der Maaten and Hinton (2008), with cosines.
    """

    temperature: float = 0.1

    def __check_init__(self) -> None:
        if isinstance(self.temperature, jax.core.Tracer):
            return
        if not self.temperature > 0:
            raise ValueError(f"`temperature` must be positive; got {self.temperature}.")

    def __call__(
        self,
        student: Float[Array, "n m"],
        teacher: Float[Array, "n d"],
        learned: Learned = None,
    ) -> Float[Array, ""]:
        log_p = self._log_neighbours(teacher)
        log_q = self._log_neighbours(student)
        return jnp.mean(jnp.sum(jnp.exp(log_p) * (log_p - log_q), axis=-1))

    def _log_neighbours(self, vectors: Float[Array, "n k"]) -> Float[Array, "n n-1"]:
        n = vectors.shape[0]
        others = ~np.eye(n, dtype=bool)  # NumPy: a mask of jnp is traced, fails in jit
        logits = (cosines(vectors) / self.temperature)[others].reshape(n, n - 1)
        return jax.nn.log_softmax(logits, axis=-1)

    @property
    def label(self) -> str:
        return "Neighbour KL"

    @property
    def invariant_to(self) -> frozenset[str]:
        return frozenset({"rotation", "scale", "row scale"})

    def optimum(self, teacher: Float[np.ndarray, "n d"], student_dim: int) -> float:
        return optimum_of_a_copy(teacher, student_dim)
