"""Teachers: what a user asks for is what they get, to the pair."""

import hashlib
import math
import subprocess
import sys
import tomllib
from fractions import Fraction
from functools import partial
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import simgeo.settings
from simgeo import frames, limits, teachers
from simgeo.teachers import (
    FromArray,
    FromFile,
    FromGram,
    LowCoherence,
    OrthogonalBlocks,
    OrthogonalFraction,
    OrthogonalPattern,
    _pair_moves,
    grams,
    patterns,
)

ROOT = Path(__file__).parent.parent
N, DIM = 24, 12  # shape of the properties below: one compilation for each teacher
FRACTIONS = [0.0, 0.05, 0.2, 0.37, 0.5, 0.8, 0.95, 0.98]


# Compiling takes most of the time here; without optimisation it takes a quarter.
UNOPTIMISED = {"xla_backend_optimization_level": 0}


@partial(jax.jit, static_argnums=(2, 3), compiler_options=UNOPTIMISED)
def compiled(teacher, keys, num_vectors, dim):
    return jax.vmap(lambda key: teacher(key, num_vectors, dim))(keys)


def draw(teacher, keys, num_vectors, dim):
    """One set per key; the knobs are arrays, so that one compilation serves all."""
    return compiled(swept(teacher), keys, num_vectors, dim)


@partial(jax.jit, static_argnums=(0, 2), compiler_options=UNOPTIMISED)
def called(family, key, num_vectors):
    """A pattern or a Gram matrix, in one program."""
    return family(key, num_vectors)


@partial(jax.jit, static_argnums=(0, 2), compiler_options=UNOPTIMISED)
def wanted_by(teacher, key, num_vectors):
    """The pairs that a teacher is to make, in one program."""
    return teacher.wanted(key, num_vectors)


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


# Properties of all


def feasible_fraction(fraction, epsilon):
    most = limits.max_orthogonal_fraction(epsilon, N, DIM)
    return OrthogonalFraction(min(fraction, most), epsilon, num_steps=200)


def random_pattern(density, epsilon):
    return OrthogonalPattern(patterns.RandomPairs(density), epsilon, num_steps=50)


def tree(one, other):
    return teachers.Hierarchy((2, 3), (min(one, other), max(one, other)))


def side_by_side(cosine):
    parts = (teachers.Gaussian(), teachers.CommonMean(cosine))
    return teachers.Concatenated(parts, "dimensions")


def share(low=0.0, high=1.0):
    return st.floats(low, high)


OWN = np.random.default_rng(0).standard_normal((N + 5, DIM))
KEEP_LENGTHS = teachers.UnevenRows, FromFile, FromArray

# How each is made from numbers that hypothesis chooses.
LAWS = {
    "Gaussian": (teachers.Gaussian,),
    "CommonMean": (teachers.CommonMean, share(0, 0.99)),
    "PowerLawSpectrum": (teachers.PowerLawSpectrum, share(0, 3)),
    "OrthogonalBlocks": (partial(OrthogonalBlocks, 4), share(0, 0.99)),
    "OrthogonalFraction": (feasible_fraction, share(), share(0.1, 0.4)),
    "OrthogonalPattern": (random_pattern, share(0, 0.5), share(0.1, 0.4)),
    "FromGram": (lambda c: FromGram(grams.Toeplitz(c), 50), share(-0.99, 0.99)),
    "LowCoherence": (partial(LowCoherence, num_restarts=2, num_steps=30),),
    "Superposition": (partial(teachers.Superposition, 30), share(0.01), share(0, 2)),
    "Hierarchy": (tree, share(0, 0.9), share(0, 0.9)),
    "Noisy": (partial(teachers.Noisy, OrthogonalBlocks(2)), share(0, 2)),
    "Rotated": (lambda c: teachers.Rotated(OrthogonalBlocks(2, c)), share(0, 0.9)),
    "UnevenRows": (partial(teachers.UnevenRows, OrthogonalBlocks(2)), share(0, 1)),
    "Concatenated": (side_by_side, share(0, 0.9)),
    "FromFile": (FromFile,),  # of the path in the fixture
    "FromArray": (partial(FromArray, OWN),),
}


@pytest.fixture(scope="module")
def vectors_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("vectors") / "vectors.npy"
    np.save(path, OWN)
    return str(path)


@pytest.fixture(params=LAWS)
def law(request, vectors_file):
    make, *numbers = LAWS[request.param]
    if make is FromFile:
        make = partial(FromFile, vectors_file)
    return make, numbers


def test_every_teacher_is_tested_and_in_the_table():
    public = {
        name
        for name, kind in vars(teachers).items()
        if isinstance(kind, type) and issubclass(kind, teachers.AbstractTeacher)
    } - {"AbstractTeacher"}
    assert public == set(LAWS) == set(teachers.table())
    for about in teachers.table().values():
        assert all(isinstance(each, str) and each for each in about)


def test_properties_of_all(law):
    make, numbers = law

    @settings(max_examples=8)
    @given(st.tuples(*numbers), st.integers(0, 2**31 - 1))
    def properties(knobs, seed):
        teacher = make(*knobs)
        teacher.check(N, DIM)
        keys = jax.random.split(jax.random.key(seed))
        first, second = draw(teacher, keys, N, DIM)
        assert first.shape == (N, DIM)
        assert first.dtype == jnp.zeros(()).dtype
        # A few roundings in float32.
        if not isinstance(teacher, KEEP_LENGTHS):
            np.testing.assert_allclose(np.linalg.norm(first, axis=1), 1.0, atol=1e-6)
        assert not np.allclose(first, second)
        again = draw(teacher, keys[::-1], N, DIM)
        assert np.array_equal(first, again[1])
        # Settings are plain data, and the same again.
        data = simgeo.settings.describe(teacher)
        if not isinstance(teacher, FromArray):
            rebuilt = simgeo.settings.build(teachers.AbstractTeacher, data)
            assert simgeo.settings.describe(rebuilt) == data
        if not isinstance(teacher, FromArray | FromFile):
            assert teacher.size() is None
        # The report is what anybody would count.
        units = np.asarray(first, np.float64)
        units = units / np.linalg.norm(units, axis=1, keepdims=True)
        cosines = [abs(units[i] @ units[j]) for i in range(N) for j in range(i)]
        found = teachers.report(first, 0.2)
        assert abs(found["pairs"] - sum(each <= 0.2 for each in cosines)) <= sum(
            abs(each - 0.2) < 1e-12 for each in cosines
        )
        assert math.isclose(found["coherence"], max(cosines), rel_tol=1e-9)
        assert found["coherence_ratio"] > 1 - 1e-6
        assert 1 - 1e-9 < found["effective_rank"] < DIM + 1e-9

    properties()


