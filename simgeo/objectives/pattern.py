"""The pattern of epsilon-orthogonal pairs."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from simgeo.linalg import cosines, safe_divide
from simgeo.objectives._base import AbstractObjective, Learned, optimum_of_a_copy


class PatternHinge(AbstractObjective):
    """Mean excess of |cos| over `epsilon` where the teacher is epsilon-orthogonal.

    max(|cos(s_i, s_j)| - epsilon, 0), averaged over the pairs i != j that the teacher
    has with |cos| <= epsilon; zero if it has none. In [0, 1 - epsilon]. It asks nothing
    of all other pairs, so that it keeps recall of the pattern and not precision: any
    mutually epsilon-orthogonal student has loss 0. A zero row is orthogonal to all
    others. Forms n x n matrices.
    """

    epsilon: float = 0.1

    def __check_init__(self) -> None:
        if isinstance(self.epsilon, jax.core.Tracer):
            return
        if not 0 <= self.epsilon <= 1:
            raise ValueError(f"`epsilon` must lie between 0 and 1; got {self.epsilon}.")

    def __call__(
        self,
        student: Float[Array, "n m"],
        teacher: Float[Array, "n d"],
        learned: Learned = None,
    ) -> Float[Array, ""]:
        others = ~np.eye(student.shape[0], dtype=bool)
        wanted = others & (jnp.abs(cosines(teacher)) <= self.epsilon)
        excess = jnp.maximum(jnp.abs(cosines(student)) - self.epsilon, 0.0)
        total = jnp.sum(jnp.where(wanted, excess, 0.0))
        return safe_divide(total, jnp.sum(wanted, dtype=total.dtype))

    @property
    def label(self) -> str:
        return "Pattern hinge"

    @property
    def invariant_to(self) -> frozenset[str]:
        return frozenset({"rotation", "scale", "row scale"})

    def optimum(self, teacher: Float[np.ndarray, "n d"], student_dim: int) -> float:
        return optimum_of_a_copy(teacher, student_dim)
