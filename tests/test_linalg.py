"""Linear algebra against NumPy and SciPy, at spectra and scales that break others."""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg

from simgeo import linalg

DOUBLE = jax.config.read("jax_enable_x64")
EPS = 2.0**-52 if DOUBLE else 2.0**-23
NEAR_ONE = 1e-14 if DOUBLE else 4e-6  # as stated by `polar_factor`, with rounding
SHAPES = ((12, 5), (6, 6), (5, 12))  # float32 treats the first and last differently
SCALES = (1.0, 1e-8, 1e-4, 1e4, 1e8)
CONDITIONED = {
    "equal": lambda size: np.ones(size),
    "two levels": lambda size: np.repeat([1.0, 0.3], [2, size - 2]),
    "condition 1e4": lambda size: np.geomspace(1, 1e-4, size),
    "condition 1e6": lambda size: np.geomspace(1, 1e-6, size),
    "one small": lambda size: np.append(np.ones(size - 1), 1e-6),
}
DEFICIENT = {
    "two missing": lambda size: np.append(np.ones(size - 2), [0, 0]),
    "rank one": lambda size: np.eye(size)[0],
    "zero": np.zeros,
}

polar_factor = jax.jit(linalg.polar_factor)
nuclear_norm = jax.jit(jax.value_and_grad(linalg.nuclear_norm))
ridge_solution = jax.jit(linalg.ridge_solution)
least_squares_error = jax.jit(linalg.least_squares_error)


def median(values, counted):
    """With its gradient; the mask is known to the program."""
    graded = jax.value_and_grad(lambda x: linalg.masked_median(x, counted))
    return jax.jit(graded)(values)


@functools.cache
def with_singular_values(shape, make, scale=1.0):
    """A matrix rounded to the precision under test, in random directions."""
    rng, size = np.random.default_rng(0), min(shape)
    left, right = (np.linalg.qr(rng.standard_normal((k, size)))[0] for k in shape)
    matrix = scale * (left * make(size)) @ right.T
    return np.asarray(jnp.asarray(matrix, float))


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("name", CONDITIONED)
def test_polar_factor_is_that_of_scipy(shape, name):
    for scale in SCALES:
        matrix = with_singular_values(shape, CONDITIONED[name], scale)
        found = np.asarray(polar_factor(matrix), np.float64)
        matrix = np.asarray(matrix, np.float64)
        values = np.linalg.svd(found, compute_uv=False)
        assert np.allclose(values, 1, rtol=0, atol=NEAR_ONE), scale
        small = found if shape[0] >= shape[1] else found.T
        hermitian = small.T @ (matrix if shape[0] >= shape[1] else matrix.T)
        size = np.linalg.norm(matrix, 2)
        assert np.allclose(hermitian, hermitian.T, rtol=0, atol=4 * NEAR_ONE * size)
        expected, _ = scipy.linalg.polar(matrix)
        # The factor moves by the relative change of its matrix times the condition.
        atol = NEAR_ONE + EPS * np.linalg.cond(matrix)
        assert np.allclose(found, expected, rtol=0, atol=atol), scale


@pytest.mark.double
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_polar_factor_resolves_a_condition_of_1e12_in_float64(shape):
    matrix = with_singular_values(shape, lambda size: np.geomspace(1, 1e-12, size))
    values = np.linalg.svd(polar_factor(matrix), compute_uv=False)
    assert np.allclose(values, 1, rtol=0, atol=NEAR_ONE)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("name", [*CONDITIONED, *DEFICIENT])
def test_nuclear_norm_and_a_subgradient(shape, name):
    make = (CONDITIONED | DEFICIENT)[name]
    for scale in SCALES:
        matrix = with_singular_values(shape, make, scale)
        value, factor = nuclear_norm(matrix)
        exact = np.linalg.svd(matrix.astype(np.float64), compute_uv=False).sum()
        assert np.isclose(value, exact, rtol=NEAR_ONE, atol=0), scale
        # G is a subgradient of |.|_* at M iff |G|_2 <= 1 and <G, M> = |M|_*.
        factor = np.asarray(factor, np.float64)
        assert np.linalg.norm(factor, 2) <= 1 + NEAR_ONE, scale
        assert np.isclose(np.sum(factor * matrix), exact, rtol=NEAR_ONE, atol=0), scale


@pytest.mark.double
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_gradient_of_the_nuclear_norm_agrees_with_finite_differences(shape):
    rng = np.random.default_rng(1)
    matrix, direction = rng.standard_normal((2, *shape))
    ends = [nuclear_norm(matrix + step * direction)[0] for step in (1e-5, -1e-5)]
    slope = np.sum(nuclear_norm(matrix)[1] * direction)
    assert np.isclose(slope, (ends[0] - ends[1]) / 2e-5, rtol=1e-8)


