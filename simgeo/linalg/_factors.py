"""What polar factors give: norms, inverses and isometries, with their derivatives.

Every derivative is a rule for a change of the inputs, written in functions that have
such rules themselves. So derivatives are right in both modes and to every order, and
no iteration is ever differentiated; what stands on `whitening` is so to third order.
"""

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from simgeo.linalg._elementary import (
    AxisName,
    in_full_precision,
    num_rows,
    over_power_of_two,
    peaks,
    safe_divide,
    squared_norm,
    sum_entries,
    total,
)
from simgeo.linalg._polar import polar_factor


@partial(jax.custom_jvp, nondiff_argnums=(1,))
def nuclear_norm(
    matrix: Float[Array, "p q"], refusal: str | None = None
) -> Float[Array, ""]:
    """Sum of singular values, with the polar factor as its (sub)gradient.

    The factor is computed once for both, so no singular value decomposition is ever
    differentiated: that gives NaN for repeated or vanishing singular values.

    Args:
        refusal: of a matrix below full rank, which has no second derivative, the error
            that asking for it raises.
    """
    return sum_entries(polar_factor(matrix) * matrix)


@nuclear_norm.defjvp
@in_full_precision
def _change_of_nuclear_norm(refusal, primals, tangents):
    (matrix,), (change,) = primals, tangents
    factor = isometry(matrix if refusal is None else _undifferentiated(matrix, refusal))
    return sum_entries(factor * matrix), sum_entries(factor * change)


@partial(jax.custom_jvp, nondiff_argnums=(1,))
def _undifferentiated(value, refusal):
    return value


@_undifferentiated.defjvp
def _refuse(refusal, primals, tangents):
    raise ValueError(refusal)


@partial(jax.custom_jvp, nondiff_argnums=(2,))
def root_fidelity(
    left: Float[Array, "p k"],
    right: Float[Array, "q k"],
    axis_name: AxisName = None,
) -> Float[Array, ""]:
    """tr (B^1/2 A B^1/2)^1/2 of A = X'X and B = Y'Y: the nuclear norm of X Y'.

    From the polar factors X = V H and Y = W G, as the nuclear norm of G H (k x k). Both
    have no fewer rows than columns.

    Args:
        axis_name: of the devices that the rows are spread over.
    """
    return _fidelity(left, right, axis_name)[0]


def _fidelity(left, right, axis_name):
    """The value, and its derivatives by both."""
    factors = [isometry(each, axis_name) for each in (left, right)]
    stretches = [
        total(factor.T @ each, axis_name)
        for factor, each in zip(factors, (left, right), strict=True)
    ]
    cross = stretches[1] @ stretches[0].T
    turn = isometry(cross)
    of_left = factors[0] @ (turn.T @ stretches[1])
    of_right = factors[1] @ (turn @ stretches[0])
    return sum_entries(turn * cross), of_left, of_right


@root_fidelity.defjvp
@in_full_precision
def _change_of_fidelity(axis_name, primals, tangents):
    value, of_left, of_right = _fidelity(*primals, axis_name)
    change = sum_entries(of_left * tangents[0]) + sum_entries(of_right * tangents[1])
    return value, total(change, axis_name)


def whitening(
    inputs: Float[Array, "n p"], axis_name: AxisName = None
) -> Float[Array, "p p"]:
    """A map R with (X R)'(X R) = I on the columns that do not depend on others.

    The columns are levelled first: brought to one size, and their common mean to that
    of their spread. Then (Z'Z + r I)^-1/2, with r the machine epsilon times the mean
    eigenvalue of Z'Z, is the lower block of the polar factor of [Z; sqrt(r) I] over
    sqrt(r): what depends on other columns to rounding comes out near zero. A constant:
    it is not differentiated.

    Args:
        axis_name: of the devices that the rows are spread over.
    """
    inputs = jax.lax.stop_gradient(inputs)
    size = inputs.shape[1]
    eye = jnp.eye(size, dtype=inputs.dtype)
    levelled, raised = _levelling(inputs, axis_name)
    inputs = inputs @ levelled
    eps = jnp.finfo(inputs.dtype).eps
    ridge = total(squared_norm(inputs), axis_name) / size * eps
    # Rounding is raised with what is levelled, and must stay below the ridge.
    noise = 8.0 * eps * raised
    ridge = jnp.maximum(ridge, num_rows(inputs, axis_name) * size * noise**2)
    ridge = jnp.where(ridge > 0.0, ridge, 1.0)
    # Every device adds its share of the ridge.
    shares = 1 if axis_name is None else jax.lax.axis_size(axis_name)
    below = jnp.sqrt(ridge / shares) * eye
    factor = polar_factor(jnp.concatenate([inputs, below]), axis_name)
    root = factor[inputs.shape[0] :] / jnp.sqrt(ridge / shares)
    return levelled @ root


