"""Centred kernel alignment, biased and debiased."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from simgeo import limits
from simgeo.linalg import centre, safe_divide, safe_sqrt, squared_norm
from simgeo.objectives._base import AbstractObjective, Learned, optimum_of_a_copy


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


class DebiasedCKA(AbstractObjective):
    """One minus debiased linear CKA, in [0, 2]; above 1 where the estimate is negative.

    1 - H(K, L) / sqrt(H(K, K) H(L, L)), where K and L are the Gram matrices with their
    diagonals zeroed and H(K, L) = (tr KL + 1'K1 1'L1 / ((n-1)(n-2)) - 2 1'KL1 / (n-2))
    / (n(n-3)) is the unbiased HSIC_1 of Song et al. (2012). It is close to
    one for independent vectors, however few, and is never clamped. A student without
    spread has loss 1. Needs n >= 4; forms no n x n matrix.
    """

    def __call__(
        self,
        student: Float[Array, "n m"],
        teacher: Float[Array, "n d"],
        learned: Learned = None,
    ) -> Float[Array, ""]:
        if student.shape[0] < 4:
            raise ValueError(
                f"`num_vectors` must be at least 4 for debiased CKA; "
                f"got {student.shape[0]}."
            )
        # H does not change with translation; centred, it loses least to rounding.
        student, teacher = centre(student), centre(teacher)
        own = safe_sqrt(_debiased_hsic(student, student))
        target = safe_sqrt(_debiased_hsic(teacher, teacher))
        return 1.0 - safe_divide(_debiased_hsic(student, teacher), own * target)

    @property
    def label(self) -> str:
        return "CKA, debiased"

    @property
    def invariant_to(self) -> frozenset[str]:
        return frozenset({"rotation", "translation", "scale"})

    def optimum(self, teacher: Float[np.ndarray, "n d"], student_dim: int) -> float:
        return optimum_of_a_copy(teacher, student_dim)


def _debiased_hsic(
    left: Float[Array, "n p"], right: Float[Array, "n q"]
) -> Float[Array, ""]:
    """n (n-3) HSIC_1 of centred columns.

    The rows of a centred Gram matrix sum to zero, and without its diagonal k to -k:
    tr KL = |X'Y|^2 - k'l, (K1)'(L1) = k'l and 1'K1 = -1'k.
    """
    n = left.shape[0]
    k, l = jnp.sum(left**2, axis=1), jnp.sum(right**2, axis=1)
    mean_part = jnp.sum(k) * jnp.sum(l) / ((n - 1) * (n - 2))
    return squared_norm(left.T @ right) + mean_part - n / (n - 2) * jnp.sum(k * l)
