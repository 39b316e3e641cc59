"""Losses after a map from the student to the teacher, learned beside it or drawn."""

import functools
import math
import operator
from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from simgeo import functional, limits
from simgeo.checks import NOT_NEGATIVE, POSITIVE, at_least
from simgeo.linalg import all_finite, as_matrices, in_full_precision
from simgeo.objectives._objective import optimum_of_a_copy
from simgeo.objectives._of_function import AbstractFunctional, flag

# A readout (d x c), drawn once, and a map of the student (m x d), learned.
Readout = tuple[Float[Array, "d c"], Float[Array, "m d"]]
_READOUT_COST = "n m d + n d c, c classes"


class AbstractMap(AbstractFunctional):
    """A loss whose third argument is what is learned."""

    missing: ClassVar[str] = ""  # what there is no value without

    def given(
        self, student: Float[Array, "n m"], teacher: Float[Array, "n d"], learned
    ) -> tuple:
        if self.missing and learned is None:
            raise ValueError(
                f"`learned` must be {self.missing}; got None. Take it from `init`."
            )
        return student, teacher, learned


class LinearProjection(AbstractMap):
    """Mean squared error per vector after a linear map.

    W (m x d) is learned jointly with the student, from Gaussian entries of standard
    deviation `start_scale` / sqrt(m); with `solved`, it is the least-squares solution
    at every step. With `centred`, the map has an intercept. Without a learned W at hand
    the value is that of the solved one.
    """

    function = staticmethod(functional.linear_projection)
    name = "Projection"
    blind_to = frozenset({"rotation", "scale", "linear map"})

    solved: bool = flag(False, on="solved")
    start_scale: float = eqx.field(default=1.0, metadata=NOT_NEGATIVE)
    centred: bool = flag(False, on="centred", blind_to="translation")

    def init(
        self, key: PRNGKeyArray, student_dim: int, teacher_dim: int
    ) -> Float[Array, "m d"] | None:
        if self.solved:
            return None
        return self.start_scale * _gaussian_map(key, student_dim, teacher_dim)

    def optimum(self, teacher: Float[np.ndarray, "n d"], student_dim: int) -> float:
        least = limits.procrustes_optimum(teacher, student_dim, centred=self.centred)
        return least / teacher.shape[0]


class FixedProjection(AbstractMap):
    """Mean squared error per vector after a fixed linear map.

    W (m x d) has Gaussian entries of standard deviation `scale` / sqrt(m), drawn once
    from the key of the run. It stands beside the student's parameters but is not
    trained: its gradient is zero, which leaves it as it is under every optimiser
    without weight decay. Without a W at hand there is no value.
    """

    about = functional.about(functional.linear_projection)._replace(cost="n m d")
    function = staticmethod(functional.linear_projection)
    name = "Projection, fixed"
    blind_to = frozenset()
    missing = "the map that `init` drew"

    scale: float = eqx.field(default=1.0, metadata=POSITIVE)

    def init(
        self, key: PRNGKeyArray, student_dim: int, teacher_dim: int
    ) -> Float[Array, "m d"]:
        return self.scale * _gaussian_map(key, student_dim, teacher_dim)

    def given(
        self, student: Float[Array, "n m"], teacher: Float[Array, "n d"], learned
    ) -> tuple:
        return super().given(student, teacher, jax.lax.stop_gradient(learned))

    def optimum(self, teacher: Float[np.ndarray, "n d"], student_dim: int) -> float:
        # A Gaussian W spans all of the teacher's space if it has as many rows.
        return 0.0 if student_dim >= teacher.shape[1] else math.nan


class CosineProjection(AbstractMap):
    """One minus the mean cosine after a linear map, learned beside the student.

    W as in `LinearProjection`; without it there is no value.
    """

    function = staticmethod(functional.cosine_projection)
    name = "Projection, cosine"
    blind_to = frozenset({"rotation", "scale", "row scale", "linear map"})
    missing = "the map that is learned"

    def init(
        self, key: PRNGKeyArray, student_dim: int, teacher_dim: int
    ) -> Float[Array, "m d"]:
        return _gaussian_map(key, student_dim, teacher_dim)

    def optimum(self, teacher: Float[np.ndarray, "n d"], student_dim: int) -> float:
        has_zero_rows = not np.linalg.norm(teacher, axis=1).all()
        return math.nan if has_zero_rows else optimum_of_a_copy(teacher, student_dim)


class OrthogonalProjection(AbstractMap):
    """Mean squared error per vector after a learned rotation.

    W is the polar factor of a free matrix that is learned beside the student, from
    Gaussian entries.
    """

    function = staticmethod(functional.orthogonal_projection)
    name = "Projection, orthogonal"
    blind_to = frozenset({"rotation"})

    def init(
        self, key: PRNGKeyArray, student_dim: int, teacher_dim: int
    ) -> Float[Array, "m d"]:
        draw = jax.random.normal(key, (student_dim, teacher_dim))
        return draw / jnp.sqrt(max(student_dim, teacher_dim))

    def optimum(self, teacher: Float[np.ndarray, "n d"], student_dim: int) -> float:
        return limits.procrustes_optimum(teacher, student_dim) / teacher.shape[0]


