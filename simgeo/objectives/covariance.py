"""Distance of covariances."""

import numpy as np
from jaxtyping import Array, Float

from simgeo import functional
from simgeo.objectives._base import About, AbstractObjective, Learned


class CovarianceWasserstein(AbstractObjective):
    """Squared Wasserstein distance of Gaussians with both sides' covariances.

    It sees the shape of the cloud along its axes, not which vector is which. See
    `functional.covariance_wasserstein`.
    """

    about = About(
        "tr C_s + tr C_t - 2 tr (C_t^1/2 C_s C_t^1/2)^1/2",
        "[0, inf)",
        "n (m + d)^2 for each of about 20 products",
        "Bhatia, Jain and Lim (2019)",
    )

    def __call__(
        self,
        student: Float[Array, "n m"],
        teacher: Float[Array, "n d"],
        learned: Learned = None,
    ) -> Float[Array, ""]:
        return functional.covariance_wasserstein(student, teacher)

    @property
    def label(self) -> str:
        return "Wasserstein of covariances"

    @property
    def invariant_to(self) -> frozenset[str]:
        return frozenset({"translation"})

    def optimum(self, teacher: Float[np.ndarray, "n d"], student_dim: int) -> float:
        # The marginal on the student's axes is best, and costs what lies beyond them.
        return float(np.sum(np.var(teacher[:, student_dim:], axis=0)))
