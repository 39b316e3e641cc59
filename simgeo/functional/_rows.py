"""Sums over rows, which may be spread over devices."""

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from simgeo.linalg import AxisName, total

Parameters = ParamSpec("Parameters")
Value = TypeVar("Value")


def accurate(function: Callable[Parameters, Value]) -> Callable[Parameters, Value]:
    """The function with products in full float32.

    By default GPUs and TPUs round what they multiply to 10 or 7 bits, and a loss that
    is a small difference of large sums would be lost.
    """

    @functools.wraps(function)
    def wrapped(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Value:
        with jax.default_matmul_precision("highest"):
            return function(*args, **kwargs)

    return wrapped


def as_wide(vectors: Float[Array, "..."]) -> Float[Array, "..."]:
    """At least float32: sums of bfloat16 would lose what a loss is made of."""
    return vectors.astype(jnp.promote_types(vectors.dtype, jnp.float32))


def num_rows(vectors: Float[Array, "n k"], axis_name: AxisName) -> int:
    """The number of rows on all devices."""
    own = vectors.shape[0]
    return own if axis_name is None else own * jax.lax.axis_size(axis_name)


def centre(vectors: Float[Array, "n k"], axis_name: AxisName) -> Float[Array, "n k"]:
    """Columns without their mean over all devices."""
    mean = total(jnp.sum(vectors, axis=0, keepdims=True), axis_name)
    return vectors - mean / num_rows(vectors, axis_name)


def sides(
    student: Float[Array, "n m"],
    teacher: Float[Array, "n d"],
    axis_name: AxisName = None,
    *,
    centred: bool = False,
) -> tuple[Float[Array, "n m"], Float[Array, "n d"]]:
    """Both, in float32 or wider, centred if asked for.

    Raises:
        ValueError: if they do not have the same number of rows.
    """
    if student.shape[0] != teacher.shape[0]:
        raise ValueError(
            f"`student` must have as many rows as `teacher`; got {student.shape[0]} "
            f"for {teacher.shape[0]}."
        )
    student, teacher = as_wide(student), as_wide(teacher)
    if centred:
        return centre(student, axis_name), centre(teacher, axis_name)
    return student, teacher


def product(
    left: Float[Array, "n p"], right: Float[Array, "n q"], axis_name: AxisName
) -> Float[Array, "p q"]:
    """X'Y over the rows of all devices."""
    return total(left.T @ right, axis_name)


def size(vectors: Float[Array, "n k"], axis_name: AxisName) -> Float[Array, ""]:
    """Squared Frobenius norm over all devices."""
    return total(jnp.sum(vectors**2), axis_name)
