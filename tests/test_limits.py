"""Limits: known cases of equality, Monte Carlo, and optima against a naive descent."""

import math

import numpy as np
import pytest
from scipy.optimize import minimize

from simgeo import limits

RNG_SEED = 0


def units(num_vectors, dim, seed=RNG_SEED):
    draw = np.random.default_rng(seed).standard_normal((num_vectors, dim))
    return draw / np.linalg.norm(draw, axis=1, keepdims=True)


def uneven(num_vectors, dim, seed=RNG_SEED):
    """A teacher with a spectrum, a mean, and rows of different lengths."""
    draw = np.random.default_rng(seed).standard_normal((num_vectors, dim))
    return draw * np.arange(1, dim + 1) ** -0.5 + 0.4


def pair_cosines(vectors):
    return np.abs((vectors @ vectors.T)[np.triu_indices(len(vectors), 1)])


# Chance


@pytest.mark.parametrize("dim", [2, 3, 8, 64])
def test_random_fraction_and_its_spread_against_monte_carlo(dim):
    epsilon, n, draws = 0.2, 12, 4000
    rng = np.random.default_rng(1)
    sets = rng.standard_normal((draws, n, dim))
    sets /= np.linalg.norm(sets, axis=2, keepdims=True)
    rows, columns = np.triu_indices(n, 1)
    cosines = np.abs(sets @ sets.transpose(0, 2, 1))[:, rows, columns]
    found = np.mean(cosines <= epsilon, axis=1)
    spread = limits.random_fraction_spread(epsilon, dim, n)
    expected = limits.random_fraction(epsilon, dim)
    assert abs(found.mean() - expected) < 4 * spread / math.sqrt(draws)
    # A standard deviation from 4,000 draws is known to about 1 %.
    assert np.isclose(found.std(), spread, rtol=0.05)


def test_random_fraction_in_closed_forms():
    assert limits.random_fraction(0.3, 1) == 0.0
    assert limits.random_fraction(1.0, 1) == 1.0
    assert np.isclose(limits.random_fraction(0.3, 2), 2 / math.pi * math.asin(0.3))
    assert np.isclose(limits.random_fraction(0.3, 3), 0.3)  # Archimedes
    assert limits.random_fraction(2.0, 5) == 1.0
    assert math.isnan(limits.random_fraction_spread(0.1, 5, 1))


@pytest.mark.parametrize("student_dim", [2, 7])
def test_random_gram_error_against_monte_carlo(student_dim):
    teacher = uneven(10, 6)
    target = teacher / np.linalg.norm(teacher, axis=1, keepdims=True)
    target = target @ target.T
    rng = np.random.default_rng(2)
    sets = rng.standard_normal((20_000, 10, student_dim))
    sets /= np.linalg.norm(sets, axis=2, keepdims=True)
    squared = np.sum((sets @ sets.transpose(0, 2, 1) - target) ** 2, axis=(1, 2))
    found = math.sqrt(np.mean(squared)) / np.linalg.norm(target)
    # 20,000 draws whose squares spread by less than their mean: 0.5 %.
    assert np.isclose(found, limits.random_gram_error(teacher, student_dim), rtol=0.01)


# Coherence


@pytest.mark.parametrize(
    ("num_vectors", "dim", "expected"),
    [
        (4, 3, 1 / 3),  # simplex
        (6, 3, 1 / math.sqrt(5)),  # icosahedron
        (10, 5, 1 / 3),
        (16, 6, 1 / 3),
        (28, 7, 1 / 3),
        (14, 7, 1 / math.sqrt(13)),
        (12, 4, 1 / 2),  # Kerdock sets
        (144, 16, 1 / 4),
        (120, 8, 1 / 2),  # E8
        (9, 7, 1 / 5),
        (6, 4, 1 / 3),
    ],
)
def test_coherence_bound_where_it_is_attained(num_vectors, dim, expected):
    assert np.isclose(limits.coherence_bound(num_vectors, dim)[0], expected)


def test_coherence_bound_names_the_bound():
    assert limits.coherence_bound(5, 5) == (0.0, "orthonormal")
    assert limits.coherence_bound(6, 3)[1] == "welch"
    assert limits.coherence_bound(9, 7)[1] == "bukh_cox"
    assert limits.coherence_bound(3, 1) == (1.0, "welch")


