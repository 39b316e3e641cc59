"""Limits: known cases of equality, Monte Carlo, and optima against a naive descent."""

import itertools
import math
import re
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from simgeo import cli, limits
from simgeo.limits._polynomials import delsarte_count, levenshtein_count

pytestmark = pytest.mark.once

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


# Chance of other kinds


def test_random_pairs_are_the_fraction_times_the_pairs():
    mean, spread = limits.random_pairs(0.2, 30, 9)
    assert np.isclose(mean, 435 * limits.random_fraction(0.2, 9))
    assert np.isclose(spread, 435 * limits.random_fraction_spread(0.2, 9, 30))
    assert limits.random_pairs(0.2, 1, 9) == (0.0, 0.0)


@pytest.mark.parametrize("dim", [2, 5, 32])
def test_random_coherence_is_just_above_the_median(dim):
    found = [pair_cosines(units(40, dim, seed)).max() for seed in range(400)]
    bound = limits.random_coherence(40, dim)
    # Below the median's position 0.5 by three deviations of 400 draws, and not far.
    assert 0.425 < np.mean(np.array(found) <= bound) < 0.75
    assert limits.random_coherence(5, 1) == 1.0
    assert math.isnan(limits.random_coherence(1, 5))


# Sets that are known


def kerdock_16():
    """Real mutually unbiased bases: rows of the Sylvester matrix times bent functions.

    x'Qx for a space of alternating forms whose differences are all regular.
    """
    bits = np.array([[x >> i & 1 for i in range(4)] for x in range(16)])
    upper = [(i, j) for i in range(4) for j in range(i + 1, 4)]
    forms = []
    for chosen in range(64):
        form = np.zeros((4, 4), int)
        for k, (i, j) in enumerate(upper):
            form[i, j] = form[j, i] = chosen >> k & 1
        pfaffian = form[0, 1] * form[2, 3] + form[0, 2] * form[1, 3]
        forms.append((form, (pfaffian + form[0, 3] * form[1, 2]) % 2))
    regular = {form.tobytes() for form, pfaffian in forms if pfaffian}

    def extend(kept, rest):
        if len(kept) == 8:
            return kept
        for i, form in enumerate(rest):
            if all(((form + other) % 2).tobytes() in regular for other in kept):
                found = extend([*kept, form], rest[i + 1 :])
                if found:
                    return found
        return None

    kept = extend([np.zeros((4, 4), int)], [form for form, odd in forms if odd])
    signs = (-1.0) ** (bits @ bits.T) / 4
    bases = [np.eye(16)]
    for form in kept:
        quadratic = np.sum(bits @ np.triu(form) * bits, axis=1)
        bases.append(signs * (-1.0) ** quadratic)
    return np.concatenate(bases)


def paley(q):
    """Conference frame of q + 1 lines from the eigenspace of a conference matrix."""
    squares = {x * x % q for x in range(1, q)}
    core = [
        [0 if i == j else 1 if (i - j) % q in squares else -1 for j in range(q)]
        for i in range(q)
    ]
    conference = np.ones((q + 1, q + 1))
    conference[1:, 1:] = core
    conference[0, 0] = 0
    _, vectors = np.linalg.eigh(conference)
    frame = vectors[:, (q + 1) // 2 :]
    return frame / np.linalg.norm(frame, axis=1, keepdims=True)


def polynomials(p, degree):
    points = np.arange(p)
    coefficients = np.stack(
        np.meshgrid(*[points] * (degree + 1), indexing="ij"), axis=-1
    ).reshape(-1, degree + 1)
    values = coefficients @ points[None, :] ** np.arange(degree + 1)[:, None] % p
    rows = np.eye(p)[values].reshape(len(values), p * p)
    if degree == 1:
        vertical = np.repeat(np.eye(p), p, axis=1)
        rows = np.concatenate([rows, vertical])
    return rows / math.sqrt(p)


def e8():
    roots = [
        np.eye(8)[i] + sign * np.eye(8)[j]
        for i in range(8)
        for j in range(i)
        for sign in (1, -1)
    ]
    signs = np.array(np.meshgrid(*[[1, -1]] * 8)).reshape(8, -1).T
    even = signs[(signs.prod(axis=1) == 1) & (signs[:, 0] == 1)]
    return np.concatenate([roots, even / 2]) / math.sqrt(2)


@pytest.mark.parametrize(
    ("vectors", "count"),
    [
        (kerdock_16(), 144),
        (paley(5), 6),
        (paley(13), 14),
        (paley(29), 30),
        (polynomials(3, 1), 12),
        (polynomials(5, 1), 30),
        (polynomials(5, 2), 125),
        (polynomials(7, 3), 2401),
        (e8(), 120),
    ],
    ids=lambda value: str(np.shape(value)) if np.ndim(value) else str(value),
)
def test_known_sets_exist(vectors, count):
    assert len(vectors) == count
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1)
    epsilon = pair_cosines(vectors).max() + 1e-12
    dim = vectors.shape[1]
    assert limits.known_orthogonal_vectors(epsilon, dim)[0] >= count
    assert limits.known_coherence(count, dim)[0] <= epsilon


