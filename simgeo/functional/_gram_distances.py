"""Distances of the vectors and of their Gram matrices."""

import scipy  # whose parts are imported when they are asked for
from jaxtyping import Array, Float

from simgeo.functional._alignment import squared_angle
from simgeo.functional._loss import loss
from simgeo.functional._rows import is_wide, overlaps, product, sides, size
from simgeo.linalg import (
    AxisName,
    gram,
    nuclear_norm,
    num_rows,
    root_fidelity,
    safe_divide,
    safe_sqrt,
    squared_norm,
)
from simgeo.linalg import unit_rows as to_unit_rows


@loss(
    formula="|T|^2 + |S|^2 - 2 |S'T|_*; normalised 2 - 2 |S'T|_* / (|S| |T|)",
    range="[0, inf); normalised [0, 2]",
    cost="n m d and about 15 products of m x d; of few vectors 15 n^2 (m + d)",
    source="Schonemann (1966); Williams et al. (2021)",
)
def procrustes(
    student: Float[Array, "n m"],
    teacher: Float[Array, "n d"],
    *,
    centred: bool = False,
    normalised: bool = False,
    squared: bool = True,
    axis_name: AxisName = None,
) -> Float[Array, ""]:
    """Squared Procrustes distance: least |T - S Q|^2 over (semi-)orthogonal Q.

    |.|_* is the nuclear norm. It is the distance after zero-padding the narrower side,
    and the squared Bures distance of the Gram matrices: Harvey, Larsen and Williams
    (2023).

    Args:
        normalised: whether each side is divided by its Frobenius norm first.
        squared: False takes the root, whose gradient does not vanish at the optimum, so
            that a fixed step keeps jumping around it.

    >>> import jax.numpy as jnp
    >>> from simgeo import functional
    >>> teacher = jnp.eye(4)
    >>> student = teacher[:, :2]  # two axes of four
    >>> print(f"{functional.procrustes(student, teacher):.3f}")
    2.000
    >>> print(f"{functional.procrustes(-student[:, ::-1], teacher):.3f}")
    2.000
    >>> print(f"{functional.procrustes(student, teacher, normalised=True):.3f}")
    0.586
    """
    student, teacher = sides(
        student, teacher, axis_name, centred=centred, scaled=normalised
    )
    overlap = _overlap_norm(student, teacher, axis_name, centred)
    own, target = size(student, axis_name), size(teacher, axis_name)
    if normalised:
        norms = safe_sqrt(own) * safe_sqrt(target)
        distance = 2.0 - 2.0 * safe_divide(overlap, norms)
    else:
        distance = target + own - 2.0 * overlap
    return distance if squared else safe_sqrt(distance)


def _overlap_norm(
    student: Float[Array, "n m"],
    teacher: Float[Array, "n d"],
    axis_name: AxisName,
    centred: bool,
) -> Float[Array, ""]:
    """|S'T|_*; where that cannot have full rank, from polar factors of both sides.

    Those have n columns where S'T has m or d, and full rank, without which there is no
    second derivative.
    """
    (n, m), d = student.shape, teacher.shape[1]
    rank = num_rows(student, axis_name) - centred
    if rank >= min(m, d):
        return nuclear_norm(product(teacher, student, axis_name))
    if axis_name is not None:
        refusal = (
            "Procrustes of fewer vectors than dimensions has no second derivative "
            "where rows are spread over devices. Gather them, and leave out "
            "`axis_name`."
        )
        return nuclear_norm(product(teacher, student, axis_name), refusal)
    if centred and n > 1:  # then they have rank n - 1, which as many rows can hold
        basis = scipy.linalg.helmert(n).astype(student.dtype)
        student, teacher = basis @ student, basis @ teacher
    return root_fidelity(student.T, teacher.T)


@loss(
    formula="arccos(|S'T|_* / (|S| |T|))^2",
    range="[0, pi^2 / 4]",
    cost="n m d and about 15 products of m x d",
    source="Williams et al. (2021)",
)
def angular_procrustes(
    student: Float[Array, "n m"],
    teacher: Float[Array, "n d"],
    *,
    centred: bool = True,
    axis_name: AxisName = None,
) -> Float[Array, ""]:
    """Squared angle of the normalised Procrustes overlap, in squared radians.

    The arccos is the Riemannian shape distance.
    """
    distance = procrustes(
        student, teacher, centred=centred, normalised=True, axis_name=axis_name
    )
    return squared_angle(distance / 2.0)


@loss(
    formula="|T'T|^2 + |S'S|^2 - 2 |S'T|^2",
    range="[0, inf); unit rows [0, 2 n^2]",
    cost="n (m + d)^2, or n^2 (m + d) if that is less",
    source="as a distillation loss arXiv 2509.25253",
)
def feature_gram(
    student: Float[Array, "n m"],
    teacher: Float[Array, "n d"],
    *,
    centred: bool = False,
    unit_rows: bool = False,
    squared: bool = True,
    axis_name: AxisName = None,
) -> Float[Array, ""]:
    """Squared Frobenius distance of the Gram matrices, |T T' - S S'|^2.

    Of many vectors no n x n matrix is formed, so that it is linear in their number. In
    float32 its value is then exact to about 1e-7 of |T'T|^2.

    Args:
        unit_rows: whether rows are scaled to unit length, after centring: it then
            compares cosines.
        squared: False takes the root.
    """
    student, teacher = sides(student, teacher, axis_name, centred=centred)
    if unit_rows:
        student, teacher = to_unit_rows(student), to_unit_rows(teacher)
    if is_wide(student, teacher, axis_name):
        distance = squared_norm(gram(teacher) - gram(student))
    else:
        cross, own, target = overlaps(student, teacher, axis_name)
        distance = target + own - 2.0 * cross
    return distance if squared else safe_sqrt(distance)


@loss(
    formula="|K' - L'|^2 / n^2, K' and L' with rows of unit length",
    range="[0, 4 / n]",
    cost="n^2 (m + d)",
    source="Tung and Mori (2019), section 3",
)
def similarity_preserving(
    student: Float[Array, "n m"], teacher: Float[Array, "n d"]
) -> Float[Array, ""]:
    """Squared distance of the Gram matrices with rows of unit length, over n^2.

    K' and L' are T T' and S S' with each row divided by its Euclidean norm (one popular
    package divides by the sum of absolute values); a zero row stays zero. Forms n x n
    matrices.
    """
    student, teacher = sides(student, teacher, scaled=True)
    difference = to_unit_rows(gram(student)) - to_unit_rows(gram(teacher))
    return squared_norm(difference) / student.shape[0] ** 2


@loss(
    formula="tr C_s + tr C_t - 2 tr (C_t^1/2 C_s C_t^1/2)^1/2",
    range="[0, inf)",
    cost="n (m + d)^2 for each of about 20 products",
    source="Bhatia, Jain and Lim (2019)",
)
def covariance_wasserstein(
    student: Float[Array, "n m"],
    teacher: Float[Array, "n d"],
    *,
    axis_name: AxisName = None,
) -> Float[Array, ""]:
    """Squared Wasserstein distance of Gaussians with the covariances of both sides.

    C are the covariances, the narrower side padded with zeros: which vector is which
    does not enter, the axes do. It is the squared Bures distance of the covariances.
    """
    student, teacher = sides(student, teacher, axis_name, centred=True)
    width = min(student.shape[1], teacher.shape[1])
    overlap = root_fidelity(student[:, :width], teacher[:, :width], axis_name)
    norms = size(student, axis_name) + size(teacher, axis_name)
    return (norms - 2.0 * overlap) / num_rows(student, axis_name)
