"""A learned rotation from the student to the teacher."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from simgeo import limits
from simgeo.linalg import nuclear_norm, polar_factor, safe_divide, squared_norm
from simgeo.objectives._base import AbstractObjective


class OrthogonalProjection(AbstractObjective):
    """Mean squared error per vector after a learned rotation, |T - S W|^2 / n.

    W (m x d) has orthonormal rows: it is the polar factor of a free matrix that is
    learned beside the student, from Gaussian entries. If m > d its columns are
    orthonormal, and |S - S W W'|^2 / n is added, the error against the teacher padded
    with zeros. Without a learned W at hand the value is that of the best one, the
    squared Procrustes distance over n. Not negative. Miles et al. (2024).
    """

    def init(
        self, key: PRNGKeyArray, student_dim: int, teacher_dim: int
    ) -> Float[Array, "m d"]:
        draw = jax.random.normal(key, (student_dim, teacher_dim))
        return draw / jnp.sqrt(max(student_dim, teacher_dim))

    def __call__(
        self,
        student: Float[Array, "n m"],
        teacher: Float[Array, "n d"],
        learned: Float[Array, "m d"] | None = None,
    ) -> Float[Array, ""]:
        if learned is None:
            norms = squared_norm(teacher) + squared_norm(student)
            return (norms - 2.0 * nuclear_norm(teacher.T @ student)) / teacher.shape[0]
        rotation = _isometry(learned)
        turned = student @ rotation
        error = squared_norm(teacher - turned)
        if student.shape[1] > teacher.shape[1]:
            error += squared_norm(student - turned @ rotation.T)
        return error / teacher.shape[0]

    @property
    def label(self) -> str:
        return "Projection, orthogonal"

    @property
    def invariant_to(self) -> frozenset[str]:
        return frozenset({"rotation"})

    def optimum(self, teacher: Float[np.ndarray, "n d"], student_dim: int) -> float:
        return limits.procrustes_optimum(teacher, student_dim) / teacher.shape[0]


@jax.custom_vjp
def _isometry(matrix: Float[Array, "p q"]) -> Float[Array, "p q"]:
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


_isometry.defvjp(_isometry_forward, _isometry_backward)


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
