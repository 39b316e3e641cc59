"""Linear maps from the student to the teacher, learned or fixed."""

import math

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from simgeo import limits
from simgeo.linalg import ridge_solution, squared_norm
from simgeo.objectives._base import AbstractObjective


class LinearProjection(AbstractObjective):
    """Mean squared error per vector after a linear map, |T - S W|^2 / n.

    W (m x d) is learned jointly with the student, from Gaussian entries of standard
    deviation `start_scale` / sqrt(m); with `solved`, it is the least-squares solution
    at every step. Without a learned W at hand the value is that of the solved one.
    FitNets (Romero et al., 2015) with a learned regressor.
    """

    solved: bool = eqx.field(static=True, default=False)
    start_scale: float = 1.0

    def __check_init__(self) -> None:
        if not isinstance(self.start_scale, jax.core.Tracer) and self.start_scale < 0:
            raise ValueError(
                f"`start_scale` must not be negative; got {self.start_scale}."
            )

    def init(
        self, key: PRNGKeyArray, student_dim: int, teacher_dim: int
    ) -> Float[Array, "m d"] | None:
        if self.solved:
            return None
        draw = jax.random.normal(key, (student_dim, teacher_dim))
        return self.start_scale / jnp.sqrt(student_dim) * draw

    def __call__(
        self,
        student: Float[Array, "n m"],
        teacher: Float[Array, "n d"],
        learned: Float[Array, "m d"] | None = None,
    ) -> Float[Array, ""]:
        if learned is None:
            # At the minimum over W its derivative is zero, so W is a constant.
            fixed = jax.lax.stop_gradient(student)
            learned = jax.lax.stop_gradient(ridge_solution(fixed, teacher))
        return squared_norm(teacher - student @ learned) / teacher.shape[0]

    @property
    def label(self) -> str:
        return "Projection, solved" if self.solved else "Projection"

    @property
    def invariant_to(self) -> frozenset[str]:
        return frozenset({"rotation", "scale", "linear map"})

    def optimum(self, teacher: Float[np.ndarray, "n d"], student_dim: int) -> float:
        return limits.projection_optimum(teacher, student_dim)


class FixedProjection(AbstractObjective):
    """Mean squared error per vector after a fixed linear map, |T - S W|^2 / n.

    W (m x d) has Gaussian entries of standard deviation `scale` / sqrt(m), drawn once
    from the key of the run. It stands beside the student's parameters but is not
    trained: its gradient is zero, which leaves it as it is under every optimiser
    without weight decay. Without a W at hand there is no value. Not negative. FitNets
    (Romero et al., 2015) with a frozen regressor.
    """

    scale: float = 1.0

    def __check_init__(self) -> None:
        if not isinstance(self.scale, jax.core.Tracer) and not self.scale > 0:
            raise ValueError(f"`scale` must be positive; got {self.scale}.")

    def init(
        self, key: PRNGKeyArray, student_dim: int, teacher_dim: int
    ) -> Float[Array, "m d"]:
        draw = jax.random.normal(key, (student_dim, teacher_dim))
        return self.scale / jnp.sqrt(student_dim) * draw

    def __call__(
        self,
        student: Float[Array, "n m"],
        teacher: Float[Array, "n d"],
        learned: Float[Array, "m d"] | None = None,
    ) -> Float[Array, ""]:
        if learned is None:
            raise ValueError("`learned` must be the map that `init` drew; got None.")
        fixed = jax.lax.stop_gradient(learned)
        return squared_norm(teacher - student @ fixed) / teacher.shape[0]

    @property
    def label(self) -> str:
        return "Projection, fixed"

    @property
    def invariant_to(self) -> frozenset[str]:
        return frozenset()

    def optimum(self, teacher: Float[np.ndarray, "n d"], student_dim: int) -> float:
        # A Gaussian W spans all of the teacher's space if it has as many rows.
        return 0.0 if student_dim >= teacher.shape[1] else math.nan
