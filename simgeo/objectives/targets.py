"""Another objective, against a changed teacher or with a changed student or value."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from simgeo import functional
from simgeo.linalg import centre, polar_factor
from simgeo.objectives._base import (
    About,
    AbstractObjective,
    Learned,
    Loss,
    Memory,
    require,
)
from simgeo.objectives.cka import CKA
from simgeo.objectives.procrustes import Procrustes
from simgeo.objectives.projection import LinearProjection


class Angular(AbstractObjective):
    """The squared angle of an objective that is one minus a cosine.

    Of CKA, or of normalised Procrustes, whose angles are metrics. The angle itself has
    no derivative at zero. See `functional.angular_cka` and
    `functional.angular_procrustes`.
    """

    about = About(
        "arccos(1 - L)^2, of CKA or of half the normalised Procrustes distance",
        "[0, pi^2 / 4]",
        "that of the other",
        "Williams et al. (2021)",
    )

    objective: AbstractObjective = eqx.field(default_factory=CKA)

    def __check_init__(self) -> None:
        one = self.objective
        is_cosine = isinstance(one, CKA) or (
            isinstance(one, Procrustes) and one.normalised and one.squared
        )
        rule = "be CKA or squared and normalised Procrustes"
        require(is_cosine, "objective", rule, one.label)

    def __call__(
        self,
        student: Float[Array, "n m"],
        teacher: Float[Array, "n d"],
        learned: Learned = None,
    ) -> Float[Array, ""]:
        distance = self.objective(student, teacher)
        return functional.squared_angle(distance / self._span)

    @property
    def _span(self) -> float:
        return 1.0 if isinstance(self.objective, CKA) else 2.0

    @property
    def label(self) -> str:
        return f"{self.objective.label}, angular"

    @property
    def invariant_to(self) -> frozenset[str]:
        return self.objective.invariant_to

    def optimum(self, teacher: Float[np.ndarray, "n d"], student_dim: int) -> float:
        distance = self.objective.optimum(teacher, student_dim) / self._span
        return float(4 * np.arcsin(np.sqrt(distance / 2)) ** 2)


class WhitenedTargets(AbstractObjective):
    """Another objective, against the whitened teacher: its directions of equal size.

    The teacher is centred, and its singular values are set to sqrt(n): covariance I.
    """

    about = About(
        "L(S, sqrt(n) U V') of the centred teacher U diag(s) V'",
        "that of the other",
        "that of the other, the whitening once",
        "common practice",
    )

    objective: AbstractObjective = eqx.field(default_factory=LinearProjection)

    def init(self, key: PRNGKeyArray, student_dim: int, teacher_dim: int) -> Learned:
        return self.objective.init(key, student_dim, teacher_dim)

    def __call__(
        self,
        student: Float[Array, "n m"],
        teacher: Float[Array, "n d"],
        learned: Learned = None,
    ) -> Float[Array, ""]:
        return self.objective(student, _whitened(teacher), learned)

    # What is whitened is remembered, or every step would whiten it again.

    def begin(self, key: PRNGKeyArray, teacher: Float[Array, "n d"]) -> Memory:
        target = _whitened(teacher)
        return target, self.objective.begin(key, target)

    def at(self, memory: Memory) -> Loss:
        target, inner = memory
        loss = self.objective.at(inner)
        return lambda student, teacher, learned: loss(student, target, learned)

    def remember(
        self,
        memory: Memory,
        student: Float[Array, "n m"],
        teacher: Float[Array, "n d"],
        learned: Learned = None,
    ) -> Memory:
        target, inner = memory
        return target, self.objective.remember(inner, student, target, learned)

    @property
    def label(self) -> str:
        return f"{self.objective.label}, whitened"

    @property
    def invariant_to(self) -> frozenset[str]:
        return self.objective.invariant_to

    def optimum(self, teacher: Float[np.ndarray, "n d"], student_dim: int) -> float:
        centred = teacher - teacher.mean(axis=0, keepdims=True)
        left, singular, right = np.linalg.svd(centred, full_matrices=False)
        kept = singular > 1e-6 * singular[0]  # what the polar factor lifts in float32
        target = len(teacher) ** 0.5 * left[:, kept] @ right[kept]
        return self.objective.optimum(target, student_dim)


class Quantised(AbstractObjective):
    """Another objective, of the student rounded to b bits.

    Symmetric about zero, with the largest entry as the largest value; the gradient
    passes straight through the rounding. The vectors that a run keeps are not rounded.
    See `functional.quantise`.
    """

    about = About(
        "L(round(S), T), straight-through",
        "that of the other",
        "that of the other",
        "Bengio, Leonard and Courville (2013)",
    )

    objective: AbstractObjective = eqx.field(default_factory=Procrustes)
    num_bits: int = eqx.field(static=True, default=8)

    def __check_init__(self) -> None:
        rule = "be between 2 and 16"
        require(2 <= self.num_bits <= 16, "num_bits", rule, self.num_bits)

    def init(self, key: PRNGKeyArray, student_dim: int, teacher_dim: int) -> Learned:
        return self.objective.init(key, student_dim, teacher_dim)

    def __call__(
        self,
        student: Float[Array, "n m"],
        teacher: Float[Array, "n d"],
        learned: Learned = None,
    ) -> Float[Array, ""]:
        rounded = functional.quantise(student, num_bits=self.num_bits)
        return self.objective(rounded, teacher, learned)

    def begin(self, key: PRNGKeyArray, teacher: Float[Array, "n d"]) -> Memory:
        return self.objective.begin(key, teacher)

    def at(self, memory: Memory) -> Loss:
        loss = self.objective.at(memory)
        return lambda student, teacher, learned: loss(
            functional.quantise(student, num_bits=self.num_bits), teacher, learned
        )

    def remember(
        self,
        memory: Memory,
        student: Float[Array, "n m"],
        teacher: Float[Array, "n d"],
        learned: Learned = None,
    ) -> Memory:
        rounded = functional.quantise(student, num_bits=self.num_bits)
        return self.objective.remember(memory, rounded, teacher, learned)

    @property
    def label(self) -> str:
        return f"{self.objective.label}, {self.num_bits} bits"

    @property
    def invariant_to(self) -> frozenset[str]:
        return self.objective.invariant_to & {"scale"}

    def optimum(self, teacher: Float[np.ndarray, "n d"], student_dim: int) -> float:
        # A lower bound: rounded students are students.
        return self.objective.optimum(teacher, student_dim)


def _whitened(teacher: Float[Array, "n d"]) -> Float[Array, "n d"]:
    with jax.default_matmul_precision("highest"):
        return jnp.sqrt(teacher.shape[0]) * polar_factor(centre(teacher))
