"""What polar factors give: norms, inverses and isometries, with their derivatives."""

from functools import partial

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from simgeo.linalg._elementary import safe_divide, squared_norm
from simgeo.linalg._polar import AxisName, polar_factor, total


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


@partial(jax.custom_vjp, nondiff_argnums=(2,))
def root_fidelity(
    left: Float[Array, "n k"],
    right: Float[Array, "n k"],
    axis_name: AxisName = None,
) -> Float[Array, ""]:
    """tr (B^1/2 A B^1/2)^1/2 of A = X'X and B = Y'Y: the nuclear norm of X Y'.

    From the polar factors X = V H and Y = W G, as the nuclear norm of G H (k x k).

    Args:
        axis_name: of the devices that the rows are spread over.
    """
    return _root_fidelity_forward(left, right, axis_name)[0]


def _root_fidelity_forward(left, right, axis_name):
    factors = [polar_factor(each, axis_name) for each in (left, right)]
    stretches = [
        total(factor.T @ each, axis_name)
        for factor, each in zip(factors, (left, right), strict=True)
    ]
    turn = polar_factor(stretches[1] @ stretches[0].T)
    value = jnp.sum(turn * (stretches[1] @ stretches[0].T))
    return value, (factors, stretches, turn)


def _root_fidelity_backward(axis_name, kept, cotangent):
    factors, stretches, turn = kept
    of_left = factors[0] @ (turn.T @ stretches[1])
    of_right = factors[1] @ (turn @ stretches[0])
    return cotangent * of_left, cotangent * of_right


root_fidelity.defvjp(_root_fidelity_forward, _root_fidelity_backward)


def inverse_root(
    inputs: Float[Array, "n p"], axis_name: AxisName = None
) -> Float[Array, "p p"]:
    """(X'X + r I)^-1/2, with r the machine epsilon times the mean eigenvalue of X'X.

    The lower block of the polar factor of [X; sqrt(r) I] over sqrt(r), so that
    rank-deficient inputs are allowed. Not differentiable.

    Args:
        axis_name: of the devices that the rows are spread over.
    """
    size = inputs.shape[1]
    ridge = total(squared_norm(inputs), axis_name) / size
    ridge = ridge * jnp.finfo(inputs.dtype).eps
    ridge = jnp.where(ridge > 0.0, ridge, 1.0)
    # Every device adds its share of the ridge.
    shares = 1 if axis_name is None else jax.lax.axis_size(axis_name)
    below = jnp.sqrt(ridge / shares) * jnp.eye(size, dtype=inputs.dtype)
    factor = polar_factor(jnp.concatenate([inputs, below]), axis_name)
    return factor[inputs.shape[0] :] / jnp.sqrt(ridge / shares)


def ridge_solution(
    inputs: Float[Array, "n p"],
    targets: Float[Array, "n q"],
    axis_name: AxisName = None,
    root: Float[Array, "p p"] | None = None,
) -> Float[Array, "p q"]:
    """Least-squares map W of `inputs` W to `targets`, with a vanishing ridge.

    (X'X + r I)^-1 X'Y by `inverse_root`, and one step of refinement.

    Args:
        axis_name: of the devices that the rows are spread over.
        root: `inverse_root` of the inputs, where it is known.
    """
    if root is None:
        root = inverse_root(inputs, axis_name)

    def solve(right):
        return root.T @ (root @ total(inputs.T @ right, axis_name))

    solution = solve(targets)
    return solution + solve(targets - inputs @ solution)


@jax.custom_vjp
def isometry(matrix: Float[Array, "p q"]) -> Float[Array, "p q"]:
    """The polar factor, differentiated implicitly and without a decomposition.

    With A = W H and p >= q, dW = W R + (I - W W') dA H^-1, where R solves
    R H + H R = W'dA - dA'W. Its adjoint takes conjugate gradients, whose number grows
    with the root of the condition of A; below full rank there is no derivative, and
    the result is finite but arbitrary.
    """
    return polar_factor(matrix)


def _isometry_forward(matrix):
    factor = polar_factor(matrix)
    return factor, (matrix, factor)


def _isometry_backward(kept, cotangent):
    matrix, factor = kept
    if matrix.shape[0] < matrix.shape[1]:
        return (_adjoint(matrix.T, factor.T, cotangent.T).T,)
    return (_adjoint(matrix, factor, cotangent),)


isometry.defvjp(_isometry_forward, _isometry_backward)


def _adjoint(
    matrix: Float[Array, "p q"],
    factor: Float[Array, "p q"],
    cotangent: Float[Array, "p q"],
) -> Float[Array, "p q"]:
    """W Y + N, with Y H + H Y = W'G - G'W and N H = (I - W W') G."""
    hermitian = factor.T @ matrix
    hermitian = (hermitian + hermitian.T) / 2
    size = jnp.trace(hermitian)
    ridge = jnp.finfo(matrix.dtype).eps * jnp.where(size > 0.0, size, 1.0)
    hermitian += ridge * jnp.eye(matrix.shape[1], dtype=matrix.dtype)

    def apply(unknown):
        turned, outside = unknown
        # Antisymmetric to the last bit: on symmetric noise this operator vanishes.
        return turned @ hermitian - (turned @ hermitian).T, outside @ hermitian

    largest = jnp.max(jnp.abs(cotangent))  # of size one, or squares could underflow
    cotangent = safe_divide(cotangent, largest)
    inside = factor.T @ cotangent
    right = inside - inside.T, cotangent - factor @ inside
    tolerance = 1e-12 if matrix.dtype == jnp.float64 else 1e-6
    solve = jax.scipy.sparse.linalg.cg
    turned, outside = solve(apply, right, tol=tolerance, maxiter=200)[0]
    return largest * (factor @ turned + outside)