@pytest.mark.parametrize(
    ("epsilon", "dim", "count"),
    [
        (0.01, 64, 64),
        (0.01, 1, 1),
        (1 / 3, 3, 4),
        (1 / math.sqrt(5), 3, 6),
        (1 / 3, 5, 10),
        (1 / 3, 6, 16),
        (1 / 3, 7, 28),
        (1 / 5, 23, 276),
        (1 / 3, 23, 2300),
        (0.5, 4, 12),
        (0.25, 16, 144),
        (0.125, 64, 2112),
        (0.5, 7, 63),
        (0.5, 8, 120),
        (0.5, 24, 98_280),
        (0.95, 2, 9),
    ],
)
def test_known_sets_that_are_largest(epsilon, dim, count):
    assert limits.known_orthogonal_vectors(epsilon, dim)[0] == count
    assert limits.max_orthogonal_vectors(epsilon, dim)[0] == count


@pytest.mark.parametrize("dim", [2, 3, 4, 7, 8, 16, 23, 24, 25, 64, 100, 289, 1024])
def test_no_known_set_passes_a_bound(dim):
    before = 0
    for epsilon in [0.0, 0.03, 1 / 17, 0.1, 0.125, 0.2, 1 / 3, 0.45, 0.5, 0.7, 0.95]:
        known, name = limits.known_orthogonal_vectors(epsilon, dim)
        for bound in limits.count_bounds(epsilon, dim).values():
            assert known <= bound, (name, epsilon)
        assert known >= max(before, dim)
        before = known
    for num_vectors in [dim + 1, dim + 2, 2 * dim, dim**2, 3 * dim**2]:
        known, name = limits.known_coherence(num_vectors, dim)
        assert known >= limits.coherence_bound(num_vectors, dim)[0] - 1e-12, name
        assert known >= limits.packing(num_vectors, dim)[0] - 1e-12, name


def test_known_sets_say_what_they_are():
    assert limits.known_orthogonal_vectors(0.125, 64) == (2112, "Kerdock set in 64")
    assert limits.known_orthogonal_vectors(0.125, 129)[1] == (
        "orthonormal + 2 x Kerdock set in 64"
    )
    assert limits.known_orthogonal_vectors(1.0, 3) == (math.inf, "any")
    assert limits.known_coherence(3, 3) == (0.0, "orthonormal")
    assert limits.known_coherence(2112, 64)[0] == 0.125
    assert limits.known_coherence(5, 4)[0] == 0.25
    assert limits.known_coherence(200, 3)[1] == "random vectors"


# Bounds on counts, one by one


@pytest.mark.parametrize("dim", [3, 4, 7, 12, 24])
def test_levenshtein_rises_and_the_programme_does_not_pass_it(dim):
    grid = np.linspace(0.02, 0.8, 60)
    universal = np.array([levenshtein_count(float(e), dim) for e in grid])
    assert np.all(np.diff(universal) > 0)
    # The programme is the best polynomial, to what its grid and its solver leave,
    # which is much for numbers of many digits.
    few = universal < 1e4
    assert few.any()
    programme = np.array([delsarte_count(float(e), dim) for e in grid[few]])
    assert np.all(programme <= universal[few] * (1 + 1e-3))


