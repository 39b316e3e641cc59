"""What every teacher offers."""

import abc
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from simgeo.linalg import polar_factor, unit_rows

Knob = float | Float[Array, ""]  # a leaf may be traced


class About(NamedTuple):
    """A teacher in one row of a table."""

    control: str  # what a user sets
    feasible: str  # what can be asked for
    exact: str  # "exact", or in what sense not
    cost: str  # of one draw of n vectors in d dimensions, on two cores


class AbstractTeacher(eqx.Module):
    """A law from which sets of unit vectors are drawn.

    Real-valued knobs are pytree leaves, so that they can be swept without another
    compilation; what sets a shape is static.
    """

    about: eqx.AbstractClassVar[About]

    @abc.abstractmethod
    def __call__(
        self, key: PRNGKeyArray, num_vectors: int, dim: int
    ) -> Float[Array, "n d"]:
        """One set of `num_vectors` unit vectors in `dim` dimensions."""

    def check(self, num_vectors: int, dim: int) -> None:
        """Raises ValueError if no such vectors exist, saying which bound forbids them.

        Knobs that are traced, or that hold a whole grid, are not looked at.
        """
        for name, count in (("num_vectors", num_vectors), ("dim", dim)):
            if count < 1:
                raise ValueError(f"`{name}` must be at least 1; got {count}.")


def known(*knobs: object) -> bool:
    """Whether all knobs are single numbers that can be looked at: none is traced."""
    return all(
        not isinstance(knob, jax.core.Tracer) and np.ndim(knob) == 0  # pyrefly: ignore
        for knob in knobs
    )


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


def check_cosine(cosine: Knob) -> None:
    if known(cosine) and not 0 <= cosine < 1:
        raise ValueError(f"`cosine` must be in [0, 1); got {cosine}.")