def _levelling(
    inputs: Float[Array, "n p"], axis_name: AxisName
) -> tuple[Float[Array, "p p"], Float[Array, ""]]:
    """A map after which columns are of one size, and no longer along their mean.

    Also by how much it raises what rounding leaves of the mean.
    """
    num, size = num_rows(inputs, axis_name), inputs.shape[1]
    first = _to_one(peaks(inputs, axis_name))
    inputs = inputs * first
    mean = total(jnp.sum(inputs, axis=0), axis_name) / num
    length = jnp.sqrt(jnp.sum(mean**2))
    along = safe_divide(mean, length)
    spread = jnp.sqrt(
        total(squared_norm(inputs - mean[None, :]), axis_name) / num / size
    )
    shorter = jnp.maximum(1.0 - safe_divide(spread, length), 0.0)
    # Closer to its mean, a cloud is rounding, and would be after it.
    is_cloud = spread > 256.0 * jnp.finfo(inputs.dtype).eps * length
    shorter = jnp.where(is_cloud, shorter, 0.0)
    turn = jnp.eye(size, dtype=inputs.dtype)
    turn -= shorter * along[:, None] * along[None, :]
    second = _to_one(peaks(inputs @ turn, axis_name))
    return first.T * turn * second, jnp.max(second)


def _to_one(peak: Float[Array, "1 p"]) -> Float[Array, "1 p"]:
    """Factors, powers of two, that bring columns of these largest entries to one."""
    return jnp.where(peak > 0.0, over_power_of_two(jnp.ones_like(peak), peak), 1.0)


def _power(
    inner: Float[Array, "p p"], coefficients: tuple[float, float, float]
) -> Float[Array, "p p"]:
    """A power of a matrix whose eigenvalues are near one, or else near zero.

    A^2 (I + a E + b E^2 + c E^3) of A = I + E: to third order at one, and with its
    slope zero at zero.
    """
    eye = jnp.eye(inner.shape[0], dtype=inner.dtype)
    excess = inner - eye
    a, b, c = coefficients
    series = eye + excess @ (a * eye + excess @ (b * eye + c * excess))
    return inner @ inner @ series


_INVERSE_ROOT = (-5 / 2, 35 / 8, -105 / 16)  # A^(-1/2) = A^2 A^(-5/2)
_INVERSE = (-3.0, 6.0, -10.0)


def orthonormal(
    inputs: Float[Array, "n p"], axis_name: AxisName = None
) -> Float[Array, "n p"]:
    """X (X'X)^-1/2 up to a rotation: an orthonormal basis of the columns.

    Columns that depend on others come out near zero.

    Args:
        axis_name: of the devices that the rows are spread over.
    """
    white = inputs @ whitening(inputs, axis_name)
    return white @ _power(total(white.T @ white, axis_name), _INVERSE_ROOT)


def ridge_solution(
    inputs: Float[Array, "n p"],
    targets: Float[Array, "n q"],
    axis_name: AxisName = None,
    root: Float[Array, "p p"] | None = None,
) -> Float[Array, "p q"]:
    """Least-squares map W of `inputs` W to `targets`, with a vanishing ridge.

    X^+ Y by `whitening`, and one step of refinement.

    Args:
        axis_name: of the devices that the rows are spread over.
        root: `whitening` of the inputs, where it is known.
    """
    if root is None:
        root = whitening(inputs, axis_name)
    # Powers of two, so that no product below overflows.
    scale = _to_one(peaks(inputs, axis_name))
    scaled, root = inputs * scale, root / scale.T
    white = scaled @ root
    inverse = _power(total(white.T @ white, axis_name), _INVERSE)

    def solve(right):
        # Not white'Y: what `root` raises of rounding, it would turn into the range.
        return root @ (inverse @ (root.T @ total(scaled.T @ right, axis_name)))

    solution = solve(targets)
    return scale.T * (solution + solve(targets - scaled @ solution))


