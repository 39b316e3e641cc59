"""One student of several teachers."""

import math
from collections.abc import Callable
from functools import partial

import equinox as eqx
import jax
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from simgeo.linalg import apportion
from simgeo.objectives._base import (
    About,
    AbstractObjective,
    Learned,
    Loss,
    Memory,
    known,
)
from simgeo.objectives.procrustes import Procrustes


class SeveralTeachers(AbstractObjective):
    """Weighted sum of another objective over several teachers, sum_k w_k L(S, T_k).

    The teachers lie side by side in the columns, as `teachers.Concatenated` along
    "dimensions" puts them; `shares` are their widths, one to another. Of squared
    Procrustes distances it is the generalised Procrustes problem, whose solution is
    their consensus (Gower, 1975), also the Bures barycentre of the Gram matrices. Of
    Gram distances it has the minimisers of the distance to their weighted mean, and of
    uncentred CKA those of kernel alignment with the sum of the w_k K_k / |K_k|: there
    the teachers' conflict is settled before the student is asked. What each objective
    learns, such as a projection, it learns for every teacher.
    """

    about = About(
        "sum_k w_k L(S, T_k), T_k the k-th share of the columns",
        "sum of theirs",
        "the sum of theirs",
        "of Procrustes Gower (1975)",
    )

    objective: AbstractObjective = eqx.field(default_factory=Procrustes)
    shares: tuple[int, ...] = eqx.field(static=True, default=(1, 1))
    weights: tuple[float, ...] = (0.5, 0.5)

    def __check_init__(self) -> None:
        if not self.shares or any(share < 1 for share in self.shares):
            raise ValueError(f"`shares` must be at least 1 each; got {self.shares}.")
        if len(self.shares) != len(self.weights):
            raise ValueError(
                f"`weights` must be as many as `shares`; got {len(self.weights)} for "
                f"{len(self.shares)}."
            )
        numbers = [weight for weight in self.weights if known(weight)]
        if any(not 0 <= weight < math.inf for weight in numbers):
            raise ValueError(
                f"`weights` must be finite and not negative; got {self.weights}."
            )

    def init(self, key: PRNGKeyArray, student_dim: int, teacher_dim: int) -> Learned:
        keys = jax.random.split(key, len(self.shares))
        widths = apportion(teacher_dim, self.shares)
        return tuple(
            self.objective.init(own, student_dim, width)
            for own, width in zip(keys, widths, strict=True)
        )

    def __call__(
        self,
        student: Float[Array, "n m"],
        teacher: Float[Array, "n d"],
        learned: Learned = None,
    ) -> Float[Array, ""]:
        return self._sum([self.objective] * len(self.shares), student, teacher, learned)

    def _sum(
        self, losses: list[Callable], student: Array, teacher: Array, learned: Learned
    ) -> Float[Array, ""]:
        each = (None,) * len(self.shares) if learned is None else learned
        terms = zip(losses, self.weights, self.split(teacher), each, strict=True)
        return sum(weight * loss(student, one, own) for loss, weight, one, own in terms)

    def split(self, teacher: Float[Array, "n d"]) -> list[Float[Array, "n d_k"]]:
        """The teachers, each by itself."""
        ends = np.cumsum(apportion(teacher.shape[1], self.shares))
        starts = [0, *ends[:-1]]
        return [teacher[:, a:b] for a, b in zip(starts, ends, strict=True)]

    def begin(self, key: PRNGKeyArray, teacher: Float[Array, "n d"]) -> Memory:
        keys = jax.random.split(key, len(self.shares))
        return tuple(map(self.objective.begin, keys, self.split(teacher)))

    def at(self, memory: Memory) -> Loss:
        return partial(self._sum, [self.objective.at(own) for own in memory])

    def remember(
        self,
        memory: Memory,
        student: Float[Array, "n m"],
        teacher: Float[Array, "n d"],
        learned: Learned = None,
    ) -> Memory:
        each = (None,) * len(self.shares) if learned is None else learned
        return tuple(
            self.objective.remember(kept, student, one, own)
            for kept, one, own in zip(memory, self.split(teacher), each, strict=True)
        )

    @property
    def label(self) -> str:
        weights = ", ".join(f"{weight:g}" for weight in self.weights)
        return f"{self.objective.label}, teachers weighted {weights}"

    @property
    def invariant_to(self) -> frozenset[str]:
        return self.objective.invariant_to

    def optimum(self, teacher: Float[np.ndarray, "n d"], student_dim: int) -> float:
        # A sum does not tell whether its teachers share a minimiser.
        if len(self.shares) > 1:
            return math.nan
        return self.weights[0] * self.objective.optimum(teacher, student_dim)