@pytest.mark.parametrize("size", [3, 6, 14], ids="{} inputs".format)
@pytest.mark.parametrize("scale", [1.0, 1e-4, 1e4])
def test_ridge_solution_predicts_what_least_squares_predicts(size, scale):
    rng = np.random.default_rng(2)
    draw, targets = rng.standard_normal((12, size)), rng.standard_normal((12, 4))
    low_rank = draw[:, :2] @ rng.standard_normal((2, size))
    zero_column = draw * (np.arange(size) > 0)
    for inputs in (draw, low_rank, zero_column, 0 * draw):
        inputs = np.asarray(jnp.asarray(scale * inputs, float))
        found = np.asarray(ridge_solution(inputs, targets), np.float64)
        inputs = inputs.astype(np.float64)
        # Rounding leaves a rank of 12 in float32, which the ridge is to see through.
        expected, *_ = np.linalg.lstsq(inputs, targets, rcond=1e-5)
        full_rank = np.linalg.matrix_rank(inputs, tol=1e-5 * scale) == size
        rtol = 1e-12 if DOUBLE else 1e-4
        assert np.allclose(inputs @ found, inputs @ expected, rtol=0, atol=rtol)
        if full_rank:
            assert np.allclose(found, expected, rtol=rtol, atol=rtol / scale)


@pytest.mark.parametrize("size", [3, 9], ids="{} inputs".format)
@pytest.mark.parametrize("rank", [1, 9])
def test_rows_that_are_nearly_equal_are_fitted_no_worse_than_equal_ones(size, rank):
    rng = np.random.default_rng(5)
    row, targets = rng.standard_normal(size), rng.standard_normal((12, 4))
    away = rng.standard_normal((12, rank)) @ rng.standard_normal((rank, size))
    by_the_mean = np.sum((targets - targets.mean(axis=0)) ** 2)
    for distance in EPS ** np.linspace(0.2, 1.0, 9):
        error = least_squares_error(row + distance * away, targets)
        assert error < 1.01 * by_the_mean, distance


def test_unit_rows_of_a_zero_row_are_zero_with_zero_gradient():
    vectors = jnp.asarray([[3.0, 4.0], [0.0, 0.0], [-1e-4, 0.0], [0.0, 1e4]])
    expected = [[0.6, 0.8], [0, 0], [-1, 0], [0, 1]]
    assert np.allclose(linalg.unit_rows(vectors), expected)
    weights = jnp.asarray([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0], [7.0, 8.0]])
    graded = jax.grad(lambda x: jnp.sum(weights * linalg.unit_rows(x)))
    gradient = jax.jit(graded)(vectors)
    assert np.array_equal(gradient[1], [0, 0])
    # Along a row nothing changes; across it, by the weight over the length.
    assert np.allclose(np.sum(gradient * vectors, axis=1), 0, atol=1e-3)
    assert np.allclose(gradient[2:], [[0, 6e4], [7e-4, 0]])


def test_values_are_divided_by_the_power_of_two_of_their_peak():
    about = jnp.finfo(jnp.asarray(0.0).dtype)
    largest = int(about.maxexp) - 2
    peaks = 2.0 ** np.array([2 - largest, -30, -1, 0, 1, 30, largest - 1]) * 1.3
    divided = jax.jit(linalg.over_power_of_two)
    for peak in np.asarray(jnp.asarray(peaks, float)):
        found = divided(np.asarray([1.0, -0.3], peak.dtype) * peak, peak)
        mantissa = np.frexp(np.asarray([1.0, -0.3]) * np.asarray(peak))[0]
        assert found[0] == np.asarray(mantissa[0], found.dtype)
        assert np.isclose(found[1] / found[0], -0.3)
    tiny = jnp.asarray(about.smallest_subnormal)
    assert np.array_equal(linalg.over_power_of_two(0.0 * tiny, 0.0 * tiny), 0.0)
    most = jnp.asarray(about.max)
    assert np.isfinite(linalg.over_power_of_two(most, most))


@pytest.mark.parametrize("shape", [(), (7,), (5, 3), (2, 4, 3)], ids=str)
def test_entries_add_up(shape):
    values = np.random.default_rng(1).standard_normal(shape)
    graded = jax.jit(jax.value_and_grad(linalg.sum_entries))
    found, slope = graded(jnp.asarray(values, float))
    assert np.isclose(found, math.fsum(np.ravel(values)), rtol=1e-5)
    assert np.array_equal(slope, np.ones(shape))


