"""Distance between Gram matrices of normalised rows."""

import numpy as np
from jaxtyping import Array, Float

from simgeo.linalg import gram, squared_norm, unit_rows
from simgeo.objectives._base import AbstractObjective, Learned, optimum_of_a_copy


class SimilarityPreserving(AbstractObjective):
    """Distance of the Gram matrices with rows of unit length, |L' - K'|^2 / n^2.

    K' and L' are T T' and S S' with each row divided by its Euclidean norm (one popular
    package divides by the sum of absolute values); a zero row stays zero. In [0, 4/n].
    Forms n x n matrices. Tung and Mori (2019), section 3.
    """

    def __call__(
        self,
        student: Float[Array, "n m"],
        teacher: Float[Array, "n d"],
        learned: Learned = None,
    ) -> Float[Array, ""]:
        difference = unit_rows(gram(student)) - unit_rows(gram(teacher))
        return squared_norm(difference) / student.shape[0] ** 2

    @property
    def label(self) -> str:
        return "Similarity-preserving"

    @property
    def invariant_to(self) -> frozenset[str]:
        return frozenset({"rotation", "scale"})

    def optimum(self, teacher: Float[np.ndarray, "n d"], student_dim: int) -> float:
        return optimum_of_a_copy(teacher, student_dim)
