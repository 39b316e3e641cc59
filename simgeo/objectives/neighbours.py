"""Soft neighbourhoods of each vector."""

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


class NeighbourKL(AbstractObjective):
    """Divergence from the teacher's to the student's softmax over neighbours.

    All cosines may drift together: a teacher of equal cosines has loss 0 with a
    collapsed student. See `functional.neighbour_kl`.
    """

    about = About(
        "mean_i KL(p_i || q_i), softmax over j != i of cosines / temperature",
        "[0, 4 / temperature]",
        "n^2 (m + d)",
        "Hinton and Roweis (2002) with cosines; Fang et al. (2021)",
    )

    temperature: float = 0.1

    def __check_init__(self) -> None:
        if known(self.temperature):
            require(
                self.temperature > 0, "temperature", "be positive", self.temperature
            )

    def __call__(
        self,
        student: Float[Array, "n m"],
        teacher: Float[Array, "n d"],
        learned: Learned = None,
    ) -> Float[Array, ""]:
        return functional.neighbour_kl(student, teacher, temperature=self.temperature)

    @property
    def label(self) -> str:
        return "Neighbour KL"

    @property
    def invariant_to(self) -> frozenset[str]:
        return frozenset({"rotation", "scale", "row scale"})

    def optimum(self, teacher: Float[np.ndarray, "n d"], student_dim: int) -> float:
        return optimum_of_a_copy(teacher, student_dim)