def test_a_gram_matrix_has_the_derivatives_of_its_formula():
    rng = np.random.default_rng(2)
    vectors, change = (jnp.asarray(rng.standard_normal((4, 3)), float) for _ in "ab")
    weights = jnp.asarray(rng.standard_normal((4, 4)), float)  # not symmetric

    def judged(gram):
        return lambda x: jnp.sum(jnp.sin(gram(x)) * weights)

    ours, plain = judged(linalg.gram), judged(lambda x: x @ x.T)

    @jax.jit
    def derivatives(vectors, change):
        return [
            [kind(each)(vectors) for kind in (jax.grad, jax.jacfwd, jax.hessian)]
            + [jax.jvp(each, (vectors,), (change,))[1]]
            for each in (ours, plain)
        ]

    (*found, tangent), (*expected, other) = derivatives(vectors, change)
    for one, right in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, right, rtol=2e-4)
    assert np.isclose(tangent, other, rtol=1e-5)


def test_centre_moves_the_mean_of_the_rows_to_the_origin():
    vectors = np.random.default_rng(3).standard_normal((7, 3)) + [5.0, 0.0, -2.0]
    found = linalg.centre(jnp.asarray(vectors, float))
    assert np.allclose(found, vectors - vectors.mean(axis=0), atol=1e-5)


@pytest.mark.parametrize("value", [-1.0, 0.0])
def test_roots_and_quotients_are_zero_with_zero_gradient_where_undefined(value):
    assert jax.value_and_grad(linalg.safe_sqrt)(value) == (0, 0)
    graded = jax.value_and_grad(linalg.safe_divide, argnums=(0, 1))
    assert graded(jnp.asarray(value), jnp.asarray(0.0)) == (0, (0, 0))


@pytest.mark.parametrize("size", [3, 4, 5, 8])
def test_the_middle_is_the_median_with_its_gradient(size):
    rng = np.random.default_rng(size)
    values = np.abs(rng.standard_normal((size, size)))
    values[0, 1] = 0.0
    counted = ~np.eye(size, dtype=bool)
    given = jnp.asarray(values, float)
    found, slope = median(given, counted)
    assert np.isclose(found, np.median(np.asarray(given)[counted]), rtol=1e-6)
    expected = jax.jit(jax.grad(lambda x: jnp.median(x[counted])))(given)
    assert np.allclose(slope, expected)


def test_the_middle_of_equal_values_is_that_value():
    counted = np.ones((3, 4), bool)
    value, slope = median(jnp.full((3, 4), 2.5), counted)
    assert value == 2.5
    assert np.isclose(np.sum(slope), 1)
    assert median(jnp.zeros((3, 4)), counted)[0] == 0


def test_the_compiler_sums_products_right():
    """jaxlib 0.10.2 gave other sums, or NaN, for these on CPUs; to 0.12.0.1 for two."""
    num = 40_000
    rows = np.stack([np.arange(num), np.zeros(num), np.zeros(num)], 1)

    def lengths(matrix, rows):
        return jax.vmap(lambda row: jnp.sum((matrix @ row) ** 2))(rows)

    found = jax.jit(lengths)(jnp.eye(3), jnp.asarray(rows, float))
    np.testing.assert_allclose(found, np.arange(num, dtype=float) ** 2, rtol=1e-6)

    def of_ones(scale):
        ones = jnp.ones((128, 64))
        return jnp.sum((ones.T @ ones) ** 2) + scale

    assert jax.jit(of_ones)(jnp.asarray(0.0)) == 64 * 64 * 128**2

    def of_zero(teacher):
        zero = jnp.zeros((128, 64))
        return jnp.sum((zero.T @ zero) ** 2) + jnp.sum((zero.T @ teacher) ** 2)

    teachers = jnp.ones((24, 128, 32))
    for _ in range(10):
        junk = [jnp.full((64, 64), jnp.nan) + at for at in range(50)]
        jax.block_until_ready(junk)
        del junk
        assert not jnp.any(jax.jit(jax.vmap(of_zero))(teachers))


@pytest.mark.parametrize(
    ("total", "shares", "expected"),
    [
        (10, (1, 1, 1), [4, 3, 3]),
        (48, (32, 16), [32, 16]),
        (5, (2, 1), [3, 2]),
        (7, (1, 2, 4), [1, 2, 4]),
        (1, (1, 5), [0, 1]),
    ],
)
def test_shares_add_up(total, shares, expected):
    assert linalg.apportion(total, shares) == expected


def test_shares_are_within_one_of_proportion():
    rng = np.random.default_rng(0)
    for total in range(50):
        shares = rng.integers(1, 9, size=4).tolist()
        found = np.array(linalg.apportion(total, shares))
        assert found.sum() == total
        exact = total * np.array(shares) / sum(shares)
        assert (np.abs(found - exact) < 1).all()
