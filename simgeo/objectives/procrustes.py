"""Distances after the best rotation."""

import equinox as eqx
import numpy as np
from jaxtyping import Array, Float

from simgeo import functional, limits
from simgeo.objectives._base import About, AbstractObjective, Learned


class Procrustes(AbstractObjective):
    """Squared Procrustes distance: least |T - S Q|^2 over (semi-)orthogonal Q.

    `squared=False` takes the root, whose gradient does not vanish at the optimum, so
    that a fixed step keeps jumping around it. See `functional.procrustes`.
    """

    about = About(
        "|T|^2 + |S|^2 - 2 |S'T|_*; normalised 2 - 2 |S'T|_* / (|S| |T|)",
        "[0, inf); normalised [0, 2]",
        "n m d and about 15 products of m x d",
        "Schonemann (1966); Williams et al. (2021)",
    )

    centred: bool = eqx.field(static=True, default=False)
    normalised: bool = eqx.field(static=True, default=False)
    squared: bool = eqx.field(static=True, default=True)

    def __call__(
        self,
        student: Float[Array, "n m"],
        teacher: Float[Array, "n d"],
        learned: Learned = None,
    ) -> Float[Array, ""]:
        return functional.procrustes(
            student,
            teacher,
            centred=self.centred,
            normalised=self.normalised,
            squared=self.squared,
        )

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
