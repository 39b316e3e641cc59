"""Weighted sums of objectives."""

import math
import operator
from functools import partial, reduce

import jax
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from simgeo.objectives._base import (
    About,
    AbstractObjective,
    Learned,
    Loss,
    Memory,
)


class Hybrid(AbstractObjective):
    """Weighted sum of objectives, sum_i w_i L_i(S, T).

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
    weights: tuple[float, ...]

    def __check_init__(self) -> None:
        if not self.parts:
            raise ValueError("`parts` must not be empty. Give at least one objective.")
        if len(self.parts) != len(self.weights):
            raise ValueError(
                f"`weights` must be as many as `parts`; got {len(self.weights)} "
                f"for {len(self.parts)}."
            )
        known = [w for w in self.weights if not isinstance(w, jax.core.Tracer)]
        if any(not math.isfinite(weight) or weight < 0 for weight in known):
            raise ValueError(
                f"`weights` must be finite and not negative; got {self.weights}."
            )

    def init(self, key: PRNGKeyArray, student_dim: int, teacher_dim: int) -> Learned:
        keys = jax.random.split(key, len(self.parts))
        return tuple(
            part.init(part_key, student_dim, teacher_dim)
            for part, part_key in zip(self.parts, keys, strict=True)
        )

    def __call__(
        self,
        student: Float[Array, "n m"],
        teacher: Float[Array, "n d"],
        learned: Learned = None,
    ) -> Float[Array, ""]:
        return self._sum(self.parts, student, teacher, learned)

    def _sum(self, losses, student, teacher, learned) -> Float[Array, ""]:
        each = (None,) * len(self.parts) if learned is None else learned
        terms = [
            weight * loss(student, teacher, own)
            for loss, weight, own in zip(losses, self.weights, each, strict=True)
        ]
        return reduce(operator.add, terms)

    def begin(self, key: PRNGKeyArray, teacher: Float[Array, "n d"]) -> Memory:
        keys = jax.random.split(key, len(self.parts))
        return tuple(
            part.begin(own, teacher) for part, own in zip(self.parts, keys, strict=True)
        )

    def at(self, memory: Memory) -> Loss:
        losses = [part.at(own) for part, own in zip(self.parts, memory, strict=True)]
        return partial(self._sum, losses)

    def remember(
        self,
        memory: Memory,
        student: Float[Array, "n m"],
        teacher: Float[Array, "n d"],
        learned: Learned = None,
    ) -> Memory:
        each = (None,) * len(self.parts) if learned is None else learned
        return tuple(
            part.remember(kept, student, teacher, own)
            for part, kept, own in zip(self.parts, memory, each, strict=True)
        )

    @property
    def label(self) -> str:
        terms = zip(self.weights, self.parts, strict=True)
        return " + ".join(f"{weight:g} {part.label}" for weight, part in terms)

    @property
    def invariant_to(self) -> frozenset[str]:
        return frozenset.intersection(*(part.invariant_to for part in self.parts))

    def optimum(self, teacher: Float[np.ndarray, "n d"], student_dim: int) -> float:
        # Known only where all parts share a minimiser, which a sum does not tell.
        return (
            self.parts[0].optimum(teacher, student_dim) * self.weights[0]
            if (len(self.parts) == 1)
            else math.nan
        )
