"""The battery against naive loops and scikit-learn, and where it is undefined."""

import importlib
import itertools
import math
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import pdist
from scipy.stats import spearmanr
from sklearn import metrics
from sklearn.linear_model import LinearRegression
from sklearn.neighbors import NearestNeighbors

from simgeo import frames, measures, results
from simgeo.cli import listing
from simgeo.linalg import centre, cosines, squared_norm
from simgeo.measures import _order, _tiles
from simgeo.objectives import CKA, FeatureGram, LinearProjection, Procrustes
from simgeo.problems import VectorObserver

FLOAT = np.float64 if jax.config.read("jax_enable_x64") else np.float32
TOLERANCE = 1e-10 if jax.config.read("jax_enable_x64") else 2e-5
EPSILON = 0.3
NUM_VECTORS, TEACHER_DIM = 12, 6
WIDTHS = (3, 6, 9)
COUNTS = [
    *("pairs_student", "pairs_teacher", "pairs_both"),
    *("isolated_student", "isolated_teacher"),
]
NEW = ("neighbour_overlap", "rsa", "feature_dimensionality", "frame_potential")

battery = jax.jit(measures.battery, static_argnames="names")
unblocked = jax.jit(_tiles._over_pairs)
rsa = jax.jit(measures.rsa)
potential = jax.jit(lambda side: measures.frame_potential(side))


def _draw(width, seed=0, num_vectors=NUM_VECTORS):
    """Student and teacher with common means, rounded to the precision under test."""
    rng = np.random.default_rng([seed, width])
    student = rng.standard_normal((num_vectors, width)) + 0.3
    teacher = rng.standard_normal((num_vectors, TEACHER_DIM))
    teacher[:, :3] += 0.5 * student[:, :3]
    return [np.array(jnp.asarray(vectors, float)) for vectors in (student, teacher)]


def _cosines(vectors):
    """Pair by pair, in float64."""
    vectors = vectors.astype(np.float64)
    found = np.zeros((len(vectors), len(vectors)))
    for i, j in itertools.product(range(len(vectors)), repeat=2):
        lengths = math.hypot(*vectors[i]) * math.hypot(*vectors[j])
        found[i, j] = math.fsum(vectors[i] * vectors[j]) / lengths
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
def test_every_measure_agrees_with_a_naive_one(width):
    student, teacher = _draw(width)
    found = battery(student, teacher, EPSILON)
    expected = _naive(student, teacher, EPSILON)
    assert set(found) == set(measures.DEFAULT) == set(expected)
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
    found |= battery(student, teacher, EPSILON, names=("rsa", "neighbour_overlap"))
    for name, value in found.items():
        if measures.MEASURES[name].better == "higher" and name not in COUNTS:
            assert np.isclose(value, 1, atol=TOLERANCE), name
    assert found["gram_error"] < 1e-3  # the root of rounding
    assert found["pairs_both"] == found["pairs_teacher"] == found["pairs_student"]
    assert found["isolated_student"] == found["isolated_teacher"]


def test_a_root_that_is_known_changes_nothing():
    student, teacher = _draw(6)
    found = battery(student, teacher, EPSILON)
    root = jax.jit(measures.root_of)(jnp.asarray(teacher))
    again = battery(student, teacher, EPSILON, root=root)
    for name, value in found.items():
        assert np.isclose(again[name], value, rtol=0, atol=TOLERANCE), name


@pytest.fixture
def counted_anew():
    """No program of counts is there before or after, for what it is made of changes."""
    _tiles.counts_alone.clear_cache()
    yield
    _tiles.counts_alone.clear_cache()


# Of 9 vectors: one block that is larger or full, two with 7 of 16 to fill, 3, and 9.
@pytest.mark.parametrize("side", [10, 9, 8, 3, 1])
def test_blocks_change_no_count(side, monkeypatch, counted_anew):
    vectors = _draw(3, seed=1, num_vectors=9)
    student, teacher = (jnp.asarray(side) for side in vectors)
    whole = unblocked(student, teacher, EPSILON)
    monkeypatch.setattr(_tiles, "_BLOCK_ENTRIES", side**2)
    blocked = jax.jit(lambda *sides: _tiles._over_pairs(*sides))
    blocks = blocked(student, teacher, EPSILON)
    for name, expected, found in zip(whole._fields, whole, blocks, strict=True):
        if name not in ("student", "teacher"):  # those of each vector
            merge = jnp.max if name == "coherence" else jnp.sum
            expected, found = merge(expected), merge(found)
        atol = TOLERANCE if jnp.issubdtype(expected.dtype, jnp.floating) else 0
        assert np.allclose(found, expected, rtol=0, atol=atol), name
    naive = _naive(*vectors, EPSILON)
    counts = measures.count_pairs(student, teacher, EPSILON)
    expected = [naive[f"pairs_{name}"] for name in ("student", "teacher", "both")]
    assert counts == (*expected, math.comb(9, 2))
    assert all(type(count) is int for count in counts)


