"""The battery against naive loops and scikit-learn, and where it is undefined."""

import itertools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn import metrics
from sklearn.linear_model import LinearRegression

from simgeo import measures
from simgeo.linalg import centre, cosines, squared_norm
from simgeo.objectives import CKA, FeatureGram, LinearProjection, Procrustes

TOLERANCE = 1e-10 if jax.config.read("jax_enable_x64") else 2e-5
EPSILON = 0.3
NUM_VECTORS, TEACHER_DIM = 12, 6
WIDTHS = (3, 6, 9)
COUNTS = [
    name for name, measure in measures.MEASURES.items() if measure.bounds == "count"
]

battery = jax.jit(measures.battery)
unblocked = jax.jit(measures._over_pairs)


def _draw(width, seed=0, num_vectors=NUM_VECTORS):
    """Student and teacher with common means, rounded to the precision under test."""
    rng = np.random.default_rng([seed, width])
    student = rng.standard_normal((num_vectors, width)) + 0.3
    teacher = rng.standard_normal((num_vectors, TEACHER_DIM))
    teacher[:, :3] += 0.5 * student[:, :3]
    return [np.array(jnp.asarray(vectors, float)) for vectors in (student, teacher)]


def _cosines(vectors):
    """Pair by pair, in float64, a zero row orthogonal to all."""
    vectors = vectors.astype(np.float64)
    found = np.zeros((len(vectors), len(vectors)))
    for i, j in itertools.product(range(len(vectors)), repeat=2):
        lengths = math.hypot(*vectors[i]) * math.hypot(*vectors[j])
        found[i, j] = math.fsum(vectors[i] * vectors[j]) / lengths if lengths else 0.0
    return found


def _alignment(student, teacher):
    kernels = student @ student.T, teacher @ teacher.T
    norms = [np.linalg.norm(kernel) for kernel in kernels]
    return np.sum(kernels[0] * kernels[1]) / np.prod(norms)


def _r2(inputs, targets):
    fitted = LinearRegression().fit(inputs, targets).predict(inputs)
    return metrics.r2_score(targets, fitted, multioutput="variance_weighted")


def _naive(student, teacher, epsilon):
    mine, theirs = _cosines(student), _cosines(teacher)
    above = np.triu_indices(len(mine), 1)
    patterns = [np.abs(cosines[above]) <= epsilon for cosines in (theirs, mine)]
    gaps = [
        np.abs(np.abs(cosines[above]) - epsilon).min() for cosines in (theirs, mine)
    ]
    assert min(gaps) > 1e-6, "no pair may hang on rounding"
    isolated = [
        sum(
            all(abs(row[j]) <= epsilon for j in range(len(row)) if j != i)
            for i, row in enumerate(cosines)
        )
        for cosines in (mine, theirs)
    ]
    student, teacher = student.astype(np.float64), teacher.astype(np.float64)
    centred = student - student.mean(axis=0), teacher - teacher.mean(axis=0)
    norms = [np.linalg.norm(side) for side in centred]
    eigenvalues = np.linalg.eigvalsh(student @ student.T)
    return {
        "pairs_student": patterns[1].sum(),
        "pairs_teacher": patterns[0].sum(),
        "pairs_both": (patterns[0] & patterns[1]).sum(),
        "fraction_student": patterns[1].mean(),
        "fraction_teacher": patterns[0].mean(),
        "pattern_recall": metrics.recall_score(*patterns),
        "pattern_precision": metrics.precision_score(*patterns),
        "matthews": metrics.matthews_corrcoef(*patterns),
        "isolated_student": isolated[0],
        "isolated_teacher": isolated[1],
        "gram_error": np.linalg.norm(theirs - mine) / np.linalg.norm(theirs),
        "cosine_correlation": np.corrcoef(mine[above], theirs[above])[0, 1],
        "cka": _alignment(*centred),
        "cka_uncentred": _alignment(student, teacher),
        "procrustes_similarity": np.linalg.norm(centred[0].T @ centred[1], "nuc")
        / np.prod(norms),
        "r2_of_teacher": _r2(student, teacher),
        "r2_of_student": _r2(teacher, student),
        "coherence": np.abs(mine[above]).max(),
        "effective_rank": eigenvalues.sum() ** 2 / np.sum(eigenvalues**2),
    }


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("change", ["none", "zero row"])
def test_every_measure_agrees_with_a_naive_one(width, change):
    student, teacher = _draw(width)
    if change == "zero row":
        student[3], teacher[5] = 0, 0
    found = battery(student, teacher, EPSILON)
    expected = _naive(student, teacher, EPSILON)
    assert set(found) == set(measures.MEASURES) == set(expected)
    for name, value in found.items():
        if name in COUNTS:
            assert int(value) == expected[name], name
        else:
            assert np.isclose(value, expected[name], rtol=0, atol=TOLERANCE), name


@pytest.mark.parametrize("width", [6, 9])
def test_a_student_that_keeps_all_has_the_best_of_every_measure(width):
    _, teacher = _draw(width)
    rotation, _ = np.linalg.qr(np.random.default_rng(0).standard_normal((width, width)))
    student = (teacher @ rotation[:TEACHER_DIM]).astype(teacher.dtype)
    found = battery(student, teacher, EPSILON)
    for name, measure in measures.MEASURES.items():
        if measure.better == "higher" and measure.bounds != "count":
            assert np.isclose(found[name], 1, atol=TOLERANCE), name
    assert found["gram_error"] < 1e-3  # the root of rounding
    assert found["pairs_both"] == found["pairs_teacher"] == found["pairs_student"]
    assert found["isolated_student"] == found["isolated_teacher"]


