"""What objectives that hold others have in common."""

from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any, NamedTuple

import equinox as eqx
import jax
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from simgeo.objectives._objective import AbstractObjective, Learned, Loss, Memory


class Wrapped(NamedTuple):
    """The memory of an objective that holds another."""

    own: Any
    inner: Memory


class AbstractWrapper(AbstractObjective):
    """Another objective, with changed sides or a changed value.

    What is learned is the other's, and what the other remembers is kept for it. A
    wrapper defines what it changes: a side or the `value`; and `begin_own` and
    `next_own` where it remembers something itself.
    """

    objective: eqx.AbstractVar[AbstractObjective]

    def changed_student(self, student: Array) -> Array:
        """The student that the other sees."""
        return student

    def changed_teacher(self, own: Any, teacher: Array) -> Array:
        """The teacher that the other sees; `own` is None outside of a run."""
        return teacher

    def value(
        self, loss: Loss, own: Any, student: Array, teacher: Array, learned: Learned
    ) -> Float[Array, ""]:
        """The loss, given that of the other; `own` is None outside of a run."""
        return loss(*self._sides(own, student, teacher), learned)

    def begin_own(self, key: PRNGKeyArray, teacher: Array) -> tuple[Any, PRNGKeyArray]:
        """What is remembered before the first step, and the other's key."""
        return None, key

    def next_own(self, own: Any) -> Any:
        """What is remembered after a step."""
        return own

    def init(self, key: PRNGKeyArray, student_dim: int, teacher_dim: int) -> Learned:
        return self.objective.init(key, student_dim, teacher_dim)

    def __call__(
        self,
        student: Float[Array, "n m"],
        teacher: Float[Array, "n d"],
        learned: Learned = None,
    ) -> Float[Array, ""]:
        return self.value(self.objective, None, student, teacher, learned)

    def begin(self, key: PRNGKeyArray, teacher: Float[Array, "n d"]) -> Memory:
        own, inner_key = self.begin_own(key, teacher)
        changed = self.changed_teacher(own, teacher)
        return Wrapped(own, self.objective.begin(inner_key, changed))

    def at(self, memory: Memory) -> Loss:
        return partial(self.value, self.objective.at(memory.inner), memory.own)

    def remember(
        self,
        memory: Memory,
        student: Float[Array, "n m"],
        teacher: Float[Array, "n d"],
        learned: Learned = None,
    ) -> Memory:
        sides = self._sides(memory.own, student, teacher)
        inner = self.objective.remember(memory.inner, *sides, learned)
        return Wrapped(self.next_own(memory.own), inner)

    def _sides(self, own: Any, student: Array, teacher: Array) -> tuple[Array, Array]:
        return self.changed_student(student), self.changed_teacher(own, teacher)

    @property
    def invariant_to(self) -> frozenset[str]:
        return self.objective.invariant_to

    def optimum(self, teacher: Float[np.ndarray, "n d"], student_dim: int) -> float:
        return self.objective.optimum(teacher, student_dim)


class AbstractCombination(AbstractObjective):
    """Several objectives, each with its share of what is learned and remembered.

    Every one has a key of its own, and sees the teacher or a part of its columns.
    """

    parts: eqx.AbstractVar[tuple[AbstractObjective, ...]]

    def widths(self, teacher_dim: int) -> list[int]:
        """The dimensions of the teacher that each part sees."""
        return [teacher_dim] * len(self.parts)

    def split(self, teacher: Float[Array, "n d"]) -> list[Float[Array, "n d_k"]]:
        """The teacher that each part sees."""
        return [teacher] * len(self.parts)

    def shared(self, learned: Learned) -> tuple[Learned, ...]:
        """What is learned, for each part."""
        return (None,) * len(self.parts) if learned is None else learned

    def values(
        self, losses: Iterable[Loss], student: Array, teacher: Array, learned: Learned
    ) -> Iterator[Float[Array, ""]]:
        """The losses of the parts, each computed when it is asked for."""
        sides = zip(losses, self.split(teacher), self.shared(learned), strict=True)
        return (loss(student, seen, own) for loss, seen, own in sides)

    def init(self, key: PRNGKeyArray, student_dim: int, teacher_dim: int) -> Learned:
        keys = jax.random.split(key, len(self.parts))
        each = zip(self.parts, keys, self.widths(teacher_dim), strict=True)
        return tuple(part.init(own, student_dim, width) for part, own, width in each)

    def begin(self, key: PRNGKeyArray, teacher: Float[Array, "n d"]) -> Memory:
        keys = jax.random.split(key, len(self.parts))
        each = zip(self.parts, keys, self.split(teacher), strict=True)
        return tuple(part.begin(own, seen) for part, own, seen in each)

    def remember(
        self,
        memory: Memory,
        student: Float[Array, "n m"],
        teacher: Float[Array, "n d"],
        learned: Learned = None,
    ) -> Memory:
        sides = self.split(teacher), self.shared(learned)
        each = zip(self.parts, memory, *sides, strict=True)
        return tuple(
            part.remember(kept, student, seen, own) for part, kept, seen, own in each
        )

    def losses(self, memory: Memory) -> list[Loss]:
        """Those of the parts in one step."""
        return [part.at(own) for part, own in zip(self.parts, memory, strict=True)]

    @property
    def invariant_to(self) -> frozenset[str]:
        return frozenset.intersection(*(part.invariant_to for part in self.parts))
