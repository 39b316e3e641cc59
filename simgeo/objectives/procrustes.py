"""Distances after the best rotation."""

import equinox as eqx
import numpy as np
from jaxtyping import Array, Float

from simgeo import limits
from simgeo.linalg import (
    centre,
    nuclear_norm,
    safe_divide,
    safe_sqrt,
    squared_norm,
)
from simgeo.objectives._base import AbstractObjective, Learned


class Procrustes(AbstractObjective):
    """Squared Procrustes distance: least |T - S Q|^2 over (semi-)orthogonal Q.

    |T|^2 + |S|^2 - 2 |S'T|_*, with the nuclear norm: the distance after zero-padding
    the narrower side. With `centred`, of the centred columns; with `normalised`, each
    side is divided by its Frobenius norm, which gives 2 - 2 |S'T|_* / (|S| |T|) in
    [0, 2]. `squared=False` takes the root, whose gradient does not vanish at the
    optimum, so that a fixed step keeps jumping around it. Schonemann (1966);
    Williams et al. (2021).
    """

    centred: bool = eqx.field(static=True, default=False)
    normalised: bool = eqx.field(static=True, default=False)
    squared: bool = eqx.field(static=True, default=True)

    def __call__(
        self,
        student: Float[Array, "n m"],
        teacher: Float[Array, "n d"],
        learned: Learned = None,
    ) -> Float[Array, ""]:
        if self.centred:
            student, teacher = centre(student), centre(teacher)
        overlap = nuclear_norm(teacher.T @ student)
        own, target = squared_norm(student), squared_norm(teacher)
        if self.normalised:
            norms = safe_sqrt(own) * safe_sqrt(target)
            distance = 2.0 - 2.0 * safe_divide(overlap, norms)
        else:
            distance = target + own - 2.0 * overlap
        return distance if self.squared else safe_sqrt(distance)

    @property
    def label(self) -> str:
        words = ["Procrustes"]
        words += ["centred"] if self.centred else []
        words += ["normalised"] if self.normalised else []
        words += [] if self.squared else ["unsquared"]
        return ", ".join(words)

    @property
    def invariant_to(self) -> frozenset[str]:
        blind = {"rotation"}
        blind |= {"translation"} if self.centred else set()
        blind |= {"scale"} if self.normalised else set()
        return frozenset(blind)

    def optimum(self, teacher: Float[np.ndarray, "n d"], student_dim: int) -> float:
        known = (
            limits.normalised_procrustes_optimum
            if self.normalised
            else limits.procrustes_optimum
        )
        squared = known(teacher, student_dim, centred=self.centred)
        return squared if self.squared else squared**0.5
