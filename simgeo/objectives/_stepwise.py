"""Objectives that change from step to step."""

from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, Int, PRNGKeyArray

from simgeo.checks import (
    FINITE,
    NOT_NEGATIVE,
    POSITIVE_AND_FINITE,
    at_least,
    one_of,
    require,
)
from simgeo.functional import About
from simgeo.objectives._map_losses import LinearProjection
from simgeo.objectives._objective import AbstractObjective, Learned, Loss, Memory
from simgeo.objectives._vector_losses import PatternHinge, Procrustes
from simgeo.objectives._wrapper import AbstractCombination, AbstractWrapper

SHAPES = {"linear": optax.linear_schedule, "cosine": optax.cosine_decay_schedule}
_SHAPE = one_of(*SHAPES)


class Scheduled(AbstractWrapper):
    """Another objective, with a weight that moves from `first` to `last`.

    Over the first `num_steps` steps, along optax's linear or cosine schedule; constant
    afterwards. It is made for `Hybrid`. Without its memory, which is how a run records
    its loss, the weight is the last one.
    """

    about = About(
        "w(step) L(S, T)", "that of the other, times w", "that of the other", "optax"
    )

    objective: AbstractObjective = eqx.field(default_factory=Procrustes)
    first: float = eqx.field(default=0.0, metadata=NOT_NEGATIVE)
    last: float = eqx.field(default=1.0, metadata=NOT_NEGATIVE)
    num_steps: int = eqx.field(static=True, default=1000, metadata=at_least(1))
    shape: str = eqx.field(static=True, default="linear", metadata=_SHAPE)

    def begin_own(
        self, key: PRNGKeyArray, teacher: Array
    ) -> tuple[Int[Array, ""], PRNGKeyArray]:
        return jnp.asarray(0), key

    def next_own(self, own: Int[Array, ""]) -> Int[Array, ""]:
        return own + 1

    def value(
        self, loss: Loss, own: Any, student: Array, teacher: Array, learned: Learned
    ) -> Float[Array, ""]:
        if own is None:
            return self.last * loss(student, teacher, learned)
        arguments = (1.0, 0.0) if self.shape == "linear" else (1.0,)
        left = SHAPES[self.shape](*arguments, self.num_steps)(own)
        weight = self.last + (self.first - self.last) * left
        return weight * loss(student, teacher, learned)

    @property
    def label(self) -> str:
        return f"{self.objective.label}, weight {self.first:g} to {self.last:g}"

    def optimum(self, teacher: Float[np.ndarray, "n d"], student_dim: int) -> float:
        return self.last * self.objective.optimum(teacher, student_dim)


class Minibatch(AbstractWrapper):
    """Another objective, on rows drawn anew at every step, without replacement.

    Without its memory, which is how a run records its loss, it is the other objective
    on all rows. A batch must be larger than both widths for the biased CKA, the solved
    projection and CCA to mean what they do on all rows: see docs/objectives.md.
    """

    about = About(
        "L(S_B, T_B), B a random batch", "that of the other", "with n = b", "-"
    )

    objective: AbstractObjective = eqx.field(default_factory=Procrustes)
    batch_size: int = eqx.field(static=True, default=64, metadata=at_least(2))

    def begin_own(
        self, key: PRNGKeyArray, teacher: Array
    ) -> tuple[PRNGKeyArray, PRNGKeyArray]:
        own_key, inner_key = jax.random.split(key)
        return own_key, inner_key

    def next_own(self, own: PRNGKeyArray) -> PRNGKeyArray:
        return jax.random.split(own, 1)[0]

    def value(
        self, loss: Loss, own: Any, student: Array, teacher: Array, learned: Learned
    ) -> Float[Array, ""]:
        if own is None:
            return loss(student, teacher, learned)
        n = student.shape[0]
        rule = f"not exceed the {n} vectors"
        require(self.batch_size <= n, "batch_size", rule, self.batch_size)
        rows = jax.random.permutation(own, n)[: self.batch_size]
        return loss(student[rows], teacher[rows], learned)

    @property
    def label(self) -> str:
        return f"{self.objective.label}, batches of {self.batch_size}"


class _Multiplier(NamedTuple):
    step: Int[Array, ""]
    multiplier: Float[Array, ""]
    inner: Memory


class Constrained(AbstractCombination):
    """One objective, minimised subject to a bound on another: g(S) <= `bound`.

    By the augmented Lagrangian f + (max(0, mu + rho (g - b))^2 - mu^2) / (2 rho), rho
    the `penalty`, whose multiplier mu becomes max(0, mu + rho (g - b)) after every
    `period` steps. Without its memory, which is how a run records its loss, it is f
    alone. The default asks a projection for the teacher's orthogonal pairs.
    """

    about = About(
        "f(S, T) subject to g(S, T) <= b",
        "that of f",
        "that of both, and g once more at times",
        "Bertsekas (1982)",
    )

    objective: AbstractObjective = eqx.field(default_factory=LinearProjection)
    constraint: AbstractObjective = eqx.field(default_factory=PatternHinge)
    bound: float = eqx.field(default=0.0, metadata=FINITE)
    penalty: float = eqx.field(default=10.0, metadata=POSITIVE_AND_FINITE)
    period: int = eqx.field(static=True, default=20, metadata=at_least(1))

    @property
    def parts(self) -> tuple[AbstractObjective, AbstractObjective]:
        return self.objective, self.constraint

    def __call__(
        self,
        student: Float[Array, "n m"],
        teacher: Float[Array, "n d"],
        learned: Learned = None,
    ) -> Float[Array, ""]:
        return next(self.values(self.parts, student, teacher, learned))

    def begin(self, key: PRNGKeyArray, teacher: Float[Array, "n d"]) -> Memory:
        inner = super().begin(key, teacher)
        return _Multiplier(jnp.asarray(0), jnp.asarray(0.0), inner)

    def at(self, memory: Memory) -> Loss:
        losses = self.losses(memory.inner)

        def lagrangian(student, teacher, learned):
            value, asked = self.values(losses, student, teacher, learned)
            change = self._pushed(memory, asked) ** 2 - memory.multiplier**2
            return value + change / (2.0 * self.penalty)

        return lagrangian

    def remember(
        self,
        memory: Memory,
        student: Float[Array, "n m"],
        teacher: Float[Array, "n d"],
        learned: Learned = None,
    ) -> Memory:
        def moved():
            losses = self.losses(memory.inner)
            _, asked = self.values(losses, student, teacher, learned)
            return self._pushed(memory, asked)

        step = memory.step + 1
        is_due = step % self.period == 0
        multiplier = jax.lax.cond(is_due, moved, lambda: memory.multiplier)
        inner = super().remember(memory.inner, student, teacher, learned)
        return _Multiplier(step, multiplier, inner)

    def _pushed(self, memory: Memory, asked: Float[Array, ""]) -> Float[Array, ""]:
        pushed = memory.multiplier + self.penalty * (asked - self.bound)
        return jnp.maximum(pushed, 0.0)

    @property
    def label(self) -> str:
        return f"{self.objective.label} with {self.constraint.label} <= {self.bound:g}"

    @property
    def invariant_to(self) -> frozenset[str]:
        return self.objective.invariant_to

    def optimum(self, teacher: Float[np.ndarray, "n d"], student_dim: int) -> float:
        # A lower bound: what is allowed is less than everything.
        return self.objective.optimum(teacher, student_dim)
