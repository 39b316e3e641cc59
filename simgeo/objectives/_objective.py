"""What every objective offers."""

import abc
import math
import re
from collections.abc import Callable
from typing import Any, ClassVar

import equinox as eqx
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from simgeo.checks import check_fields
from simgeo.functional import About, documented

Learned = Any  # the pytree of an objective's own parameters; None when it has none
Memory = Any  # what an objective carries from step to step; None when nothing
Loss = Callable[[Array, Array, Learned], Float[Array, ""]]


class AbstractObjective(eqx.Module):
    """A loss on a student's vectors, given the teacher's.

    One of your own defines `__call__`; all else has defaults. Real-valued knobs are
    pytree leaves, so that they can be swept without another compilation; what changes
    the formula is static. Fields are held to their annotations: see `checks`.

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

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        is_abstract = cls.__name__.startswith(("Abstract", "_"))
        if not is_abstract and cls.__call__ is AbstractObjective.__call__:
            raise TypeError(
                f"`{cls.__name__}` must define `__call__(self, student, teacher, "
                f"learned=None)`, which gives the loss."
            )
        if cls.about is not None:
            cls.__doc__ = documented(cls.__doc__, cls.about)

    def __check_init__(self) -> None:
        check_fields(self)

    @abc.abstractmethod
    def __call__(
        self,
        student: Float[Array, "n m"],
        teacher: Float[Array, "n d"],
        learned: Learned = None,
    ) -> Float[Array, ""]:
        """The loss. Without `learned`, own parameters are at their optimum.

        Args:
            student: vectors as rows, (n, m).
            teacher: as many vectors as rows, (n, d).
            learned: what `init` gave, after so many steps of the optimiser.

        Raises:
            ValueError: if no closed form of that optimum is known.
        """

    @property
    def label(self) -> str:
        """Short name for tables and figures; by default that of the class in words."""
        return _in_words(type(self).__name__)

    @property
    def invariant_to(self) -> frozenset[str]:
        """What of the student the loss is known not to see, own parameters at best.

        Of `rotation`, `translation`, `scale`, `row scale` and `linear map` (any
        invertible one). Empty by default: nothing is known.
        """
        return frozenset()

    def init(self, key: PRNGKeyArray, student_dim: int, teacher_dim: int) -> Learned:
        """Start of the parameters that are learned beside the student, or None."""
        return None

    def optimum(self, teacher: Float[np.ndarray, "n d"], student_dim: int) -> float:
        """Least loss of any student of that width; a lower bound for unit rows.

        NaN, the default, where no closed form is known.
        """
        return math.nan

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


def _in_words(name: str) -> str:
    """`MeanCosine` as "Mean cosine"; capitals in a row stay: "Neighbour KL"."""
    words = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z\d]+", name) or [name]
    rest = (word if word.isupper() else word.lower() for word in words[1:])
    return " ".join((words[0], *rest))
