"""Objectives that change from step to step."""

import math
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, Int, PRNGKeyArray

from simgeo.objectives._base import (
    About,
    AbstractObjective,
    Learned,
    Loss,
    Memory,
    known,
    require,
)
from simgeo.objectives.pattern import PatternHinge
from simgeo.objectives.procrustes import Procrustes
from simgeo.objectives.projection import LinearProjection

SHAPES = {"linear": optax.linear_schedule, "cosine": optax.cosine_decay_schedule}


class _Scheduled(NamedTuple):
    step: Int[Array, ""]
    inner: Memory


class Scheduled(AbstractObjective):
    """Another objective, with a weight that moves from `first` to `last`.

    Over the first `num_steps` steps, along optax's linear or cosine schedule; constant
    afterwards. Of use in a `Hybrid`. Without its memory, which is how a run records
    its loss, the weight is the last one.
    """

    about = About(
        "w(step) L(S, T)", "that of the other, times w", "that of the other", "optax"
    )

    objective: AbstractObjective = eqx.field(default_factory=Procrustes)
    first: float = 0.0
    last: float = 1.0
    num_steps: int = eqx.field(static=True, default=1000)
    shape: str = eqx.field(static=True, default="linear")

    def __check_init__(self) -> None:
        require(self.num_steps >= 1, "num_steps", "be at least 1", self.num_steps)
        names = " or ".join(repr(name) for name in SHAPES)
        require(self.shape in SHAPES, "shape", f"be {names}", repr(self.shape))
        for name in ("first", "last"):
            value = getattr(self, name)
            if known(value):
                is_weight = 0 <= value < math.inf
                require(is_weight, name, "be finite and not negative", value)

    def init(self, key: PRNGKeyArray, student_dim: int, teacher_dim: int) -> Learned:
        return self.objective.init(key, student_dim, teacher_dim)

    def __call__(
        self,
        student: Float[Array, "n m"],
        teacher: Float[Array, "n d"],
        learned: Learned = None,
    ) -> Float[Array, ""]:
        return self.last * self.objective(student, teacher, learned)

    def begin(self, key: PRNGKeyArray, teacher: Float[Array, "n d"]) -> Memory:
        return _Scheduled(jnp.asarray(0), self.objective.begin(key, teacher))

    def at(self, memory: Memory) -> Loss:
        loss = self.objective.at(memory.inner)
        arguments = (1.0, 0.0) if self.shape == "linear" else (1.0,)
        left = SHAPES[self.shape](*arguments, self.num_steps)(memory.step)
        weight = self.last + (self.first - self.last) * left
        return lambda student, teacher, learned: (
            weight * loss(student, teacher, learned)
        )

    def remember(
        self,
        memory: Memory,
        student: Float[Array, "n m"],
        teacher: Float[Array, "n d"],
        learned: Learned = None,
    ) -> Memory:
        inner = self.objective.remember(memory.inner, student, teacher, learned)
        return _Scheduled(memory.step + 1, inner)

    @property
    def label(self) -> str:
        return f"{self.objective.label}, weight {self.first:g} to {self.last:g}"

    @property
    def invariant_to(self) -> frozenset[str]:
        return self.objective.invariant_to

    def optimum(self, teacher: Float[np.ndarray, "n d"], student_dim: int) -> float:
        return self.last * self.objective.optimum(teacher, student_dim)


class _Draws(NamedTuple):
    key: PRNGKeyArray
    inner: Memory


