"""How a student's vectors are parametrised, and where they start."""

import abc

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from simgeo.checks import NOT_NEGATIVE, POSITIVE_AND_FINITE, check_fields
from simgeo.linalg import centre, unit_rows


class AbstractStart(eqx.Module):
    """Where a student's vectors are before the first step."""

    def __check_init__(self) -> None:
        check_fields(self)

    @abc.abstractmethod
    def __call__(
        self, key: PRNGKeyArray, teacher: Float[Array, "n d"], student_dim: int
    ) -> Float[Array, "n m"]: ...


class GaussianStart(AbstractStart):
    """Independent Gaussian rows of length about `scale`, moved by a common offset.

    scale (g / sqrt(m) + offset u), g standard normal, u one random unit vector for
    all rows. An offset gives all pairs a cosine near offset^2 / (1 + offset^2).
    """

    scale: float = eqx.field(default=1.0, metadata=POSITIVE_AND_FINITE)
    offset: float = eqx.field(default=0.0, metadata=NOT_NEGATIVE)

    def __call__(
        self, key: PRNGKeyArray, teacher: Float[Array, "n d"], student_dim: int
    ) -> Float[Array, "n m"]:
        row_key, offset_key = jax.random.split(key)
        shape = (teacher.shape[0], student_dim)
        rows = jax.random.normal(row_key, shape, teacher.dtype) / jnp.sqrt(student_dim)
        shift = unit_rows(jax.random.normal(offset_key, (1, student_dim), rows.dtype))
        return self.scale * (rows + self.offset * shift)


class ProjectedTeacher(AbstractStart):
    """The teacher under a random Gaussian map that keeps squared lengths on average."""

    def __call__(
        self, key: PRNGKeyArray, teacher: Float[Array, "n d"], student_dim: int
    ) -> Float[Array, "n m"]:
        shape = (teacher.shape[1], student_dim)
        draw = jax.random.normal(key, shape, teacher.dtype)
        return teacher @ draw / jnp.sqrt(student_dim)


class TruncatedSVD(AbstractStart):
    """The teacher's leading singular directions: the optimum of Gram and Procrustes.

    U_m diag(s_m), padded with zero columns where m exceeds d; with `centred`, of the
    centred teacher, which is the optimum of CKA. A control, not a random start.
    """

    centred: bool = eqx.field(static=True, default=False)

    def __call__(
        self, key: PRNGKeyArray, teacher: Float[Array, "n d"], student_dim: int
    ) -> Float[Array, "n m"]:
        vectors = centre(teacher) if self.centred else teacher
        left, values, _ = jnp.linalg.svd(vectors, full_matrices=False)
        best = (left * values[None, :])[:, :student_dim]
        return jnp.pad(best, ((0, 0), (0, student_dim - best.shape[1])))


class AbstractStudent(eqx.Module):
    """A map from parameters, which the optimiser moves, to vectors."""

    start: eqx.AbstractVar[AbstractStart]

    def __check_init__(self) -> None:
        check_fields(self)

    @property
    @abc.abstractmethod
    def label(self) -> str:
        """Short name for tables and figures."""

    def init(
        self, key: PRNGKeyArray, teacher: Float[Array, "n d"], student_dim: int
    ) -> Float[Array, "n m"]:
        """The parameters before the first step."""
        return self.start(key, teacher, student_dim)

    @abc.abstractmethod
    def vectors(self, parameters: Float[Array, "n m"]) -> Float[Array, "n m"]:
        """The student's vectors."""


class FreeRows(AbstractStudent):
    """Each coordinate is a parameter."""

    start: AbstractStart = eqx.field(default_factory=GaussianStart)

    @property
    def label(self) -> str:
        return "free rows"

    def vectors(self, parameters: Float[Array, "n m"]) -> Float[Array, "n m"]:
        return parameters


class UnitRows(AbstractStudent):
    """Rows are kept at unit length: the parameters' rows, normalised."""

    start: AbstractStart = eqx.field(default_factory=GaussianStart)

    @property
    def label(self) -> str:
        return "unit rows"

    def vectors(self, parameters: Float[Array, "n m"]) -> Float[Array, "n m"]:
        return unit_rows(parameters)
