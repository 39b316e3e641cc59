"""A learned rotation from the student to the teacher."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from simgeo import functional, limits
from simgeo.objectives._base import About, AbstractObjective


class OrthogonalProjection(AbstractObjective):
    """Mean squared error per vector after a learned rotation, |T - S W|^2 / n.

    W is the polar factor of a free matrix that is learned beside the student, from
    Gaussian entries. See `functional.orthogonal_projection`.
    """

    about = About(
        "|T - S W|^2 / n, W with orthonormal rows, learned",
        "[0, inf)",
        "n m d and about 15 products of m x d",
        "after Miles, Elezi and Deng (2024)",
    )

    def init(
        self, key: PRNGKeyArray, student_dim: int, teacher_dim: int
    ) -> Float[Array, "m d"]:
        draw = jax.random.normal(key, (student_dim, teacher_dim))
        return draw / jnp.sqrt(max(student_dim, teacher_dim))

    def __call__(
        self,
        student: Float[Array, "n m"],
        teacher: Float[Array, "n d"],
        learned: Float[Array, "m d"] | None = None,
    ) -> Float[Array, ""]:
        return functional.orthogonal_projection(student, teacher, learned)

    @property
    def label(self) -> str:
        return "Projection, orthogonal"

    @property
    def invariant_to(self) -> frozenset[str]:
        return frozenset({"rotation"})

    def optimum(self, teacher: Float[np.ndarray, "n d"], student_dim: int) -> float:
        return limits.procrustes_optimum(teacher, student_dim) / teacher.shape[0]
