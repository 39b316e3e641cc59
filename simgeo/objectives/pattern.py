"""The pattern of epsilon-orthogonal pairs."""

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


class PatternHinge(AbstractObjective):
    """Mean excess of |cos| over `epsilon` where the teacher is epsilon-orthogonal.

    It asks nothing of all other pairs: any mutually epsilon-orthogonal student has loss
    0. See `functional.pattern_hinge`.
    """

    about = About(
        "mean over the teacher's pairs of max(|cos| - epsilon, 0)",
        "[0, 1 - epsilon]",
        "n^2 (m + d)",
        "ours",
    )

    epsilon: float = 0.1

    def __check_init__(self) -> None:
        if known(self.epsilon):
            require(
                0 <= self.epsilon <= 1, "epsilon", "lie between 0 and 1", self.epsilon
            )

    def __call__(
        self,
        student: Float[Array, "n m"],
        teacher: Float[Array, "n d"],
        learned: Learned = None,
    ) -> Float[Array, ""]:
        return functional.pattern_hinge(student, teacher, epsilon=self.epsilon)

    @property
    def label(self) -> str:
        return "Pattern hinge"

    @property
    def invariant_to(self) -> frozenset[str]:
        return frozenset({"rotation", "scale", "row scale"})

    def optimum(self, teacher: Float[np.ndarray, "n d"], student_dim: int) -> float:
        return optimum_of_a_copy(teacher, student_dim)
