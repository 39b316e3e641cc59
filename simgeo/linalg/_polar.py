"""Polar factors, by matrix products alone."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from simgeo.linalg._elementary import (
    AxisName,
    of_size_one,
    safe_divide,
    squared_norm,
    total,
)

# Odd quintics a x + b x^3 + c x^5 whose composition maps [0.01, 1] into 1 +- 1.3e-6:
# each is the minimax choice on the interval that its predecessor leaves. Amsel,
# Persson, Musco and Gower (2025), "The Polar Express", arXiv 2505.16932, algorithm 1.
_QUINTICS = (
    (8.093368512548256, -23.620430328824266, 17.44615174983624),
    (3.636585554259041, -2.7219267466089083, 0.5365462883273614),
    (2.6612999857771014, -1.9771545218846267, 0.4526164069964013),
    (1.9561716388844532, -1.3375077459440707, 0.38385270132987886),
    (1.8751655627365267, -1.2501839462937714, 0.37501839510574403),
)
_NEWTON_SCHULZ = (15 / 8, -10 / 8, 3 / 8)
_NUM_PROBES = 8


def polar_factor(
    matrix: Float[Array, "p q"], axis_name: AxisName = None
) -> Float[Array, "p q"]:
    """Orthogonal polar factor U V' of the thin SVD U diag(s) V', by products alone.

    Composed quintics lift the singular values towards one, a cycle of five for a
    hundredfold spread, repeated until eight fixed random probes see no more change.
    Singular values above 1e-6 of the largest (float64: 1e-12) end within 3e-6
    (float64: 1e-14) of one, before rounding; smaller ones may stay between zero and
    one, which is a subgradient of the nuclear norm to that accuracy. A zero matrix
    gives zero. Not differentiable: use `nuclear_norm`.

    Args:
        axis_name: of the devices that the rows are spread over, in all no fewer than
            columns; q x q products are summed over it.
    """
    if axis_name is None and matrix.shape[0] < matrix.shape[1]:
        return polar_factor(matrix.T).T
    matrix = of_size_one(matrix, axis_name)
    inner = _inner(matrix, axis_name)
    # Of trace one, or the eighth powers below leave float32 at entries of 1e5 or 1e-5.
    trace = jnp.trace(inner)
    trace = jnp.where(trace > 0.0, trace, 1.0)
    inner = inner / trace
    # sigma_1^8 <= |A^2|^2 for A = X'X: tighter than the Frobenius norm by r^(3/8).
    bound = squared_norm(inner @ inner) ** 0.25
    bound = jnp.where(bound > 0.0, bound, 1.0)
    in_double = matrix.dtype == jnp.float64
    tolerance, max_cycles = (1e-11, 6) if in_double else (3e-5, 3)
    probes = jnp.asarray(_probes(matrix.shape[1]), matrix.dtype)

    def unfinished(carry):
        _, cycles, residual = carry
        return (residual > tolerance) & (cycles < max_cycles)

    def again(carry):
        lifted = _lift(carry[0], _inner(carry[0], axis_name), axis_name)
        return lifted, carry[1] + 1, _distance_from_isometry(lifted, probes, axis_name)

    lifted = _lift(matrix / jnp.sqrt(trace * bound), inner / bound, axis_name)
    start = (lifted, 1, _distance_from_isometry(lifted, probes, axis_name))
    return jax.lax.while_loop(unfinished, again, start)[0]


def _inner(x: Float[Array, "p q"], axis_name: AxisName) -> Float[Array, "q q"]:
    return total(x.T @ x, axis_name)


def _lift(
    x: Float[Array, "p q"], inner: Float[Array, "q q"], axis_name: AxisName
) -> Float[Array, "p q"]:
    """One cycle: singular values in [0.01, 1] go to one; `inner` is x'x."""
    if x.dtype == jnp.float64:
        quintics = (*_QUINTICS, _NEWTON_SCHULZ)  # from 1e-6 to rounding
    else:
        quintics = _QUINTICS
    if x.shape[0] < 1.5 * x.shape[1] or x.dtype == jnp.float64:
        for index, quintic in enumerate(quintics):
            x = _quintic(x, _inner(x, axis_name) if index else inner, quintic)
        return x
    # Two quintics at once in q x q: fewer products for tall matrices, and, with no
    # more than two between refreshes of x'x, without loss of accuracy in float32.
    eye = jnp.eye(x.shape[1], dtype=x.dtype)
    for index in (0, 2):
        inner = _inner(x, axis_name) if index else inner
        (a, b, c), (e, f, g) = _QUINTICS[index : index + 2]
        first = a * eye + b * inner + c * (inner @ inner)
        inner = (inner @ first) @ first
        x = x @ (first @ (e * eye + f * inner + g * (inner @ inner)))
    return _quintic(x, _inner(x, axis_name), _QUINTICS[4])


def _quintic(
    x: Float[Array, "p q"],
    inner: Float[Array, "q q"],
    coefficients: tuple[float, float, float],
) -> Float[Array, "p q"]:
    a, b, c = coefficients
    return a * x + x @ (b * inner + c * (inner @ inner))


def _probes(size: int) -> Float[np.ndarray, "q probes"]:
    return np.random.default_rng(0).standard_normal((size, _NUM_PROBES))


def _distance_from_isometry(
    x: Float[Array, "p q"], probes: Float[Array, "q probes"], axis_name: AxisName
) -> Float[Array, ""]:
    """|x x'x v - x v| / |x v| over the probes: zero if every sigma is 0 or 1."""
    once = x @ probes
    again = x @ total(x.T @ once, axis_name)
    error, size = (
        total(squared_norm(each), axis_name) for each in (again - once, once)
    )
    return jnp.sqrt(safe_divide(error, size))
