"""Teachers made of teachers."""

import abc
from typing import Literal

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from simgeo.checks import NOT_NEGATIVE, at_least, check_fields, require
from simgeo.linalg import apportion, unit_rows
from simgeo.teachers._fraction import OrthogonalFraction
from simgeo.teachers._laws import Gaussian
from simgeo.teachers._teacher import About, AbstractTeacher, Rows, random_frame


class AbstractChanged(AbstractTeacher):
    """Another teacher's vectors, changed: as many, in as many dimensions."""

    teacher: AbstractTeacher = eqx.field(default_factory=OrthogonalFraction)

    def size(self) -> tuple[int, int] | None:
        return self.teacher.size()

    def check(self, num_vectors: int, teacher_dim: int) -> None:
        self.teacher.check(num_vectors, teacher_dim)

    def __call__(self, key: PRNGKeyArray, num_vectors: int, teacher_dim: int) -> Rows:
        teacher_key, own_key = jax.random.split(key)
        return self.changed(
            own_key, self.teacher(teacher_key, num_vectors, teacher_dim)
        )

    @abc.abstractmethod
    def changed(
        self, key: PRNGKeyArray, vectors: Float[Array, "n d"]
    ) -> Float[Array, "n d"]:
        """What is made of vectors that the other teacher drew."""


class Noisy(AbstractChanged):
    """Another teacher's vectors with Gaussian noise, at the lengths they had.

    The direction of x / |x| + `noise` z / sqrt(d), z standard normal: `noise` is the
    length of the noise for a vector of length one. Cosines shrink by about
    1 / (1 + noise^2) and get a standard deviation of
    noise^2 / ((1 + noise^2) sqrt(d)) and more.
    """

    about = About(
        control="length of the noise",
        feasible="any noise from 0, on any teacher",
        exact="in distribution",
        cost="the teacher's",
    )
    noise: float = eqx.field(default=0.1, metadata=NOT_NEGATIVE)

    def changed(
        self, key: PRNGKeyArray, vectors: Float[Array, "n d"]
    ) -> Float[Array, "n d"]:
        lengths = jnp.sqrt(jnp.sum(vectors**2, axis=1, keepdims=True))
        noise = jax.random.normal(key, vectors.shape, vectors.dtype)
        noise = self.noise / vectors.shape[1] ** 0.5 * noise
        return lengths * unit_rows(unit_rows(vectors) + noise)


class UnevenRows(AbstractChanged):
    """Another teacher's vectors, each times a random factor: the same cosines.

    Factors are exp(`spread` z - spread^2), z standard normal, whose mean square is 1.
    Of teachers whose vectors have unit length they are the lengths: what is given up
    with the assumption that all are one.
    """

    about = About(
        control="spread of the lengths",
        feasible="any spread from 0, on any teacher",
        exact="cosines of the teacher, to rounding; lengths in distribution",
        cost="the teacher's",
    )
    spread: float = eqx.field(default=0.5, metadata=NOT_NEGATIVE)

    def changed(
        self, key: PRNGKeyArray, vectors: Float[Array, "n d"]
    ) -> Float[Array, "n d"]:
        draw = jax.random.normal(key, (len(vectors), 1), vectors.dtype)
        return vectors * jnp.exp(self.spread * draw - self.spread**2)


class Rotated(AbstractChanged):
    """Another teacher's vectors, turned by one random rotation: the same cosines.

    For teachers whose coordinates mean something, such as `OrthogonalBlocks`.
    """

    about = About(
        control="none: coordinates without meaning",
        feasible="any teacher",
        exact="cosines of the teacher, to rounding",
        cost="the teacher's, and d^3",
    )

    def changed(
        self, key: PRNGKeyArray, vectors: Float[Array, "n d"]
    ) -> Float[Array, "n d"]:
        with jax.default_matmul_precision("highest"):
            return vectors @ random_frame(key, vectors.shape[1], vectors.shape[1])


class Concatenated(AbstractTeacher):
    """Several teachers, each for a share of the vectors or of the dimensions.

    Along "vectors", every teacher draws its share in all dimensions. Along
    "dimensions", every teacher draws all vectors in its share of the dimensions, and a
    vector is its parts side by side, over the square root of their number: where parts
    have unit length it has too, and its cosines are the mean of the parts'. `shares`
    says how large the parts are, one to another; without it they are equal, but for the
    first ones, which have one more if the number does not divide.
    """

    about = About(
        control="the teachers; along vectors or dimensions",
        feasible="where each part is",
        exact="as its parts",
        cost="the sum of its parts",
    )
    teachers: tuple[AbstractTeacher, ...] = eqx.field(
        default_factory=lambda: (OrthogonalFraction(), Gaussian())
    )
    along: Literal["vectors", "dimensions"] = eqx.field(static=True, default="vectors")
    shares: tuple[int, ...] = eqx.field(static=True, default=(), metadata=at_least(1))

    def __check_init__(self) -> None:
        check_fields(self)
        num, shares = len(self.teachers), len(self.shares)
        require(num > 0, "teachers", "not be empty", "()")
        rule = "be as many as `teachers`, or none"
        require(shares in (0, num), "shares", rule, f"{shares} for {num}")

    def check(self, num_vectors: int, teacher_dim: int) -> None:
        super().check(num_vectors, teacher_dim)
        for part, shape in zip(
            self.teachers, self._shapes(num_vectors, teacher_dim), strict=True
        ):
            part.check(*shape)

    def __call__(self, key: PRNGKeyArray, num_vectors: int, teacher_dim: int) -> Rows:
        self.check(num_vectors, teacher_dim)
        keys = jax.random.split(key, len(self.teachers))
        shapes = self._shapes(num_vectors, teacher_dim)
        parts = [
            part(own_key, *shape)
            for part, own_key, shape in zip(self.teachers, keys, shapes, strict=True)
        ]
        if self.along == "vectors":
            return jnp.concatenate(parts)
        return jnp.concatenate(parts, axis=1) / len(parts) ** 0.5

    def _shapes(self, num_vectors: int, teacher_dim: int) -> list[tuple[int, int]]:
        shares = self.shares or (1,) * len(self.teachers)
        if self.along == "vectors":
            return [(part, teacher_dim) for part in apportion(num_vectors, shares)]
        return [(num_vectors, part) for part in apportion(teacher_dim, shares)]
