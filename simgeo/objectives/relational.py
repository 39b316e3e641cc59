"""Relations between vectors: their distances and angles."""

import numpy as np
from jaxtyping import Array, Float

from simgeo import functional
from simgeo.objectives._base import (
    About,
    AbstractObjective,
    Learned,
    known,
    optimum_of_a_copy,
    require,
)


class RelationalDistance(AbstractObjective):
    """Mean Huber loss between the mean-normalised distances of all pairs.

    See `functional.relational_distance`.
    """

    about = About(
        "mean_ij huber(|s_i - s_j| / mean - |t_i - t_j| / mean)",
        "[0, inf)",
        "n^2 (m + d)",
        "Park et al. (2019), RKD-D",
    )

    delta: float = 1.0

    def __check_init__(self) -> None:
        if known(self.delta):
            require(self.delta > 0, "delta", "be positive", self.delta)

    def __call__(
        self,
        student: Float[Array, "n m"],
        teacher: Float[Array, "n d"],
        learned: Learned = None,
    ) -> Float[Array, ""]:
        return functional.relational_distance(student, teacher, delta=self.delta)

    @property
    def label(self) -> str:
        return "Relational, distance"

    @property
    def invariant_to(self) -> frozenset[str]:
        return frozenset({"rotation", "translation", "scale"})

    def optimum(self, teacher: Float[np.ndarray, "n d"], student_dim: int) -> float:
        return optimum_of_a_copy(teacher, student_dim)


class RelationalAngle(AbstractObjective):
    """Mean Huber loss between the cosines of the angles of all triplets.

    See `functional.relational_angle`.
    """

    about = About(
        "mean_ijk huber(cos of the angle at s_j, minus the teacher's)",
        "[0, 2]",
        "n^3 (m + d), in memory of n^2",
        "Park et al. (2019), RKD-A",
    )

    delta: float = 1.0

    def __check_init__(self) -> None:
        if known(self.delta):
            require(self.delta > 0, "delta", "be positive", self.delta)

    def __call__(
        self,
        student: Float[Array, "n m"],
        teacher: Float[Array, "n d"],
        learned: Learned = None,
    ) -> Float[Array, ""]:
        return functional.relational_angle(student, teacher, delta=self.delta)

    @property
    def label(self) -> str:
        return "Relational, angle"

    @property
    def invariant_to(self) -> frozenset[str]:
        return frozenset({"rotation", "translation", "scale"})

    def optimum(self, teacher: Float[np.ndarray, "n d"], student_dim: int) -> float:
        return optimum_of_a_copy(teacher, student_dim)
