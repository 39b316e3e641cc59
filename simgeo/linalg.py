"""Linear algebra that is safe to differentiate and that runs on every device.

Nothing here calls LAPACK: on several CPU devices, above all in a loop, batched calls
deadlock, and they slow down by orders of magnitude when other work shares the cores
(seen with JAX 0.10). Matrix products do neither.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

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


def polar_factor(matrix: Float[Array, "p q"]) -> Float[Array, "p q"]:
    """Orthogonal polar factor U V' of the thin SVD U diag(s) V', by products alone.

    Composed quintics lift the singular values towards one, a cycle of five for a
    hundredfold spread, repeated until eight fixed random probes see no more change.
    Singular values above 1e-6 of the largest (float64: 1e-12) end within 3e-6
    (float64: 1e-14) of one, before rounding; smaller ones may stay between zero and
    one, which is a subgradient of the nuclear norm to that accuracy. A zero matrix
    gives zero. Not differentiable: use `nuclear_norm`.
    """
    if matrix.shape[0] < matrix.shape[1]:
        return polar_factor(matrix.T).T
    inner = matrix.T @ matrix
    # Of trace one, or the eighth powers below leave float32 at entries of 1e5 or 1e-5.
    trace = jnp.trace(inner)
    trace = jnp.where(trace > 0.0, trace, 1.0)
    inner = inner / trace
    # sigma_1^8 <= |A^2|^2 for A = X'X: tighter than the Frobenius norm by r^(3/8).
    bound = jnp.sum((inner @ inner) ** 2) ** 0.25
    bound = jnp.where(bound > 0.0, bound, 1.0)
    in_double = matrix.dtype == jnp.float64
    tolerance, max_cycles = (1e-11, 6) if in_double else (3e-5, 3)
    probes = jnp.asarray(_probes(matrix.shape[1]), matrix.dtype)

    def unfinished(carry):
        _, cycles, residual = carry
        return (residual > tolerance) & (cycles < max_cycles)

    def again(carry):
        lifted = _lift(carry[0], carry[0].T @ carry[0])
        return lifted, carry[1] + 1, _distance_from_isometry(lifted, probes)

    lifted = _lift(matrix / jnp.sqrt(trace * bound), inner / bound)
    start = (lifted, 1, _distance_from_isometry(lifted, probes))
    return jax.lax.while_loop(unfinished, again, start)[0]


def _lift(x: Float[Array, "p q"], inner: Float[Array, "q q"]) -> Float[Array, "p q"]:
    """One cycle: singular values in [0.01, 1] go to one; `inner` is x'x."""
    if x.dtype == jnp.float64:
        quintics = (*_QUINTICS, _NEWTON_SCHULZ)  # from 1e-6 to rounding
    else:
        quintics = _QUINTICS
    if x.shape[0] < 1.5 * x.shape[1] or x.dtype == jnp.float64:
        for index, quintic in enumerate(quintics):
            x = _quintic(x, x.T @ x if index else inner, quintic)
        return x
    # Two quintics at once in q x q: fewer products for tall matrices, and, with no
    # more than two between refreshes of x'x, without loss of accuracy in float32.
    eye = jnp.eye(x.shape[1], dtype=x.dtype)
    for index in (0, 2):
        inner = x.T @ x if index else inner
        (a, b, c), (e, f, g) = _QUINTICS[index : index + 2]
        first = a * eye + b * inner + c * (inner @ inner)
        inner = (inner @ first) @ first
        x = x @ (first @ (e * eye + f * inner + g * (inner @ inner)))
    return _quintic(x, x.T @ x, _QUINTICS[4])


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
    x: Float[Array, "p q"], probes: Float[Array, "q probes"]
) -> Float[Array, ""]:
    """|x x'x v - x v| / |x v| over the probes: zero if every sigma is 0 or 1."""
    once = x @ probes
    again = x @ (x.T @ once)
    return jnp.sqrt(safe_divide(squared_norm(again - once), squared_norm(once)))


@jax.custom_vjp
def nuclear_norm(matrix: Float[Array, "p q"]) -> Float[Array, ""]:
    """Sum of singular values, with the polar factor as its (sub)gradient.

    The factor is computed once for both, so no singular value decomposition is ever
    differentiated: that gives NaN for repeated or vanishing singular values.
    """
    return jnp.sum(polar_factor(matrix) * matrix)


def _nuclear_norm_forward(matrix):
    factor = polar_factor(matrix)
    return jnp.sum(factor * matrix), factor


def _nuclear_norm_backward(factor, cotangent):
    return (cotangent * factor,)


nuclear_norm.defvjp(_nuclear_norm_forward, _nuclear_norm_backward)


def ridge_solution(
    inputs: Float[Array, "n p"], targets: Float[Array, "n q"]
) -> Float[Array, "p q"]:
    """Least-squares map W of `inputs` W to `targets`, with a vanishing ridge.

    (X'X + r I)^-1 X'Y with r the machine epsilon times the mean eigenvalue of
    X'X, so rank-deficient inputs are allowed. From the polar factor of [X; sqrt(r) I],
    whose lower block is sqrt(r) (X'X + r I)^-1/2, and one step of refinement.
    """
    size = inputs.shape[1]
    ridge = squared_norm(inputs) / size * jnp.finfo(inputs.dtype).eps
    ridge = jnp.where(ridge > 0.0, ridge, 1.0)
    stacked = jnp.concatenate(
        [inputs, jnp.sqrt(ridge) * jnp.eye(size, dtype=inputs.dtype)]
    )
    root = polar_factor(stacked)[inputs.shape[0] :] / jnp.sqrt(ridge)

    def apply_inverse(right):
        return root.T @ (root @ right)

    solution = apply_inverse(inputs.T @ targets)
    residual = inputs.T @ (targets - inputs @ solution) - ridge * solution
    return solution + apply_inverse(residual)
