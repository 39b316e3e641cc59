"""Teachers: what a user asks for is what they get, to the pair."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from simgeo import limits, teachers
from simgeo.teachers import OrthogonalBlocks, OrthogonalFraction

ALL = [
    teachers.Gaussian(),
    OrthogonalFraction(fraction=0.9),
    OrthogonalBlocks(num_blocks=4),
    teachers.CommonMean(),
    teachers.PowerLawSpectrum(),
]
FRACTIONS = [0.0, 0.05, 0.2, 0.37, 0.5, 0.8, 0.95, 0.98]


@eqx.filter_jit
def compiled(teacher, keys, num_vectors, dim):
    return jax.vmap(lambda key: teacher(key, num_vectors, dim))(keys)


def draw(teacher, keys, num_vectors, dim):
    """One set per key; the knobs are arrays, so that one compilation serves all."""
    return compiled(swept(teacher), keys, num_vectors, dim)


def swept(teacher):
    return jax.tree.map(jnp.asarray, teacher)


@jax.jit
def counted_in_float32(vectors, epsilon):
    vectors = vectors.astype(jnp.float32)
    vectors = vectors / jnp.linalg.norm(vectors, axis=1, keepdims=True)
    cosines = jnp.abs(vectors @ vectors.T)
    return jnp.sum(jnp.triu(cosines <= jnp.float32(epsilon), 1))


def counts(vectors, epsilon):
    """In float64 on the host and in another program in float32."""
    exact = teachers.report(vectors, epsilon)["pairs"]
    return exact, int(counted_in_float32(vectors, epsilon))


@pytest.mark.parametrize("teacher", ALL, ids=lambda teacher: type(teacher).__name__)
@pytest.mark.parametrize("shape", [(24, 12), (9, 16)])
def test_rows_are_unit_and_a_key_fixes_them(teacher, shape, key):
    keys = jax.random.split(key)
    first, second = draw(teacher, keys, *shape)
    assert first.shape == shape
    # A few roundings in float32.
    np.testing.assert_allclose(np.linalg.norm(first, axis=1), 1.0, atol=5e-7)
    assert np.array_equal(first, draw(teacher, keys, *shape)[0])
    assert not np.allclose(first, second)


# An exact number of pairs


@pytest.mark.parametrize("fraction", FRACTIONS)
def test_fraction_is_exact_in_both_precisions(fraction, key):
    n, dim, epsilon = 64, 32, 0.1
    teacher = OrthogonalFraction(fraction, epsilon)
    for vectors in draw(teacher, jax.random.split(key, 3), n, dim):
        asked = round(fraction * n * (n - 1) / 2)
        assert counts(vectors, epsilon) == (asked, asked)


@pytest.mark.parametrize("epsilon", [0.003, 0.3, 0.7])
@pytest.mark.parametrize("fraction", [0.1, 0.9])
def test_fraction_is_exact_at_other_epsilons(epsilon, fraction, key):
    n, dim = 16, 12
    teacher = OrthogonalFraction(fraction, epsilon)
    for vectors in draw(teacher, jax.random.split(key, 3), n, dim):
        asked = round(fraction * n * (n - 1) / 2)
        assert counts(vectors, epsilon) == (asked, asked)


@pytest.mark.parametrize("fraction", [0.05, 0.5, 0.95, 0.99])
@pytest.mark.parametrize("dim", [64, 128])
def test_fraction_is_exact_at_the_size_of_the_studies(fraction, dim, key):
    teacher = OrthogonalFraction(fraction, 0.1)
    for vectors in draw(teacher, jax.random.split(key, 2), 256, dim):
        asked = round(fraction * 256 * 255 / 2)
        assert counts(vectors, 0.1) == (asked, asked)


@pytest.mark.parametrize(
    ("num_vectors", "dim", "fraction"),
    [
        (2, 2, 0.0),
        (2, 2, 1.0),
        (2, 1, 0.0),
        (3, 2, 0.66),
        (5, 9, 1.0),
        (5, 9, 0.0),
    ],
)
def test_fraction_is_exact_for_few_vectors(num_vectors, dim, fraction):
    teacher = OrthogonalFraction(fraction, 0.2)
    asked = round(fraction * num_vectors * (num_vectors - 1) / 2)
    for seed in range(4):
        (vectors,) = draw(teacher, jax.random.key(seed)[None], num_vectors, dim)
        assert counts(vectors, 0.2) == (asked, asked)


@pytest.mark.parametrize("fraction", [0.2, 0.95])
def test_no_cosine_is_near_epsilon(fraction, key):
    (vectors,) = draw(OrthogonalFraction(fraction), key[None], 64, 32)
    vectors = np.asarray(vectors, np.float64)
    cosines = np.abs((vectors @ vectors.T)[np.triu_indices(64, 1)])
    assert np.min(np.abs(cosines - 0.1)) > 3.5e-6  # 4e-6 less rounding


def test_one_by_one_counts_as_many_as_vmapped(key):
    teacher = OrthogonalFraction(0.9)
    keys = jax.random.split(key, 3)
    together = [counts(vectors, 0.1) for vectors in draw(teacher, keys, 64, 32)]
    alone = [counts(draw(teacher, k[None], 64, 32)[0], 0.1) for k in keys]
    assert together == alone


def test_knobs_can_be_mapped_over(key):
    each = [OrthogonalFraction(fraction, 0.2) for fraction in (0.1, 0.5, 0.9)]
    grid = jax.tree.map(lambda *knobs: jnp.asarray(knobs), *each)
    found = jax.vmap(lambda teacher: teacher(key, 5, 9))(grid)
    assert [counts(vectors, 0.2)[0] for vectors in found] == [1, 5, 9]
    grid.check(5, 9)  # a grid is not looked at


@pytest.mark.parametrize("fraction", [0.05, 0.15, 0.25, 0.35, 0.45, 0.55])
def test_halves_are_rounded_as_python_does(fraction, key):
    asked = round(fraction * 10)  # 0.5, 1.5, 2.5, ... pairs
    for vectors in draw(OrthogonalFraction(fraction, 0.2), key[None], 5, 9):
        assert counts(vectors, 0.2) == (asked, asked)


def test_a_larger_fraction_keeps_the_other_pairs_apart(key):
    """Pairs that are not epsilon-orthogonal keep a wide margin on average."""
    (vectors,) = draw(OrthogonalFraction(0.95), key[None], 64, 32)
    cosines = np.abs(np.asarray(vectors @ vectors.T)[np.triu_indices(64, 1)])
    assert np.mean(cosines[cosines > 0.1]) > 0.2


def test_out_of_steps_returns_the_best_found(key):
    (short,) = draw(OrthogonalFraction(0.95, num_steps=2), key[None], 64, 32)
    (start,) = draw(teachers.Gaussian(), key[None], 64, 32)
    found = counts(short, 0.1)
    assert found[0] == found[1]
    assert counts(start, 0.1)[0] < found[0] < round(0.95 * 2016)


def test_out_of_reach_comes_near(key):
    teacher = OrthogonalFraction(0.99)  # 0.9911 is not excluded, none was found
    for vectors in draw(teacher, jax.random.split(key, 3), 64, 32):
        found = counts(vectors, 0.1)
        assert found[0] == found[1]
        assert 0.97 * 2016 < found[0] < 0.99 * 2016


def test_proven_impossibility_is_refused_with_the_bound():
    teacher = OrthogonalFraction(0.999, 0.1)
    most = limits.max_orthogonal_fraction(0.1, 256, 64)
    rule = rf"`fraction` must not exceed {most:.6g} .* 176 .* \(welch\); got 0.999"
    with pytest.raises(ValueError, match=rule):
        teacher.check(256, 64)
    with pytest.raises(ValueError, match=rule):
        teacher(jax.random.key(0), 256, 64)
    teacher.check(256, 128)
    swept(teacher).check(256, 128)


def test_no_check_on_traced_knobs(key):
    impossible = OrthogonalFraction(1.0, 0.1, num_steps=5)
    shape = jax.eval_shape(lambda t: t(key, 8, 2), swept(impossible))
    assert shape.shape == (8, 2)

    @jax.jit
    def made_inside(fraction):
        return OrthogonalFraction.__check_init__(
            eqx.tree_at(lambda t: t.fraction, impossible, fraction)
        )

    made_inside(2.0)


# Simple laws


def pair_mean(vectors, same):
    """Mean cosine over pairs i < j that satisfy `same`, for each drawn set."""
    n = vectors.shape[1]
    rows, columns = np.triu_indices(n, 1)
    chosen = same(rows, columns)
    cosines = np.asarray(vectors @ vectors.swapaxes(1, 2))[:, rows, columns]
    return cosines[:, chosen].mean(axis=1)


@pytest.mark.parametrize("cosine", [0.0, 0.1, 0.6])
@pytest.mark.parametrize("dim", [2, 16])
def test_common_mean_has_the_expected_cosine(cosine, dim, key):
    keys = jax.random.split(key, 500)
    means = pair_mean(
        draw(teachers.CommonMean(cosine), keys, 8, dim), lambda i, j: i != j
    )
    assert abs(means.mean() - cosine) < 4 * means.std() / np.sqrt(500) + 1e-6


@pytest.mark.parametrize("cosine", [0.0, 0.5, 0.9])
@pytest.mark.parametrize(("num_blocks", "dim"), [(1, 5), (3, 16)])
def test_blocks_are_orthogonal_with_the_expected_cosine(cosine, num_blocks, dim, key):
    keys = jax.random.split(key, 500)
    vectors = draw(OrthogonalBlocks(num_blocks, cosine), keys, 16, dim)

    def same(i, j):
        return i % num_blocks == j % num_blocks

    means = pair_mean(vectors, same)
    assert abs(means.mean() - cosine) < 4 * means.std() / np.sqrt(500) + 1e-6
    i, j = np.meshgrid(np.arange(16), np.arange(16))
    between = np.abs(vectors @ vectors.swapaxes(1, 2))[:, ~same(i, j)]
    assert np.max(between, initial=0.0) <= 1e-6


def test_gaussian_has_the_expected_fraction(key):
    vectors = draw(teachers.Gaussian(), jax.random.split(key, 200), 16, 8)
    fractions = [teachers.report(v, 0.2)["fraction"] for v in vectors]
    spread = limits.random_fraction_spread(0.2, 8, 16) / np.sqrt(200)
    assert abs(np.mean(fractions) - limits.random_fraction(0.2, 8)) < 4 * spread


def test_power_law_lowers_the_effective_rank(key):
    ranks = [
        teachers.report(
            draw(teachers.PowerLawSpectrum(exponent), key[None], 200, 32)[0], 0.1
        )["effective_rank"]
        for exponent in (0.0, 0.5, 1.0, 2.0)
    ]
    assert ranks == sorted(ranks, reverse=True)
    flat = draw(teachers.PowerLawSpectrum(0.0), key[None], 9, 4)
    np.testing.assert_allclose(flat, draw(teachers.Gaussian(), key[None], 9, 4))


def test_report_of_a_known_set():
    diagonal = np.ones((1, 2))
    found = teachers.report(np.concatenate([2 * np.eye(2), diagonal]), 0.1)
    half = 1 / np.sqrt(2)
    assert found["pairs"] == 1
    assert np.isclose(found["fraction"], 1 / 3)
    assert np.isclose(found["coherence"], half)
    assert np.isclose(found["mean_cosine"], 2 * half / 3)
    assert np.isclose(found["effective_rank"], 9 / (3 + 4 * 0.5))
    assert np.isnan(teachers.report(diagonal, 0.1)["fraction"])


# Refusals


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: OrthogonalFraction(1.5), r"`fraction` must be in \[0, 1\]; got 1.5"),
        (lambda: OrthogonalFraction(float("nan")), "`fraction` must be in"),
        (lambda: OrthogonalFraction(epsilon=0.0), r"`epsilon` must be in \(0, 1\)"),
        (lambda: OrthogonalFraction(num_steps=0), "`num_steps` must be at least 1"),
        (lambda: OrthogonalBlocks(num_blocks=0), "`num_blocks` must be at least 1"),
        (lambda: OrthogonalBlocks(cosine=1.0), r"`cosine` must be in \[0, 1\); got 1"),
        (lambda: teachers.CommonMean(-0.1), r"`cosine` must be in \[0, 1\); got -0.1"),
        (lambda: teachers.PowerLawSpectrum(-1.0), "`exponent` must not be negative"),
        (lambda: teachers.Gaussian().check(0, 4), "`num_vectors` must be at least 1"),
        (lambda: teachers.Gaussian().check(4, 0), "`dim` must be at least 1; got 0"),
        (lambda: OrthogonalFraction().check(1, 4), "`num_vectors` must be at least 2"),
        (lambda: OrthogonalBlocks(8).check(9, 15), "got 8 blocks in 15, .* for 7"),
        (lambda: OrthogonalBlocks(8).check(7, 16), "`num_blocks` must not exceed"),
        (lambda: teachers.CommonMean().check(5, 1), "`dim` must be at least 2; got 1"),
    ],
)
def test_malformed_requests_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
