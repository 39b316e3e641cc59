"""Canonical correlations."""

import math

import equinox as eqx
import numpy as np
from jaxtyping import Array, Float

from simgeo import functional
from simgeo.objectives._base import (
    About,
    AbstractObjective,
    Learned,
    known,
    require,
)


class CCA(AbstractObjective):
    """One minus the mean squared canonical correlation, or the mean correlation.

    A student narrower than the teacher reaches zero with any m directions of the
    teacher's span. See `functional.cca`. PWCCA has no counterpart here: its weights are
    of single canonical directions, which are not defined where correlations are equal,
    as they are for an identical student; with squared weights it is the projection.
    """

    about = About(
        "1 - |Q_s'Q_t|^2 / min(m, d), Q orthonormal bases of the centred columns",
        "[0, 1]",
        "n (m + d)^2 for each of about 15 products",
        "Kornblith et al. (2019), R^2_CCA; Raghu et al. (2017), mean",
    )

    squared: bool = eqx.field(static=True, default=True)

    def __call__(
        self,
        student: Float[Array, "n m"],
        teacher: Float[Array, "n d"],
        learned: Learned = None,
    ) -> Float[Array, ""]:
        return functional.cca(student, teacher, squared=self.squared)

    @property
    def label(self) -> str:
        return "CCA" if self.squared else "CCA, mean correlation"

    @property
    def invariant_to(self) -> frozenset[str]:
        return frozenset({"rotation", "translation", "scale", "linear map"})

    def optimum(self, teacher: Float[np.ndarray, "n d"], student_dim: int) -> float:
        centred = teacher - teacher.mean(axis=0, keepdims=True)
        kept = min(int(np.linalg.matrix_rank(centred)), student_dim)
        return 1.0 - kept / min(student_dim, teacher.shape[1])


class SVCCA(AbstractObjective):
    """One minus the mean canonical correlation with the teacher's main directions.

    Those of singular values above `threshold` times the largest. See
    `functional.svcca`.
    """

    about = About(
        "1 - |Q_s'Q_k|_* / min(m, k), Q_k of the teacher's k main directions",
        "[0, 1]",
        "n (m + d)^2 for each of about 30 products",
        "Raghu et al. (2017), which cuts by variance, the student too",
    )

    threshold: float = 0.1
    squared: bool = eqx.field(static=True, default=False)

    def __check_init__(self) -> None:
        if known(self.threshold):
            require(0 < self.threshold < 1, "threshold", "be in (0, 1)", self.threshold)

    def __call__(
        self,
        student: Float[Array, "n m"],
        teacher: Float[Array, "n d"],
        learned: Learned = None,
    ) -> Float[Array, ""]:
        return functional.svcca(
            student, teacher, threshold=self.threshold, squared=self.squared
        )

    @property
    def label(self) -> str:
        return "SVCCA" if not self.squared else "SVCCA, squared"

    @property
    def invariant_to(self) -> frozenset[str]:
        return frozenset({"rotation", "translation", "scale", "linear map"})

    def optimum(self, teacher: Float[np.ndarray, "n d"], student_dim: int) -> float:
        centred = teacher - teacher.mean(axis=0, keepdims=True)
        return 0.0 if centred.any() else math.nan
