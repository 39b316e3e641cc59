"""Centred kernel alignment."""

import equinox as eqx
import numpy as np
from jaxtyping import Array, Float

from simgeo import limits
from simgeo.linalg import centre, safe_divide, safe_sqrt, squared_norm
from simgeo.objectives._base import AbstractObjective, Learned


class CKA(AbstractObjective):
    """One minus linear CKA (biased), in [0, 1].

    1 - |S'T|^2 / (|S'S| |T'T|) in Frobenius norms; with `centred`, of the centred
    columns. A student without spread has loss 1. Kornblith et al. (2019), section 3;
    uncentred it is kernel alignment, Cristianini et al. (2001).
    """

    centred: bool = eqx.field(static=True, default=True)

    def __call__(
        self,
        student: Float[Array, "n m"],
        teacher: Float[Array, "n d"],
        learned: Learned = None,
    ) -> Float[Array, ""]:
        if self.centred:
            student, teacher = centre(student), centre(teacher)
        cross = squared_norm(student.T @ teacher)
        # Two roots, not one of the product, which would overflow sooner.
        own = safe_sqrt(squared_norm(student.T @ student))
        return 1.0 - safe_divide(
            cross, own * safe_sqrt(squared_norm(teacher.T @ teacher))
        )

    @property
    def label(self) -> str:
        return "CKA" if self.centred else "CKA, uncentred"

    @property
    def invariant_to(self) -> frozenset[str]:
        blind = {"rotation", "scale"}
        return frozenset(blind | {"translation"} if self.centred else blind)

    def optimum(self, teacher: Float[np.ndarray, "n d"], student_dim: int) -> float:
        return limits.cka_optimum(teacher, student_dim, centred=self.centred)
