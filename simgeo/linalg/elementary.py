"""Elementary operations, safe to differentiate."""

import jax.numpy as jnp
from jaxtyping import Array, Float


def centre(vectors: Float[Array, "n k"]) -> Float[Array, "n k"]:
    """Columns with their mean removed: the cloud of rows moved to the origin."""
    return vectors - jnp.mean(vectors, axis=0, keepdims=True)


def unit_rows(vectors: Float[Array, "n k"]) -> Float[Array, "n k"]:
    """Rows scaled to unit length; a zero row stays zero, with zero gradient."""
    squared = jnp.sum(vectors**2, axis=-1, keepdims=True)
    is_zero = squared == 0.0
    return jnp.where(is_zero, 0.0, vectors / jnp.sqrt(jnp.where(is_zero, 1.0, squared)))


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
