"""Distances between Gram matrices."""

import equinox as eqx
import numpy as np
from jaxtyping import Array, Float

from simgeo import functional, limits
from simgeo.objectives._base import (
    About,
    AbstractObjective,
    Learned,
    optimum_of_a_copy,
)


class FeatureGram(AbstractObjective):
    """Squared Frobenius distance of the Gram matrices, |T T' - S S'|^2.

    In feature space, linear in the number of vectors. See `functional.feature_gram`.
    """

    about = About(
        "|T'T|^2 + |S'S|^2 - 2 |S'T|^2",
        "[0, inf); unit rows [0, 2 n^2]",
        "n (m + d)^2",
        "as a distillation loss arXiv 2509.25253",
    )

    centred: bool = eqx.field(static=True, default=False)
    unit_rows: bool = eqx.field(static=True, default=False)
    squared: bool = eqx.field(static=True, default=True)

    def __call__(
        self,
        student: Float[Array, "n m"],
        teacher: Float[Array, "n d"],
        learned: Learned = None,
    ) -> Float[Array, ""]:
        return functional.feature_gram(
            student,
            teacher,
            centred=self.centred,
            unit_rows=self.unit_rows,
            squared=self.squared,
        )

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
            mean = teacher.mean(axis=0, keepdims=True) if self.centred else 0.0
            squared = limits.unit_row_gram_bound(teacher - mean, student_dim)
        else:
            squared = limits.gram_optimum(teacher, student_dim, centred=self.centred)
        return squared if self.squared else squared**0.5


class SimilarityPreserving(AbstractObjective):
    """Distance of the Gram matrices with rows of unit length, |L' - K'|^2 / n^2.

    See `functional.similarity_preserving`.
    """

    about = About(
        "|rows of K at unit length - those of L|^2 / n^2",
        "[0, 4 / n]",
        "n^2 (m + d)",
        "Tung and Mori (2019)",
    )

    def __call__(
        self,
        student: Float[Array, "n m"],
        teacher: Float[Array, "n d"],
        learned: Learned = None,
    ) -> Float[Array, ""]:
        return functional.similarity_preserving(student, teacher)

    @property
    def label(self) -> str:
        return "Similarity-preserving"

    @property
    def invariant_to(self) -> frozenset[str]:
        return frozenset({"rotation", "scale"})

    def optimum(self, teacher: Float[np.ndarray, "n d"], student_dim: int) -> float:
        return optimum_of_a_copy(teacher, student_dim)
