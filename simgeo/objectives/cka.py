"""Centred kernel alignment and its variants."""

import equinox as eqx
import numpy as np
from jaxtyping import Array, Float

from simgeo import functional, limits
from simgeo.objectives._base import (
    About,
    AbstractObjective,
    Learned,
    known,
    optimum_of_a_copy,
    require,
)


class CKA(AbstractObjective):
    """One minus linear CKA (biased), in [0, 1]; uncentred it is kernel alignment.

    See `functional.cka`.
    """

    about = About(
        "1 - |S'T|^2 / (|S'S| |T'T|)",
        "[0, 1]",
        "n (m + d)^2",
        "Kornblith et al. (2019); uncentred Cristianini et al. (2001)",
    )

    centred: bool = eqx.field(static=True, default=True)

    def __call__(
        self,
        student: Float[Array, "n m"],
        teacher: Float[Array, "n d"],
        learned: Learned = None,
    ) -> Float[Array, ""]:
        return functional.cka(student, teacher, centred=self.centred)

    @property
    def label(self) -> str:
        return "CKA" if self.centred else "CKA, uncentred"

    @property
    def invariant_to(self) -> frozenset[str]:
        blind = {"rotation", "scale"}
        return frozenset(blind | {"translation"} if self.centred else blind)

    def optimum(self, teacher: Float[np.ndarray, "n d"], student_dim: int) -> float:
        return limits.cka_optimum(teacher, student_dim, centred=self.centred)


class DebiasedCKA(AbstractObjective):
    """One minus debiased linear CKA, in [0, 2]; above 1 where the estimate is negative.

    Needs n >= 4. See `functional.debiased_cka`.
    """

    about = About(
        "1 - HSIC_1(K, L) / sqrt(HSIC_1(K, K) HSIC_1(L, L))",
        "[0, 2]",
        "n (m + d)^2",
        "Song et al. (2012), HSIC_1",
    )

    def __call__(
        self,
        student: Float[Array, "n m"],
        teacher: Float[Array, "n d"],
        learned: Learned = None,
    ) -> Float[Array, ""]:
        return functional.debiased_cka(student, teacher)

    @property
    def label(self) -> str:
        return "CKA, debiased"

    @property
    def invariant_to(self) -> frozenset[str]:
        return frozenset({"rotation", "translation", "scale"})

    def optimum(self, teacher: Float[np.ndarray, "n d"], student_dim: int) -> float:
        return optimum_of_a_copy(teacher, student_dim)


class KernelCKA(AbstractObjective):
    """One minus CKA with Gaussian kernels, as wide as the median distance.

    `bandwidth` is in units of the root of the median squared distance of all pairs. See
    `functional.rbf_cka`.
    """

    about = About(
        "1 - <HKH, HLH> / (|HKH| |HLH|), k = exp(-|x - y|^2 / (2 b^2 median))",
        "[0, 1]",
        "n^2 (m + d), and 62 counts of n^2 for the median",
        "Kornblith et al. (2019)",
    )

    bandwidth: float = 1.0
    centred: bool = eqx.field(static=True, default=True)

    def __check_init__(self) -> None:
        if known(self.bandwidth):
            require(self.bandwidth > 0, "bandwidth", "be positive", self.bandwidth)

    def __call__(
        self,
        student: Float[Array, "n m"],
        teacher: Float[Array, "n d"],
        learned: Learned = None,
    ) -> Float[Array, ""]:
        return functional.rbf_cka(
            student, teacher, bandwidth=self.bandwidth, centred=self.centred
        )

    @property
    def label(self) -> str:
        return "CKA, RBF" if self.centred else "CKA, RBF, uncentred"

    @property
    def invariant_to(self) -> frozenset[str]:
        return frozenset({"rotation", "translation", "scale"})

    def optimum(self, teacher: Float[np.ndarray, "n d"], student_dim: int) -> float:
        return optimum_of_a_copy(teacher, student_dim)


class PatchCKA(AbstractObjective):
    """One minus CKA of patches of consecutive rows, after PCKA.

    See `functional.patch_cka`. Blind to more than is declared: what keeps the products
    of whole patches is unseen.
    """

    about = About(
        "1 - CKA of patches, a row each",
        "[0, 1]",
        "p n (m + d), p patches",
        "after Zhou et al. (2024), PCKA",
    )

    num_patches: int = eqx.field(static=True, default=16)
    centred: bool = eqx.field(static=True, default=True)

    def __check_init__(self) -> None:
        require(self.num_patches >= 2, "num_patches", "be at least 2", self.num_patches)

    def __call__(
        self,
        student: Float[Array, "n m"],
        teacher: Float[Array, "n d"],
        learned: Learned = None,
    ) -> Float[Array, ""]:
        return functional.patch_cka(
            student, teacher, num_patches=self.num_patches, centred=self.centred
        )

    @property
    def label(self) -> str:
        return "CKA, patches" if self.centred else "CKA, patches, uncentred"

    @property
    def invariant_to(self) -> frozenset[str]:
        blind = {"rotation", "scale"}
        return frozenset(blind | {"translation"} if self.centred else blind)

    def optimum(self, teacher: Float[np.ndarray, "n d"], student_dim: int) -> float:
        return optimum_of_a_copy(teacher, student_dim)
