"""Teachers made of teachers."""

from typing import Literal

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from simgeo.linalg import shared, unit_rows
from simgeo.teachers._fraction import OrthogonalFraction
from simgeo.teachers._laws import Gaussian
from simgeo.teachers._teacher import About, AbstractTeacher, known, random_frame


class Noisy(AbstractTeacher):
    """Another teacher's vectors with Gaussian noise, to unit length again.

    x + `noise` z / sqrt(d), z standard normal: `noise` is the length of the noise for
    a vector of length one. Cosines shrink by about 1 / (1 + noise^2) and get a standard
    deviation of noise^2 / ((1 + noise^2) sqrt(d)) and more.
    """

    about = About(
        control="length of the noise",
        feasible="any noise from 0, on any teacher",
        exact="in distribution",
        cost="the teacher's",
    )
    teacher: AbstractTeacher = eqx.field(default_factory=OrthogonalFraction)
    noise: float = 0.1

    def __check_init__(self) -> None:
        if known(self.noise) and not 0 <= self.noise < float("inf"):
            raise ValueError(
                f"`noise` must be finite and not negative; got {self.noise}."
            )

    def check(self, num_vectors: int, dim: int) -> None:
        self.teacher.check(num_vectors, dim)

    def __call__(
        self, key: PRNGKeyArray, num_vectors: int, dim: int
    ) -> Float[Array, "n d"]:
        teacher_key, noise_key = jax.random.split(key)
        vectors = self.teacher(teacher_key, num_vectors, dim)
        noise = jax.random.normal(noise_key, vectors.shape, vectors.dtype)
        return unit_rows(vectors + self.noise / dim**0.5 * noise)


class UnevenRows(AbstractTeacher):
    """Another teacher's vectors at random lengths: the same cosines.

    Lengths are exp(`spread` z - spread^2), z standard normal, whose mean square is 1.
    The one teacher whose vectors are not of unit length: what is given up with the
    assumption that they are.
    """

    about = About(
        control="spread of the lengths",
        feasible="any spread from 0, on any teacher",
        exact="cosines of the teacher, to rounding; lengths in distribution",
        cost="the teacher's",
    )
    teacher: AbstractTeacher = eqx.field(default_factory=OrthogonalFraction)
    spread: float = 0.5

    def __check_init__(self) -> None:
        if known(self.spread) and not 0 <= self.spread < float("inf"):
            raise ValueError(
                f"`spread` must be finite and not negative; got {self.spread}."
            )

    def check(self, num_vectors: int, dim: int) -> None:
        self.teacher.check(num_vectors, dim)

    def __call__(
        self, key: PRNGKeyArray, num_vectors: int, dim: int
    ) -> Float[Array, "n d"]:
        teacher_key, length_key = jax.random.split(key)
        vectors = self.teacher(teacher_key, num_vectors, dim)
        draw = jax.random.normal(length_key, (num_vectors, 1), vectors.dtype)
        return vectors * jnp.exp(self.spread * draw - self.spread**2)


class Rotated(AbstractTeacher):
    """Another teacher's vectors, turned by one random rotation: the same cosines.

    For teachers whose coordinates mean something, such as `OrthogonalBlocks`.
    """

    about = About(
        control="none: coordinates without meaning",
        feasible="any teacher",
        exact="cosines of the teacher, to rounding",
        cost="the teacher's, and d^3",
    )
    teacher: AbstractTeacher = eqx.field(default_factory=OrthogonalFraction)

    def check(self, num_vectors: int, dim: int) -> None:
        self.teacher.check(num_vectors, dim)

    def __call__(
        self, key: PRNGKeyArray, num_vectors: int, dim: int
    ) -> Float[Array, "n d"]:
        teacher_key, turn_key = jax.random.split(key)
        vectors = self.teacher(teacher_key, num_vectors, dim)
        with jax.default_matmul_precision("highest"):
            return vectors @ random_frame(turn_key, dim, dim)


class Concatenated(AbstractTeacher):
    """Several teachers, each for a share of the vectors or of the dimensions.

    Along "vectors", every teacher draws its share in all dimensions. Along
    "dimensions", every teacher draws all vectors in its share of the dimensions, and a
    vector is its parts side by side, to unit length: its cosines are the mean of the
    parts'. `shares` says how large the parts are, one to another; without it they are
    equal, but for the first ones, which have one more if the number does not divide.
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
    shares: tuple[int, ...] = eqx.field(static=True, default=())

    def __check_init__(self) -> None:
        if not self.teachers:
            raise ValueError("`teachers` must not be empty.")
        if self.along not in ("vectors", "dimensions"):
            raise ValueError(
                f"`along` must be 'vectors' or 'dimensions'; got {self.along!r}."
            )
        if self.shares and len(self.shares) != len(self.teachers):
            raise ValueError(
                f"`shares` must be as many as `teachers`, or none; got "
                f"{len(self.shares)} for {len(self.teachers)}."
            )
        if any(share < 1 for share in self.shares):
            raise ValueError(f"`shares` must be at least 1 each; got {self.shares}.")

    def check(self, num_vectors: int, dim: int) -> None:
        super().check(num_vectors, dim)
        for part, shape in zip(
            self.teachers, self._shapes(num_vectors, dim), strict=True
        ):
            part.check(*shape)

    def __call__(
        self, key: PRNGKeyArray, num_vectors: int, dim: int
    ) -> Float[Array, "n d"]:
        self.check(num_vectors, dim)
        keys = jax.random.split(key, len(self.teachers))
        shapes = self._shapes(num_vectors, dim)
        parts = [
            part(own_key, *shape)
            for part, own_key, shape in zip(self.teachers, keys, shapes, strict=True)
        ]
        axis = 0 if self.along == "vectors" else 1
        together = jnp.concatenate(parts, axis=axis)
        return together if axis == 0 else unit_rows(together)

    def _shapes(self, num_vectors: int, dim: int) -> list[tuple[int, int]]:
        shares = self.shares or (1,) * len(self.teachers)
        if self.along == "vectors":
            return [(part, dim) for part in shared(num_vectors, shares)]
        return [(num_vectors, part) for part in shared(dim, shares)]