@partial(jax.custom_jvp, nondiff_argnums=(2,))
def least_squares_error(
    inputs: Float[Array, "n p"],
    targets: Float[Array, "n q"],
    axis_name: AxisName = None,
) -> Float[Array, ""]:
    """min |Y - X W|^2 over W, by `ridge_solution`.

    At the minimum its derivative by W is zero, so that the first needs none of W.

    Args:
        axis_name: of the devices that the rows are spread over.
    """
    return _least_squares(inputs, targets, axis_name)[0]


def _least_squares(inputs, targets, axis_name):
    solution = ridge_solution(inputs, targets, axis_name)
    residual = targets - inputs @ solution
    return total(squared_norm(residual), axis_name), solution, residual


@least_squares_error.defjvp
@in_full_precision
def _change_of_least_squares(axis_name, primals, tangents):
    value, solution, residual = _least_squares(*primals, axis_name)
    change = sum_entries(residual * (tangents[1] - tangents[0] @ solution))
    return value, 2.0 * total(change, axis_name)


def isometry(
    matrix: Float[Array, "p q"], axis_name: AxisName = None
) -> Float[Array, "p q"]:
    """The polar factor, differentiated implicitly and without a decomposition.

    With A = W H and p >= q, dW = W R + (I - W W') dA H^-1, where R solves
    R H + H R = W'dA - dA'W. Both take conjugate gradients, whose number grows
    with the root of the condition of A; below full rank there is no derivative, and
    the result is finite but arbitrary.

    Args:
        axis_name: of the devices that the rows are spread over, in all no fewer than
            columns.
    """
    if axis_name is None and matrix.shape[0] < matrix.shape[1]:
        return _tall_isometry(matrix.T, None).T
    return _tall_isometry(matrix, axis_name)


@partial(jax.custom_jvp, nondiff_argnums=(1,))
def _tall_isometry(matrix, axis_name):
    return polar_factor(matrix, axis_name)


@_tall_isometry.defjvp
@in_full_precision
def _change_of_isometry(axis_name, primals, tangents):
    (matrix,), (change,) = primals, tangents
    factor = _tall_isometry(matrix, axis_name)
    hermitian = total(factor.T @ matrix, axis_name)
    hermitian = (hermitian + hermitian.T) / 2
    size = jnp.trace(hermitian)
    eye = jnp.eye(matrix.shape[1], dtype=matrix.dtype)
    size = jax.lax.stop_gradient(jnp.where(size > 0.0, size, 1.0))
    # Of trace one, or the squares that measure an error could underflow.
    hermitian = hermitian / size + jnp.finfo(matrix.dtype).eps * eye
    inside = total(factor.T @ change, axis_name) / size
    # Antisymmetric to the last bit: on symmetric noise this operator vanishes.
    turned = _solve(lambda x: x @ hermitian - (x @ hermitian).T, inside - inside.T)
    inverse = _solve(lambda x: x @ hermitian, eye)
    outside = change / size - factor @ inside
    return factor, factor @ ((turned - turned.T) / 2) + outside @ inverse


def _solve(apply: Callable, right: Float[Array, "q q"]) -> Float[Array, "q q"]:
    tolerance = 1e-12 if right.dtype == jnp.float64 else 1e-6

    def solve(apply, right):
        largest = jnp.max(jnp.abs(right))  # of size one, as above
        right = safe_divide(right, largest)
        gradients = jax.scipy.sparse.linalg.cg
        return largest * gradients(apply, right, tol=tolerance, maxiter=200)[0]

    return jax.lax.custom_linear_solve(apply, right, solve, symmetric=True)