def exact_levenshtein(epsilon, dim, k, e):
    """The polynomial of that level in u = t^2, in fractions, and what it proves."""

    def times(a, b):
        product = [Fraction(0)] * (len(a) + len(b) - 1)
        for (i, x), (j, y) in itertools.product(enumerate(a), enumerate(b)):
            product[i + j] += x * y
        return product

    def at(polynomial, u):
        return sum(x * u**i for i, x in enumerate(polynomial))

    moments = [Fraction(1)]
    for i in range(6 * k + 8):
        moments.append(moments[-1] * Fraction(1 + 2 * i, dim + 2 * i))

    def orthogonal(weight, num):
        found = []
        for degree in range(num):
            p = [Fraction(0)] * degree + [Fraction(1)]
            for q, norm in found:
                part = mean(times(times(p, q), weight)) / norm
                p = [x - part * y for x, y in itertools.zip_longest(p, q, fillvalue=0)]
            found.append((p, mean(times(times(p, p), weight))))
        return found

    def mean(polynomial):
        return sum(x * moments[i] for i, x in enumerate(polynomial))

    one, u = [Fraction(1)], [Fraction(0), Fraction(1)]
    factor = u if e else one
    kernel = [Fraction(0)] * k
    for p, norm in orthogonal(times([Fraction(1), Fraction(-1)], factor), k):
        for i, x in enumerate(p):
            kernel[i] += at(p, epsilon**2) / norm * x
    f = times(times([-(epsilon**2), Fraction(1)], times(kernel, kernel)), factor)
    parts = [mean(times(f, q)) / norm * at(q, 1) for q, norm in orthogonal(one, len(f))]
    return at(f, 1) / parts[0], parts


@pytest.mark.parametrize(
    ("epsilon", "dim", "k", "e"),
    [
        (Fraction(1, 10), 64, 1, 0),
        (Fraction(1, 10), 128, 1, 1),
        (Fraction(1, 10), 512, 2, 0),
        (Fraction(1, 10), 1024, 3, 0),
        (Fraction(3, 10), 128, 3, 1),
        (Fraction(1, 2), 24, 2, 1),
        (Fraction(9, 10), 4, 4, 0),
    ],
)
def test_levenshtein_in_fractions(epsilon, dim, k, e):
    proven, parts = exact_levenshtein(epsilon, dim, k, e)
    assert all(part >= 0 for part in parts)  # positive definite: the bound holds
    assert np.isclose(levenshtein_count(float(epsilon), dim), float(proven), rtol=1e-11)


@pytest.mark.parametrize("dim", [3, 5, 16])
def test_levenshtein_of_low_degree_is_in_closed_form(dim):
    for e in [0.3 / math.sqrt(dim), 0.9 / math.sqrt(dim + 2)]:
        welch = (1 - e**2) / (1 / dim - e**2)
        assert np.isclose(levenshtein_count(e, dim), welch)
    e = 1.3 / math.sqrt(dim + 3)
    second = dim * (dim + 2) * (1 - e**2) / (3 - (dim + 2) * e**2)
    assert np.isclose(levenshtein_count(e, dim), second)


def test_count_bounds_are_copies_and_leave_out_what_says_nothing():
    limits.count_bounds(0.5, 4).clear()
    assert limits.count_bounds(0.5, 4)["levenshtein"] == 12
    assert "simplex" not in limits.count_bounds(0.5, 4)
    assert limits.count_bounds(1.0, 4) == {}


@pytest.mark.parametrize("dim", [2, 10, 1000, 100_000])
@pytest.mark.parametrize("epsilon", [0.0, 1e-6, 0.1, 0.3, 0.9, 0.999999])
def test_bounds_stay_finite_or_silent_at_extreme_values(epsilon, dim):
    upper, _ = limits.max_orthogonal_vectors(epsilon, dim)
    assert dim <= limits.guaranteed_orthogonal_vectors(epsilon, dim) <= upper


@pytest.mark.parametrize(
    ("num_vectors", "dim"), [(28, 7), (144, 16), (120, 8), (2300, 23), (9, 2), (6, 3)]
)
def test_packing_is_attained(num_vectors, dim):
    bound, _ = limits.packing(num_vectors, dim)
    known, _ = limits.known_coherence(num_vectors, dim)
    assert known - 2e-6 <= bound <= known


