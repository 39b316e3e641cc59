"""Distances between Gram matrices, computed in feature space."""

import equinox as eqx
import numpy as np
from jaxtyping import Array, Float

from simgeo import limits
from simgeo.linalg import centre, safe_sqrt, squared_norm, unit_rows
from simgeo.objectives._base import AbstractObjective, Learned


class FeatureGram(AbstractObjective):
    """Squared Frobenius distance of the Gram matrices, |T T' - S S'|^2.

    As |T'T|^2 + |S'S|^2 - 2 |S'T|^2, linear in the number of vectors: no n x n matrix
    is formed. In float32 its value is therefore exact to about 1e-7 of |T'T|^2. With
    `centred`, of the centred columns; with `unit_rows`, of the rows scaled to unit
    length (after centring), which compares cosines. `squared=False` takes the root.
    """

    centred: bool = eqx.field(static=True, default=False)
    unit_rows: bool = eqx.field(static=True, default=False)
    squared: bool = eqx.field(static=True, default=True)

    def __call__(
        self,
        student: Float[Array, "n m"],
        teacher: Float[Array, "n d"],
        learned: Learned = None,
    ) -> Float[Array, ""]:
        if self.centred:
            student, teacher = centre(student), centre(teacher)
        if self.unit_rows:
            student, teacher = unit_rows(student), unit_rows(teacher)
        distance = (
            squared_norm(teacher.T @ teacher)
            + squared_norm(student.T @ student)
            - 2.0 * squared_norm(student.T @ teacher)
        )
        return distance if self.squared else safe_sqrt(distance)

    @property
    def label(self) -> str:
        words = ["Gram"]
        words += ["centred"] if self.centred else []
        words += ["unit rows"] if self.unit_rows else []
        words += [] if self.squared else ["unsquared"]
        return ", ".join(words)

    @property
    def invariant_to(self) -> frozenset[str]:
        blind = {"rotation"}
        blind |= {"translation"} if self.centred else set()
        blind |= {"scale"} if self.unit_rows else set()
        # Rows change their direction from the centre when each is scaled by itself.
        blind |= {"row scale"} if self.unit_rows and not self.centred else set()
        return frozenset(blind)

    def optimum(self, teacher: Float[np.ndarray, "n d"], student_dim: int) -> float:
        if self.unit_rows:
            vectors = centre(teacher) if self.centred else teacher
            squared = limits.unit_row_gram_bound(vectors, student_dim)
        else:
            squared = limits.gram_optimum(teacher, student_dim, centred=self.centred)
        return squared if self.squared else squared**0.5
