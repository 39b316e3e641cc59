"""Errors after a map from the student to the teacher."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from simgeo.functional._loss import loss
from simgeo.functional._rows import (
    AxisName,
    as_wide,
    num_rows,
    product,
    sides,
    size,
)
from simgeo.linalg import (
    inverse_root,
    isometry,
    nuclear_norm,
    polar_factor,
    ridge_solution,
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
        # At the minimum over W its derivative is zero, so W is a constant.
        fixed, target = jax.lax.stop_gradient((student, teacher))
        weights = jax.lax.stop_gradient(ridge_solution(fixed, target, axis_name))
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
    student, teacher = sides(student, teacher)
    cosines = jnp.sum(unit_rows(teacher) * unit_rows(student @ weights))
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
    student, teacher = sides(student, teacher)
    num = num_rows(teacher, axis_name)
    if free is None:
        overlap = nuclear_norm(product(teacher, student, axis_name))
        norms = size(teacher, axis_name) + size(student, axis_name)
        return (norms - 2.0 * overlap) / num
    rotation = isometry(as_wide(free))
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
    student, teacher = sides(student, teacher)
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
    basis = polar_factor(jax.lax.stop_gradient(teacher), axis_name)
    pairs = min(student.shape[1], teacher.shape[1])
    return _unexplained(student, basis, pairs, squared, axis_name)


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
        squared: True takes the mean squared correlation.
    """
    student, teacher = sides(student, teacher, axis_name, centred=True)
    teacher = jax.lax.stop_gradient(teacher)
    kept = _main_directions(product(teacher, teacher, axis_name), threshold)
    basis = polar_factor(teacher @ kept, axis_name) @ kept
    pairs = jnp.minimum(student.shape[1], jnp.trace(kept))
    return _unexplained(student, basis, pairs, squared, axis_name)


def _main_directions(
    covariance: Float[Array, "d d"], threshold: float | Float[Array, ""]
) -> Float[Array, "d d"]:
    """Projector onto the eigenvectors above threshold^2 times the largest eigenvalue.

    (I + sign(C - t I)) / 2: the polar factor of a symmetric matrix is its sign. The
    largest is bounded from above by |C^16|^(1/16), Frobenius.
    """
    trace = jnp.trace(covariance)
    power = covariance / jnp.where(trace > 0.0, trace, 1.0)
    scaled = power
    for _ in range(4):
        power = power @ power
    largest = jnp.sum(power**2) ** (1 / 32)
    eye = jnp.eye(covariance.shape[0], dtype=covariance.dtype)
    return (eye + polar_factor(scaled - threshold**2 * largest * eye)) / 2.0


def _unexplained(
    student: Float[Array, "n m"],
    basis: Float[Array, "n d"],
    pairs: int | Float[Array, ""],
    squared: bool,
    axis_name: AxisName,
) -> Float[Array, ""]:
    if squared:
        # What the student does not explain of the basis, so that zero is exact.
        fixed = jax.lax.stop_gradient(student)
        weights = ridge_solution(fixed, basis, axis_name)
        left = size(basis - student @ jax.lax.stop_gradient(weights), axis_name)
        return 1.0 - (size(basis, axis_name) - left) / pairs
    root = jax.lax.stop_gradient(inverse_root(student, axis_name))
    own = jax.lax.stop_gradient(student) @ root
    cross = product(own, basis, axis_name)
    turn = polar_factor(cross)
    # d|Q'B|_* = <(I - QQ') B F', dS R>, with F the polar factor and Q = S R: another
    # rotation of Q within its span changes nothing.
    slope = basis @ turn.T
    slope -= own @ product(own, slope, axis_name)
    moved = student @ root
    first_order = total(jnp.sum((moved - own) * slope), axis_name)
    return 1.0 - (jnp.sum(turn * cross) + first_order) / pairs


@loss(
    formula="tau^2 mean_i KL(softmax(z_t / tau) || softmax(z_s / tau)), z logits",
    range="[0, inf)",
    cost="n c, c classes",
    source="Hinton, Vinyals and Dean (2015)",
)
def logit_kl(
    student_logits: Float[Array, "n c"],
    teacher_logits: Float[Array, "n c"],
    *,
    temperature: float | Float[Array, ""] = 4.0,
    axis_name: AxisName = None,
) -> Float[Array, ""]:
    """Divergence of softened class probabilities: the traditional distillation loss.

    The factor tau^2 keeps its gradient's size.

    Args:
        temperature: tau, positive.
    """
    student_logits, teacher_logits = sides(student_logits, teacher_logits)
    log_p = jax.nn.log_softmax(teacher_logits / temperature, axis=-1)
    log_q = jax.nn.log_softmax(student_logits / temperature, axis=-1)
    divergence = total(jnp.sum(jnp.exp(log_p) * (log_p - log_q)), axis_name)
    return temperature**2 * divergence / num_rows(student_logits, axis_name)
