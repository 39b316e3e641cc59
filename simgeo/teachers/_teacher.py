"""What every teacher offers."""

import abc
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from simgeo.checks import check_fields, require
from simgeo.linalg import polar_factor, unit_rows

Rows = Float[Array, "n d"]  # the vectors of a teacher
Knob = float | Float[Array, ""]  # a leaf may be traced

EPSILON = 0.1  # of a teacher that is used on its own


class About(NamedTuple):
    """A teacher in one row of a table."""

    control: str  # what a user sets
    feasible: str  # what can be asked for
    exact: str  # "exact", or in what sense not
    cost: str  # of one draw of n vectors in d dimensions, on two cores


class AbstractTeacher(eqx.Module):
    """A law from which sets of vectors are drawn.

    Vectors have unit length, but for `UnevenRows` and for vectors of one's own
    (`FromArray`, `FromFile`), which keep theirs. Real-valued knobs are pytree leaves,
    so that they can be swept without another compilation; what sets a shape is static.
    """

    about: eqx.AbstractClassVar[About]

    def __check_init__(self) -> None:
        check_fields(self)

    @abc.abstractmethod
    def __call__(self, key: PRNGKeyArray, num_vectors: int, teacher_dim: int) -> Rows:
        """One set of `num_vectors` vectors in `teacher_dim` dimensions."""

    def size(self) -> tuple[int, int] | None:
        """How many vectors it has, and in how many dimensions; None if it takes any.

        Nothing is drawn. An experiment that leaves out `num_vectors` or `teacher_dim`
        has them from here.
        """
        return None

    def check(self, num_vectors: int, teacher_dim: int) -> None:
        """Refuses what cannot be drawn.

        Knobs that are traced, or that hold a whole grid, are not looked at.

        Args:
            num_vectors: how many vectors are wanted, n.
            teacher_dim: in how many dimensions, d.

        Raises:
            ValueError: if no such vectors exist; it names the bound that forbids them.
        """
        for name, count in (("num_vectors", num_vectors), ("teacher_dim", teacher_dim)):
            require(count >= 1, name, "be at least 1", count)


def own_epsilon(epsilon: Knob | Float[Array, "..."] | None) -> Any:
    """The epsilon of a teacher, which is 0.1 if nobody has said."""
    return EPSILON if epsilon is None else epsilon


def random_units(key: PRNGKeyArray, num_vectors: int, dim: int) -> Float[Array, "n d"]:
    """Independent, uniformly distributed directions."""
    return unit_rows(jax.random.normal(key, (num_vectors, dim)))


def random_frame(key: PRNGKeyArray, rows: int, columns: int) -> Float[Array, "p q"]:
    """Orthonormal columns, uniformly distributed; a rotation if square."""
    frame = jax.random.normal(key, (rows, columns))
    for _ in range(2):  # the second time for singular values that were near zero
        frame = polar_factor(frame)
    return 1.5 * frame - 0.5 * frame @ (frame.T @ frame)  # to rounding: Newton-Schulz


def factor(
    key: PRNGKeyArray, gram: Float[Array, "n n"], rank: int
) -> Float[Array, "n r"]:
    """X with X X' = G if G is positive semidefinite of that rank, else somewhere near.

    Pivoted Cholesky, without LAPACK: see `linalg`. What it leaves of the diagonal is
    filled in random directions.
    """
    rounding = 1e3 * float(jnp.finfo(gram.dtype).eps)  # of a unit diagonal

    def eliminate(step, state):
        columns, left = state
        pivot = jnp.argmax(left)
        size = left[pivot]
        column = gram[:, pivot] - columns @ columns[pivot]
        is_left = size > rounding
        scale = jnp.sqrt(jnp.where(is_left, size, 1.0))
        column = jnp.where(is_left, column / scale, 0.0)
        left = jnp.maximum(left - column**2, 0.0).at[pivot].set(0.0)
        return columns.at[:, step].set(column), left

    start = jnp.zeros((len(gram), rank), gram.dtype), jnp.diagonal(gram)
    columns, left = jax.lax.fori_loop(0, rank, eliminate, start)
    left = jnp.where(left > rounding, left, 0.0)
    return columns + jnp.sqrt(left)[:, None] * random_units(key, len(gram), rank)


def largest_eigenvalue(matrix: Float[Array, "n n"]) -> Float[Array, ""]:
    """An upper bound for a positive semidefinite matrix, within 0.2 % at n = 1,024.

    |M^p|^(1/p), p = 4,096, by repeated squares. For a traced matrix without LAPACK.
    """
    num_squares = 12
    log_bound = jnp.zeros((), matrix.dtype)
    for k in range(num_squares):
        norm = jnp.sqrt(jnp.sum(matrix**2))
        norm = jnp.where(norm > 0, norm, 1.0)
        log_bound = log_bound + jnp.log(norm) / 2**k
        matrix = (matrix / norm) @ (matrix / norm)
    norm = jnp.sqrt(jnp.sum(matrix**2))
    log_bound = log_bound + jnp.log(jnp.where(norm > 0, norm, 1.0)) / 2**num_squares
    return jnp.exp(log_bound)


def lean(
    directions: Float[Array, "#n d"], units: Float[Array, "n d"], cosine: Knob
) -> Float[Array, "n d"]:
    """The units turned until each has sqrt(cosine) as its cosine with its direction.

    sqrt(c) u + sqrt(1 - c) z, z the unit rejection of the unit vector from u. Two
    vectors of one u have cosine c + (1 - c) z.z', which is c in expectation when the
    units are independent and uniform.
    """
    for _ in range(2):  # twice is enough for orthogonality to rounding
        along = jnp.sum(units * directions, axis=1, keepdims=True)
        units = unit_rows(units - along * directions)
    return unit_rows(jnp.sqrt(cosine) * directions + jnp.sqrt(1.0 - cosine) * units)
