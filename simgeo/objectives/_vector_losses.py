"""Losses of the vectors alone: alignment, distances, subspaces, relations."""

import math

import equinox as eqx
import numpy as np
from jaxtyping import Float

from simgeo import functional, limits
from simgeo.checks import BETWEEN_0_AND_1, FRACTION, INHERITED, POSITIVE, at_least
from simgeo.objectives._objective import optimum_of_a_copy
from simgeo.objectives._of_function import AbstractFunctional, flag

_SHAPE = frozenset({"rotation", "translation", "scale"})


class CKA(AbstractFunctional):
    """One minus linear CKA (biased); uncentred it is kernel alignment."""

    function = staticmethod(functional.cka)
    name = "CKA"
    blind_to = frozenset({"rotation", "scale"})

    centred: bool = flag(True, off="uncentred", blind_to="translation")

    def optimum(self, teacher: Float[np.ndarray, "n d"], student_dim: int) -> float:
        return limits.cka_optimum(teacher, student_dim, centred=self.centred)


class DebiasedCKA(AbstractFunctional):
    """One minus debiased linear CKA; above 1 where the estimate is negative.

    Needs n >= 4. It is 1 for every student of orthonormal or other equiangular
    vectors, of which HSIC_1 says nothing: there the optimum is NaN.
    """

    function = staticmethod(functional.debiased_cka)
    name = "CKA, debiased"
    blind_to = _SHAPE

    def optimum(self, teacher: Float[np.ndarray, "n d"], student_dim: int) -> float:
        n = len(teacher)
        products = teacher @ teacher.T
        largest = np.max(np.abs(products))
        np.fill_diagonal(products, 0.0)
        sums = products.sum(axis=0) / (n - 2)
        # HSIC_1 is the squared norm of these (Song et al.).
        centred = products - sums[:, None] - sums[None, :] + sums.sum() / (n - 1)
        np.fill_diagonal(centred, 0.0)
        if np.max(np.abs(centred)) <= 1e-6 * largest:
            return math.nan
        return optimum_of_a_copy(teacher, student_dim)


class KernelCKA(AbstractFunctional):
    """One minus CKA with Gaussian kernels, as wide as the median distance.

    `bandwidth` is in units of the root of the median squared distance of all pairs.
    """

    function = staticmethod(functional.rbf_cka)
    name = "CKA, RBF"
    blind_to = _SHAPE

    bandwidth: float = eqx.field(default=1.0, metadata=POSITIVE)
    centred: bool = flag(True, off="uncentred")


class PatchCKA(AbstractFunctional):
    """One minus CKA of patches of consecutive rows, after PCKA.

    Blind to more than is declared: what keeps the products of whole patches is unseen.
    """

    function = staticmethod(functional.patch_cka)
    name = "CKA, patches"
    blind_to = frozenset({"rotation", "scale"})

    num_patches: int = eqx.field(static=True, default=16, metadata=at_least(2))
    centred: bool = flag(True, off="uncentred", blind_to="translation")


class Procrustes(AbstractFunctional):
    """Squared Procrustes distance: least |T - S Q|^2 over (semi-)orthogonal Q.

    `squared=False` takes the root, whose gradient does not vanish at the optimum, so
    that a fixed step keeps jumping around it.
    """

    function = staticmethod(functional.procrustes)
    name = "Procrustes"
    blind_to = frozenset({"rotation"})

    centred: bool = flag(False, on="centred", blind_to="translation")
    normalised: bool = flag(False, on="normalised", blind_to="scale")
    squared: bool = flag(True, off="unsquared")

    def optimum(self, teacher: Float[np.ndarray, "n d"], student_dim: int) -> float:
        least = (
            limits.normalised_procrustes_optimum
            if self.normalised
            else limits.procrustes_optimum
        )
        squared = least(teacher, student_dim, centred=self.centred)
        return squared if self.squared else squared**0.5


class FeatureGram(AbstractFunctional):
    """Squared Frobenius distance of the Gram matrices, |T T' - S S'|^2.

    In feature space, linear in the number of vectors.
    """

    function = staticmethod(functional.feature_gram)
    name = "Gram"
    blind_to = frozenset({"rotation"})

    centred: bool = flag(False, on="centred", blind_to="translation")
    unit_rows: bool = flag(False, on="unit rows", blind_to="scale")
    squared: bool = flag(True, off="unsquared")

    @property
    def invariant_to(self) -> frozenset[str]:
        # Rows change their direction from the centre when each is scaled by itself.
        rows = {"row scale"} if self.unit_rows and not self.centred else set()
        return super().invariant_to | rows

    def optimum(self, teacher: Float[np.ndarray, "n d"], student_dim: int) -> float:
        if self.unit_rows:
            mean = teacher.mean(axis=0, keepdims=True) if self.centred else 0.0
            squared = limits.unit_row_gram_bound(teacher - mean, student_dim)
        else:
            squared = limits.gram_optimum(teacher, student_dim, centred=self.centred)
        return squared if self.squared else squared**0.5