class MLPProjection(AbstractMap):
    """Mean squared error per vector after a small network, learned beside the student.

    One hidden layer of tanh units. With as many units as vectors it fits any student
    of different rows; without its layers at hand there is no value.
    """

    function = staticmethod(functional.mlp_projection)
    name = "Projection, MLP"
    blind_to = frozenset({"rotation", "translation", "scale", "linear map"})
    missing = "the layers that are learned"

    hidden_dim: int = eqx.field(static=True, default=64, metadata=at_least(1))

    def init(
        self, key: PRNGKeyArray, student_dim: int, teacher_dim: int
    ) -> tuple[Float[Array, "m h"], Float[Array, " h"], Float[Array, "h d"]]:
        inner_key, outer_key = jax.random.split(key)
        return (
            _gaussian_map(inner_key, student_dim, self.hidden_dim),
            jnp.zeros(self.hidden_dim),
            _gaussian_map(outer_key, self.hidden_dim, teacher_dim),
        )

    def optimum(self, teacher: Float[np.ndarray, "n d"], student_dim: int) -> float:
        return math.nan


class AbstractReadout(AbstractMap):
    """A loss of logits that are read out of both sides alike.

    The teacher's logits are T R, the student's S W R. R (d x c) is drawn once, and not
    trained; W (m x d) is learned beside the student.
    """

    missing = "the readout and the map"

    num_classes: int = eqx.field(static=True, default=32, metadata=at_least(2))

    def init(self, key: PRNGKeyArray, student_dim: int, teacher_dim: int) -> Readout:
        readout_key, map_key = jax.random.split(key)
        readout = jax.random.normal(readout_key, (teacher_dim, self.num_classes))
        return readout, _gaussian_map(map_key, student_dim, teacher_dim)

    def given(
        self, student: Float[Array, "n m"], teacher: Float[Array, "n d"], learned
    ) -> tuple:
        _, _, (drawn, weights) = super().given(student, teacher, learned)
        readout = jax.lax.stop_gradient(drawn)
        student, teacher = as_matrices(student, teacher)
        # A logit of -inf is a class that is ruled out, and here it is a fault.
        finite = all_finite(student, teacher, weights, readout)
        student = jnp.where(finite, student, jnp.nan)
        return _products(student, weights, readout), _products(teacher, readout)


class LogitKL(AbstractReadout):
    """Divergence of softened class probabilities, read out of both sides alike.

    The teacher's logits are T R, the student's S W R: R (d x c) is drawn once, with
    entries of standard deviation `readout_scale`, and not trained; W (m x d) is learned
    beside the student. Without them there is no value.
    """

    about = functional.about(functional.logit_kl)._replace(cost=_READOUT_COST)
    function = staticmethod(functional.logit_kl)
    name = "Logit KL"
    blind_to = frozenset({"rotation", "scale", "linear map"})

    temperature: float = eqx.field(default=4.0, metadata=POSITIVE)
    readout_scale: float = eqx.field(default=8.0, metadata=POSITIVE)

    def init(self, key: PRNGKeyArray, student_dim: int, teacher_dim: int) -> Readout:
        readout, weights = super().init(key, student_dim, teacher_dim)
        return self.readout_scale * readout, weights


class RelationCKA(AbstractReadout):
    """One minus CKA over samples and over classes, of logits read out of both sides.

    Readout and map as in `LogitKL`, with a `readout_scale` of 1.
    """

    about = functional.about(functional.relation_cka)._replace(cost=_READOUT_COST)
    function = staticmethod(functional.relation_cka)
    name = "CKA, relations"
    blind_to = frozenset({"rotation", "scale", "linear map"})

    class_weight: float = eqx.field(default=1.0, metadata=NOT_NEGATIVE)
    centred: bool = flag(True, off="uncentred")

    def optimum(self, teacher: Float[np.ndarray, "n d"], student_dim: int) -> float:
        centred = teacher - teacher.mean(axis=0, keepdims=True)
        return optimum_of_a_copy(teacher, student_dim) if centred.any() else math.nan


@in_full_precision
def _products(first: Float[Array, "p q"], *others: Array) -> Float[Array, "p r"]:
    return functools.reduce(operator.matmul, others, first)


def _gaussian_map(
    key: PRNGKeyArray, num_inputs: int, num_outputs: int
) -> Float[Array, "p q"]:
    """Entries of variance 1 / p, so that lengths are about kept."""
    draw = jax.random.normal(key, (num_inputs, num_outputs))
    return draw / jnp.sqrt(num_inputs)