def test_packing_is_sharper_than_closed_forms_far_above_the_dimension():
    assert limits.packing(40, 3)[0] > limits.coherence_bound(40, 3)[0] + 0.01
    assert limits.packing(4, 4) == (0.0, "orthonormal")
    assert limits.packing(3, 1) == (1.0, "simplex")


@pytest.mark.parametrize(
    ("epsilon", "num_vectors"), [(0.1, 256), (1 / 3, 28), (0.0, 5)]
)
def test_min_dim_is_the_first_dimension_that_is_not_excluded(epsilon, num_vectors):
    first = next(
        dim
        for dim in range(1, num_vectors + 1)
        if limits.max_orthogonal_vectors(epsilon, dim)[0] >= num_vectors
    )
    assert limits.min_dim(epsilon, num_vectors) == first


@pytest.mark.parametrize("clique", [1, 2, 3, 4, 5, 6])
def test_turan_against_all_graphs_of_five_vertices(clique):
    pairs = list(itertools.combinations(range(5), 2))
    groups = list(itertools.combinations(range(5), clique + 1))
    most = 0
    for code in range(2 ** len(pairs)):
        edges = {pair for k, pair in enumerate(pairs) if code >> k & 1}
        if len(edges) > most and not any(
            edges.issuperset(itertools.combinations(group, 2)) for group in groups
        ):
            most = len(edges)
    assert limits.turan(5, clique) == most


def test_unit_row_procrustes_bound_is_reached_for_even_teachers_only():
    def best(teacher, student_dim):
        def loss(flat):
            student = flat.reshape(len(teacher), student_dim)
            lengths = np.linalg.norm(student, axis=1, keepdims=True)
            return procrustes(student / lengths, teacher)

        starts = [units(len(teacher), student_dim, seed).ravel() for seed in range(3)]
        return min(minimize(loss, start).fun for start in starts)

    even = units(1, 4)[0] * np.ones((5, 1))  # one direction: its lengths are equal
    assert np.isclose(
        best(even, 2), limits.unit_row_procrustes_bound(even, 2), atol=1e-6
    )
    teacher = uneven(8, 5)
    bound = limits.unit_row_procrustes_bound(teacher, 2)
    assert limits.procrustes_optimum(teacher, 2) <= bound <= best(teacher, 2)


# The table


def row(limits_found, quantity, kind=None):
    for found in limits_found:
        if found.quantity.strip() == quantity and kind in (None, found.kind):
            return found
    raise AssertionError(f"no row {quantity} {kind}")


@pytest.mark.parametrize("num_vectors", [2, 3, 28, 256])
@pytest.mark.parametrize("dim", [1, 2, 7, 64])
def test_summary_has_bounds_in_order_and_says_what_is_exact(num_vectors, dim):
    found = limits.summary(num_vectors, dim, 0.2)
    assert {limit.kind for limit in found} <= {
        "exact",
        "lower bound",
        "upper bound",
        "expectation",
    }
    assert all(limit.source and not math.isnan(limit.value) for limit in found)
    for quantity in ("pairs", "fraction", "largest set", "coherence"):
        of_it = {
            limit.kind: limit.value for limit in found if limit.quantity == quantity
        }
        if "exact" in of_it:
            assert len(of_it) == 1
        else:
            assert of_it["lower bound"] < of_it["upper bound"]


def test_summary_of_a_kerdock_set_is_exact():
    found = limits.summary(2112, 64, 0.125)
    assert row(found, "largest set")[2:4] == (2112, "exact")
    assert row(found, "coherence")[2:4] == (0.125, "exact")
    assert row(found, "fraction")[2:4] == (1.0, "exact")