@pytest.mark.once
@pytest.mark.long
def test_without_vmap_as_with(law, key):
    make, numbers = law
    teacher = make(*[0.5] * len(numbers))
    alone = jax.jit(lambda key: teacher(key, N, DIM), compiler_options=UNOPTIMISED)(key)
    mapped, _ = draw(teacher, jnp.stack([key, key]), N, DIM)
    if isinstance(teacher, OrthogonalFraction | OrthogonalPattern):
        # A rounding can lead a flow elsewhere; what it is for stays.
        assert counts(alone, teacher.epsilon) == counts(mapped, teacher.epsilon)
    elif not isinstance(teacher, FromGram | LowCoherence):
        np.testing.assert_allclose(alone, mapped, atol=1e-5)


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
@pytest.mark.once
def test_fraction_is_exact_at_the_size_of_the_studies(fraction, dim, key):
    teacher = OrthogonalFraction(fraction, 0.1)
    for vectors in draw(teacher, jax.random.split(key, 2), 256, dim):
        asked = round(fraction * 256 * 255 / 2)
        assert counts(vectors, 0.1) == (asked, asked)


@pytest.mark.parametrize(
    ("num_vectors", "dim", "fraction"),
    [
        (2, 1, 0.0),
        (3, 2, 0.0),
        (3, 2, 0.66),
        (5, 9, 1.0),
        (5, 9, 0.0),
    ],
)
@pytest.mark.once
def test_fraction_is_exact_for_few_vectors(num_vectors, dim, fraction):
    teacher = OrthogonalFraction(fraction, 0.2)
    asked = round(fraction * num_vectors * (num_vectors - 1) / 2)
    keys = jax.random.split(jax.random.key(0), 3)
    for vectors in draw(teacher, keys, num_vectors, dim):
        assert counts(vectors, 0.2) == (asked, asked)


@pytest.mark.parametrize("fraction", [0.2, 0.95])
def test_no_cosine_is_near_epsilon(fraction, key):
    vectors, *_ = draw(OrthogonalFraction(fraction), jax.random.split(key, 3), 64, 32)
    vectors = np.asarray(vectors, np.float64)
    cosines = np.abs((vectors @ vectors.T)[np.triu_indices(64, 1)])
    assert np.min(np.abs(cosines - 0.1)) > 3.5e-6  # 4e-6 less rounding


def test_knobs_can_be_mapped_over(key):
    each = [OrthogonalFraction(fraction, 0.2) for fraction in (0.1, 0.5, 0.9)]
    grid = jax.tree.map(lambda *knobs: jnp.asarray(knobs), *each)
    found = jax.jit(
        jax.vmap(lambda teacher: teacher(key, 5, 9)), compiler_options=UNOPTIMISED
    )(grid)
    assert [counts(vectors, 0.2)[0] for vectors in found] == [1, 5, 9]
    grid.check(5, 9)  # a grid is not looked at


@pytest.mark.parametrize("total", [10, 2016, 8_386_560, 449_985_000])
def test_shares_are_counted_to_the_unit(total):
    """Halves to even, for up to six decimals, although float32 holds neither."""
    rounded = jax.jit(_pair_moves.rounded_share, static_argnums=1)
    rng = np.random.default_rng(0)
    shares = [round(rng.random(), digits) for digits in range(1, 7) for _ in range(9)]
    for share in [0.0, 0.05, 0.15, 0.25, 0.45, 0.5, 1.0, *shares]:
        asked = round(Fraction(str(share)) * total)
        assert rounded(jnp.asarray(share), total) == asked


def test_a_larger_fraction_keeps_the_other_pairs_apart(key):
    """Pairs that are not epsilon-orthogonal keep a wide margin on average."""
    vectors, *_ = draw(OrthogonalFraction(0.95), jax.random.split(key, 3), 64, 32)
    cosines = np.abs(np.asarray(vectors @ vectors.T)[np.triu_indices(64, 1)])
    assert np.mean(cosines[cosines > 0.1]) > 0.2


def test_out_of_steps_returns_the_best_found(key):
    (short,) = draw(OrthogonalFraction(0.988, num_steps=2), key[None], 64, 32)
    (start,) = draw(teachers.Gaussian(), key[None], 64, 32)
    found = counts(short, 0.1)
    assert found[0] == found[1]
    assert counts(start, 0.1)[0] < found[0] < round(0.988 * 2016)


def test_groups_of_near_duplicates_reach_further(key):
    """Turan's number for 40 groups, in 32 dimensions."""
    keys = jax.random.split(key, 3)
    asked = round(0.988 * 2016)
    for vectors in draw(OrthogonalFraction(0.988), keys, 64, 32):
        assert counts(vectors, 0.1) == (asked, asked)


def test_the_ceiling_is_reached_where_only_axes_can_reach_it(key):
    """24 vectors along each of 4 axes: what a descent from random vectors misses."""
    most = limits.max_orthogonal_fraction(0.05, 96, 4)
    teacher = OrthogonalFraction(most, 0.05, num_steps=100)
    (vectors,) = draw(teacher, key[None], 96, 4)
    asked = limits.max_orthogonal_pairs(0.05, 96, 4)
    assert counts(vectors, 0.05) == (asked, asked)