def test_icosahedron_attains_the_bound_and_no_random_set_passes_any():
    golden = (1 + math.sqrt(5)) / 2
    corners = [(0, 1, golden), (0, 1, -golden)]
    lines = np.array([np.roll(c, k) for c in corners for k in range(3)])
    lines /= np.linalg.norm(lines, axis=1, keepdims=True)
    assert np.isclose(pair_cosines(lines).max(), limits.coherence_bound(6, 3)[0])
    for seed in range(20):
        for n, d in [(4, 2), (5, 3), (9, 4), (40, 6)]:
            best, _ = limits.coherence_bound(n, d)
            assert pair_cosines(units(n, d, seed)).max() >= best


def test_no_bound_exceeds_the_coherence_of_lines_in_the_plane():
    for n in range(3, 30):
        assert limits.coherence_bound(n, 2)[0] <= math.cos(math.pi / n) + 1e-12


# Counts


@pytest.mark.parametrize(
    ("epsilon", "dim", "count"),
    [
        (0.0, 5, 5),
        (0.1, 5, 5),
        (1 / 3, 3, 4),
        (1 / math.sqrt(5), 3, 6),
        (1 / 3, 7, 28),
        (0.5, 4, 12),
        (0.25, 16, 144),
        (0.125, 64, 2112),
        (0.5, 8, 120),
        (0.5, 2, 3),
        (0.95, 2, 9),
        (0.9, 1, 1),
    ],
)
def test_max_orthogonal_vectors_where_it_is_attained(epsilon, dim, count):
    assert limits.max_orthogonal_vectors(epsilon, dim)[0] == count


@pytest.mark.parametrize("dim", [2, 3, 5, 16, 100])
def test_counts_are_ordered_and_grow_with_epsilon(dim):
    before = dim
    for epsilon in [0.01, 0.1, 0.3, 0.5, 0.7, 0.9]:
        upper, _ = limits.max_orthogonal_vectors(epsilon, dim)
        lower = limits.guaranteed_orthogonal_vectors(epsilon, dim)
        assert dim <= lower <= upper
        assert upper >= before
        before = upper
    assert limits.max_orthogonal_vectors(1.0, dim) == (math.inf, "none")
    assert limits.guaranteed_orthogonal_vectors(1.0, dim) == math.inf


def test_delsarte_is_sharper_at_large_epsilon():
    assert limits.max_orthogonal_vectors(0.9, 3) == (35, "delsarte")


def test_greedy_sets_do_not_pass_the_bound():
    for epsilon, dim in [(0.5, 3), (0.7, 4), (0.85, 3)]:
        kept = np.zeros((0, dim))
        for candidate in units(3000, dim):
            if np.all(np.abs(kept @ candidate) <= epsilon):
                kept = np.vstack([kept, candidate])
        assert len(kept) <= limits.max_orthogonal_vectors(epsilon, dim)[0]


@pytest.mark.parametrize(
    ("dim", "fraction"), [(32, 0.9819), (64, 0.9975), (128, 1.0), (1, 0.0)]
)
def test_max_orthogonal_fraction_at_known_values(dim, fraction):
    found = limits.max_orthogonal_fraction(0.1, 256, dim)
    assert np.isclose(found, fraction, atol=5e-5)  # the values have four digits


@pytest.mark.parametrize("num_vectors", [5, 6, 7, 11, 12])
def test_repeated_orthonormal_vectors_attain_the_number_of_pairs(num_vectors):
    repeated = np.eye(5)[np.arange(num_vectors) % 5]
    count = int(np.sum(pair_cosines(repeated) <= 0.1))
    assert limits.max_orthogonal_pairs(0.1, num_vectors, 5) == count


def test_few_vectors_have_few_pairs():
    assert limits.max_orthogonal_pairs(0.1, 1, 4) == 0
    assert math.isnan(limits.max_orthogonal_fraction(0.1, 1, 4))
    assert limits.max_orthogonal_pairs(1.0, 9, 1) == 36


# Optima


def centre(vectors):
    return vectors - vectors.mean(axis=0)


def gram_distance(student, teacher):
    return np.sum((student @ student.T - teacher @ teacher.T) ** 2)


def procrustes(student, teacher):
    nuclear = np.linalg.svd(student.T @ teacher, compute_uv=False).sum()
    return np.sum(student**2) + np.sum(teacher**2) - 2 * nuclear


def normalised_procrustes(student, teacher):
    scaled = student / np.linalg.norm(student), teacher / np.linalg.norm(teacher)
    return procrustes(*scaled)


def projection(student, teacher):
    mapped = student @ np.linalg.lstsq(student, teacher, rcond=None)[0]
    return np.sum((teacher - mapped) ** 2) / len(teacher)


