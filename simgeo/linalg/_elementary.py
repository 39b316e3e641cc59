"""Elementary operations, safe to differentiate."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float


def centre(vectors: Float[Array, "n k"]) -> Float[Array, "n k"]:
    """Columns with their mean removed: the cloud of rows moved to the origin."""
    return vectors - jnp.mean(vectors, axis=0, keepdims=True)


def unit_rows(vectors: Float[Array, "n k"]) -> Float[Array, "n k"]:
    """Rows scaled to unit length; a zero row stays zero, with zero gradient."""
    squared = jnp.sum(vectors**2, axis=-1, keepdims=True)
    is_zero = squared == 0.0
    return jnp.where(is_zero, 0.0, vectors / jnp.sqrt(jnp.where(is_zero, 1.0, squared)))


def apportion(total: int, shares: Sequence[int | float]) -> list[int]:
    """Whole numbers in proportion to the shares, by largest remainder; they add up."""
    exact = total * np.asarray(shares, float) / np.sum(shares)
    found = np.floor(exact + 1e-9).astype(int)
    # Of equal remainders the first come first.
    order = np.argsort(-(exact - found).round(9), kind="stable")
    found[order[: total - found.sum()]] += 1
    return found.tolist()


def gram(vectors: Float[Array, "n k"]) -> Float[Array, "n n"]:
    """All pairwise inner products of the rows."""
    return vectors @ vectors.T


def cosines(vectors: Float[Array, "n k"]) -> Float[Array, "n n"]:
    """All pairwise cosines: the Gram matrix of the unit rows."""
    return gram(unit_rows(vectors))


def squared_norm(matrix: Float[Array, "..."]) -> Float[Array, ""]:
    """Squared Frobenius norm."""
    return jnp.sum(matrix**2)


def safe_sqrt(value: Float[Array, "..."]) -> Float[Array, "..."]:
    """Square root, with value and gradient zero where `value` is not positive."""
    positive = value > 0.0
    return jnp.where(positive, jnp.sqrt(jnp.where(positive, value, 1.0)), 0.0)


def safe_divide(
    numerator: Float[Array, "..."], denominator: Float[Array, "..."]
) -> Float[Array, "..."]:
    """Quotient, zero with zero gradient where the denominator is zero."""
    is_zero = denominator == 0.0
    return jnp.where(is_zero, 0.0, numerator / jnp.where(is_zero, 1.0, denominator))


def masked_median(
    values: Float[Array, "p q"], counted: Bool[np.ndarray, "p q"]
) -> Float[Array, ""]:
    """The median of the counted values, none of them negative, by bisection.

    A sort, which is slow on every device, is not needed: the bits of floats that are
    not negative are in their order. The gradient goes to the values in the middle, in
    equal shares where several are equal.
    """
    kind = jnp.int64 if values.dtype == jnp.float64 else jnp.int32
    bits = jax.lax.bitcast_convert_type(jax.lax.stop_gradient(values), kind)

    def ranked(rank: int) -> Float[Array, ""]:
        """The value that so many are below or at."""

        def halve(_, bounds):
            low, high = bounds
            half = low + (high - low) // 2
            enough = jnp.sum(counted & (bits <= half)) >= rank
            return jnp.where(enough, low, half + 1), jnp.where(enough, half, high)

        ends = jnp.zeros((), kind), jnp.asarray(jnp.iinfo(kind).max, kind)
        found, _ = jax.lax.fori_loop(0, jnp.iinfo(kind).bits - 1, halve, ends)
        chosen = counted & (bits == found)
        total = jnp.sum(jnp.where(chosen, values, 0.0))
        return total / jnp.sum(chosen, dtype=values.dtype)

    count = int(np.sum(counted))
    return (ranked((count + 1) // 2) + ranked(count // 2 + 1)) / 2.0
