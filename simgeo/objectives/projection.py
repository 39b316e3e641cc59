"""Maps from the student to the teacher, learned or fixed."""

import math

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from simgeo import functional, limits
from simgeo.objectives._base import (
    About,
    AbstractObjective,
    known,
    optimum_of_a_copy,
    require,
)


class LinearProjection(AbstractObjective):
    """Mean squared error per vector after a linear map, |T - S W|^2 / n.

    W (m x d) is learned jointly with the student, from Gaussian entries of standard
    deviation `start_scale` / sqrt(m); with `solved`, it is the least-squares solution
    at every step. With `centred`, the map has an intercept. Without a learned W at hand
    the value is that of the solved one. See `functional.linear_projection`.
    """

    about = About(
        "|T - S W|^2 / n, W learned or solved",
        "[0, inf)",
        "n m d; solved n m^2 for each of about 15 products",
        "FitNets, Romero et al. (2015), with a linear regressor",
    )

    solved: bool = eqx.field(static=True, default=False)
    start_scale: float = 1.0
    centred: bool = eqx.field(static=True, default=False)

    def __check_init__(self) -> None:
        if known(self.start_scale):
            rule = "not be negative"
            require(self.start_scale >= 0, "start_scale", rule, self.start_scale)

    def init(
        self, key: PRNGKeyArray, student_dim: int, teacher_dim: int
    ) -> Float[Array, "m d"] | None:
        if self.solved:
            return None
        return self.start_scale * gaussian_map(key, student_dim, teacher_dim)

    def __call__(
        self,
        student: Float[Array, "n m"],
        teacher: Float[Array, "n d"],
        learned: Float[Array, "m d"] | None = None,
    ) -> Float[Array, ""]:
        return functional.linear_projection(
            student, teacher, learned, centred=self.centred
        )

    @property
    def label(self) -> str:
        words = ["Projection"]
        words += ["centred"] if self.centred else []
        words += ["solved"] if self.solved else []
        return ", ".join(words)

    @property
    def invariant_to(self) -> frozenset[str]:
        blind = {"rotation", "scale", "linear map"}
        return frozenset(blind | {"translation"} if self.centred else blind)

    def optimum(self, teacher: Float[np.ndarray, "n d"], student_dim: int) -> float:
        least = limits.procrustes_optimum(teacher, student_dim, centred=self.centred)
        return least / teacher.shape[0]


class FixedProjection(AbstractObjective):
    """Mean squared error per vector after a fixed linear map, |T - S W|^2 / n.

    W (m x d) has Gaussian entries of standard deviation `scale` / sqrt(m), drawn once
    from the key of the run. It stands beside the student's parameters but is not
    trained: its gradient is zero, which leaves it as it is under every optimiser
    without weight decay. Without a W at hand there is no value.
    """

    about = About(
        "|T - S W|^2 / n, W drawn once",
        "[0, inf)",
        "n m d",
        "FitNets, Romero et al. (2015), with a frozen regressor",
    )

    scale: float = 1.0

    def __check_init__(self) -> None:
        if known(self.scale):
            require(self.scale > 0, "scale", "be positive", self.scale)

    def init(
        self, key: PRNGKeyArray, student_dim: int, teacher_dim: int
    ) -> Float[Array, "m d"]:
        return self.scale * gaussian_map(key, student_dim, teacher_dim)

    def __call__(
        self,
        student: Float[Array, "n m"],
        teacher: Float[Array, "n d"],
        learned: Float[Array, "m d"] | None = None,
    ) -> Float[Array, ""]:
        drawn = require_learned(learned, "the map that `init` drew")
        fixed = jax.lax.stop_gradient(drawn)
        return functional.linear_projection(student, teacher, fixed)

    @property
    def label(self) -> str:
        return "Projection, fixed"

    @property
    def invariant_to(self) -> frozenset[str]:
        return frozenset()

    def optimum(self, teacher: Float[np.ndarray, "n d"], student_dim: int) -> float:
        # A Gaussian W spans all of the teacher's space if it has as many rows.
        return 0.0 if student_dim >= teacher.shape[1] else math.nan