@pytest.mark.parametrize("student_dim", [1, 2, 3])
def test_summary_has_the_optima_of_a_tight_frame(student_dim):
    golden = (1 + math.sqrt(5)) / 2
    corners = [(0, 1, golden), (0, 1, -golden)]
    half = np.array([np.roll(c, k) for c in corners for k in range(3)])
    frame = np.concatenate([half, -half])  # the mean is zero
    frame /= np.linalg.norm(frame, axis=1, keepdims=True)
    found = limits.summary(12, 3, 0.2, student_dim)
    for quantity, optimum in [
        ("CKA", limits.cka_optimum),
        ("Procrustes", limits.procrustes_optimum),
        ("Procrustes, centred and normalised", limits.normalised_procrustes_optimum),
        ("learned projection", limits.projection_optimum),
        ("Gram matrix", limits.gram_optimum),
        ("Gram matrix, unit rows", limits.unit_row_gram_bound),
        ("Procrustes, unit rows", limits.unit_row_procrustes_bound),
        ("|K - L| / |K|, random student", limits.random_gram_error),
    ]:
        expected = optimum(frame, student_dim)
        assert np.isclose(row(found, quantity).value, expected, atol=1e-9), quantity


def test_command_prints_one_table_and_marks_the_rows(capsys):
    assert cli.main("limits --n 256 --d 64 --epsilon 0.1".split()) == 0
    text = capsys.readouterr().out
    lines = text.splitlines()
    assert any("0.571973  expectation" in line for line in lines)
    assert any("0.997549  upper bound  Turan (1941)" in line for line in lines)
    assert any("CKA" in line and "= " in line and "exact" in line for line in lines)
    assert max(map(len, lines)) <= 120
    assert "nan" not in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("--n 1 --d 4 --epsilon 0.1", "`--n` must be at least 2"),
        ("--n 9 --d 0 --epsilon 0.1", "`--d` must be at least 1; got 0"),
        ("--n 9 --d 4 --epsilon 1", "`--epsilon` must be below 1"),
        ("--n 9 --d 4 --epsilon nan", "`--epsilon` must not be negative; got nan"),
        ("--n 9 --d 4 --epsilon 0.1 --m 0", "`--m` must be at least 1; got 0"),
        ("--n nine --d 4 --epsilon 0.1", "argument --n: invalid int value: 'nine'"),
        ("--n 9 --dd 4", "'--dd' is no flag. Did you mean '--d'?"),
        ("--n 9", "the following arguments are required: --d, --epsilon"),
        ("--n 9 --d 4 --epsilon 0.1 --k 3", "'--k' is no flag."),
    ],
)
def test_command_refuses_bad_values_in_one_line(arguments, message, capsys):
    assert cli.main(["limits", *arguments.split()]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


# Absurd numbers

COUNTS = st.one_of(st.integers(-1, 300), st.sampled_from([10**6, 10**18, 10**101]))
EPSILONS = st.one_of(
    st.floats(0, 1.5),
    st.sampled_from([5e-324, 1e-320, 1 - 1e-12, 1 - 1e-16, -1.0, math.nan, math.inf]),
)


@settings(max_examples=60, deadline=None)
@given(COUNTS, COUNTS, EPSILONS, st.one_of(st.none(), COUNTS))
@example(9, 4, 1e-320, None)
@example(10**18, 10**18, 1e-320, 1)
@example(2, 1, 1 - 1e-16, 10**18)
@example(10**18, 2, 0.0, None)
@example(10**18, 3, 0.5, None)
def test_any_numbers_have_limits_or_a_refusal_in_one_line(n, dim, epsilon, width):
    try:
        found = limits.summary(n, dim, epsilon, width)
    except ValueError as error:
        message = str(error)
    else:
        message = ""
    if message:
        assert re.fullmatch(r"`\w+` must .*; got .*\.", message)
        return
    assert limits.table(found).count("\n") >= len(found)
    assert not any(math.isnan(each.value) for each in found)
    for quantity in ("pairs", "fraction", "largest set", "coherence"):
        values = [each.value for each in found if each.quantity == quantity]
        assert 1 <= len(values) <= 2
        assert values == sorted(values, reverse=True), "upper bounds come first"


@pytest.mark.parametrize("dim", [20_000, 10**12, 10**18])
def test_simplices_are_known_in_very_many_dimensions(dim):
    """Beyond what is tabled, and no bound contradicts them."""
    for sides in (100, 15_000):
        count, name = limits.known_orthogonal_vectors(1 / sides, dim)
        if name != "covering":
            assert (count, name) == (dim + dim // sides, f"{dim // sides} x simplex")
        assert count <= limits.max_orthogonal_vectors(1 / sides, dim)[0]
    assert limits.known_coherence(dim + 1, dim) == (1 / dim, "1 x simplex")


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