def test_out_of_reach_comes_near(key):
    teacher = OrthogonalFraction(0.991)  # not excluded, not found
    for vectors in draw(teacher, jax.random.split(key, 3), 64, 32):
        found = counts(vectors, 0.1)
        assert found[0] == found[1]
        assert 0.98 * 2016 < found[0] <= 0.991 * 2016


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


def test_epsilon_is_the_usual_one_where_nobody_says(key):
    for vectors in draw(OrthogonalFraction(0.6), jax.random.split(key, 3), 5, 9):
        assert counts(vectors, 0.1) == (6, 6)
    with pytest.raises(ValueError, match="at epsilon 0.1, .* or raise `epsilon`"):
        OrthogonalFraction(1.0).check(9, 4)
    pattern = OrthogonalPattern(patterns.Blocks(2))
    (vectors,) = draw(pattern, key[None], 5, 9)
    assert pattern.num_wrong(key, vectors) == 0


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


def test_hierarchy_has_the_expected_cosines(key):
    keys = jax.random.split(key, 500)
    vectors = draw(teachers.Hierarchy((2, 2), (0.3, 0.6)), keys, 8, 16)
    same_leaf = pair_mean(vectors, lambda i, j: i % 4 == j % 4)
    siblings = pair_mean(
        vectors, lambda i, j: (i % 4 // 2 == j % 4 // 2) & (i % 4 != j % 4)
    )
    apart = pair_mean(vectors, lambda i, j: i % 4 // 2 != j % 4 // 2)
    for means, cosine in ((same_leaf, 0.6), (siblings, 0.3), (apart, 0.0)):
        # The lengths before normalisation vary, which lowers the mean a little.
        assert abs(means.mean() - cosine) < 0.02


def test_superposition_is_a_sum_of_its_features(key):
    teacher = teachers.Superposition(40, 0.1, 1.0)
    (vectors,) = draw(teacher, key[None], 50, 16)
    activations = np.asarray(jax.jit(lambda: teacher.activations(key, 50))())
    total = activations @ np.asarray(jax.jit(lambda: teacher.features(key, 16))())
    total = total / np.linalg.norm(total, axis=1, keepdims=True)
    np.testing.assert_allclose(vectors, total, atol=1e-5)
    active = activations > 0
    assert np.all(active.any(axis=1))
    assert abs(active.mean() - 0.1) < 0.03
    rank = np.arange(1, 41)
    assert np.all(activations <= 1 / rank + 1e-6)


def test_noise_is_as_long_as_said(key):
    blocks = OrthogonalBlocks(2)
    teacher_key, _ = jax.random.split(key)
    (clean,) = draw(blocks, teacher_key[None], 64, 32)
    for noise in (0.0, 0.5):
        (noisy,) = draw(teachers.Noisy(blocks, noise), key[None], 64, 32)
        kept = np.mean(np.sum(np.asarray(noisy * clean), axis=1))
        assert abs(kept - 1 / np.sqrt(1 + noise**2)) < 0.02


def test_a_rotation_keeps_cosines(key):
    blocks = OrthogonalBlocks(2, 0.4)
    keys = jax.random.split(key)
    teacher_keys = jnp.stack([jax.random.split(each)[0] for each in keys])
    drawn = (
        draw(blocks, teacher_keys, N, DIM),
        draw(teachers.Rotated(blocks), keys, N, DIM),
    )
    for plain, turned in zip(*map(np.asarray, drawn), strict=True):
        np.testing.assert_allclose(plain @ plain.T, turned @ turned.T, atol=2e-6)
        assert not np.allclose(plain, turned, atol=0.1)


def test_uneven_rows_keep_cosines_and_the_mean_square(key):
    teacher_key, _ = jax.random.split(key)
    plain = draw(teachers.Gaussian(), teacher_key[None], 4000, 8)[0]
    uneven = draw(teachers.UnevenRows(teachers.Gaussian(), 0.5), key[None], 4000, 8)[0]
    lengths = np.linalg.norm(uneven, axis=1)
    np.testing.assert_allclose(uneven / lengths[:, None], plain, atol=2e-6)
    assert abs(np.mean(lengths**2) - 1) < 0.1  # deviates by 1.3 / sqrt(4000)
    assert abs(np.std(np.log(lengths)) - 0.5) < 0.02


def test_concatenation_in_shares(key):
    parts = (OrthogonalBlocks(2), teachers.Gaussian())
    keys = jax.random.split(key)
    together = teachers.Concatenated(parts, "dimensions", shares=(2, 1))
    (vectors,) = draw(together, key[None], 5, 9)
    for k, columns in ((0, vectors[:, :6]), (1, vectors[:, 6:])):
        (alone,) = draw(parts[k], keys[k][None], *columns.shape)
        np.testing.assert_allclose(np.sqrt(2) * columns, alone, atol=1e-6)


def test_concatenation(key):
    parts = (OrthogonalBlocks(2), teachers.Gaussian())
    keys = jax.random.split(key)
    rows, columns = (
        draw(teachers.Concatenated(parts, along), key[None], 5, 9)[0]
        for along in ("vectors", "dimensions")
    )
    for k, found in ((0, rows[:3]), (1, rows[3:]), (1, np.sqrt(2) * columns[:, 5:])):
        (alone,) = draw(parts[k], keys[k][None], *found.shape)
        np.testing.assert_allclose(found, alone, atol=1e-6)
    with pytest.raises(ValueError, match="`num_blocks` must not exceed 2, half"):
        teachers.Concatenated((OrthogonalBlocks(4),) * 2, "dimensions").check(10, 8)


# A pattern of pairs


@pytest.mark.parametrize(
    ("pattern", "pairs"),
    [
        (patterns.Blocks(4), 12 * 11 // 2 - 4 * 3),
        (patterns.RandomPairs(0.5), 33),
        (patterns.RandomPairs(0.0), 0),
        (patterns.RandomPairs(1.0), 66),
        (patterns.Ring(2), 12 * 7 // 2),
        (patterns.Bipartite(), 2 * 15),
        (patterns.StochasticBlocks(3, 0.0, 1.0), 66 - 3 * 6),
        (patterns.PatternMatrix.of(np.ones((12, 12), bool)), 66),
    ],
    ids=repr,
)
def test_patterns_have_their_pairs(pattern, pairs, key):
    pattern.check(12)
    matrix = np.asarray(pattern(key, 12))
    assert np.array_equal(matrix, matrix.T)
    assert not np.any(np.diagonal(matrix))
    assert np.sum(matrix) == 2 * pairs
    assert pattern.num_pairs(12) <= pairs
    # So many are mutually epsilon-orthogonal: by greedy choice.
    chosen: list[int] = []
    for i in range(12):
        if all(matrix[i, j] for j in chosen):
            chosen.append(i)
    assert len(chosen) >= pattern.num_mutual(12)


@pytest.mark.parametrize(
    "pattern",
    [
        patterns.Blocks(4),
        patterns.RandomPairs(0.5),
        patterns.Bipartite(),
    ],
    ids=repr,
)
@pytest.mark.once
def test_a_pattern_is_exact_where_vectors_are_few(pattern, key):
    teacher = OrthogonalPattern(pattern, 0.1)
    keys = jax.random.split(key)
    for own_key, vectors in zip(keys, draw(teacher, keys, 16, 20), strict=True):
        assert teacher.num_wrong(own_key, vectors) == 0
        wanted = np.asarray(wanted_by(teacher, own_key, 16))
        cosines = np.abs(np.asarray(vectors @ vectors.T))
        assert np.max(cosines[wanted]) < 2e-6
        assert np.min(cosines[~wanted]) > 0.1


def test_a_pattern_is_planted_among_many_vectors(key):
    teacher = OrthogonalPattern(patterns.RandomPairs(0.5), 0.1)
    (vectors,) = draw(teacher, key[None], 64, 32)
    assert teacher.num_wrong(key, vectors) == 0
    asked = int(np.sum(wanted_by(teacher, key, 64))) // 2
    assert counts(vectors, 0.1) == (asked, asked)


def test_wrong_pairs_are_counted(key):
    """Two halves of orthogonal vectors: there is no room for that."""
    teacher = OrthogonalPattern(patterns.Bipartite(), 0.3, num_steps=30)
    (vectors,) = draw(teacher, key[None], 12, 5)
    wanted = np.asarray(wanted_by(teacher, key, 12))
    cosines = np.asarray(vectors) @ np.asarray(vectors).T
    wrong = sum(
        (abs(cosines[i, j]) <= 0.3) != wanted[i, j] for i in range(12) for j in range(i)
    )
    assert teacher.num_wrong(key, vectors) == wrong > 0


def test_an_impossible_pattern_is_refused():
    with pytest.raises(ValueError, match=r"more than 4 mutually .* \(simplex\); got 8"):
        OrthogonalPattern(patterns.Blocks(8), 0.1).check(16, 4)
    with pytest.raises(ValueError, match=r"more than 96 pairs .* \(simplex\); got 120"):
        OrthogonalPattern(patterns.RandomPairs(1.0), 0.1).check(16, 4)


# A matrix of cosines


def nearest_correlation(matrix, rounds=2000):
    """Higham (2002), algorithm 3.3: alternating projections, corrected."""
    correction, current = np.zeros_like(matrix), matrix
    for _ in range(rounds):
        lifted = current - correction
        values, vectors = np.linalg.eigh(lifted)
        positive = vectors * np.maximum(values, 0) @ vectors.T
        correction = positive - lifted
        current = positive.copy()
        np.fill_diagonal(current, 1)
    return current


def symmetric(n, scale, seed=0):
    draw = scale * np.random.default_rng(seed).standard_normal((n, n))
    matrix = (draw + draw.T) / 2
    np.fill_diagonal(matrix, 1)
    return matrix


@pytest.mark.parametrize(
    "matrix",
    [np.array([[1.0, 1.0, 0.0], [1.0, 1.0, 1.0], [0.0, 1.0, 1.0]]), symmetric(8, 0.7)],
    ids=["Higham", "random"],
)
def test_nearest_is_what_alternating_projections_find(matrix, key):
    n = len(matrix)
    teacher = FromGram(grams.GramMatrix.of(matrix), num_steps=2000)
    (vectors,) = draw(teacher, key[None], n, n)
    nearest = nearest_correlation(matrix)
    np.testing.assert_allclose(vectors @ vectors.T, nearest, atol=2e-3)
    best = np.linalg.norm(matrix - nearest) / np.linalg.norm(matrix)
    assert abs(teacher.error(key, vectors) - best) < 1e-4


@pytest.mark.parametrize(
    ("gram", "dim"),
    [
        (grams.Equicorrelated(0.4), 16),
        (grams.Equicorrelated(-1 / 15), 15),
        (grams.Toeplitz(-0.8), 16),
        (grams.BlockGram(4, 1.0, 0.25), 4),
        (grams.Spectrum((3.0, 2.0, 1.0)), 3),
    ],
    ids=repr,
)
def test_a_gram_of_low_rank_is_met(gram, dim, key):
    teacher = FromGram(gram)
    teacher.check(16, dim)
    (vectors,) = draw(teacher, key[None], 16, dim)
    target = called(gram, jax.random.split(key)[0], 16)
    np.testing.assert_allclose(vectors @ vectors.T, target, atol=1e-5)


def test_grams_are_as_said(key):
    np.testing.assert_allclose(
        grams.Toeplitz(-0.5)(key, 3),
        [[1, -0.5, 0.25], [-0.5, 1, -0.5], [0.25, -0.5, 1]],
    )
    np.testing.assert_allclose(
        grams.BlockGram(2, 0.5, 0.1)(key, 3),
        [[1, 0.1, 0.5], [0.1, 1, 0.1], [0.5, 0.1, 1]],
    )
    covariance = grams.GramMatrix.of(np.array([[4.0, 1.0], [1.0, 1.0]]))
    np.testing.assert_allclose(covariance(key, 2), [[1, 0.5], [0.5, 1]])
    spectrum = called(grams.Spectrum((5.0, 3.0, 2.0)), key, 20)
    values = np.linalg.eigvalsh(np.asarray(spectrum, np.float64))
    np.testing.assert_allclose(values[-3:], [4, 6, 10], rtol=1e-5)
    np.testing.assert_allclose(values[:-3], 0, atol=1e-5)


def test_fewer_dimensions_reach_the_bound(key):
    """Equal eigenvalues, where the optimum is known: half of a tight frame's."""
    n, dim = 32, 8
    (vectors,) = draw(FromGram(grams.Equicorrelated(0.0)), key[None], n, dim)
    squared = np.sum((np.eye(n) - np.asarray(vectors @ vectors.T)) ** 2)
    assert np.isclose(squared, n**2 / dim - n, rtol=1e-4)
    toeplitz = FromGram(grams.Toeplitz(0.9))
    (vectors,) = draw(toeplitz, key[None], n, dim)
    target = np.asarray(toeplitz.target(key, n), np.float64)
    bound = limits.unit_row_gram_bound(np.linalg.cholesky(target), dim)
    squared = (toeplitz.error(key, vectors) * np.linalg.norm(target)) ** 2
    assert bound * (1 - 1e-4) < squared < bound * 1.01


# Low coherence


@pytest.mark.once
@pytest.mark.parametrize(
    ("name", "make", "shape"),
    [
        ("simplex", frames.simplex, (4, 3)),
        ("conference frame in 3", frames.conference, (6, 3)),
        ("conference frame in 5", frames.conference, (10, 5)),  # 9 is no prime
        ("conference frame in 25", frames.conference, (50, 25)),
        ("16 equiangular lines in 6", frames.bent, (16, 6)),
        ("64 equiangular lines in 36", frames.bent, (64, 36)),
        ("28 equiangular lines in 7", lambda dim: frames.lines_28(), (28, 7)),
        ("complement of 28 lines", None, (28, 21)),
        ("Kerdock set in 4", frames.kerdock, (12, 4)),
        ("Kerdock set in 16", frames.kerdock, (144, 16)),
        ("Kerdock set in 64", frames.kerdock, (2112, 64)),
    ],
)
def test_frames_attain_the_bound(name, make, shape):
    frame, found = frames.best_known(*shape)
    assert found == name
    assert frame.shape == shape
    np.testing.assert_allclose(np.linalg.norm(frame, axis=1), 1, atol=1e-12)
    coherence = teachers.report(frame, 0.1)["coherence"]
    assert np.isclose(coherence, limits.coherence_bound(*shape)[0], atol=1e-12)
    if make is not None:
        assert make(shape[1]).shape == shape


@pytest.mark.once
def test_known_sets_are_what_is_built_and_break_no_bound():
    built = 0
    for each in frames.known_sets(70):
        bound, _ = limits.coherence_bound(each.count, each.dim)
        assert each.coherence >= bound - 1e-12, each.name
        if each.make is not None:
            frame = each.make()
            assert frame.shape == (each.count, each.dim), each.name
            cosines = np.abs(frame @ frame.T) - 2 * np.eye(each.count)
            assert np.isclose(np.max(cosines), each.coherence, atol=1e-12), each.name
            built += 1
    assert built > 20
    found = limits.known_orthogonal_vectors(1 / 3, 23)
    assert found == (2300, "lines below Leech's lattice")
    assert frames.known_sets(10_001) == ()


@pytest.mark.once
def test_frames_that_are_not_known():
    assert frames.best_known(30, 10) is None
    for make, dim in ((frames.conference, 4), (frames.bent, 7), (frames.kerdock, 8)):
        with pytest.raises(ValueError, match="`dim` must be"):
            make(dim)
    with pytest.raises(ValueError, match="`num_restarts` must be at least 1 for 30"):
        LowCoherence(num_restarts=0).check(30, 10)


BEST_REAL_PACKINGS = {  # Sloane's tables of real packings; (dimensions, vectors)
    (3, 4): 1 / 3,
    (3, 6): 1 / math.sqrt(5),
    (4, 8): math.sqrt(1 - 0.828427124746189),
    (5, 10): 1 / 3,
    (6, 16): 1 / 3,
    (7, 14): 1 / math.sqrt(13),
    (7, 28): 1 / 3,
    (8, 28): math.sqrt(1 - 0.88892676602766),
}
QUICK = {(3, 6), (4, 8), (8, 28)}


@pytest.mark.parametrize(
    ("dim", "num_vectors"),
    [
        shape if shape in QUICK else pytest.param(*shape, marks=pytest.mark.long)
        for shape in BEST_REAL_PACKINGS
    ],
)
@pytest.mark.once
def test_descent_finds_the_best_packing(dim, num_vectors, key):
    teacher = LowCoherence(use_known=False)
    (vectors,) = draw(teacher, key[None], num_vectors, dim)
    best = BEST_REAL_PACKINGS[dim, num_vectors]
    assert teachers.report(vectors, 0.1)["coherence"] < 1.001 * best


def test_constructions_are_taken_where_they_are_better(key):
    keys = jax.random.split(key)
    first, second = draw(LowCoherence(2, 30), keys, 64, 16)
    for vectors in (first, second):
        assert np.isclose(teachers.report(vectors, 0.1)["coherence"], 0.25, atol=1e-6)
    (fewer,) = draw(LowCoherence(2, 30), key[None], 5, 9)
    assert teachers.report(fewer, 0.1)["coherence"] < 1e-6


# Files


VECTORS = np.random.default_rng(1).standard_normal((5, 3))


def write(path, array=VECTORS):
    if path.suffix == ".npy":
        np.save(path, array)
    elif path.suffix == ".npz":
        np.savez(path, vectors=array)
    elif path.suffix == ".safetensors":
        numpy = pytest.importorskip("safetensors.numpy")
        numpy.save_file({"vectors": np.ascontiguousarray(array)}, path)
    else:
        names = ",".join("abcde"[: array.shape[1]])
        np.savetxt(path, array, delimiter=",", header=names, comments="")
    return str(path)


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".csv", ".safetensors"])
def test_a_file_gives_its_vectors(suffix, tmp_path, key):
    units = VECTORS / np.linalg.norm(VECTORS, axis=1, keepdims=True)
    path = write(tmp_path / f"rows{suffix}")
    rows = FromFile(Path(path), choice="first")
    assert rows.size() == (5, 3)
    np.testing.assert_allclose(rows(key, 4, 3), VECTORS[:4], atol=1e-6)
    path = write(tmp_path / f"columns{suffix}", VECTORS.T)
    columns = FromFile(path, axis="columns", unit_rows=True)
    assert columns.size() == (5, 3)
    np.testing.assert_allclose(columns(key, 5, 3), units, atol=1e-6)
    few = columns(key, 2, 3)
    places = np.argmax(few @ units.T, axis=1)
    np.testing.assert_allclose(few, units[np.sort(places)], atol=1e-6)


@pytest.mark.parametrize("unit_rows", [False, True])
@pytest.mark.parametrize("centre", [False, True])
def test_an_array_gives_what_a_file_of_it_does(unit_rows, centre, tmp_path, key):
    options = {"unit_rows": unit_rows, "centre": centre}
    of_file = FromFile(write(tmp_path / "a.npy"), **options)
    of_array = FromArray(VECTORS, **options)
    assert np.array_equal(of_file(key, 3, 3), of_array(key, 3, 3))
    expected = VECTORS - centre * VECTORS.mean(axis=0)
    if unit_rows:
        expected = expected / np.linalg.norm(expected, axis=1, keepdims=True)
    np.testing.assert_allclose(of_array(key, 5, 3), expected, atol=1e-6)
    # A vector is the same in a smaller draw.
    found = np.asarray(of_array(key, 3, 3))
    gaps = np.abs(found[:, None] - expected[None]).max(axis=2).min(axis=1)
    assert np.all(gaps < 1e-6)


def test_arrays_of_every_sort_are_taken_and_copied(key):
    array = VECTORS.copy()
    teacher = FromArray(array)
    array[:] = 0
    np.testing.assert_allclose(teacher(key, 5, 3), VECTORS, atol=1e-6)
    same = FromArray(VECTORS), FromArray(VECTORS.tolist()), FromArray(teacher.vectors)
    for each in same:
        assert each == teacher
        assert hash(each) == hash(teacher)
    assert FromArray(2 * VECTORS) != teacher
    assert FromArray(jnp.asarray(VECTORS)).size() == (5, 3)
    noisy = teachers.Rotated(teachers.Noisy(teacher, 0.0))
    assert noisy.size() == (5, 3)
    lengths = np.linalg.norm(noisy(key, 5, 3), axis=1)
    np.testing.assert_allclose(lengths, np.linalg.norm(VECTORS, axis=1), rtol=1e-5)


def test_an_array_is_described_by_its_content_and_not_rebuilt():
    teacher = FromArray(VECTORS.astype(np.float32))
    data = simgeo.settings.describe(teacher)
    content = hashlib.sha256(VECTORS.astype(np.float32).tobytes()).hexdigest()
    assert data["digest"] == f"{content[:16]} 5x3 float32"
    assert "vectors" not in data
    with pytest.raises(ValueError, match="numpy.save` and use `FromFile`"):
        simgeo.settings.build(teachers.AbstractTeacher, data)
    with pytest.raises(ValueError, match="`digest` must be left out, or '.* 5x3 flo"):
        FromArray(VECTORS, digest=data["digest"])
    other = simgeo.settings.fingerprint(FromArray(VECTORS))
    assert simgeo.settings.fingerprint(teacher) != other


def broken(value, row=1):
    array = VECTORS.copy()
    array[row] = value
    return array


@pytest.mark.parametrize(
    ("name", "array", "message"),
    [
        ("a.npy", broken(np.nan), "finite numbers; .* 3 that are not, .* nan in row 1"),
        ("a.csv", broken(np.nan), "finite numbers; .* 3 that are not, .* nan in row 1"),
        ("a.npy", broken(np.inf), "finite numbers; .* inf in row 1, column 0"),
        ("a.npy", broken(0.0), "zero vectors, .* has 1, the first at place 1"),
        ("a.npy", VECTORS[0], r"of 2 axes; got shape \(3,\)"),
        ("a.npy", VECTORS[:0], r"must not be empty; .* shape \(0, 3\)"),
        ("a.npy", VECTORS.astype(complex), "real numbers; .* complex128"),
        ("a.npy", np.full((5, 3), "x"), "real numbers; .* <U1"),
        ("a.npy", VECTORS[:, :2], "`teacher_dim` must be 2, the width of .*; got 3"),
        (
            "a.npy",
            VECTORS[:2],
            "`num_vectors` must not exceed 2, the number of",
        ),
    ],
)
def test_unusable_files_are_refused(name, array, message, tmp_path):
    path = write(tmp_path / name, array)
    with pytest.raises(ValueError, match=message):
        FromFile(path).check(4, 3)
    if name.endswith("npy"):
        with pytest.raises(ValueError, match=message):
            FromArray(array).check(4, 3)


def test_unreadable_files_are_refused(tmp_path, monkeypatch):
    with pytest.raises(ValueError, match="file that can be read; got .*No such file"):
        FromFile(str(tmp_path / "none.npy"))
    text = tmp_path / "text.txt"
    text.write_text("1,2")
    with pytest.raises(ValueError, match="must end in .npy, .npz, .csv, .safetensors"):
        FromFile(str(text))
    for name, content in (("text.npy", b"1,2\n3,4\n"), ("array.npz", b"\x93NUMPY")):
        wrong = tmp_path / name
        wrong.write_bytes(content)
        with pytest.raises(ValueError, match="as the name says; the file starts") as no:
            FromFile(wrong).check(1, 1)
        assert "pickle" not in str(no.value)
    broken = tmp_path / "broken.npy"
    broken.write_bytes(b"\x93NUMPY and no more")
    with pytest.raises(ValueError, match="`path` must hold a readable matrix"):
        FromFile(str(broken)).check(1, 1)
    words = tmp_path / "words.csv"
    words.write_text("1,2\n3,four\n")
    with pytest.raises(ValueError, match="row 1, column 1 is 'four'"):
        FromFile(str(words)).check(1, 2)
    several = tmp_path / "several.npz"
    np.savez(several, a=VECTORS, b=VECTORS)
    with pytest.raises(ValueError, match="`name` must be one of a, b, got ''"):
        FromFile(str(several)).check(1, 3)
    FromFile(str(several), "b").check(5, 3)
    path = write(tmp_path / "large.npy")
    monkeypatch.setattr("simgeo.teachers._matrix_file._MOST_BYTES", 100)
    with pytest.raises(ValueError, match="must not be larger than"):
        FromFile(path)


def test_a_file_that_has_changed_is_refused(tmp_path):
    path = write(tmp_path / "vectors.npy")
    data = simgeo.settings.describe(FromFile(path))
    write(tmp_path / "vectors.npy", 2 * VECTORS)
    with pytest.raises(ValueError, match=f"must have the digest {data['digest']}"):
        simgeo.settings.build(teachers.AbstractTeacher, data).check(5, 3)


def test_patterns_and_grams_from_files(tmp_path, key):
    pattern = patterns.PatternFile(write(tmp_path / "pattern.npy", 1 - np.eye(4)))
    assert np.array_equal(pattern(key, 4), ~np.eye(4, dtype=bool))
    matrix = symmetric(4, 0.1)
    gram = grams.GramFile(write(tmp_path / "gram.csv", matrix))
    np.testing.assert_allclose(gram(key, 4), matrix, atol=1e-6)
    with pytest.raises(ValueError, match="a row for each of the 5 vectors; got 4"):
        gram.check(5, 5)
    with pytest.raises(ValueError, match="a row for each of the 5 vectors; got 4"):
        pattern.check(5)


@pytest.mark.parametrize(
    "nested",
    [
        OrthogonalPattern(patterns.PatternMatrix.of(np.ones((3, 3), bool))),
        OrthogonalPattern(patterns.StochasticBlocks(3, 0.2, 0.7), 0.2),
        FromGram(grams.GramMatrix.of(symmetric(3, 0.2))),
        FromGram(grams.Spectrum((2.0, 1.0))),
        teachers.Noisy(teachers.Concatenated((LowCoherence(), teachers.Gaussian()))),
    ],
    ids=repr,
)
def test_matrices_and_parts_survive_a_file_of_settings(nested):
    text = simgeo.settings.dump(nested)
    data = tomllib.loads(text)
    rebuilt = simgeo.settings.build(teachers.AbstractTeacher, data)
    assert simgeo.settings.describe(rebuilt) == simgeo.settings.describe(nested)


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


@pytest.mark.parametrize("bad", [0.0, np.nan, np.inf])
def test_a_report_of_a_row_without_a_direction_is_undefined(bad):
    vectors = np.random.default_rng(0).normal(size=(9, 4))
    vectors[3] = bad
    found = teachers.report(vectors, 0.1)
    assert found.pop("coherence_bound") == limits.coherence_bound(9, 4)[0]
    assert len(found) == 6
    assert all(np.isnan(value) for value in found.values())


@pytest.mark.parametrize("scale", [1e-200, 1e200])
def test_a_report_is_the_same_at_every_scale(scale):
    vectors = np.random.default_rng(0).normal(size=(9, 4))
    expected = teachers.report(vectors, 0.1)
    found = teachers.report(scale * vectors, 0.1)
    assert found == pytest.approx(expected, rel=1e-12)


# Refusals


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: OrthogonalPattern(epsilon=1.0),
            "`epsilon` must lie between 0 and 1, both",
        ),
        (
            lambda: OrthogonalPattern(cosine=0.0),
            "`cosine` must lie between 0 and 1, both",
        ),
        (lambda: patterns.Blocks(0), "`num_blocks` must be at least 1; got 0"),
        (lambda: patterns.Ring(0), "`num_neighbours` must be at least 1; got 0"),
        (
            lambda: patterns.RandomPairs(1.1),
            "`density` must lie between 0 and 1",
        ),
        (
            lambda: patterns.PatternMatrix(((False, True), (False, False))),
            "`rows` must be symmetric; got True at .* and False",
        ),
        (
            lambda: grams.Equicorrelated(2.0),
            "`cosine` must lie between -1 and 1",
        ),
        (lambda: grams.Equicorrelated(-0.5).check(4, 9), "at least -0.333333 for 4"),
        (
            lambda: grams.Spectrum(()),
            "`eigenvalues` must not be empty, nor all",
        ),
        (
            lambda: grams.Spectrum((1.0, -1.0)),
            "`eigenvalues` must be finite and not",
        ),
        (lambda: FromGram(grams.Spectrum()).check(9, 3), "got 4 for 9 vectors in 3"),
        (
            lambda: grams.GramMatrix(((1.0, 0.5),)),
            r"must be square; got shape \(1, 2\)",
        ),
        (lambda: grams.GramMatrix(((0.0,),)), "`rows` must have a positive diagonal"),
        (lambda: FromGram(num_steps=-1), "`num_steps` must be at least 0; got -1"),
        (lambda: LowCoherence(num_steps=0), "`num_steps` must be at least 1; got 0"),
        (lambda: LowCoherence(0, use_known=False), "`num_restarts` must be at least 1"),
        (lambda: teachers.Superposition(0), "`num_features` must be at least 1; got 0"),
        (
            lambda: teachers.Superposition(density=0.0),
            "`density` must be above 0 and",
        ),
        (
            lambda: teachers.Superposition(decay=-1.0),
            "`decay` must be finite and not",
        ),
        (lambda: teachers.Hierarchy((2,)), "`cosines` must be one for each of the 1"),
        (lambda: teachers.Hierarchy((2, 2), (0.5, 0.4)), "`cosines` must rise from 0"),
        (lambda: teachers.Hierarchy((2, 2), (0.5, 1.0)), "`cosines` must rise from 0"),
        (
            lambda: teachers.Hierarchy().check(15, 9),
            "have more leaves than there are ve.*; got 16",
        ),
        (lambda: teachers.Noisy(noise=-0.1), "`noise` must be finite and not negative"),
        (lambda: teachers.UnevenRows(spread=-0.1), "`spread` must be finite and not"),
        (lambda: teachers.Concatenated(()), "`teachers` must not be empty"),
        (
            lambda: teachers.Concatenated(shares=(1,)),
            "`shares` must be as many as `teachers`, or none; got 1 for 2",
        ),
        (lambda: teachers.Concatenated(shares=(1, 0)), "`shares` must be at least 1"),
        (
            lambda: OrthogonalFraction(1.5),
            "`fraction` must lie between 0 and 1",
        ),
        (lambda: OrthogonalFraction(float("nan")), "`fraction` must lie"),
        (
            lambda: OrthogonalFraction(epsilon=0.0),
            "`epsilon` must lie between 0 and 1, both",
        ),
        (lambda: OrthogonalFraction(num_steps=0), "`num_steps` must be at least 1"),
        (lambda: OrthogonalBlocks(num_blocks=0), "`num_blocks` must be at least 1"),
        (
            lambda: OrthogonalBlocks(cosine=1.0),
            "`cosine` must be at least 0 and below 1",
        ),
        (
            lambda: teachers.CommonMean(-0.1),
            "`cosine` must be at least 0 and below",
        ),
        (
            lambda: teachers.PowerLawSpectrum(-1.0),
            "`exponent` must be finite and",
        ),
        (lambda: teachers.Gaussian().check(0, 4), "`num_vectors` must be at least 1"),
        (
            lambda: teachers.Gaussian().check(4, 0),
            "`teacher_dim` must be at least 1",
        ),
        (lambda: OrthogonalFraction().check(1, 4), "`num_vectors` must be at least 2"),
        (
            lambda: OrthogonalBlocks(8).check(9, 15),
            "must not exceed 7, half of .*; got 8",
        ),
        (lambda: OrthogonalBlocks(8).check(7, 16), "`num_blocks` must not exceed"),
        (lambda: FromArray([[1.0], [2.0, 3.0]]), "rows of different lengths"),
        (lambda: FromArray(1e-20 * VECTORS).check(5, 3), "lengths between 1e-18 and"),
        (
            lambda: teachers.CommonMean().check(5, 1),
            "`teacher_dim` must be at least 2",
        ),
    ],
)
def test_malformed_requests_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


