"""Sums over rows, which may be spread over devices."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from simgeo.linalg import AxisName, total


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
    """Both, in float32 or wider, centred if asked for."""
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