def alignment_loss(student, teacher):
    k, l = student @ student.T, teacher @ teacher.T
    return 1 - np.sum(k * l) / np.linalg.norm(k) / np.linalg.norm(l)


def centred(loss):
    return lambda student, teacher: loss(centre(student), centre(teacher))


CASES = {
    "gram": (gram_distance, limits.gram_optimum, {}),
    "gram centred": (centred(gram_distance), limits.gram_optimum, {"centred": True}),
    "procrustes": (procrustes, limits.procrustes_optimum, {}),
    "procrustes centred": (
        centred(procrustes),
        limits.procrustes_optimum,
        {"centred": True},
    ),
    "projection": (projection, limits.projection_optimum, {}),
    "normalised procrustes": (
        centred(normalised_procrustes),
        limits.normalised_procrustes_optimum,
        {},
    ),
    "normalised procrustes uncentred": (
        normalised_procrustes,
        limits.normalised_procrustes_optimum,
        {"centred": False},
    ),
    "cka": (centred(alignment_loss), limits.cka_optimum, {}),
    "kernel alignment": (alignment_loss, limits.cka_optimum, {"centred": False}),
}


@pytest.mark.parametrize("name", CASES)
def test_optimum_is_reached_by_descent_and_never_passed(name):
    loss, optimum, options = CASES[name]
    teacher, student_dim = uneven(7, 4), 2
    bound = optimum(teacher, student_dim, **options)
    found = [
        minimize(
            lambda flat: loss(flat.reshape(7, student_dim), teacher),
            np.random.default_rng(seed).standard_normal(7 * student_dim),
            method="L-BFGS-B",
        ).fun
        for seed in range(2)
    ]
    assert min(found) >= bound * (1 - 1e-9)
    assert min(found) <= bound * 1.001


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("student_dim", [1, 3, 4, 6])
def test_optimal_student_attains_the_optimum(name, student_dim):
    loss, optimum, options = CASES[name]
    teacher = uneven(9, 4)
    is_centred = options.get("centred", "normalised" in name or name == "cka")
    student = limits.optimal_student(teacher, student_dim, centred=is_centred)
    assert student.shape == (9, student_dim)
    expected = optimum(teacher, student_dim, **options)
    assert np.isclose(loss(student, teacher), expected, rtol=1e-9, atol=1e-9)
    if student_dim >= 4:
        assert expected < 1e-12


def test_more_dimensions_than_vectors():
    student = limits.optimal_student(uneven(3, 8), 5)
    assert student.shape == (3, 5)
    assert gram_distance(student, uneven(3, 8)) < 1e-20


def test_undefined_optima_are_nan():
    constant = np.ones((5, 3))
    assert math.isnan(limits.cka_optimum(constant, 2))
    assert math.isnan(limits.normalised_procrustes_optimum(constant, 2))
    assert limits.gram_optimum(constant, 2, centred=True) == 0.0


def test_unit_row_bound_is_tight_and_above_the_free_one():
    teacher, student_dim = uneven(12, 6), 3
    target = teacher / np.linalg.norm(teacher, axis=1, keepdims=True)

    def loss(flat):
        student = flat.reshape(12, student_dim)
        student = student / np.linalg.norm(student, axis=1, keepdims=True)
        return gram_distance(student, target)

    found = [
        minimize(loss, np.random.default_rng(seed).standard_normal(36)).fun
        for seed in range(4)
    ]
    bound = limits.unit_row_gram_bound(teacher, student_dim)
    assert limits.gram_optimum(target, student_dim) <= bound <= min(found)
    assert min(found) <= 1.02 * bound  # the duality gap
    assert limits.unit_row_gram_bound(teacher, 6) == 0.0


def test_unit_row_bound_of_orthonormal_vectors_is_that_of_a_tight_frame():
    assert np.isclose(limits.unit_row_gram_bound(np.eye(9), 3), 9**2 / 3 - 9)


# Refusals


def test_malformed_arguments_are_refused():
    with pytest.raises(ValueError, match="`epsilon` must not be negative; got -0.1"):
        limits.random_fraction(-0.1, 4)
    with pytest.raises(ValueError, match="`dim` must be at least 1; got 0"):
        limits.max_orthogonal_vectors(0.1, 0)
    with pytest.raises(ValueError, match="`student_dim` must be at least 1; got 0"):
        limits.gram_optimum(np.eye(3), 0)
    with pytest.raises(ValueError, match="`num_vectors` must be at least 1; got 0"):
        limits.coherence_bound(0, 3)
