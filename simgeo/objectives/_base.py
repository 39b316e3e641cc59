"""What every objective offers."""

import abc
import math
from typing import Any

import equinox as eqx
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

Learned = Any  # the pytree of an objective's own parameters; None when it has none


class AbstractObjective(eqx.Module):
    """A loss on a student's vectors, given the teacher's.

    Real-valued knobs are pytree leaves, so that they can be swept without another
    compilation; what changes the formula is static.
    """

    @abc.abstractmethod
    def __call__(
        self,
        student: Float[Array, "n m"],
        teacher: Float[Array, "n d"],
        learned: Learned = None,
    ) -> Float[Array, ""]:
        """The loss. Without `learned`, own parameters are at their optimum."""

    @property
    @abc.abstractmethod
    def label(self) -> str:
        """Short name for tables and figures."""

    @property
    @abc.abstractmethod
    def invariant_to(self) -> frozenset[str]:
        """Changes of the student that the loss cannot see.

        Of `rotation`, `translation`, `scale`, `row scale` and `linear map` (any
        invertible one).
        """

    def init(self, key: PRNGKeyArray, student_dim: int, teacher_dim: int) -> Learned:
        """Start of the parameters that are learned beside the student, or None."""
        return None

    @abc.abstractmethod
    def optimum(self, teacher: Float[np.ndarray, "n d"], student_dim: int) -> float:
        """Least loss of any student of that width; a lower bound for unit rows.

        NaN where no closed form is known.
        """


def optimum_of_a_copy(teacher: Float[np.ndarray, "n d"], student_dim: int) -> float:
    """Zero where a rotated copy of the teacher fits in the student, otherwise NaN.

    The least loss of an objective that is blind to rotation, not negative, and zero
    for a copy.
    """
    return 0.0 if student_dim >= min(teacher.shape) else math.nan
