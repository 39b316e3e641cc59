"""Elementary operations, safe to differentiate."""

import functools
from collections.abc import Callable, Sequence
from typing import ParamSpec, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

AxisName = str | tuple[str, ...] | None  # of devices that rows are spread over
Parameters = ParamSpec("Parameters")
Value = TypeVar("Value")


def in_full_precision(
    function: Callable[Parameters, Value],
) -> Callable[Parameters, Value]:
    """The function, with its products formed in full float32 on every device.

    By default GPUs and TPUs round what they multiply to 10 or 7 bits. A rule of a
    derivative needs it by itself: it runs after its function has returned.
    """

    @functools.wraps(function)
    def wrapped(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Value:
        with jax.default_matmul_precision("highest"):
            return function(*args, **kwargs)

    return wrapped


def total(value: Float[Array, "..."], axis_name: AxisName) -> Float[Array, "..."]:
    """The sum over devices, if the rows are spread over some."""
    return value if axis_name is None else jax.lax.psum(value, axis_name)


def num_rows(vectors: Float[Array, "n k"], axis_name: AxisName) -> int:
    """The number of rows on all devices."""
    own = vectors.shape[0]
    return own if axis_name is None else own * jax.lax.axis_size(axis_name)


def peaks(
    vectors: Float[Array, "n k"], axis_name: AxisName = None
) -> Float[Array, "1 k"]:
    """The largest |entry| of every column, on all devices. It is not differentiated."""
    found = jnp.max(
        jnp.abs(jax.lax.stop_gradient(vectors)), axis=0, keepdims=True, initial=0.0
    )
    return found if axis_name is None else jax.lax.pmax(found, axis_name)


def over_power_of_two(
    values: Float[Array, "..."], peak: Float[Array, "..."]
) -> Float[Array, "..."]:
    """The values over the power of two next to a positive `peak`, without rounding.

    What is scaled so can be squared, at every scale that the type holds.
    """
    # Of a float that is not negative, these bits are the exponent. `frexp` and `ldexp`
    # take longer to compile than all else in some losses.
    about = jnp.finfo(values.dtype)
    largest = 2 * about.maxexp - 4
    bits = jax.lax.bitcast_convert_type(jax.lax.stop_gradient(peak), f"int{about.bits}")
    exponent = largest + 1 - jnp.clip(bits >> about.nmant, 0, largest)
    power = jax.lax.bitcast_convert_type(exponent << about.nmant, values.dtype)
    return values * power


def of_size_one(
    vectors: Float[Array, "n k"],
    axis_name: AxisName = None,
    *,
    largest: Float[Array, "1 k"] | None = None,
) -> Float[Array, "n k"]:
    """The vectors over one power of two, so that their largest |entry| is near one.

    Args:
        vectors: rows or columns of any size, zero included.
        axis_name: of the devices that the rows are spread over.
        largest: their `peaks`, where these are known.
    """
    if largest is None:
        largest = peaks(vectors, axis_name)
    return over_power_of_two(vectors, jnp.max(largest))


def centre(
    vectors: Float[Array, "n k"], axis_name: AxisName = None
) -> Float[Array, "n k"]:
    """Columns with their mean removed: the cloud of rows moved to the origin.

    A column whose entries differ by rounding alone becomes zero, with zero gradient.
    """
    return centre_and_peaks(vectors, axis_name)[0]


def centre_and_peaks(
    vectors: Float[Array, "n k"], axis_name: AxisName = None
) -> tuple[Float[Array, "n k"], Float[Array, "1 k"]]:
    """What `centre` gives, and its `peaks`."""
    num = num_rows(vectors, axis_name)

    def mean_of(columns: Float[Array, "n k"]) -> Float[Array, "1 k"]:
        return total(jnp.sum(columns, axis=0, keepdims=True), axis_name) / num

    mean = mean_of(vectors)
    moved = vectors - mean
    # What rounding leaves of the mean, whose derivative is zero.
    moved -= jax.lax.stop_gradient(mean_of(moved))
    noise = 8.0 * jnp.finfo(vectors.dtype).eps * jnp.abs(mean)
    largest = peaks(moved, axis_name)
    is_constant = largest <= noise
    return jnp.where(is_constant, 0.0, moved), jnp.where(is_constant, 0.0, largest)


def unit_rows(vectors: Float[Array, "n k"]) -> Float[Array, "n k"]:
    """Rows scaled to unit length; a zero row stays zero, with zero gradient."""
    peak = jnp.max(jnp.abs(vectors), axis=-1, keepdims=True, initial=0.0)
    vectors = over_power_of_two(vectors, peak)
    squared = jnp.sum(vectors**2, axis=-1, keepdims=True)
    is_zero = squared == 0.0
    return jnp.where(is_zero, 0.0, vectors / jnp.sqrt(jnp.where(is_zero, 1.0, squared)))


def apportion(total: int, shares: Sequence[int | float]) -> list[int]:
    """Whole numbers in proportion to the shares, by largest remainder; they add up."""
    exact = total * np.asarray(shares, float) / np.sum(shares)
    found = np.floor(exact + 1e-9).astype(int)
    # Of equal remainders the first come first.
    order = np.argsort(-(exact - found).round(9), kind="stable")
    found[order[: total - found.sum()]] += 1
    return found.tolist()


@jax.custom_jvp
def gram(vectors: Float[Array, "n k"]) -> Float[Array, "n n"]:
    """All pairwise inner products of the rows."""
    return vectors @ vectors.T


@gram.defjvp
@in_full_precision
def _change_of_gram(primals, tangents):
    half = tangents[0] @ primals[0].T
    # Its transpose is one product, where that of the formula would be two.
    return gram(*primals), half + half.T


def cosines(vectors: Float[Array, "n k"]) -> Float[Array, "n n"]:
    """All pairwise cosines: the Gram matrix of the unit rows."""
    return gram(unit_rows(vectors))


def squared_distances(vectors: Float[Array, "n k"]) -> Float[Array, "n n"]:
    """All pairwise squared distances of the rows.

    From products: those below their rounding are zero, with zero gradient.
    """
    # Seen from a vector near the mean, which one that is far away does not move.
    moved = centre(vectors)
    nearest = jnp.argmin(jnp.sum(jnp.square(jax.lax.stop_gradient(moved)), axis=1))
    moved -= jax.lax.stop_gradient(moved[nearest][None, :])
    products = gram(moved)
    norms = jnp.diagonal(products)
    sums = norms[:, None] + norms[None, :]
    squared = sums - 2.0 * products
    is_noise = squared <= 16.0 * jnp.finfo(vectors.dtype).eps * sums
    return jnp.where(is_noise | np.eye(len(vectors), dtype=bool), 0.0, squared)


def sum_entries(values: Float[Array, "..."]) -> Float[Array, ""]:
    """The sum of all entries, over their last axis by a product with ones.

    What is formed only to be summed, XLA adds one after the other on a CPU: that takes
    several times as long, and rounds more.
    """
    if values.ndim < 2:
        return jnp.sum(values)
    ones = jnp.ones(values.shape[-1], values.dtype)
    return jnp.sum(jnp.matmul(values, ones, precision="highest"))


def squared_norm(matrix: Float[Array, "..."]) -> Float[Array, ""]:
    """Squared Frobenius norm."""
    return sum_entries(matrix**2)


def safe_sqrt(value: Float[Array, "..."]) -> Float[Array, "..."]:
    """Square root, with value and gradient zero where `value` is not positive."""
    is_zero = value <= 0.0  # false of NaN, which stays
    return jnp.where(is_zero, 0.0, jnp.sqrt(jnp.where(is_zero, 1.0, value)))


def safe_divide(
    numerator: Float[Array, "..."], denominator: Float[Array, "..."]
) -> Float[Array, "..."]:
    """Quotient, zero with zero gradient where the denominator is zero."""
    is_zero = denominator == 0.0
    return jnp.where(is_zero, 0.0, numerator / jnp.where(is_zero, 1.0, denominator))


def masked_median(
    values: Float[Array, "p q"], counted: Bool[np.ndarray, "p q"]
) -> Float[Array, ""]:
    """The median of the counted values, none of them negative, by bisection.

    A sort, which is slow on every device, is not needed: the bits of floats that are
    not negative are in their order. The gradient goes to the values in the middle, in
    equal shares where several are equal.
    """
    kind = jnp.int64 if values.dtype == jnp.float64 else jnp.int32
    bits = jax.lax.bitcast_convert_type(jax.lax.stop_gradient(values), kind)

    def ranked(rank: int) -> Float[Array, ""]:
        """The value that so many are below or at."""

        def halve(_, bounds):
            low, high = bounds
            half = low + (high - low) // 2
            enough = jnp.sum(counted & (bits <= half)) >= rank
            return jnp.where(enough, low, half + 1), jnp.where(enough, half, high)

        ends = jnp.zeros((), kind), jnp.asarray(jnp.iinfo(kind).max, kind)
        found, _ = jax.lax.fori_loop(0, jnp.iinfo(kind).bits - 1, halve, ends)
        chosen = counted & (bits == found)
        total = jnp.sum(jnp.where(chosen, values, 0.0))
        return total / jnp.sum(chosen, dtype=values.dtype)

    count = int(np.sum(counted))
    return (ranked((count + 1) // 2) + ranked(count // 2 + 1)) / 2.0
