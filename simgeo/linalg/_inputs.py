"""What is given, as matrices: checked, widened and looked through in one place."""

import reprlib
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from simgeo.linalg._elementary import AxisName, peaks, total

Vectors = Any  # what `as_matrix` takes


def as_matrix(value: Vectors, name: str, axes: str = "(n, m)") -> Float[Array, "n k"]:
    """The value as a matrix of floats, whatever brought it: a list, NumPy, PyTorch.

    Args:
        value: anything with numbers; traced arrays pass as they are.
        name: of the argument, for the error.
        axes: its shape in letters, for the error.

    Raises:
        ValueError: if it is no matrix of real numbers.
    """
    matrix = value if isinstance(value, jax.Array) else _array(value)
    if isinstance(matrix, str):
        got = matrix
    elif matrix.ndim != 2:
        got = f"shape {matrix.shape}"
    elif jnp.issubdtype(matrix.dtype, jnp.floating):
        return matrix
    elif jnp.issubdtype(matrix.dtype, jnp.integer):
        return matrix.astype(float)
    else:
        got = f"entries of type {matrix.dtype}"
    raise ValueError(f"`{name}` must be a matrix {axes} of real numbers; got {got}.")


def as_matrices(
    first: Vectors, second: Vectors, names: tuple[str, str] = ("student", "teacher")
) -> tuple[Float[Array, "n m"], Float[Array, "n d"]]:
    """Both as matrices of as many rows, in float32 or wider.

    Args:
        first: anything with numbers, (n, m).
        second: the same, (n, d).
        names: of the arguments, for the error.

    Raises:
        ValueError: if they are not matrices of real numbers, of as many rows.
    """
    left, right = as_matrix(first, names[0]), as_matrix(second, names[1], "(n, d)")
    if left.shape[0] != right.shape[0]:
        raise ValueError(
            f"`{names[0]}` must have as many rows as `{names[1]}`; got shapes "
            f"{left.shape} and {right.shape}."
        )
    return as_wide(left), as_wide(right)


def as_wide(vectors: Float[Array, "..."]) -> Float[Array, "..."]:
    """At least float32: sums of bfloat16 would lose what they are made of."""
    return vectors.astype(jnp.promote_types(vectors.dtype, jnp.float32))


def all_finite(*arrays: Any, axis_name: AxisName = None) -> Bool[Array, ""]:
    """Whether no entry of any array is NaN or infinite, on all devices.

    Comparisons are false of NaN, so that a guard against zero would make a number of
    it: this is what every loss and every measure asks first.
    """
    finite = jnp.asarray(True)
    for each in arrays:
        # The largest of every column first: all entries at once take twice as long, and
        # what brings vectors to size one asks for the same.
        seen = jnp.max(peaks(each), initial=0.0) if jnp.ndim(each) == 2 else each
        finite &= jnp.all(jnp.isfinite(seen))
    if axis_name is None:
        return finite
    return total(jnp.where(finite, 0.0, 1.0), axis_name) == 0.0


def _array(value: Any) -> Array | str:
    """A copy as an array, or what stands there instead."""
    shown = " ".join(reprlib.repr(value).split())
    for copied in (jnp.array, _by_dlpack):
        try:
            return copied(value)
        except RuntimeError as error:  # PyTorch says what it asks for
            shown = f"{shown}: {' '.join(str(error).split()).rstrip('.')}"
        except (AttributeError, BufferError, TypeError, ValueError):
            pass
    return shown


def _by_dlpack(value: Any) -> Array:
    return jnp.array(jnp.from_dlpack(value), copy=True)
