"""Another objective, against a changed teacher or with a changed student or value."""

from functools import partial
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from simgeo import functional
from simgeo.checks import NOT_NEGATIVE, check_fields, require, rule
from simgeo.functional import About
from simgeo.linalg import as_wide, centre, in_full_precision, isometry
from simgeo.objectives._map_losses import LinearProjection
from simgeo.objectives._objective import AbstractObjective, Learned, Loss
from simgeo.objectives._vector_losses import CKA, Procrustes
from simgeo.objectives._wrapper import AbstractWrapper


class Angular(AbstractWrapper):
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
        check_fields(self)
        one = self.objective
        is_cosine = isinstance(one, CKA) or (
            isinstance(one, Procrustes) and one.normalised and one.squared
        )
        words = "be CKA or squared and normalised Procrustes"
        require(is_cosine, "objective", words, one.label)

    def value(
        self, loss: Loss, own: Any, student: Array, teacher: Array, learned: Learned
    ) -> Float[Array, ""]:
        distance = loss(student, teacher, learned)
        return functional.squared_angle(distance / self._span)

    @property
    def _span(self) -> float:
        return 1.0 if isinstance(self.objective, CKA) else 2.0

    @property
    def label(self) -> str:
        return f"{self.objective.label}, angular"

    def optimum(self, teacher: Float[np.ndarray, "n d"], student_dim: int) -> float:
        distance = self.objective.optimum(teacher, student_dim) / self._span
        return float(4 * np.arcsin(np.sqrt(distance / 2)) ** 2)


class Framed(AbstractWrapper):
    """Another objective, of both sides as if centred beside rows of zeros.

    `frame` n rows of zeros are added to both sides before the mean is removed: a dial
    from centred, at 0, to uncentred, without bound. In effect the mean vector of each
    side is shortened by sqrt(r / (1 + r)), r the frame; see `functional.framed`. The
    other objective must see a translation, as `CKA(centred=False)`, `Procrustes()` and
    `FeatureGram()` do. Its optimum is that of the framed teacher.
    """

    about = About(
        "L(S - b 1 s', T - b 1 t'), s and t mean rows, b = 1 - sqrt(r / (1 + r))",
        "that of the other",
        "that of the other",
        "ours",
    )

    objective: AbstractObjective = eqx.field(
        default_factory=partial(CKA, centred=False)
    )
    frame: float = eqx.field(default=0.25, metadata=NOT_NEGATIVE)

    def __check_init__(self) -> None:
        check_fields(self)
        one = self.objective
        words = "see a translation, as uncentred CKA does"
        require("translation" not in one.invariant_to, "objective", words, one.label)

    def changed_student(self, student: Array) -> Array:
        return functional.framed(student, self.frame)

    def changed_teacher(self, own: Any, teacher: Array) -> Array:
        return functional.framed(teacher, self.frame)

    @property
    def label(self) -> str:
        return f"{self.objective.label.replace(', uncentred', '')}, framed"

    @property
    def invariant_to(self) -> frozenset[str]:
        moved = {"translation"} if self.frame == 0 else set()
        return self.objective.invariant_to - {"row scale"} | moved

    def optimum(self, teacher: Float[np.ndarray, "n d"], student_dim: int) -> float:
        # Every student is a framed one, and without a frame the best is centred.
        mean = teacher.mean(axis=0, keepdims=True)
        seen = teacher - functional.removed_share(self.frame) * mean
        return self.objective.optimum(seen, student_dim)


class WhitenedTargets(AbstractWrapper):
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

    # What is whitened is remembered, or every step would whiten it again.

    def begin_own(
        self, key: PRNGKeyArray, teacher: Array
    ) -> tuple[Float[Array, "n d"], PRNGKeyArray]:
        return self.changed_teacher(None, teacher), key

    def changed_teacher(self, own: Any, teacher: Array) -> Array:
        if own is not None:
            return own
        vectors = as_wide(functional.as_matrix(teacher, "teacher", "(n, d)"))
        factor = in_full_precision(isometry)(centre(vectors))
        return jnp.sqrt(vectors.shape[0]) * factor

    @property
    def label(self) -> str:
        return f"{self.objective.label}, whitened"

    def optimum(self, teacher: Float[np.ndarray, "n d"], student_dim: int) -> float:
        centred = teacher - teacher.mean(axis=0, keepdims=True)
        left, singular, right = np.linalg.svd(centred, full_matrices=False)
        kept = singular > 1e-6 * singular[0]  # what the polar factor lifts in float32
        target = len(teacher) ** 0.5 * left[:, kept] @ right[kept]
        return self.objective.optimum(target, student_dim)


class Quantised(AbstractWrapper):
    """Another objective, of the student rounded to b bits.

    Symmetric about zero, with the largest entry as the largest value; the gradient
    passes straight through the rounding. The vectors that a run keeps are not rounded.
    The optimum is a lower bound: rounded students are students. See
    `functional.quantise`.
    """

    about = About(
        "L(round(S), T), straight-through",
        "that of the other",
        "that of the other",
        "Bengio, Leonard and Courville (2013)",
    )

    objective: AbstractObjective = eqx.field(default_factory=Procrustes)
    num_bits: int = eqx.field(
        static=True,
        default=8,
        metadata=rule(
            "be between 2 and 16", lambda bits: 2 <= bits <= 16, minimum=2, maximum=16
        ),
    )

    def changed_student(self, student: Array) -> Array:
        return functional.quantise(student, num_bits=self.num_bits)

    @property
    def label(self) -> str:
        return f"{self.objective.label}, {self.num_bits} bits"

    @property
    def invariant_to(self) -> frozenset[str]:
        return self.objective.invariant_to & {"scale"}
