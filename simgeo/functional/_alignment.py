"""Alignment of Gram matrices: CKA and what is made of it. One minus a cosine."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from simgeo.functional._loss import loss
from simgeo.functional._rows import overlaps, product, sides
from simgeo.linalg import (
    AxisName,
    as_wide,
    centre,
    gram,
    masked_median,
    num_rows,
    safe_divide,
    safe_sqrt,
    squared_distances,
    squared_norm,
    sum_entries,
    total,
)


@loss(
    formula="1 - |S'T|^2 / (|S'S| |T'T|)",
    range="[0, 1]",
    cost="n (m + d)^2, or n^2 (m + d) if that is less",
    source="Kornblith et al. (2019), section 3; uncentred Cristianini et al. (2001)",
)
def cka(
    student: Float[Array, "n m"],
    teacher: Float[Array, "n d"],
    *,
    centred: bool = True,
    axis_name: AxisName = None,
) -> Float[Array, ""]:
    """One minus linear CKA (biased); uncentred it is kernel alignment.

    A student without spread has loss 1.

    >>> import jax.numpy as jnp
    >>> from simgeo import functional
    >>> teacher = jnp.eye(4)
    >>> student = teacher[:, :2]  # two axes of four
    >>> print(f"{functional.cka(student, teacher):.3f}")
    0.225
    >>> print(f"{functional.cka(9.0 + student, teacher):.3f}")
    0.225
    >>> print(f"{functional.cka(9.0 + student, teacher, centred=False):.3f}")
    0.499
    """
    student, teacher = sides(student, teacher, axis_name, centred=centred, scaled=True)
    cross, own, target = overlaps(student, teacher, axis_name)
    # Two roots, not one of the product, which would overflow sooner.
    return 1.0 - safe_divide(cross, safe_sqrt(own) * safe_sqrt(target))


@loss(
    formula="1 - H(K, L) / sqrt(H(K, K) H(L, L)), H the HSIC_1 of Gram matrices",
    range="[0, 2]",
    cost="n (m + d)^2",
    source="Song et al. (2012), HSIC_1",
)
def debiased_cka(
    student: Float[Array, "n m"],
    teacher: Float[Array, "n d"],
    *,
    axis_name: AxisName = None,
) -> Float[Array, ""]:
    """One minus debiased linear CKA; above 1 where the estimate is negative.

    H(K, L) = (tr KL + 1'K1 1'L1 / ((n-1)(n-2)) - 2 1'KL1 / (n-2)) / (n(n-3)), of K and
    L with their diagonals zeroed, is the unbiased estimate. It is close to one for
    independent vectors, however few. Where the H of a side is zero to rounding, the
    loss is 1: of vectors without spread, and of orthonormal or other equiangular ones,
    of which H says nothing. Forms no n x n matrix.

    Raises:
        ValueError: if there are fewer than four vectors.
    """
    num_vectors = num_rows(student, axis_name)
    if num_vectors < 4:
        raise ValueError(
            f"`num_vectors` must be at least 4 for debiased CKA; got {num_vectors}."
        )
    student, teacher = sides(student, teacher, axis_name, centred=True, scaled=True)
    cross, _ = _debiased_hsic(student, teacher, axis_name)
    norms = []
    for each in (student, teacher):
        own, rounding = _debiased_hsic(each, each, axis_name)
        norms.append(safe_sqrt(jnp.where(own <= rounding, 0.0, own)))
    return 1.0 - safe_divide(cross, norms[0] * norms[1])


def _debiased_hsic(
    left: Float[Array, "n p"], right: Float[Array, "n q"], axis_name: AxisName
) -> tuple[Float[Array, ""], Float[Array, ""]]:
    """n (n-3) HSIC_1, and what rounding may make of zero.

    H does not change with translation: the origin is the mean of all vectors but the
    longest, a. With x_a and y_a set apart and K and L of the others, whose rows sum to
    zero, diagonals k and l, p = X x_a and q = Y y_a: off the diagonals tr KL is
    |X'Y|^2 - k'l + 2 p'q, K1 is p - k, and (K1)_a is 0. No fourth power of the longest
    is added and subtracted.
    """
    n = num_rows(left, axis_name)
    is_longest = _longest(left, right, axis_name)
    apart = []
    for each in (left, right):
        others = jnp.where(is_longest, 0.0, each)
        mean = total(jnp.sum(others, axis=0, keepdims=True), axis_name) / (n - 1)
        alone = total(
            jnp.sum(jnp.where(is_longest, each, 0.0), axis=0), axis_name
        ) - jnp.squeeze(mean, 0)
        others = jnp.where(is_longest, 0.0, each - mean)
        apart.append((others, jnp.sum(others**2, axis=1), others @ alone))
    (x, k, p), (y, l, q) = apart

    def sum_of(values: Float[Array, " n"]) -> Float[Array, ""]:
        return total(jnp.sum(values), axis_name)

    terms = jnp.stack(
        [
            squared_norm(product(x, y, axis_name)),
            -sum_of(k * l),
            2.0 * sum_of(p * q),
            sum_of(k) * sum_of(l) / ((n - 1) * (n - 2)),
            -2.0 / (n - 2) * sum_of((p - k) * (q - l)),
        ]
    )
    return jnp.sum(terms), 32.0 * jnp.finfo(k.dtype).eps * jnp.sum(jnp.abs(terms))


def _longest(
    left: Float[Array, "n p"], right: Float[Array, "n q"], axis_name: AxisName
) -> Bool[Array, "n 1"]:
    """True at the vector whose squared lengths in both have the largest product."""
    left, right = jax.lax.stop_gradient((left, right))
    lengths = jnp.sum(left**2, axis=1) * jnp.sum(right**2, axis=1)
    place = jnp.argmax(lengths)
    if axis_name is not None:
        place += jax.lax.axis_index(axis_name) * len(lengths)
        largest = jax.lax.pmax(jnp.max(lengths), axis_name)
        n = num_rows(left, axis_name)
        place = jax.lax.pmin(
            jnp.where(jnp.max(lengths) == largest, place, n), axis_name
        )
        place -= jax.lax.axis_index(axis_name) * len(lengths)
    return (jnp.arange(len(lengths)) == place)[:, None]


@loss(
    formula="1 - <HKH, HLH> / (|HKH| |HLH|), k = exp(-|x - y|^2 / (2 b^2 M))",
    range="[0, 1]",
    cost="n^2 (m + d), and 62 counts of n^2 for the median",
    source="Kornblith et al. (2019), section 3",
)
def rbf_cka(
    student: Float[Array, "n m"],
    teacher: Float[Array, "n d"],
    *,
    bandwidth: float | Float[Array, ""] = 1.0,
    centred: bool = True,
) -> Float[Array, ""]:
    """One minus CKA with Gaussian kernels, as wide as the median distance.

    b is the `bandwidth`, and M the median of the squared distances of all pairs i != j,
    of each side by itself; the gradient includes that of the median. The source's
    bandwidth is a fraction of the median distance. A student without spread has loss 1
    if centred. Forms n x n matrices.

    Args:
        bandwidth: positive, in units of the root of the median squared distance.
        centred: whether both kernel matrices are, by H.
    """
    student, teacher = sides(student, teacher, scaled=True)
    left, right = (_gaussian_kernel(each, bandwidth) for each in (student, teacher))
    if centred:
        left, right = (centre(centre(each).T) for each in (left, right))
    norms = safe_sqrt(squared_norm(left)) * safe_sqrt(squared_norm(right))
    return 1.0 - safe_divide(sum_entries(left * right), norms)


def _gaussian_kernel(
    vectors: Float[Array, "n k"], bandwidth: float | Float[Array, ""]
) -> Float[Array, "n n"]:
    n = vectors.shape[0]
    squared = squared_distances(vectors)
    # Each pair is there twice, which does not move the median.
    median = masked_median(squared, ~np.eye(n, dtype=bool))
    exponents = safe_divide(squared, 2.0 * bandwidth**2 * median)
    # A kernel without width tells vectors that are equal from all others.
    is_far = (median == 0.0) & (squared > 0.0)
    return jnp.where(is_far, 0.0, jnp.exp(-exponents))


@loss(
    formula="1 - A(Z_s, Z_t) + w (1 - A(Z_s', Z_t')), Z logits, A linear CKA",
    range="[0, 1 + w]",
    cost="n c^2, c classes",
    source="Zhou et al. (2024), RCKA, arXiv 2401.11824",
)
def relation_cka(
    student_logits: Float[Array, "n c"],
    teacher_logits: Float[Array, "n c"],
    *,
    class_weight: float | Float[Array, ""] = 1.0,
    centred: bool = True,
    axis_name: AxisName = None,
) -> Float[Array, ""]:
    """One minus CKA over samples, plus one minus CKA over classes, of logits.

    The class part compares the c x c products Z'Z, after the mean over classes is taken
    from each row if `centred`. The authors' code leaves the centring out, minimises -A,
    and multiplies both parts by the same weight; its temperature, off by default, is on
    the first only.

    Args:
        class_weight: w, the weight of the part over classes, not negative.

    Raises:
        ValueError: if the two have not as many classes.
    """
    wide = sides(student_logits, teacher_logits, axis_name, scaled=True)
    samples = cka(*wide, centred=centred, axis_name=axis_name)
    if centred:
        wide = tuple(centre(each.T).T for each in wide)
    own, target = (product(each, each, axis_name) for each in wide)
    norms = safe_sqrt(squared_norm(own)) * safe_sqrt(squared_norm(target))
    classes = 1.0 - safe_divide(sum_entries(own * target), norms)
    return samples + class_weight * classes


@loss(
    formula="1 - A(P_s, P_t), A linear CKA, a row of P one patch",
    range="[0, 1]",
    cost="p n (m + d), p patches",
    source="after Zhou et al. (2024), PCKA, arXiv 2401.11824",
)
def patch_cka(
    student: Float[Array, "n m"],
    teacher: Float[Array, "n d"],
    *,
    num_patches: int,
    centred: bool = True,
) -> Float[Array, ""]:
    """One minus CKA of patches, each made of n / `num_patches` consecutive rows.

    A row of P is the concatenated rows of one patch; a Gram matrix of patches compares
    rows at the same place. For rows in a spatial order. The authors' code compares
    equal widths channel by channel, uncentred, with the batch beside the places, and
    averages over channels; here each side's channels are pooled.

    Args:
        num_patches: at least 2; it divides n.

    Raises:
        ValueError: if the rows cannot be cut into so many patches.
    """
    student, teacher = sides(student, teacher, scaled=True)
    n = student.shape[0]
    if num_patches < 2 or n % num_patches:
        raise ValueError(
            f"`num_patches` must divide the {n} vectors into two patches or more; got "
            f"{num_patches}."
        )
    # Patches are few and long: their Gram matrices are small, their features many.
    grams = []
    for each in (student, teacher):
        patches = each.reshape(num_patches, -1)
        grams.append(gram(centre(patches) if centred else patches))
    norms = safe_sqrt(squared_norm(grams[0])) * safe_sqrt(squared_norm(grams[1]))
    return 1.0 - safe_divide(sum_entries(grams[0] * grams[1]), norms)


def squared_angle(cosine_distance: Float[Array, "..."]) -> Float[Array, "..."]:
    """arccos(1 - u)^2 of u = 1 - cos in [0, 2), smooth at zero.

    4 arcsin(sqrt(u / 2))^2, by its series 2 sum_k (2u)^k / (k^2 C(2k, k)) for small u:
    the angle itself has no derivative at zero.
    """
    u = as_wide(cosine_distance)
    is_small = u < 0.01
    series = jnp.zeros_like(u)
    for coefficient in _ANGLE_SERIES[::-1]:
        series = u * (coefficient + series)
    clipped = jnp.where(is_small, 0.5, jnp.minimum(u, 2.0 - 1e-6))
    return jnp.where(is_small, series, 4.0 * jnp.arcsin(jnp.sqrt(clipped / 2.0)) ** 2)


_ANGLE_SERIES = (2.0, 1 / 3, 4 / 45, 1 / 35, 16 / 1575, 8 / 2079)


@loss(
    formula="arccos(A)^2, A linear CKA",
    range="[0, pi^2 / 4]",
    cost="n (m + d)^2",
    source="Williams et al. (2021)",
)
def angular_cka(
    student: Float[Array, "n m"],
    teacher: Float[Array, "n d"],
    *,
    centred: bool = True,
    axis_name: AxisName = None,
) -> Float[Array, ""]:
    """Squared angle of linear CKA, in squared radians.

    The arccos is a metric on Gram matrices up to scale.
    """
    return squared_angle(cka(student, teacher, centred=centred, axis_name=axis_name))