class CosineProjection(AbstractObjective):
    """One minus the mean cosine after a linear map, learned beside the student.

    W as in `LinearProjection`; without it there is no value. See
    `functional.cosine_projection`.
    """

    about = About(
        "1 - mean_i cos(t_i, s_i W), W learned", "[0, 2]", "n m d", "common practice"
    )

    def init(
        self, key: PRNGKeyArray, student_dim: int, teacher_dim: int
    ) -> Float[Array, "m d"]:
        return gaussian_map(key, student_dim, teacher_dim)

    def __call__(
        self,
        student: Float[Array, "n m"],
        teacher: Float[Array, "n d"],
        learned: Float[Array, "m d"] | None = None,
    ) -> Float[Array, ""]:
        weights = require_learned(learned, "the map that is learned")
        return functional.cosine_projection(student, teacher, weights)

    @property
    def label(self) -> str:
        return "Projection, cosine"

    @property
    def invariant_to(self) -> frozenset[str]:
        return frozenset({"rotation", "scale", "row scale", "linear map"})

    def optimum(self, teacher: Float[np.ndarray, "n d"], student_dim: int) -> float:
        has_zero_rows = not np.linalg.norm(teacher, axis=1).all()
        return math.nan if has_zero_rows else optimum_of_a_copy(teacher, student_dim)


class MLPProjection(AbstractObjective):
    """Mean squared error per vector after a small network, learned beside the student.

    One hidden layer of tanh units. With as many units as vectors it fits any student
    of different rows; without its layers at hand there is no value. See
    `functional.mlp_projection`.
    """

    about = About(
        "|T - tanh(S A + b) W|^2 / n, A, b, W learned",
        "[0, inf)",
        "n h (m + d), h hidden units",
        "common practice",
    )

    hidden_dim: int = eqx.field(static=True, default=64)

    def __check_init__(self) -> None:
        require(self.hidden_dim >= 1, "hidden_dim", "be at least 1", self.hidden_dim)

    def init(
        self, key: PRNGKeyArray, student_dim: int, teacher_dim: int
    ) -> tuple[Float[Array, "m h"], Float[Array, " h"], Float[Array, "h d"]]:
        inner_key, outer_key = jax.random.split(key)
        return (
            gaussian_map(inner_key, student_dim, self.hidden_dim),
            jnp.zeros(self.hidden_dim),
            gaussian_map(outer_key, self.hidden_dim, teacher_dim),
        )

    def __call__(
        self,
        student: Float[Array, "n m"],
        teacher: Float[Array, "n d"],
        learned: tuple[Float[Array, "m h"], Float[Array, " h"], Float[Array, "h d"]]
        | None = None,
    ) -> Float[Array, ""]:
        layers = require_learned(learned, "the layers that are learned")
        return functional.mlp_projection(student, teacher, layers)

    @property
    def label(self) -> str:
        return "Projection, MLP"

    @property
    def invariant_to(self) -> frozenset[str]:
        return frozenset({"rotation", "translation", "scale", "linear map"})

    def optimum(self, teacher: Float[np.ndarray, "n d"], student_dim: int) -> float:
        return math.nan


def gaussian_map(
    key: PRNGKeyArray, num_inputs: int, num_outputs: int
) -> Float[Array, "p q"]:
    """Entries of variance 1 / p, so that lengths are about kept."""
    draw = jax.random.normal(key, (num_inputs, num_outputs))
    return draw / jnp.sqrt(num_inputs)


def require_learned(learned, what: str):
    """Raises ValueError where there are no parameters and no closed form of them."""
    if learned is None:
        raise ValueError(f"`learned` must be {what}; got None. Take it from `init`.")
    return learned