@pytest.mark.double
def test_sums_of_two_types_are_those_of_the_wider(monkeypatch, counted_anew):
    student, teacher = (jnp.asarray(each) for each in _draw(3, 1, num_vectors=9))
    whole = unblocked(student.astype(jnp.float32), teacher, EPSILON)
    monkeypatch.setattr(_tiles, "_BLOCK_ENTRIES", 9)
    blocked = jax.jit(lambda *sides: _tiles._over_pairs(*sides))
    blocks = blocked(student.astype(jnp.float32), teacher, EPSILON)
    assert [each.dtype for each in blocks] == [each.dtype for each in whole]
    assert blocks.covariance.dtype == jnp.float64
    assert np.isclose(blocks.covariance.sum(), whole.covariance.sum(), atol=1e-12)


def test_counts_beyond_32_bits_do_not_wrap(monkeypatch, counted_anew):
    num_vectors = 50_000  # all pairs of them twice are 2.5e9, above 2^31
    full = jnp.full(num_vectors, num_vectors - 1, jnp.int32)
    none = jnp.zeros(num_vectors)
    rows = _tiles._Sums(full, full, full, *6 * (none,))
    monkeypatch.setattr(_tiles, "_over_pairs", lambda *_: rows)
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


# What is made of cosines, which a zero vector does not have.
OF_TEACHER = {"pairs_teacher", "fraction_teacher", "isolated_teacher"}
OF_STUDENT = {
    *("pairs_student", "fraction_student", "isolated_student", "coherence"),
    *("feature_dimensionality", "frame_potential"),
}
OF_BOTH = {
    *("pairs_both", "pattern_recall", "pattern_precision", "matthews", "gram_error"),
    *("cosine_correlation", "neighbour_overlap"),
}


def _undefined(student, teacher):
    found = battery(student, teacher, EPSILON, names=(*measures.DEFAULT, *NEW))
    return {name for name, value in found.items() if np.isnan(value)}


def test_a_zero_vector_is_undefined_in_all_that_is_made_of_cosines():
    student, teacher = _draw(6)
    zero = student.copy()
    zero[4] = 0
    assert _undefined(zero, teacher) == OF_STUDENT | OF_BOTH
    assert _undefined(teacher, zero) == OF_TEACHER | OF_BOTH
    no_clouds = {"cka", "cka_uncentred", "procrustes_similarity", "effective_rank"}
    no_clouds |= {"r2_of_student", "rsa"}
    assert _undefined(0 * student, teacher) == OF_STUDENT | OF_BOTH | no_clouds
    for sides in ((zero, teacher), (teacher, zero)):
        with pytest.raises(ValueError, match="zero vector"):
            measures.count_pairs(*sides, EPSILON)


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


# Each by itself


def test_each_measure_is_a_function_of_its_own():
    @jax.jit
    def one_by_one(student, teacher):
        return {
            name: measures.MEASURES[name](student, teacher, EPSILON)
            for name in measures.DEFAULT
        }

    student, teacher = _draw(3)
    expected = battery(student, teacher, EPSILON)
    for name, value in one_by_one(student, teacher).items():
        assert np.isclose(value, expected[name], rtol=0, atol=TOLERANCE), name


def test_a_measure_says_what_it_is():
    agreement = measures.matthews
    assert measures.MEASURES["matthews"] is agreement
    assert (agreement.name, agreement.label) == ("matthews", "pattern agreement")
    assert (agreement.bounds, agreement.better, agreement.chance) == (
        "[-1, 1]",
        "higher",
        "0",
    )
    assert agreement.__doc__.startswith("The Matthews correlation")
    assert repr(agreement) == (
        "<measure matthews: pattern agreement, [-1, 1], higher is better>"
    )
    student, teacher = _draw(3)
    usual, other = (
        jax.jit(lambda *sides: agreement(*sides, **given))(student, teacher)  # noqa: B023
        for given in ({}, {"epsilon": 0.1})
    )
    assert usual == other


