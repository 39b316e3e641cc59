"""What every objective offers."""

import abc
import math
from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple

import equinox as eqx
import jax
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

Learned = Any  # the pytree of an objective's own parameters; None when it has none
Memory = Any  # what an objective carries from step to step; None when nothing
Loss = Callable[[Array, Array, Learned], Float[Array, ""]]


class About(NamedTuple):
    """An objective in one row of a table."""

    minimised: str  # the formula, in plain text
    range: str
    cost: str  # of one evaluation with its gradient, to leading order
    reference: str


class AbstractObjective(eqx.Module):
    """A loss on a student's vectors, given the teacher's.

    Real-valued knobs are pytree leaves, so that they can be swept without another
    compilation; what changes the formula is static.

    >>> import jax.numpy as jnp
    >>> import numpy as np
    >>> from simgeo import objectives
    >>> objective = objectives.CKA()
    >>> sorted(objective.invariant_to)
    ['rotation', 'scale', 'translation']
    >>> teacher = jnp.eye(4)
    >>> print(f"{objective(9.0 + teacher[:, :2], teacher):.3f}")
    0.225
    >>> print(f"{objective.optimum(np.eye(4), student_dim=2):.3f}")
    0.184
    """

    about: ClassVar[About | None] = None  # its row in the table, if it has one

    @abc.abstractmethod
    def __call__(
        self,
        student: Float[Array, "n m"],
        teacher: Float[Array, "n d"],
        learned: Learned = None,
    ) -> Float[Array, ""]:
        """The loss. Without `learned`, own parameters are at their optimum.

        Raises:
            ValueError: if no closed form of that optimum is known.
        """

    @property
    @abc.abstractmethod
    def label(self) -> str:
        """Short name for tables and figures."""

    @property
    @abc.abstractmethod
    def invariant_to(self) -> frozenset[str]:
        """What of the student the loss cannot see, with own parameters at their best.

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

    # An objective that changes from step to step has a memory.

    def begin(self, key: PRNGKeyArray, teacher: Float[Array, "n d"]) -> Memory:
        """The memory before the first step, or None."""
        return None

    def at(self, memory: Memory) -> Loss:
        """The loss of one step, called as the objective is."""
        return self

    def remember(
        self,
        memory: Memory,
        student: Float[Array, "n m"],
        teacher: Float[Array, "n d"],
        learned: Learned = None,
    ) -> Memory:
        """The memory after a step that led to this student."""
        return memory


def optimum_of_a_copy(teacher: Float[np.ndarray, "n d"], student_dim: int) -> float:
    """Zero where a rotated copy of the teacher fits in the student, otherwise NaN.

    The least loss of an objective that is blind to rotation, not negative, and zero
    for a copy.
    """
    return 0.0 if student_dim >= min(teacher.shape) else math.nan


def require(condition: bool, name: str, rule: str, value: object) -> None:
    """Raises ValueError in the house's words, unless the condition holds."""
    if not condition:
        raise ValueError(f"`{name}` must {rule}; got {value}.")


def known(*knobs: object) -> bool:
    """Whether all knobs are single numbers that can be looked at: none is traced."""
    return all(
        not isinstance(knob, jax.core.Tracer) and np.ndim(knob) == 0  # pyrefly: ignore
        for knob in knobs
    )
