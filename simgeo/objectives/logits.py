"""Losses on the logits of a shared readout."""

import math

import equinox as eqx
import jax
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from simgeo import functional
from simgeo.objectives._base import (
    About,
    AbstractObjective,
    known,
    optimum_of_a_copy,
    require,
)
from simgeo.objectives.projection import gaussian_map, require_learned

# A readout (d x c), drawn once, and a map of the student (m x d), learned.
Readout = tuple[Float[Array, "d c"], Float[Array, "m d"]]


class LogitKL(AbstractObjective):
    """Divergence of softened class probabilities, read out of both sides alike.

    The teacher's logits are T R, the student's S W R: R (d x c) is drawn once, with
    entries of standard deviation `readout_scale`, and not trained; W (m x d) is learned
    beside the student. Without them there is no value. See `functional.logit_kl`.
    """

    about = About(
        "tau^2 mean_i KL(softmax(t_i R / tau) || softmax(s_i W R / tau))",
        "[0, inf)",
        "n m d + n d c, c classes",
        "Hinton, Vinyals and Dean (2015)",
    )

    num_classes: int = eqx.field(static=True, default=32)
    temperature: float = 4.0
    readout_scale: float = 8.0

    def __check_init__(self) -> None:
        _require_classes(self.num_classes)
        if known(self.temperature, self.readout_scale):
            for name in ("temperature", "readout_scale"):
                value = getattr(self, name)
                require(value > 0, name, "be positive", value)

    def init(self, key: PRNGKeyArray, student_dim: int, teacher_dim: int) -> Readout:
        readout, weights = _draw(key, student_dim, teacher_dim, self.num_classes)
        return self.readout_scale * readout, weights

    def __call__(
        self,
        student: Float[Array, "n m"],
        teacher: Float[Array, "n d"],
        learned: Readout | None = None,
    ) -> Float[Array, ""]:
        logits = _logits(student, teacher, learned)
        return functional.logit_kl(*logits, temperature=self.temperature)

    @property
    def label(self) -> str:
        return "Logit KL"

    @property
    def invariant_to(self) -> frozenset[str]:
        return frozenset({"rotation", "scale", "linear map"})

    def optimum(self, teacher: Float[np.ndarray, "n d"], student_dim: int) -> float:
        return optimum_of_a_copy(teacher, student_dim)


class RelationCKA(AbstractObjective):
    """One minus CKA over samples and over classes, of logits read out of both sides.

    Readout and map as in `LogitKL`. See `functional.relation_cka`.
    """

    about = About(
        "1 - CKA(Z_s, Z_t) + w (1 - CKA(Z_s', Z_t')), Z logits",
        "[0, 1 + w]",
        "n m d + n d c, c classes",
        "Zhou et al. (2024), RCKA; their code does not centre",
    )

    num_classes: int = eqx.field(static=True, default=32)
    class_weight: float = 1.0
    centred: bool = eqx.field(static=True, default=True)

    def __check_init__(self) -> None:
        _require_classes(self.num_classes)
        if known(self.class_weight):
            rule = "not be negative"
            require(self.class_weight >= 0, "class_weight", rule, self.class_weight)

    def init(self, key: PRNGKeyArray, student_dim: int, teacher_dim: int) -> Readout:
        return _draw(key, student_dim, teacher_dim, self.num_classes)

    def __call__(
        self,
        student: Float[Array, "n m"],
        teacher: Float[Array, "n d"],
        learned: Readout | None = None,
    ) -> Float[Array, ""]:
        return functional.relation_cka(
            *_logits(student, teacher, learned),
            class_weight=self.class_weight,
            centred=self.centred,
        )

    @property
    def label(self) -> str:
        return "CKA, relations" if self.centred else "CKA, relations, uncentred"

    @property
    def invariant_to(self) -> frozenset[str]:
        return frozenset({"rotation", "scale", "linear map"})

    def optimum(self, teacher: Float[np.ndarray, "n d"], student_dim: int) -> float:
        centred = teacher - teacher.mean(axis=0, keepdims=True)
        return optimum_of_a_copy(teacher, student_dim) if centred.any() else math.nan


def _require_classes(num_classes: int) -> None:
    require(num_classes >= 2, "num_classes", "be at least 2", num_classes)


def _draw(
    key: PRNGKeyArray, student_dim: int, teacher_dim: int, num_classes: int
) -> Readout:
    readout_key, map_key = jax.random.split(key)
    readout = jax.random.normal(readout_key, (teacher_dim, num_classes))
    return readout, gaussian_map(map_key, student_dim, teacher_dim)


def _logits(
    student: Float[Array, "n m"],
    teacher: Float[Array, "n d"],
    learned: Readout | None,
) -> tuple[Float[Array, "n c"], Float[Array, "n c"]]:
    drawn, weights = require_learned(learned, "the readout and the map")
    readout = jax.lax.stop_gradient(drawn)
    return student @ weights @ readout, teacher @ readout