def test_a_measure_of_the_student_needs_no_teacher():
    student, teacher = _draw(3)
    for name in ("effective_rank", "feature_dimensionality", "frame_potential"):
        alone = measures.MEASURES[name](student)
        assert alone == measures.MEASURES[name](student, teacher), name
    for name in ("matthews", "cka", "r2_of_student"):
        with pytest.raises(TypeError, match=f"{name}.*got no teacher"):
            measures.MEASURES[name](student)


def test_a_battery_has_the_names_that_were_asked_for():
    student, teacher = (jnp.asarray(side) for side in _draw(3))
    names = ("rsa", "matthews", "frame_potential")

    def named(*sides):
        assert tuple(measures.battery(*sides, EPSILON, names)) == names

    jax.eval_shape(named, student, teacher)
    assert set(measures.DEFAULT) | set(NEW) <= set(measures.MEASURES)
    assert not set(measures.DEFAULT) & set(NEW)
    with pytest.raises(ValueError, match=r"got 'mathews'. Did you mean 'matthews'\?"):
        measures.battery(student, teacher, EPSILON, ("cka", "mathews"))
    with pytest.raises(ValueError, match="list of names; got 'cka'"):
        measures.require("cka")
    assert measures.needs_root(measures.DEFAULT)
    assert not measures.needs_root(("matthews", "cka"))


def test_sums_over_pairs_are_computed_once_and_only_for_those_that_read_them(
    monkeypatch,
):
    calls = []
    own = measures._battery.pair_sums

    def counted(*arguments):
        calls.append(arguments)
        return own(*arguments)

    monkeypatch.setattr(measures._battery, "pair_sums", counted)
    student, teacher = (jnp.asarray(side) for side in _draw(3))
    measures.battery(student, teacher, EPSILON, ("cka", "effective_rank"))
    assert not calls
    measures.battery(student, teacher, EPSILON, ("matthews", "coherence", "gram_error"))
    assert len(calls) == 1


