"""Sums over rows, which may be spread over devices."""

from jaxtyping import Array, Float

from simgeo.functional._loss import check_knobs
from simgeo.linalg import (
    AxisName,
    as_matrix,
    as_wide,
    centre,
    centre_and_peaks,
    gram,
    of_size_one,
    squared_norm,
    sum_entries,
    total,
)


def framed(
    vectors: Float[Array, "n k"],
    frame: float | Float[Array, ""],
    *,
    axis_name: AxisName = None,
) -> Float[Array, "n k"]:
    """Rows that compare uncentred as centred ones do beside `frame` n rows of zeros.

    X - b 1 x', x the mean row, b = 1 - sqrt(r / (1 + r)) and r the frame. Products of
    two such matrices are X'Y - n / (1 + r) x y', which are those of the centred columns
    of X and Y after r n rows of zeros have been added to both. A frame of 0 is
    centring; the larger it is, the more of the mean stays. Any loss that does not
    centre takes them: it sees a translation unless the frame is 0.

    Args:
        vectors: rows, (n, k): real numbers of any type.
        frame: rows of zeros for each vector, finite and not negative; there is no
            derivative by it at 0.
        axis_name: of the devices in a `jax.shard_map` that rows are spread over.

    Returns:
        As many rows, in float32 or wider.

    Raises:
        ValueError: if `vectors` is no matrix, or `frame` is negative or not finite.

    >>> import jax.numpy as jnp
    >>> from simgeo import functional
    >>> teacher = jnp.eye(4)
    >>> for frame in (0.0, 0.1, 10.0):
    ...     student = functional.framed(9.0 + teacher[:, :2], frame)
    ...     loss = functional.cka(
    ...         student, functional.framed(teacher, frame), centred=False
    ...     )
    ...     print(f"{loss:.3f}")
    0.225
    0.934
    0.534
    """
    vectors = as_wide(as_matrix(vectors, "vectors", "(n, k)"))
    centred = centre(vectors, axis_name)
    return centred + (1.0 - removed_share(frame)) * (vectors - centred)


def removed_share(frame: float | Float[Array, ""]) -> float | Float[Array, ""]:
    """How much of the mean row `framed` takes off: 1 - sqrt(r / (1 + r)), in (0, 1].

    Without a difference of near numbers.

    Raises:
        ValueError: if `frame` is negative or not finite.
    """
    check_knobs({"frame": frame})
    weight = 1.0 / (1.0 + frame)
    return weight / (1.0 + (frame * weight) ** 0.5)


def sides(
    student: Float[Array, "n m"],
    teacher: Float[Array, "n d"],
    axis_name: AxisName = None,
    *,
    centred: bool = False,
    scaled: bool = False,
) -> tuple[Float[Array, "n m"], Float[Array, "n d"]]:
    """Both, centred if asked for, and if `scaled` each with entries of size one.

    What does not see the scale of either side can so be computed at every scale.
    """
    found = []
    for each in (student, teacher):
        largest = None
        if centred:
            each, largest = centre_and_peaks(each, axis_name)
        if scaled:
            each = of_size_one(each, axis_name, largest=largest)
        found.append(each)
    return found[0], found[1]


def product(
    left: Float[Array, "n p"], right: Float[Array, "n q"], axis_name: AxisName
) -> Float[Array, "p q"]:
    """X'Y over the rows of all devices."""
    return total(left.T @ right, axis_name)


def overlaps(
    student: Float[Array, "n m"], teacher: Float[Array, "n d"], axis_name: AxisName
) -> tuple[Float[Array, ""], Float[Array, ""], Float[Array, ""]]:
    """Inner products of Gram matrices: of the two, |S'T|^2, and of each with itself.

    Of few vectors in many dimensions they are found from the Gram matrices, n x n.
    """
    if is_wide(student, teacher, axis_name):
        own, target = gram(student), gram(teacher)
        return sum_entries(own * target), squared_norm(own), squared_norm(target)
    cross = squared_norm(product(student, teacher, axis_name))
    own, target = (
        squared_norm(total(gram(each.T), axis_name)) for each in (student, teacher)
    )
    return cross, own, target


def is_wide(
    student: Float[Array, "n m"], teacher: Float[Array, "n d"], axis_name: AxisName
) -> bool:
    """Whether n x n matrices take less than two thirds of the work of m x d ones."""
    (n, m), d = student.shape, teacher.shape[1]
    return axis_name is None and 3 * n * (m + d) < 2 * (m * m + m * d + d * d)


def size(vectors: Float[Array, "n k"], axis_name: AxisName) -> Float[Array, ""]:
    """Squared Frobenius norm over all devices."""
    return total(squared_norm(vectors), axis_name)