class Minibatch(AbstractObjective):
    """Another objective, on rows drawn anew at every step, without replacement.

    Without its memory, which is how a run records its loss, it is the other objective
    on all rows. A batch must be larger than both widths for the biased CKA, the solved
    projection and CCA to mean what they do on all rows: see docs/objectives.md.
    """

    about = About(
        "L(S_B, T_B), B a random batch", "that of the other", "with n = b", "-"
    )

    objective: AbstractObjective = eqx.field(default_factory=Procrustes)
    batch_size: int = eqx.field(static=True, default=64)

    def __check_init__(self) -> None:
        require(self.batch_size >= 2, "batch_size", "be at least 2", self.batch_size)

    def init(self, key: PRNGKeyArray, student_dim: int, teacher_dim: int) -> Learned:
        return self.objective.init(key, student_dim, teacher_dim)

    def __call__(
        self,
        student: Float[Array, "n m"],
        teacher: Float[Array, "n d"],
        learned: Learned = None,
    ) -> Float[Array, ""]:
        return self.objective(student, teacher, learned)

    def begin(self, key: PRNGKeyArray, teacher: Float[Array, "n d"]) -> Memory:
        own_key, inner_key = jax.random.split(key)
        return _Draws(own_key, self.objective.begin(inner_key, teacher))

    def at(self, memory: Memory) -> Loss:
        loss = self.objective.at(memory.inner)

        def of_a_batch(student, teacher, learned):
            n = student.shape[0]
            rule = f"not exceed the {n} vectors"
            require(self.batch_size <= n, "batch_size", rule, self.batch_size)
            rows = jax.random.permutation(memory.key, n)[: self.batch_size]
            return loss(student[rows], teacher[rows], learned)

        return of_a_batch

    def remember(
        self,
        memory: Memory,
        student: Float[Array, "n m"],
        teacher: Float[Array, "n d"],
        learned: Learned = None,
    ) -> Memory:
        inner = self.objective.remember(memory.inner, student, teacher, learned)
        return _Draws(jax.random.split(memory.key, 1)[0], inner)

    @property
    def label(self) -> str:
        return f"{self.objective.label}, batches of {self.batch_size}"

    @property
    def invariant_to(self) -> frozenset[str]:
        return self.objective.invariant_to

    def optimum(self, teacher: Float[np.ndarray, "n d"], student_dim: int) -> float:
        return self.objective.optimum(teacher, student_dim)


class _Multiplier(NamedTuple):
    step: Int[Array, ""]
    multiplier: Float[Array, ""]
    objective: Memory
    constraint: Memory


class Constrained(AbstractObjective):
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
    bound: float = 0.0
    penalty: float = 10.0
    period: int = eqx.field(static=True, default=20)

    def __check_init__(self) -> None:
        require(self.period >= 1, "period", "be at least 1", self.period)
        if known(self.bound):
            is_bound = math.isfinite(self.bound)
            require(is_bound, "bound", "be finite", self.bound)
        if known(self.penalty):
            is_penalty = 0 < self.penalty < math.inf
            require(is_penalty, "penalty", "be positive and finite", self.penalty)

    def init(self, key: PRNGKeyArray, student_dim: int, teacher_dim: int) -> Learned:
        keys = jax.random.split(key)
        return tuple(
            each.init(own, student_dim, teacher_dim)
            for each, own in zip((self.objective, self.constraint), keys, strict=True)
        )

    def __call__(
        self,
        student: Float[Array, "n m"],
        teacher: Float[Array, "n d"],
        learned: Learned = None,
    ) -> Float[Array, ""]:
        own = None if learned is None else learned[0]
        return self.objective(student, teacher, own)

    def begin(self, key: PRNGKeyArray, teacher: Float[Array, "n d"]) -> Memory:
        keys = jax.random.split(key)
        return _Multiplier(
            jnp.asarray(0),
            jnp.asarray(0.0),
            self.objective.begin(keys[0], teacher),
            self.constraint.begin(keys[1], teacher),
        )

    def at(self, memory: Memory) -> Loss:
        loss = self.objective.at(memory.objective)

        def lagrangian(student, teacher, learned):
            own, _ = (None, None) if learned is None else learned
            pushed = self._pushed(memory, student, teacher, learned)
            change = pushed**2 - memory.multiplier**2
            return loss(student, teacher, own) + change / (2.0 * self.penalty)

        return lagrangian

    def remember(
        self,
        memory: Memory,
        student: Float[Array, "n m"],
        teacher: Float[Array, "n d"],
        learned: Learned = None,
    ) -> Memory:
        own, other = (None, None) if learned is None else learned
        step = memory.step + 1
        multiplier = jax.lax.cond(
            step % self.period == 0,
            lambda: self._pushed(memory, student, teacher, learned),
            lambda: memory.multiplier,
        )
        return _Multiplier(
            step,
            multiplier,
            self.objective.remember(memory.objective, student, teacher, own),
            self.constraint.remember(memory.constraint, student, teacher, other),
        )

    def _pushed(self, memory, student, teacher, learned) -> Float[Array, ""]:
        other = None if learned is None else learned[1]
        value = self.constraint.at(memory.constraint)(student, teacher, other)
        pushed = memory.multiplier + self.penalty * (value - self.bound)
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
