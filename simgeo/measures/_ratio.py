"""A quotient that is not made up where it is undefined."""

import jax.numpy as jnp
from jaxtyping import Array, Float


def ratio(
    numerator: Float[Array, "..."], denominator: Float[Array, "..."]
) -> Float[Array, "..."]:
    """Quotient, NaN where the denominator is zero."""
    is_zero = denominator == 0.0
    return jnp.where(is_zero, jnp.nan, numerator / jnp.where(is_zero, 1.0, denominator))