def test_a_root_that_is_known_changes_nothing():
    student, teacher = _draw(6)
    found = battery(student, teacher, EPSILON)
    root = measures.root_of(jnp.asarray(teacher))
    again = jax.jit(measures.battery)(student, teacher, EPSILON, root)
    for name, value in found.items():
        assert np.isclose(again[name], value, rtol=0, atol=TOLERANCE), name


# Of 9 vectors: one block that is larger or full, two with 7 of 16 to fill, 3, and 9.
@pytest.mark.parametrize("side", [10, 9, 8, 3, 1])
def test_blocks_change_no_count(side, monkeypatch):
    vectors = _draw(3, seed=1, num_vectors=9)
    student, teacher = (jnp.asarray(side) for side in vectors)
    whole = unblocked(student, teacher, EPSILON)
    monkeypatch.setattr(measures, "_BLOCK_ENTRIES", side**2)
    blocked = jax.jit(lambda *sides: measures._over_pairs(*sides))
    blocks = blocked(student, teacher, EPSILON)
    for name, expected, found in zip(whole._fields, whole, blocks, strict=True):
        atol = TOLERANCE if jnp.issubdtype(expected.dtype, jnp.floating) else 0
        assert np.allclose(found, expected, rtol=0, atol=atol), name
    naive = _naive(*vectors, EPSILON)
    counts = measures.count_pairs(student, teacher, EPSILON)
    expected = [naive[f"pairs_{name}"] for name in ("student", "teacher", "both")]
    assert counts == (*expected, math.comb(9, 2))
    assert all(type(count) is int for count in counts)


def test_counts_beyond_32_bits_do_not_wrap(monkeypatch):
    num_vectors = 50_000  # all pairs of them twice are 2.5e9, above 2^31
    full = jnp.full(num_vectors, num_vectors - 1, jnp.int32)
    none = jnp.zeros(num_vectors)
    rows = measures._Rows(full, full, full, *6 * (none,))
    monkeypatch.setattr(measures, "_over_pairs", lambda *_: rows)
    vectors = jnp.ones((num_vectors, 1))
    total = num_vectors * (num_vectors - 1) // 2
    assert measures.count_pairs(vectors, vectors, EPSILON) == 4 * (total,)
    found = jax.jit(lambda *sides: measures.battery(*sides, EPSILON))(vectors, vectors)
    assert np.isclose(found["pairs_both"], total, rtol=1e-6)
    assert np.isclose(found["fraction_student"], 1, rtol=1e-6)


UNDEFINED = {
    "pattern_recall": {"neither", "student"},
    "pattern_precision": {"neither", "teacher"},
    "matthews": {"neither", "student", "teacher", "both"},
    "cosine_correlation": {"neither", "student", "teacher", "both"},
}


@pytest.mark.parametrize("orthogonal", ["neither", "student", "teacher", "both"])
def test_a_constant_pattern_has_no_agreement(orthogonal):
    same, different = np.ones((4, 4)), np.eye(4)
    student = different if orthogonal in ("student", "both") else same
    teacher = different if orthogonal in ("teacher", "both") else same
    sides = [jnp.asarray(side, float) for side in (student, teacher)]
    found = battery(*sides, EPSILON)
    for name, undefined in UNDEFINED.items():
        assert np.isnan(found[name]) == (orthogonal in undefined), name
    others = found.keys() - UNDEFINED.keys()
    # Equal rows have no spread, so nothing that centres says anything of them.
    centred = {"cka", "procrustes_similarity", "r2_of_teacher", "r2_of_student"}
    defined = others - centred if orthogonal != "both" else others
    assert all(np.isfinite(found[name]) for name in defined)
    if orthogonal == "student":
        assert np.isnan(found["cka"])
        assert np.isnan(found["procrustes_similarity"])
        assert np.isnan(found["r2_of_teacher"])
        assert found["r2_of_student"] == 0


def test_a_student_of_zeros_has_nan_where_nothing_can_be_said():
    _, teacher = _draw(6)
    found = battery(np.zeros_like(teacher), teacher, EPSILON)
    assert found["pairs_student"] == math.comb(NUM_VECTORS, 2)
    assert found["isolated_student"] == NUM_VECTORS
    assert np.isclose(found["gram_error"], 1)
    assert found["coherence"] == 0
    assert abs(found["r2_of_teacher"]) < TOLERANCE
    assert {name for name, value in found.items() if np.isnan(value)} == {
        "matthews",
        "cosine_correlation",
        "cka",
        "cka_uncentred",
        "procrustes_similarity",
        "r2_of_student",
        "effective_rank",
    }


def test_measures_are_tied_to_the_objectives():
    student, teacher = _draw(3, seed=2)

    @jax.jit
    def ties(student, teacher):
        moved = centre(student), centre(teacher)
        spread = squared_norm(moved[1]) / NUM_VECTORS
        bures = Procrustes(centred=True, normalised=True)(student, teacher) / 2
        error = FeatureGram(unit_rows=True)(student, teacher)
        return {
            "cka": 1 - CKA()(student, teacher),
            "cka_uncentred": 1 - CKA(centred=False)(student, teacher),
            "procrustes_similarity": 1 - bures,
            "r2_of_teacher": 1 - LinearProjection()(*moved) / spread,
            "gram_error": jnp.sqrt(error / squared_norm(cosines(teacher))),
        }

    found = battery(student, teacher, EPSILON)
    for name, value in ties(student, teacher).items():
        assert np.isclose(found[name], value, rtol=0, atol=TOLERANCE), name