# What is rounding and no geometry, all of whose cosines or distances are equal too.
WITHOUT = {
    "equal rows": lambda shape, rng: np.tile(
        rng.standard_normal(shape[1]), (shape[0], 1)
    ),
    "orthonormal": lambda shape, rng: (
        np.linalg.qr(rng.standard_normal(shape[::-1]))[0].T
    ),
    "equiangular": lambda shape, rng: (
        frames.simplex(shape[0] - 1)
        @ np.linalg.qr(rng.standard_normal((shape[1], shape[0] - 1)))[0].T
    ),
}
EDITS = {
    "plain": lambda x, rng: x,
    "far from the origin": lambda x, rng: x + 1e3,
    "loud row": lambda x, rng: x * np.geomspace(1e9, 1, len(x))[:, None],
    "loud column": lambda x, rng: x * np.geomspace(1e9, 1, x.shape[1])[None, :],
    "constant column": lambda x, rng: np.where(np.arange(x.shape[1]) > 0, x, 0.7),
    "duplicates": lambda x, rng: x[np.arange(len(x)) // 2],
    "zero row": lambda x, rng: x * (np.arange(len(x)) > 0)[:, None],
    "zero": lambda x, rng: 0 * x,
    "one direction": lambda x, rng: x[:, :1] * x[:1],
}
SHAPES = ((12, 6, 6), (4, 5, 1), (3, 1, 3), (2, 2, 2))


@settings(max_examples=60)
@given(
    shape=st.sampled_from(SHAPES),
    edits=st.tuples(*2 * (st.sampled_from([*EDITS, *WITHOUT]),)),
    scales=st.tuples(*2 * (st.floats(-18, 18),)),
    seed=st.integers(0, 2**16),
)
def test_every_measure_is_nan_or_right_whatever_it_is_given(shape, edits, scales, seed):
    num_vectors, *widths = shape
    rng = np.random.default_rng(seed)
    sides = []
    for name, width in zip(edits, widths, strict=True):
        if name in WITHOUT and width < num_vectors - (name == "equiangular"):
            name = "equal rows"
        draw = rng.standard_normal((num_vectors, width))
        side = EDITS[name](draw, rng) if name in EDITS else None
        side = WITHOUT[name](draw.shape, rng) if side is None else side
        sides.append(np.asarray(side, FLOAT))
    names = (*measures.DEFAULT, *NEW)
    found = battery(*sides, EPSILON, names=names)
    for name, value in found.items():
        if measures.MEASURES[name].limits is not None:
            low, high = measures.MEASURES[name].limits
            assert np.isnan(value) or low <= value <= high, name
    for side in (0, 1):
        if edits[side] in WITHOUT:
            assert np.isnan(found["cosine_correlation"])
            assert np.isnan(found["rsa"])
            assert np.isnan(found["neighbour_overlap"]) or num_vectors <= 11
    # At another scale of either side all is the same, for powers of two exactly.
    factors = [2.0 ** round(math.log2(10) * scale) for scale in scales]
    if "loud" not in " ".join(edits):  # which has a scale by itself
        scaled = [np.asarray(f * x, FLOAT) for f, x in zip(factors, sides, strict=True)]
        again = battery(*scaled, EPSILON, names=names)
        for name, value in again.items():
            assert np.isclose(value, found[name], rtol=1e-6, equal_nan=True), name
    # What is not finite anywhere is nothing anywhere.
    bad = float(rng.choice([np.nan, np.inf, -np.inf]))
    place = rng.integers(3)
    epsilon = bad if place == 2 else EPSILON
    if place < 2:
        sides[place][rng.integers(num_vectors), rng.integers(widths[place])] = bad
        with pytest.raises(ValueError, match="not finite"):
            measures.count_pairs(*sides, EPSILON)
    found = battery(*sides, epsilon, names=names)
    assert all(np.isnan(value) for value in found.values())


@pytest.mark.once
@pytest.mark.parametrize("kind", [jnp.float16, jnp.bfloat16, jnp.int8])
def test_every_type_of_number_is_taken_and_counted_in_float32(kind):
    sides = [jnp.asarray(30 * side, kind) for side in _draw(6)]
    names = (*measures.DEFAULT, *NEW)
    found = battery(*sides, EPSILON, names=names)
    wide = [side.astype(jnp.float32) for side in sides]
    expected = battery(*wide, EPSILON, names=names)
    for name, value in found.items():
        assert value.dtype == jnp.float32
        assert np.isclose(value, expected[name], rtol=1e-6, atol=1e-6), name


def test_what_is_no_pair_of_matrices_is_refused():
    _, teacher = _draw(6)
    for brought, got in (
        (teacher[:4], "as many rows as `teacher`; got shapes"),
        (teacher[0], "be a matrix"),
        (teacher * 1j, "entries of type complex"),
    ):
        for call in (measures.cka, measures.matthews):
            with pytest.raises(ValueError, match=f"`student` must .*{got}"):
                call(brought, teacher)
    assert measures.cka(teacher.tolist(), teacher) == measures.cka(teacher, teacher)


# Neighbours, ranks, dimensions


def _neighbours(vectors, num_near):
    """Scikit-learn's, of cosine distances, the vector itself left out."""
    found = NearestNeighbors(n_neighbors=num_near, metric="cosine").fit(vectors)
    return [set(row) for row in found.kneighbors(return_distance=False)]


def _overlap(student, teacher, num_near):
    both = [
        _neighbours(side.astype(np.float64), num_near) for side in (student, teacher)
    ]
    return np.mean([len(a & b) / num_near for a, b in zip(*both, strict=True)])


@pytest.mark.parametrize("num_vectors", [3, 11, 12, 40])
@pytest.mark.parametrize("batch", [None, 7])
def test_neighbours_are_those_of_scikit_learn(num_vectors, batch, monkeypatch):
    student, teacher = _draw(3, seed=3, num_vectors=num_vectors)
    if batch:
        monkeypatch.setattr(_tiles, "_BLOCK_ENTRIES", batch * num_vectors)
    found = jax.jit(lambda *sides: measures.neighbour_overlap(*sides))(student, teacher)
    num_near = min(10, num_vectors - 1)
    expected = _overlap(student, teacher, num_near)
    assert np.isclose(found, expected, rtol=0, atol=TOLERANCE)
    assert num_near == 10 or found == 1


def test_neighbours_of_duplicates_and_of_zero_rows(monkeypatch):
    monkeypatch.setattr(_order, "_NUM_NEIGHBOURS", 3)  # its copy, and one more pair
    student, teacher = (np.repeat(side, 2, axis=0) for side in _draw(3))
    overlap = jax.jit(lambda *sides: measures.neighbour_overlap(*sides))
    found, expected = overlap(student, teacher), _overlap(student, teacher, 3)
    assert np.isclose(found, expected, rtol=0, atol=TOLERANCE)
    assert np.isnan(overlap(np.ones_like(student), np.ones_like(teacher)))


def _rank_correlation(student, teacher):
    both = [pdist(side.astype(np.float64)) for side in (student, teacher)]
    return spearmanr(*both).statistic


@pytest.mark.parametrize("num_vectors", [3, 4, 12, 13])
@pytest.mark.parametrize("kind", ["plain", "duplicates", "zero rows", "whole numbers"])
def test_rank_correlation_is_that_of_scipy(num_vectors, kind):
    student, teacher = _draw(3, seed=4, num_vectors=num_vectors)
    if kind == "duplicates":
        student[-1], teacher[1] = student[0], teacher[0]
    elif kind == "zero rows":
        student[:2], teacher[0] = 0, 0
    elif kind == "whole numbers":  # most distances are equal to others
        student, teacher = (np.round(side) for side in (student, teacher))
    found = rsa(student, teacher)
    expected = _rank_correlation(student, teacher)
    assert np.isclose(found, expected, rtol=0, atol=TOLERANCE, equal_nan=True)
    assert np.isfinite(found) or num_vectors == 3


@pytest.mark.parametrize("kind", ["plain", "groups", "a line"])
def test_some_pairs_of_many_vectors_stand_for_all(kind, monkeypatch):
    student, teacher = _draw(3, seed=4, num_vectors=301)
    if kind == "groups":  # that stand together
        teacher += 4 * np.repeat(_draw(3, seed=5, num_vectors=7)[1], 43, axis=0)
    elif kind == "a line":
        teacher += np.linspace(0, 9, 301)[:, None]
    student += teacher[:, : student.shape[1]]
    num_pairs = 301 * 20
    monkeypatch.setattr(_order, "_MOST_RANKED", num_pairs)
    found = _order.rsa(student, teacher)
    assert found == _order.rsa(student, teacher)
    expected = _rank_correlation(student, teacher)
    assert 0 < abs(found - expected) < 3 / num_pairs**0.5  # three standard errors


def test_rank_correlation_without_an_order_is_nan():
    _, teacher = _draw(3)
    same = np.ones_like(teacher)
    assert np.isnan(rsa(same, teacher))
    assert np.isnan(rsa(teacher, same))
    assert np.isnan(rsa(teacher[:2], teacher[:2]))  # a single distance
    assert np.isclose(rsa(3 * teacher + 1, teacher), 1, atol=TOLERANCE)


def _dimensionality(vectors):
    shares = []
    for own in vectors.astype(np.float64):
        unit = own / math.sqrt(own @ own)
        shares.append((own @ own) / math.fsum((unit @ other) ** 2 for other in vectors))
    return np.mean(shares)


@pytest.mark.parametrize("num_vectors", [3, 12])
@pytest.mark.parametrize("batch", [None, 5])
def test_feature_dimensionality_is_that_of_a_loop(num_vectors, batch, monkeypatch):
    student, _ = _draw(6, num_vectors=num_vectors)
    student *= np.geomspace(1e-3, 10, num_vectors, dtype=student.dtype)[:, None]
    if batch:
        monkeypatch.setattr(_tiles, "_BLOCK_ENTRIES", batch * num_vectors)
    found = jax.jit(lambda side: measures.feature_dimensionality(side))(student)
    expected = _dimensionality(student)
    assert np.isclose(found, expected, rtol=TOLERANCE, atol=TOLERANCE)
    assert found <= min(1, 6 / num_vectors)


def test_feature_dimensionality_of_vectors_that_share_dimensions():
    axes = np.eye(3)
    share = jax.jit(lambda side: measures.feature_dimensionality(side))
    assert share(axes) == 1
    assert share(np.concatenate([axes, -axes])) == 0.5  # antipodal pairs
    assert np.isclose(share(np.ones((4, 3))), 1 / 4)
    assert np.isnan(share(np.diag([1.0, 1.0, 0.0])))


def test_frame_potential_is_the_sum_of_squared_cosines():
    student, _ = _draw(6)
    found = potential(student)
    assert np.isclose(found, np.sum(_cosines(student) ** 2), rtol=TOLERANCE)
    assert 12**2 / 6 <= found <= 12**2
    angles = 2 * np.pi * np.arange(3) / 3  # the tightest frame of three in the plane
    tight = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    assert np.isclose(potential(tight), 3**2 / 2, rtol=TOLERANCE)
    assert np.isclose(potential(2 * np.eye(3)), 3)
    assert np.isclose(potential(np.ones((3, 2))), 3**2)
    assert np.isnan(potential(np.diag([1.0, 1.0, 0.0])))


# Measures of one's own

OWN = """
import jax.numpy as jnp
from simgeo.linalg import cosines
from simgeo.measures import PairSums, measure


@measure(label="worst cosine", bounds="[0, 2]", better="lower", chance="random student")
def worst_cosine(student, teacher):
    \"\"\"The largest change of a cosine.\"\"\"
    return jnp.max(jnp.abs(cosines(student) - cosines(teacher)))


@measure(label="pairs gained", bounds="count", better="lower", chance="closed form")
def gained(pairs: PairSums):
    \"\"\"Pairs that are epsilon-orthogonal in the student alone.\"\"\"
    return pairs.student - pairs.both
"""


@pytest.fixture
def own(tmp_path, monkeypatch):
    """A module with measures of one's own, and nothing of it afterwards."""
    known = dict(measures.MEASURES)
    tmp_path.joinpath("own_measures.py").write_text(OWN)
    monkeypatch.syspath_prepend(tmp_path)
    yield importlib.import_module("own_measures")
    sys.modules.pop("own_measures", None)
    measures.MEASURES.clear()
    measures.MEASURES.update(known)


def test_a_measure_of_ones_own(own, capsys):
    student, teacher = _draw(3)
    assert measures.MEASURES["gained"] is own.gained
    found = battery(student, teacher, EPSILON, names=("worst_cosine", "gained", "cka"))
    mine, theirs = _cosines(student), _cosines(teacher)
    expected = np.abs(mine - theirs).max()
    assert np.isclose(found["worst_cosine"], expected, rtol=0, atol=TOLERANCE)
    both = np.abs(np.stack([mine, theirs])) <= EPSILON
    assert found["gained"] == np.sum(np.triu(both[0] & ~both[1], 1))
    assert found["gained"] == own.gained(student, teacher, EPSILON)
    student[0, 0] = np.nan
    found = battery(student, teacher, EPSILON, names=("worst_cosine", "gained"))
    assert all(np.isnan(value) for value in found.values())
    listing.show(["measures"])
    assert "The largest change of a cosine." in capsys.readouterr().out


def test_units_of_a_measure_are_listed_and_stand_on_axes(own, capsys):
    @measures.measure(
        label="widest angle", bounds="[0, pi]", better="", chance="", units="rad"
    )
    def widest(student):
        return jnp.arccos(jnp.min(cosines(student)))

    attributes = VectorObserver(EPSILON, (), 2).attributes
    shown = {
        name: results.axis_label(xr.DataArray(0.0, attrs=attributes(name)))
        for name in ("widest", "chance_widest", "gained")
    }
    assert shown["widest"] == "widest angle (rad)"
    assert shown["chance_widest"].endswith("widest angle (rad)")
    assert shown["gained"] == "pairs gained"
    listing.show(["widest"])
    assert ["units", "rad"] in [
        line.split() for line in capsys.readouterr().out.splitlines()
    ]


def test_a_module_that_is_read_again_replaces_its_measures(own):
    before = measures.MEASURES["gained"]
    importlib.reload(own)
    assert measures.MEASURES["gained"] is own.gained is not before


def _define(name, parameters="student, teacher", better="higher"):
    space = {"measure": measures.measure, "__name__": "elsewhere"}
    exec(
        f"@measure(label='', bounds='', better={better!r}, chance='')\n"
        f"def {name}({parameters}): return 0.0",
        space,
    )


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["cka"], "Measure 'cka' exists in simgeo.measures._similarity"),
        (["loss"], "cannot be called 'loss'"),
        (["step"], "cannot be called 'step'"),
        (["svd_cka"], "cannot be called 'svd_cka'"),
        (["distance_mine"], "cannot be called 'distance_mine'"),
        (["mine", "x, y"], "must be named among .*; got x, y"),
        (["mine", ""], "got none"),
        (["mine", "student", "up"], "`better` of measure 'mine'"),
    ],
)
def test_a_measure_that_cannot_be_registered(arguments, says):
    with pytest.raises(ValueError, match=says) as error:
        _define(*arguments)
    assert "\n" not in str(error.value)
    assert "mine" not in measures.MEASURES


def test_a_measure_is_one_number(own):
    student, teacher = _draw(3)

    @measures.measure(label="", bounds="", better="", chance="")
    def many(student):
        return student[0]

    with pytest.raises(ValueError, match=r"'many' must return one number; .* \(3,\)"):
        many(student, teacher)
