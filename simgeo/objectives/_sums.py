"""Weighted sums: of several objectives, or of one over several teachers."""

import math
import operator
from collections.abc import Iterable
from functools import partial, reduce

import equinox as eqx
import numpy as np
from jaxtyping import Array, Float

from simgeo.checks import NOT_NEGATIVE, check_fields, rule
from simgeo.functional import About, as_matrix
from simgeo.linalg import apportion
from simgeo.objectives._objective import AbstractObjective, Learned, Loss, Memory
from simgeo.objectives._vector_losses import Procrustes
from simgeo.objectives._wrapper import AbstractCombination


class AbstractSum(AbstractCombination):
    """The weighted sum of the losses of the parts."""

    weights: eqx.AbstractVar[tuple[float, ...]]

    def __call__(
        self,
        student: Float[Array, "n m"],
        teacher: Float[Array, "n d"],
        learned: Learned = None,
    ) -> Float[Array, ""]:
        return self._sum(self.parts, student, teacher, learned)

    def at(self, memory: Memory) -> Loss:
        return partial(self._sum, self.losses(memory))

    def _sum(
        self, losses: Iterable[Loss], student: Array, teacher: Array, learned: Learned
    ) -> Float[Array, ""]:
        values = self.values(losses, student, teacher, learned)
        return reduce(operator.add, map(operator.mul, self.weights, values))

    def optimum(self, teacher: Float[np.ndarray, "n d"], student_dim: int) -> float:
        # A sum does not tell whether its terms share a minimiser.
        if len(self.parts) > 1:
            return math.nan
        return self.weights[0] * self.parts[0].optimum(teacher, student_dim)


class Hybrid(AbstractSum):
    """Weighted sum of objectives.

    >>> import jax.numpy as jnp
    >>> from simgeo.objectives import CKA, Hybrid, Procrustes
    >>> hybrid = Hybrid((CKA(), Procrustes()), (1.0, 0.1))
    >>> print(f"{hybrid(jnp.eye(4)[:, :2], jnp.eye(4)):.3f}")  # 0.225 + 0.1 x 2
    0.425
    >>> sorted(hybrid.invariant_to)
    ['rotation']
    """

    about = About("sum_i w_i L_i(S, T)", "sums of theirs", "that of all", "-")

    parts: tuple[AbstractObjective, ...]
    weights: tuple[float, ...] = eqx.field(metadata=NOT_NEGATIVE)

    def __check_init__(self) -> None:
        check_fields(self)
        if not self.parts:
            raise ValueError("`parts` must not be empty. Give at least one objective.")
        _require_as_many(self.weights, self.parts, "parts")

    @property
    def label(self) -> str:
        terms = zip(self.weights, self.parts, strict=True)
        return " + ".join(f"{weight:g} {part.label}" for weight, part in terms)


class SeveralTeachers(AbstractSum):
    """Weighted sum of another objective over several teachers.

    The teachers lie side by side in the columns, as `teachers.Concatenated` along
    "dimensions" puts them; `shares` are their widths, one to another. For squared
    Procrustes distances it is the generalised Procrustes problem, whose solution is
    their consensus, also the Bures barycentre of the Gram matrices. For Gram distances
    it has the minimisers of the distance to their weighted mean, and for uncentred CKA
    those of kernel alignment with the sum of the w_k K_k / |K_k|: there the teachers'
    conflict is settled before the student is asked. What each objective learns, such as
    a projection, it learns for every teacher.
    """

    about = About(
        "sum_k w_k L(S, T_k), T_k the k-th share of the columns",
        "sum of theirs",
        "the sum of theirs",
        "of Procrustes Gower (1975)",
    )

    objective: AbstractObjective = eqx.field(default_factory=Procrustes)
    shares: tuple[int, ...] = eqx.field(
        static=True,
        default=(1, 1),
        metadata=rule("be at least 1 each", lambda share: share >= 1, minimum=1),
    )
    weights: tuple[float, ...] = eqx.field(default=(0.5, 0.5), metadata=NOT_NEGATIVE)

    def __check_init__(self) -> None:
        check_fields(self)
        if not self.shares:
            raise ValueError("`shares` must not be empty. Give at least one.")
        _require_as_many(self.weights, self.shares, "shares")

    @property
    def parts(self) -> tuple[AbstractObjective, ...]:
        return (self.objective,) * len(self.shares)

    def widths(self, teacher_dim: int) -> list[int]:
        return apportion(teacher_dim, self.shares)

    def split(self, teacher: Float[Array, "n d"]) -> list[Float[Array, "n d_k"]]:
        """The teachers, each by itself."""
        teacher = as_matrix(teacher, "teacher", "(n, d)")
        ends = np.cumsum(self.widths(teacher.shape[1]))
        starts = [0, *ends[:-1]]
        return [teacher[:, a:b] for a, b in zip(starts, ends, strict=True)]

    @property
    def label(self) -> str:
        weights = ", ".join(f"{weight:g}" for weight in self.weights)
        return f"{self.objective.label}, teachers weighted {weights}"


def _require_as_many(weights: tuple, others: tuple, name: str) -> None:
    if len(weights) != len(others):
        raise ValueError(
            f"`weights` must be as many as `{name}`; got {len(weights)} for "
            f"{len(others)}."
        )
