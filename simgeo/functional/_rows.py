"""Sums over rows, which may be spread over devices."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from simgeo.linalg import AxisName, centre, of_size_one, total


def sides(
    student: Float[Array, "n m"],
    teacher: Float[Array, "n d"],
    axis_name: AxisName = None,
    *,
    centred: bool = False,
    scaled: bool = False,
) -> tuple[Float[Array, "n m"], Float[Array, "n d"]]:
    """Both, centred if asked for, and if `scaled` each with entries of size one.

    What does not see the scale of either side can so be computed at every scale.
    """
    found = []
    for each in (student, teacher):
        if centred:
            each = centre(each, axis_name)
        if scaled:
            each = of_size_one(each, axis_name)
        found.append(each)
    return found[0], found[1]


def product(
    left: Float[Array, "n p"], right: Float[Array, "n q"], axis_name: AxisName
) -> Float[Array, "p q"]:
    """X'Y over the rows of all devices."""
    return total(left.T @ right, axis_name)


def size(vectors: Float[Array, "n k"], axis_name: AxisName) -> Float[Array, ""]:
    """Squared Frobenius norm over all devices."""
    return total(jnp.sum(vectors**2), axis_name)
