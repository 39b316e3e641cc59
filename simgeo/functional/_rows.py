"""Sums over rows, which may be spread over devices."""

import math

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from simgeo.checks import known, require
from simgeo.functional._loss import as_matrix
from simgeo.linalg import AxisName, total


def as_wide(vectors: Float[Array, "..."]) -> Float[Array, "..."]:
    """At least float32: sums of bfloat16 would lose what a loss is made of."""
    return vectors.astype(jnp.promote_types(vectors.dtype, jnp.float32))


def num_rows(vectors: Float[Array, "n k"], axis_name: AxisName) -> int:
    """The number of rows on all devices."""
    own = vectors.shape[0]
    return own if axis_name is None else own * jax.lax.axis_size(axis_name)


def centre(
    vectors: Float[Array, "n k"],
    axis_name: AxisName,
    share: float | Float[Array, ""] = 1.0,
) -> Float[Array, "n k"]:
    """Columns without their mean over all devices, or without a share of it."""
    mean = total(jnp.sum(vectors, axis=0, keepdims=True), axis_name)
    return vectors - share * (mean / num_rows(vectors, axis_name))


def framed(
    vectors: Float[Array, "n k"],
    frame: float | Float[Array, ""],
    *,
    axis_name: AxisName = None,
) -> Float[Array, "n k"]:
    """Rows that compare uncentred as centred ones do beside `frame` n rows of zeros.

    X - b 1 x', x the mean row, b = 1 - sqrt(r / (1 + r)) and r the frame. Products of
    two such matrices are X'Y - n / (1 + r) x y', which are those of the centred columns
    of X and Y after r n rows of zeros have been added to both. A frame of 0 is
    centring; the larger it is, the more of the mean stays. Any loss that does not
    centre takes them: it sees a translation unless the frame is 0.

    Args:
        vectors: rows, (n, k): real numbers of any type.
        frame: rows of zeros for each vector, finite and not negative; there is no
            derivative by it at 0.
        axis_name: of the devices in a `jax.shard_map` that rows are spread over.

    Returns:
        As many rows, in float32 or wider.

    Raises:
        ValueError: if `vectors` is no matrix, or `frame` is negative or not finite.

    >>> import jax.numpy as jnp
    >>> from simgeo import functional
    >>> teacher = jnp.eye(4)
    >>> for frame in (0.0, 0.1, 10.0):
    ...     student = functional.framed(9.0 + teacher[:, :2], frame)
    ...     loss = functional.cka(
    ...         student, functional.framed(teacher, frame), centred=False
    ...     )
    ...     print(f"{loss:.3f}")
    0.225
    0.934
    0.534
    """
    vectors = as_wide(as_matrix(vectors, "vectors", "(n, k)"))
    return centre(vectors, axis_name, removed_share(frame))


def removed_share(frame: float | Float[Array, ""]) -> float | Float[Array, ""]:
    """How much of the mean row `framed` takes off: 1 - sqrt(r / (1 + r)), in (0, 1].

    Without a difference of near numbers.

    Raises:
        ValueError: if `frame` is negative or not finite.
    """
    if known(frame):
        require(0 <= frame < math.inf, "frame", "be finite and not negative", frame)
    weight = 1.0 / (1.0 + frame)
    return weight / (1.0 + (frame * weight) ** 0.5)


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