class SimilarityPreserving(AbstractFunctional):
    """Squared distance of the Gram matrices with rows of unit length, over n^2."""

    function = staticmethod(functional.similarity_preserving)
    name = "Similarity-preserving"
    blind_to = frozenset({"rotation", "scale"})


class CovarianceWasserstein(AbstractFunctional):
    """Squared Wasserstein distance of Gaussians with both sides' covariances.

    It sees the shape of the cloud along its axes, not which vector is which.
    """

    function = staticmethod(functional.covariance_wasserstein)
    name = "Wasserstein of covariances"
    blind_to = frozenset({"translation"})

    def optimum(self, teacher: Float[np.ndarray, "n d"], student_dim: int) -> float:
        # The marginal on the student's axes is best, and costs what lies beyond them.
        return float(np.sum(np.var(teacher[:, student_dim:], axis=0)))


class CCA(AbstractFunctional):
    """One minus the mean squared canonical correlation, or the mean correlation.

    A student narrower than the teacher reaches zero with any m directions of the
    teacher's span. PWCCA has no counterpart here: its weights are of single canonical
    directions, which are not defined where correlations are equal, as they are for an
    identical student; with squared weights it is the projection.
    """

    function = staticmethod(functional.cca)
    name = "CCA"
    blind_to = _SHAPE | {"linear map"}

    squared: bool = flag(True, off="mean correlation")

    def optimum(self, teacher: Float[np.ndarray, "n d"], student_dim: int) -> float:
        centred = teacher - teacher.mean(axis=0, keepdims=True)
        explained = min(int(np.linalg.matrix_rank(centred)), student_dim)
        return 1.0 - explained / min(student_dim, teacher.shape[1])


class SVCCA(AbstractFunctional):
    """One minus the mean canonical correlation with the teacher's main directions.

    Those of singular values above `threshold` times the largest.
    """

    function = staticmethod(functional.svcca)
    name = "SVCCA"
    blind_to = _SHAPE | {"linear map"}

    threshold: float = eqx.field(default=0.1, metadata=BETWEEN_0_AND_1)
    squared: bool = flag(False, on="squared")

    def optimum(self, teacher: Float[np.ndarray, "n d"], student_dim: int) -> float:
        centred = teacher - teacher.mean(axis=0, keepdims=True)
        return 0.0 if centred.any() else math.nan


class RelationalDistance(AbstractFunctional):
    """Mean Huber loss between the mean-normalised distances of all pairs."""

    function = staticmethod(functional.relational_distance)
    name = "Relational, distance"
    blind_to = _SHAPE

    delta: float = eqx.field(default=1.0, metadata=POSITIVE)


class RelationalAngle(AbstractFunctional):
    """Mean Huber loss between the cosines of the angles of all triplets."""

    function = staticmethod(functional.relational_angle)
    name = "Relational, angle"
    blind_to = _SHAPE

    delta: float = eqx.field(default=1.0, metadata=POSITIVE)


class NeighbourKL(AbstractFunctional):
    """Divergence from the teacher's to the student's softmax over neighbours.

    All cosines may drift together: a teacher of equal cosines has loss 0 with a
    collapsed student.
    """

    function = staticmethod(functional.neighbour_kl)
    name = "Neighbour KL"
    blind_to = frozenset({"rotation", "scale", "row scale"})

    temperature: float = eqx.field(default=0.1, metadata=POSITIVE)


class PatternHinge(AbstractFunctional):
    """Mean excess of |cos| over `epsilon` where the teacher is epsilon-orthogonal.

    It asks nothing of all other pairs: any mutually epsilon-orthogonal student has loss
    0. An `epsilon` of None is that of the experiment, and 0.1 outside of one.
    """

    function = staticmethod(functional.pattern_hinge)
    name = "Pattern hinge"
    blind_to = frozenset({"rotation", "scale", "row scale"})

    epsilon: float | None = eqx.field(default=None, metadata=FRACTION | INHERITED)