WRONG_TYPES = {
    "teachers.Noisy(teachers.Gaussian)": "`teacher` must be a teacher; got the class "
    "Gaussian. Write `Gaussian(...)`.",
    "teachers.Noisy('gaussian')": "`teacher` must be a teacher; got 'gaussian'. "
    "Write `Gaussian(...)`.",
    "teachers.Noisy('common-mean')": "`teacher` must be a teacher; got 'common-mean'. "
    "Write `CommonMean(...)`.",
    "teachers.Concatenated(('x',))": "`teachers.0` must be a teacher; got 'x'.",
    "teachers.FromGram('x')": "`gram` must be a gram; got 'x'.",
    "teachers.OrthogonalPattern('x')": "`pattern` must be a pattern; got 'x'.",
    "teachers.OrthogonalFraction('0.9')": "`fraction` must be a number; got '0.9'.",
    "teachers.LowCoherence(num_steps=2.5)": "`num_steps` must be a whole number; got "
    "2.5.",
    "teachers.Hierarchy(branching=4)": "`branching` must be a list; got 4.",
    "teachers.FromArray([[1.0]], unit_rows='no')": "`unit_rows` must be true or false; "
    "got 'no'.",
    "teachers.FromFile(3)": "`path` must be text; got 3.",
    "students.FreeRows(students.GaussianStart)": "`start` must be a start; got the "
    "class GaussianStart. Write `GaussianStart(...)`.",
    "students.UnitRows(len)": "`start` must be a start; got <built-in function len>.",
    "students.TruncatedSVD(centred=1)": "`centred` must be true or false; got 1.",
    "teachers.OrthogonalBlocks(np.int64(4), np.float32(0.1))": "",
}


@pytest.mark.once
def test_wrong_types_are_refused_in_words():
    """In another process, without the type checker of the tests, which comes first."""
    lines = ["import numpy as np", "from simgeo import students, teachers"]
    for call in WRONG_TYPES:
        lines += ["try:", f"    {call}; print()", "except ValueError as error:"]
        lines += ["    print(error)"]
    run = [sys.executable, "-c", "\n".join(lines)]
    found = subprocess.run(run, capture_output=True, text=True, cwd=ROOT)
    assert found.stdout.splitlines() == list(WRONG_TYPES.values()), found.stderr
