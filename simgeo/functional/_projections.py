"""Errors after a map from the student to the teacher."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from simgeo.functional._loss import loss
from simgeo.functional._rows import product, sides, size
from simgeo.linalg import (
    AxisName,
    isometry,
    least_squares_error,
    nuclear_norm,
    num_rows,
    orthonormal,
    squared_norm,
    sum_entries,
    total,
    unit_rows,
)


@loss(
    formula="|T - S W|^2 / n",
    range="[0, inf)",
    cost="n m d; solved n m^2 for each of about 15 products",
    source="FitNets, Romero et al. (2015), with a linear regressor",
)
def linear_projection(
    student: Float[Array, "n m"],
    teacher: Float[Array, "n d"],
    weights: Float[Array, "m d"] | None = None,
    *,
    centred: bool = False,
    axis_name: AxisName = None,
) -> Float[Array, ""]:
    """Mean squared error per vector after a linear map.

    Args:
        weights: W, (m, d). Without it W is the least-squares solution, and the gradient
            that of the minimum.
        centred: whether both sides are, which is a map with an intercept.
    """
    student, teacher = sides(student, teacher, axis_name, centred=centred)
    if weights is None:
        error = least_squares_error(student, teacher, axis_name)
    else:
        error = size(teacher - student @ weights, axis_name)
    return error / num_rows(teacher, axis_name)


@loss(
    formula="1 - mean_i cos(t_i, s_i W)",
    range="[0, 2]",
    cost="n m d",
    source="common practice",
)
def cosine_projection(
    student: Float[Array, "n m"],
    teacher: Float[Array, "n d"],
    weights: Float[Array, "m d"],
    *,
    axis_name: AxisName = None,
) -> Float[Array, ""]:
    """One minus the mean cosine after a linear map.

    A zero row has cosine 0 with everything.

    Args:
        weights: W, (m, d).
    """
    cosines = sum_entries(unit_rows(teacher) * unit_rows(student @ weights))
    return 1.0 - total(cosines, axis_name) / num_rows(teacher, axis_name)


@loss(
    formula="|T - S W|^2 / n, W with orthonormal rows",
    range="[0, inf)",
    cost="n m d and about 15 products of m x d",
    source="after Miles, Elezi and Deng (2024)",
)
def orthogonal_projection(
    student: Float[Array, "n m"],
    teacher: Float[Array, "n d"],
    free: Float[Array, "m d"] | None = None,
    *,
    axis_name: AxisName = None,
) -> Float[Array, ""]:
    """Mean squared error per vector after a rotation.

    If m > d the columns of W are orthonormal, and |S - S W W'|^2 / n is added, the
    error against the teacher padded with zeros. The authors parametrise W by a matrix
    exponential and take a smooth L1 loss.

    Args:
        free: any matrix (m, d), whose polar factor W is. Without it the value is that
            of the best W, the squared Procrustes distance over n.
    """
    num = num_rows(teacher, axis_name)
    if free is None:
        overlap = nuclear_norm(product(teacher, student, axis_name))
        norms = size(teacher, axis_name) + size(student, axis_name)
        return (norms - 2.0 * overlap) / num
    rotation = isometry(free)
    turned = student @ rotation
    error = size(teacher - turned, axis_name)
    if student.shape[1] > teacher.shape[1]:
        error += size(student - turned @ rotation.T, axis_name)
    return error / num


@loss(
    formula="|T - tanh(S A + b) W|^2 / n",
    range="[0, inf)",
    cost="n h (m + d), h hidden units",
    source="common practice",
)
def mlp_projection(
    student: Float[Array, "n m"],
    teacher: Float[Array, "n d"],
    layers: tuple[Float[Array, "m h"], Float[Array, " h"], Float[Array, "h d"]],
    *,
    axis_name: AxisName = None,
) -> Float[Array, ""]:
    """Mean squared error per vector after a small network with one hidden layer.

    Args:
        layers: A (m, h), b (h,) and W (h, d).
    """
    inner, shift, outer = layers
    guess = jnp.tanh(student @ inner + shift[None, :]) @ outer
    return size(teacher - guess, axis_name) / num_rows(teacher, axis_name)


@loss(
    formula="1 - |Q_s'Q_t|^2 / min(m, d); not squared 1 - |Q_s'Q_t|_* / min(m, d)",
    range="[0, 1]",
    cost="n (m + d)^2 for each of about 15 products",
    source="Kornblith et al. (2019), table 1, R^2_CCA; Raghu et al. (2017), mean",
)
def cca(
    student: Float[Array, "n m"],
    teacher: Float[Array, "n d"],
    *,
    squared: bool = True,
    axis_name: AxisName = None,
) -> Float[Array, ""]:
    """One minus the mean squared canonical correlation, or the mean correlation.

    Q is an orthonormal basis of the centred columns. Columns that depend on others
    count as uncorrelated; as soon as n <= m + 1, every student of full rank has the
    least loss. A ridge of machine epsilon keeps it defined below full rank.

    Args:
        squared: False takes the mean correlation.
    """
    student, teacher = sides(student, teacher, axis_name, centred=True)
    pairs = min(student.shape[1], teacher.shape[1])
    bases = orthonormal(student, axis_name), orthonormal(teacher, axis_name)
    cosines = product(*bases, axis_name)
    explained = squared_norm(cosines) if squared else nuclear_norm(cosines)
    return 1.0 - explained / pairs


@loss(
    formula="1 - |Q_s'Q_k|_* / min(m, k), Q_k of the teacher's k main directions",
    range="[0, 1]",
    cost="n (m + d)^2 for each of about 30 products",
    source="Raghu et al. (2017), which cuts by variance, the student too",
)
def svcca(
    student: Float[Array, "n m"],
    teacher: Float[Array, "n d"],
    *,
    threshold: float | Float[Array, ""] = 0.1,
    squared: bool = False,
    axis_name: AxisName = None,
) -> Float[Array, ""]:
    """One minus the mean canonical correlation with the teacher's main directions.

    As `functional.cca`, with the teacher's singular values below `threshold` times a
    bound within a few per cent of the largest left out. The authors keep 99 % of the
    variance, and truncate the student too: its gradient would jump with the number
    kept.

    Args:
        threshold: in (0, 1).
        squared: True takes the mean squared correlation, which alone has a second
            derivative.
    """
    student, teacher = sides(student, teacher, axis_name, centred=True, scaled=True)
    covariance = product(teacher, teacher, axis_name)
    largest = _largest_eigenvalue(covariance)
    kept = _directions_above(covariance, threshold**2 * largest)
    pairs = jnp.minimum(student.shape[1], jax.lax.stop_gradient(jnp.trace(kept)))
    # The other directions are put below, for an isometry of full rank.
    shares = 1 if axis_name is None else jax.lax.axis_size(axis_name)
    others = jnp.sqrt(largest / shares) * (jnp.eye(len(kept), dtype=kept.dtype) - kept)
    basis = isometry(jnp.concatenate([teacher @ kept, others]), axis_name)
    basis = basis[: len(teacher)]
    cosines = product(orthonormal(student, axis_name), basis, axis_name)
    refusal = "SVCCA has no second derivative. Take `squared=True`, which has, or CCA."
    explained = squared_norm(cosines) if squared else nuclear_norm(cosines, refusal)
    return 1.0 - explained / pairs


def _largest_eigenvalue(covariance: Float[Array, "d d"]) -> Float[Array, ""]:
    """A bound from above, |C^16|^(1/16), Frobenius. It is not differentiated."""
    covariance = jax.lax.stop_gradient(covariance)
    trace = jnp.trace(covariance)
    trace = jnp.where(trace > 0.0, trace, 1.0)
    power = covariance / trace
    for _ in range(4):
        power = power @ power
    return trace * squared_norm(power) ** (1 / 32)


def _directions_above(
    covariance: Float[Array, "d d"], least: Float[Array, ""]
) -> Float[Array, "d d"]:
    """Projector onto the eigenvectors of larger eigenvalues.

    (I + sign(C - t I)) / 2: the polar factor of a symmetric matrix is its sign.
    """
    eye = jnp.eye(covariance.shape[0], dtype=covariance.dtype)
    return (eye + isometry(covariance - least * eye)) / 2.0


@loss(
    formula="tau^2 mean_i KL(softmax(z_t / tau) || softmax(z_s / tau)), z logits",
    range="[0, inf)",
    cost="n c, c classes",
    source="Hinton, Vinyals and Dean (2015)",
    may_be_minus_inf=True,
)
def logit_kl(
    student_logits: Float[Array, "n c"],
    teacher_logits: Float[Array, "n c"],
    *,
    temperature: float | Float[Array, ""] = 4.0,
    axis_name: AxisName = None,
) -> Float[Array, ""]:
    """Divergence of softened class probabilities: the traditional distillation loss.

    The factor tau^2 keeps its gradient's size. A logit of -inf is a class that is
    ruled out: by the teacher it adds nothing, by the student alone the loss is inf.

    Args:
        temperature: tau, positive.
    """
    log_p = jax.nn.log_softmax(teacher_logits / temperature, axis=-1)
    log_q = jax.nn.log_softmax(student_logits / temperature, axis=-1)
    # A class that the teacher rules out adds nothing, whatever the student says.
    is_out = log_p == -jnp.inf
    log_p, log_q = (jnp.where(is_out, 0.0, each) for each in (log_p, log_q))
    each = jnp.where(is_out, 0.0, jnp.exp(log_p) * (log_p - log_q))
    divergence = total(sum_entries(each), axis_name)
    return temperature**2 * divergence / num_rows(student_logits, axis_name)
