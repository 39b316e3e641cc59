"""Losses as plain functions: naive references, bfloat16, rows spread over devices."""

import re
import subprocess
import sys
from functools import cache, partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.linalg import orthogonal_procrustes, polar, subspace_angles
from scipy.spatial.distance import pdist, squareform
from scipy.special import log_softmax

from simgeo import functional, measures

IN_DOUBLE = bool(jax.config.read("jax_enable_x64"))
TOLERANCE = 1e-8 if IN_DOUBLE else 3e-4  # float32: products of 12 vectors, centred
RNG = np.random.default_rng(0)
TEACHER = RNG.standard_normal((12, 6)) * np.linspace(0.5, 1.5, 6) + 0.3
WIDTHS = (3, 6, 9)


def _centre(x):
    return x - np.mean(x, axis=0)


def _cosine(left, right):
    return np.sum(left * right) / np.linalg.norm(left) / np.linalg.norm(right)


def _naive_cka(student, teacher, centred=True):
    if centred:
        student, teacher = _centre(student), _centre(teacher)
    return 1 - _cosine(student @ student.T, teacher @ teacher.T)


def _hsic(left, right):
    """HSIC_1 by its formula, on n x n matrices that are not centred."""
    n = len(left)
    ones = np.ones(n)
    k, l = left @ left.T, right @ right.T
    np.fill_diagonal(k, 0.0)
    np.fill_diagonal(l, 0.0)
    mean_part = (ones @ k @ ones) * (ones @ l @ ones) / ((n - 1) * (n - 2))
    whole = np.trace(k @ l) + mean_part - 2 / (n - 2) * (ones @ k @ l @ ones)
    return whole / (n * (n - 3))


def _naive_debiased(student, teacher):
    own, target = _hsic(student, student), _hsic(teacher, teacher)
    return 1 - _hsic(student, teacher) / np.sqrt(own * target)


def _naive_rbf(student, teacher, bandwidth, centred=True):
    kernels = []
    for x in (student, teacher):
        squared = pdist(x, "sqeuclidean")
        width = 2 * bandwidth**2 * np.median(squared)
        kernels.append(np.exp(-squareform(squared) / width))
    if centred:
        h = np.eye(len(student)) - 1 / len(student)
        kernels = [h @ k @ h for k in kernels]
    return 1 - _cosine(*kernels)


def _naive_patches(student, teacher, num_patches, centred=True):
    p = len(student) // num_patches
    grams = []
    for x in (student, teacher):
        blocks = [x[a * p : (a + 1) * p] for a in range(num_patches)]
        if centred:
            mean = sum(blocks) / num_patches
            blocks = [block - mean for block in blocks]
        grams.append(np.array([[np.sum(a * b) for a in blocks] for b in blocks]))
    return 1 - _cosine(*grams)


def _naive_relations(student, teacher, centred=True):
    classes = _naive_cka(student.T, teacher.T, centred)
    return _naive_cka(student, teacher, centred) + 0.5 * classes


def _naive_cca(student, teacher, squared):
    angles = subspace_angles(_centre(student), _centre(teacher))
    pairs = min(student.shape[1], teacher.shape[1])
    found = np.sort(np.cos(angles))[::-1][:pairs]
    return 1 - np.mean(found**2 if squared else found)


def _naive_svcca(student, teacher, threshold):
    left, singular, _ = np.linalg.svd(_centre(teacher), full_matrices=False)
    kept = singular > threshold * np.linalg.norm(singular**2, 16) ** 0.5
    assert 0 < sum(kept) < len(kept)
    angles = subspace_angles(_centre(student), left[:, kept])
    pairs = min(student.shape[1], sum(kept))
    return 1 - np.mean(np.sort(np.cos(angles))[::-1][:pairs])


def _pad(student, teacher):
    width = max(student.shape[1], teacher.shape[1])
    return (np.pad(x, ((0, 0), (0, width - x.shape[1]))) for x in (student, teacher))


def _naive_procrustes(student, teacher):
    student, teacher = _pad(student, teacher)
    rotation, _ = orthogonal_procrustes(student, teacher)
    return np.sum((teacher - student @ rotation) ** 2)


def _naive_angular_procrustes(student, teacher):
    student, teacher = (
        _centre(x) / np.linalg.norm(_centre(x)) for x in (student, teacher)
    )
    return np.arccos(1 - _naive_procrustes(student, teacher) / 2) ** 2


def _naive_wasserstein(student, teacher):
    own, target = (np.cov(x.T, bias=True) for x in _pad(student, teacher))
    values, vectors = np.linalg.eigh(target)
    root = vectors @ np.diag(np.sqrt(np.maximum(values, 0))) @ vectors.T
    cross = np.sqrt(np.maximum(np.linalg.eigvalsh(root @ own @ root), 0))
    return np.trace(own + target) - 2 * np.sum(cross)


def _naive_gram(student, teacher):
    return np.sum((teacher @ teacher.T - student @ student.T) ** 2)


def _naive_similarity(student, teacher):
    n = len(student)
    total = 0.0
    for i in range(n):
        left = np.array([student[i] @ student[j] for j in range(n)])
        right = np.array([teacher[i] @ teacher[j] for j in range(n)])
        difference = left / np.sqrt(sum(left**2)) - right / np.sqrt(sum(right**2))
        total += sum(difference**2)
    return total / n**2


def _huber(error, delta):
    size = abs(error)
    return size**2 / 2 if size <= delta else delta * (size - delta / 2)


def _pairs(n):
    return [(i, j) for i in range(n) for j in range(n) if i != j]


def _naive_distance(student, teacher, delta):
    each = [pdist(x) / np.mean(pdist(x)) for x in (student, teacher)]
    errors = zip(*each, strict=True)
    return np.mean([_huber(mine - theirs, delta) for mine, theirs in errors])


def _naive_angle(student, teacher, delta):
    n = len(student)
    found = [
        _huber(
            _cosine(student[i] - student[j], student[k] - student[j])
            - _cosine(teacher[i] - teacher[j], teacher[k] - teacher[j]),
            delta,
        )
        for j in range(n)
        for i, k in _pairs(n)
        if j not in (i, k)
    ]
    return np.mean(found)


def _naive_hinge(student, teacher, epsilon):
    excess = [
        max(abs(_cosine(student[i], student[j])) - epsilon, 0)
        for i, j in _pairs(len(student))
        if abs(_cosine(teacher[i], teacher[j])) <= epsilon
    ]
    return sum(excess) / len(excess)


def _naive_neighbours(student, teacher, temperature):
    n = len(student)
    total = 0.0
    for i in range(n):
        others = [j for j in range(n) if j != i]
        p, q = (
            np.exp([_cosine(x[i], x[j]) / temperature for j in others])
            for x in (teacher, student)
        )
        p, q = p / sum(p), q / sum(q)
        total += sum(p * np.log(p / q))
    return total / n


def _naive_map(student, teacher, weights):
    errors = [t - s @ weights for s, t in zip(student, teacher, strict=True)]
    return sum(e @ e for e in errors) / len(errors)


def _naive_solved(student, teacher):
    return _naive_map(student, teacher, np.linalg.lstsq(student, teacher)[0])


def _naive_cosine_map(student, teacher, weights):
    pairs = zip(student @ weights, teacher, strict=True)
    return 1 - np.mean([_cosine(s, t) for s, t in pairs])


def _naive_rotation(student, teacher, free):
    rotation = polar(free)[0]
    lost = student - student @ rotation @ rotation.T
    beyond = np.sum(lost**2) if student.shape[1] > teacher.shape[1] else 0.0
    return _naive_map(student, teacher, rotation) + beyond / len(student)


def _naive_network(student, teacher, layers):
    inner, shift, outer = layers
    return _naive_map(np.tanh(student @ inner + shift), teacher, outer)


def _naive_kl(student, teacher, temperature):
    total = 0.0
    for s, t in zip(student, teacher, strict=True):
        p, q = (np.exp(x / temperature) / sum(np.exp(x / temperature)) for x in (t, s))
        total += sum(p * np.log(p / q))
    return temperature**2 * total / len(student)


f = functional
ON_VECTORS = {
    "cka": (f.cka, _naive_cka),
    "kernel alignment": (
        partial(f.cka, centred=False),
        lambda s, t: _naive_cka(s, t, False),
    ),
    "angular cka": (f.angular_cka, lambda s, t: np.arccos(1 - _naive_cka(s, t)) ** 2),
    "debiased cka": (f.debiased_cka, _naive_debiased),
    "rbf cka": (partial(f.rbf_cka, bandwidth=0.7), lambda s, t: _naive_rbf(s, t, 0.7)),
    "rbf cka, uncentred": (
        partial(f.rbf_cka, centred=False),
        lambda s, t: _naive_rbf(s, t, 1.0, False),
    ),
    "patch cka": (
        partial(f.patch_cka, num_patches=4),
        lambda s, t: _naive_patches(s, t, 4),
    ),
    "patch cka, uncentred": (
        partial(f.patch_cka, num_patches=3, centred=False),
        lambda s, t: _naive_patches(s, t, 3, False),
    ),
    "cca": (f.cca, lambda s, t: _naive_cca(s, t, True)),
    "cca, mean": (partial(f.cca, squared=False), lambda s, t: _naive_cca(s, t, False)),
    "svcca": (
        partial(f.svcca, threshold=0.5),
        lambda s, t: _naive_svcca(s, t, 0.5),
    ),
    "projection, solved": (f.linear_projection, _naive_solved),
    "projection, solved, centred": (
        partial(f.linear_projection, centred=True),
        lambda s, t: _naive_solved(_centre(s), _centre(t)),
    ),
    "procrustes": (f.procrustes, _naive_procrustes),
    "procrustes, centred": (
        partial(f.procrustes, centred=True),
        lambda s, t: _naive_procrustes(_centre(s), _centre(t)),
    ),
    "angular procrustes": (f.angular_procrustes, _naive_angular_procrustes),
    "wasserstein": (f.covariance_wasserstein, _naive_wasserstein),
    "gram": (f.feature_gram, _naive_gram),
    "gram, unsquared": (
        partial(f.feature_gram, squared=False),
        lambda s, t: np.sqrt(_naive_gram(s, t)),
    ),
    "similarity-preserving": (f.similarity_preserving, _naive_similarity),
    "relational distance": (
        partial(f.relational_distance, delta=0.3),
        lambda s, t: _naive_distance(s, t, 0.3),
    ),
    "relational angle": (
        partial(f.relational_angle, delta=0.3),
        lambda s, t: _naive_angle(s, t, 0.3),
    ),
    "hinge": (
        partial(f.pattern_hinge, epsilon=0.3),
        lambda s, t: _naive_hinge(s, t, 0.3),
    ),
    "neighbours": (
        partial(f.neighbour_kl, temperature=0.5),
        lambda s, t: _naive_neighbours(s, t, 0.5),
    ),
}
WITH_A_MAP = {
    "projection": (f.linear_projection, _naive_map),
    "projection, cosine": (f.cosine_projection, _naive_cosine_map),
    "projection, orthogonal": (f.orthogonal_projection, _naive_rotation),
}


def _with_map(function, student, teacher):
    rng = np.random.default_rng(5)
    weights = rng.standard_normal((student.shape[1], teacher.shape[1]))
    return function(student, teacher, jnp.asarray(weights))


def _arrays(*values):
    return [jnp.asarray(value, float) for value in values]


@cache
def _program(function, **settings):
    """A loss in one program, and not operation by operation."""
    return jax.jit(partial(function, **settings))


@pytest.mark.parametrize("name", ON_VECTORS)
@pytest.mark.parametrize("width", WIDTHS)
def test_values_agree_with_naive_references(name, width):
    function, reference = ON_VECTORS[name]
    compiled = jax.jit(function)
    for offset in (0.0, 0.8):  # tells centred from raw
        rng = np.random.default_rng(width)
        student = rng.standard_normal((12, width)) + offset
        expected = reference(student, TEACHER)
        assert expected > 0
        found = compiled(*_arrays(student, TEACHER))
        assert np.isclose(found, expected, rtol=TOLERANCE, atol=TOLERANCE), offset


OF_FEW = ["kernel alignment", "gram", "procrustes", "procrustes, centred"]


@pytest.mark.parametrize("name", OF_FEW)
def test_few_vectors_in_many_dimensions_agree_with_naive_references(name):
    function, reference = ON_VECTORS[name]
    graded = jax.jit(jax.value_and_grad(function))
    rng = np.random.default_rng(0)
    for num_vectors in (3, 5, 40):  # by Gram matrices, and by products of features
        teacher = rng.standard_normal((num_vectors, 20))
        student = rng.standard_normal((num_vectors, 12))
        found, slope = graded(*_arrays(student, teacher))
        assert np.isclose(found, reference(student, teacher), rtol=TOLERANCE)
        step = 1e-4 * rng.standard_normal(student.shape)
        ends = [reference(student + sign * step, teacher) for sign in (1, -1)]
        assert np.isclose(np.sum(slope * step), (ends[0] - ends[1]) / 2, rtol=1e-2)


@pytest.mark.double
@pytest.mark.parametrize("name", OF_FEW)
@pytest.mark.parametrize("num_vectors", [5, 11])
def test_second_derivatives_of_few_vectors_are_right(name, num_vectors):
    """Not so where Procrustes is found from S'T, which has not full rank here."""
    rng = np.random.default_rng(1)
    student, along = _arrays(*rng.standard_normal((2, num_vectors, 12)))
    (teacher,) = _arrays(rng.standard_normal((num_vectors, 20)))

    @jax.jit
    @jax.grad
    def slope(step):
        return ON_VECTORS[name][0](student + step * along, teacher)

    second = jax.jit(jax.grad(slope))(0.0)
    assert np.isclose(second, (slope(1e-4) - slope(-1e-4)) / 2e-4, rtol=1e-4)


def test_second_derivatives_of_few_rows_on_several_devices_are_refused():
    student, teacher = _arrays(*np.random.default_rng(1).standard_normal((2, 2, 3, 12)))

    def value(step):
        def of_one(student, teacher):
            return functional.procrustes(step * student, teacher, axis_name="rows")

        return jnp.sum(jax.vmap(of_one, axis_name="rows")(student, teacher))

    assert np.isfinite(jax.jit(jax.grad(value))(1.0))
    with pytest.raises(ValueError, match="Gather them, and leave out `axis_name`"):
        jax.jit(jax.grad(jax.grad(value)))(1.0)


@pytest.mark.parametrize("name", ["kernel alignment", "procrustes", "gram"])
def test_framed_values_are_those_of_centred_rows_beside_rows_of_zeros(name):
    function, reference = ON_VECTORS[name]

    @jax.jit
    def value(frame, *both):
        return function(*(functional.framed(each, frame) for each in both))

    student = RNG.standard_normal((12, 4)) + 0.8
    for frame in (0.0, 0.25, 1.0, 50.0):
        zeros = ((0, int(12 * frame)), (0, 0))
        padded = (_centre(np.pad(each, zeros)) for each in (student, TEACHER))
        found = value(frame, *_arrays(student, TEACHER))
        assert np.isclose(found, reference(*padded), rtol=TOLERANCE), frame


@pytest.mark.parametrize("name", WITH_A_MAP)
@pytest.mark.parametrize("width", WIDTHS)
def test_values_of_a_given_map_agree_with_naive_references(name, width):
    function, reference = WITH_A_MAP[name]
    student, weights = RNG.standard_normal((12, width)), RNG.standard_normal((width, 6))
    found = jax.jit(function)(*_arrays(student, TEACHER, weights))
    expected = reference(student, TEACHER, weights)
    assert np.isclose(found, expected, rtol=TOLERANCE)


@pytest.mark.parametrize("width", WIDTHS)
def test_a_network_and_logits_agree_with_naive_references(width):
    student, inner = RNG.standard_normal((12, width)), RNG.standard_normal((width, 5))
    shift, outer = RNG.standard_normal(5), RNG.standard_normal((5, 6))
    given = _arrays(student, TEACHER), _arrays(inner, shift, outer)
    found = _program(functional.mlp_projection)(*given[0], tuple(given[1]))
    expected = _naive_network(student, TEACHER, (inner, shift, outer))
    assert np.isclose(found, expected, rtol=TOLERANCE)
    logits = student @ inner, TEACHER @ outer.T
    found = _program(functional.logit_kl, temperature=2.0)(*_arrays(*logits))
    assert np.isclose(found, _naive_kl(*logits, 2.0), rtol=TOLERANCE)
    for centred in (True, False):
        settings = {"class_weight": 0.5, "centred": centred}
        found = _program(functional.relation_cka, **settings)(*_arrays(*logits))
        expected = _naive_relations(*logits, centred)
        assert np.isclose(found, expected, rtol=TOLERANCE)


@pytest.mark.parametrize("width", WIDTHS)
def test_the_best_rotation_is_that_of_procrustes(width):
    student = np.random.default_rng(2).standard_normal((12, width))
    given = _arrays(student, TEACHER)
    best = polar(student.T @ TEACHER)[0]
    found, other = (
        _program(each)(*given)
        for each in (functional.orthogonal_projection, functional.procrustes)
    )
    expected = _naive_rotation(student, TEACHER, best)
    assert np.isclose(found, expected, rtol=TOLERANCE)
    assert np.isclose(found, other / 12, rtol=TOLERANCE)


def test_squared_angles_are_smooth_where_angles_are_not():
    shortfall = np.array([0.0, 1e-12, 1e-6, 0.005, 0.00999, 0.01001, 0.3, 1.0, 1.9])
    found = _program(functional.squared_angle)(*_arrays(shortfall))
    expected = (2 * np.arcsin(np.sqrt(shortfall / 2))) ** 2
    assert np.allclose(found, expected, rtol=1e-10 if IN_DOUBLE else 1e-6, atol=0)
    slope = jax.jit(jax.grad(lambda u: jnp.sum(functional.squared_angle(u))))
    assert np.isclose(slope(jnp.zeros(1))[0], 2.0)


def test_debiased_cka_of_independent_vectors_is_one_on_average():
    draws = np.random.default_rng(12).standard_normal((2, 400, 12, 6))
    debiased, biased = (
        np.mean(_program(jax.vmap(function))(*_arrays(*draws)))
        for function in (functional.debiased_cka, functional.cka)
    )
    assert np.isclose(debiased, 1, atol=0.03)  # three standard errors of 400 draws
    assert biased < 0.8


def test_neighbours_of_equal_cosines_are_met_by_a_collapsed_student():
    value = _program(functional.neighbour_kl)(jnp.ones((6, 2)), jnp.eye(6))
    assert np.isclose(value, 0, atol=1e-6)


def test_a_class_that_the_teacher_rules_out_adds_nothing():
    logits = RNG.standard_normal((2, 6, 5))
    without = _program(functional.logit_kl)(*_arrays(*logits[:, :, 1:]))
    student, teacher = logits
    teacher[:, 0] = -np.inf
    graded = jax.jit(jax.value_and_grad(functional.logit_kl))
    value, slope = graded(*_arrays(student, teacher))
    log_p, log_q = (log_softmax(x / 4.0, axis=1)[:, 1:] for x in (teacher, student))
    expected = 16 * np.sum(np.exp(log_p) * (log_p - log_q)) / 6
    assert np.isclose(value, expected, rtol=TOLERANCE)
    assert np.isfinite(slope).all()
    student[:, 0] = -np.inf
    value, slope = graded(*_arrays(student, teacher))
    assert np.isclose(value, without, rtol=TOLERANCE)
    assert np.isfinite(slope).all()
    assert graded(*_arrays(student, np.zeros((6, 5))))[0] == np.inf


def test_a_loud_vector_hides_no_other():
    rng = np.random.default_rng(6)
    student, teacher = rng.standard_normal((12, 4)), rng.standard_normal((12, 6))
    for size in (1e3, 1e4):
        student[0], teacher[0] = size * rng.standard_normal((1, 4)), size * teacher[1]
        found = _program(functional.debiased_cka)(*_arrays(student, teacher))
        expected = _naive_debiased(student, teacher)
        assert np.isclose(found, expected, rtol=0, atol=1e-4)


def test_a_side_of_which_hsic_says_nothing_has_loss_one():
    graded = jax.jit(jax.value_and_grad(functional.debiased_cka))
    for vectors in (np.eye(4), np.eye(10), 3.3 * np.ones((10, 3))):
        value, slope = graded(*_arrays(vectors, RNG.standard_normal((len(vectors), 3))))
        assert value == 1
        assert not slope.any()


def test_a_kernel_without_width_tells_equal_vectors_from_others():
    vectors = RNG.standard_normal((20, 4))
    vectors[:15] = vectors[0]
    assert _program(functional.rbf_cka)(*_arrays(vectors, vectors)) < 1e-6
    labels = np.append(np.zeros(15), np.arange(1, 6))
    other = np.arange(20)[:, None] % 3
    kernels = [_centre(_centre(labels[:, None] == labels).T)]
    distances = squareform(pdist(other, "sqeuclidean"))
    width = 2 * np.median(pdist(other, "sqeuclidean"))
    kernels.append(_centre(_centre(np.exp(-distances / width)).T))
    found = _program(functional.rbf_cka)(*_arrays(vectors, other))
    assert np.isclose(found, 1 - _cosine(*kernels), rtol=TOLERANCE)


def test_what_is_blind_to_a_linear_map_is_blind_to_a_large_one():
    rng = np.random.default_rng(7)
    student, teacher = rng.standard_normal((40, 4)), rng.standard_normal((40, 6))
    for change in (np.diag([1e4, 1, 1, 1]), np.diag([1e9, 1, 1, 1e-9])):
        for name in ("cca", "cca, mean", "projection, solved, centred"):
            function = jax.jit(ON_VECTORS[name][0])
            found = function(*_arrays(student @ change, teacher))
            expected = function(*_arrays(student, teacher))
            assert np.isclose(found, expected, rtol=1e-4), name
    offset = np.asarray(_arrays(student + 1e4)[0], np.float64)
    found = _program(functional.linear_projection)(*_arrays(offset, teacher))
    assert np.isclose(found, _naive_solved(offset, teacher), rtol=1e-3)


def test_a_hinge_without_pairs_asks_for_nothing():
    given = _arrays(TEACHER, np.ones((12, 6)))
    assert _program(functional.pattern_hinge, epsilon=0.0)(*given) == 0


@pytest.mark.parametrize("num_bits", [2, 4, 16])
def test_rounding_takes_so_many_values_and_passes_gradients(num_bits):
    (vectors,) = _arrays(RNG.standard_normal((50, 40)))
    quantised = _program(functional.quantise, num_bits=num_bits)
    vectors, rounded = map(np.asarray, (vectors, quantised(vectors)))
    step = np.max(np.abs(vectors)) / (2 ** (num_bits - 1) - 1)
    assert np.max(np.abs(rounded - vectors)) <= 0.502 * step  # float32 at 16 bits
    values = np.unique(np.round(rounded / step))
    assert len(values) <= 2**num_bits - 1
    assert np.allclose(rounded, np.round(rounded / step) * step, atol=1e-5)
    slope = jax.jit(jax.grad(lambda x: jnp.sum(3 * quantised(x))))
    assert np.all(slope(vectors) == 3)
    assert not np.any(quantised(np.zeros_like(vectors)))


@pytest.mark.parametrize("name", [*ON_VECTORS, *WITH_A_MAP])
@pytest.mark.once
def test_bfloat16_is_taken_and_counted_in_float32(name):
    """The program is that of sides made float32 first, operation by operation."""
    function = (ON_VECTORS | WITH_A_MAP)[name][0]
    given = [jax.ShapeDtypeStruct((60, 6), jnp.bfloat16)] * 2
    if name in WITH_A_MAP:
        given.append(jax.ShapeDtypeStruct((6, 6), jnp.bfloat16))

    def of_wide(*sides):
        return function(*(each.astype(jnp.float32) for each in sides))

    found, expected = (
        jax.make_jaxpr(jax.value_and_grad(each))(*given) for each in (function, of_wide)
    )
    value, gradient = found.out_avals
    assert value.dtype == jnp.float32
    assert gradient.dtype == jnp.bfloat16
    texts = [re.sub("0x[0-9a-f]+", "", str(each)) for each in (found, expected)]
    assert texts[0] == texts[1]


# Random directions of both sides, along which derivatives are taken.
ON_BOTH = ON_VECTORS | {
    name: (partial(_with_map, function), None)
    for name, (function, _) in WITH_A_MAP.items()
}


ALL_OTHERS = "all others"
OF_A_WHITENING = "CCA, squared SVCCA, solved projection"
NO_SECOND = "SVCCA, not squared"


def _row_of_derivatives(name):
    """The row of the table in docs/objectives.md that a loss belongs to."""
    if name == "svcca":
        return NO_SECOND
    is_whitened = name.startswith(("cca", "projection, solved"))
    return OF_A_WHITENING if is_whitened else ALL_OTHERS


@pytest.mark.double
@pytest.mark.parametrize("name", ON_BOTH)
def test_derivatives_of_both_sides_and_of_second_order_are_right(name):
    function, row = ON_BOTH[name][0], _row_of_derivatives(name)
    rng = np.random.default_rng(4)
    start = _arrays(rng.standard_normal((12, 4)) + 0.3, TEACHER)
    along = _arrays(rng.standard_normal((12, 4)), rng.standard_normal((12, 6)))

    def value(step):
        return function(*(x + step * y for x, y in zip(start, along, strict=True)))

    if row == NO_SECOND:
        function = partial(function, squared=True)
        slope = jax.grad(lambda step: f.svcca(start[0] * step, start[1]))
        with pytest.raises(
            ValueError, match="no second derivative. Take `squared=True"
        ):
            jax.jit(jax.grad(slope))(1.0)

    @jax.jit
    def derivatives(step):
        forward = jax.jvp(value, (step,), (1.0,))[1]
        slope = jax.grad(value)

        def mixed(step):  # Hessian-vector products
            return jax.jvp(slope, (step,), (1.0,))[1]

        third = jax.jvp(mixed, (step,), (1.0,))[1]
        twice = jax.grad(slope)(step)
        return value(step), forward, slope(step), mixed(step), twice, third

    low, _, below, bent, *_ = derivatives(-1e-4)
    high, _, above, bowed, *_ = derivatives(1e-4)
    _, forward, slope, mixed, twice, third = derivatives(0.0)
    assert np.allclose([forward, slope], (high - low) / 2e-4, rtol=1e-5, atol=1e-7)
    assert np.allclose([mixed, twice], (above - below) / 2e-4, rtol=1e-4, atol=1e-6)
    assert np.isclose(third, (bowed - bent) / 2e-4, rtol=1e-3, atol=1e-5)


@pytest.mark.once
def test_the_documentation_has_the_table_of_derivatives():
    """Every entry is tried above, for every loss of its row."""
    assert {*map(_row_of_derivatives, ON_BOTH)} == {
        NO_SECOND,
        OF_A_WHITENING,
        ALL_OTHERS,
    }
    products = {
        NO_SECOND: "refused: take `squared=True`",
        OF_A_WHITENING: "right, as are third derivatives",
        ALL_OTHERS: "right, as are all higher derivatives",
    }
    lines = [f"| {row} | right | right | {said} |" for row, said in products.items()]
    text = Path(__file__).parents[1].joinpath("docs", "objectives.md").read_text()
    assert "\n".join(["|---|---|---|---|", *lines, ""]) in text


def _products(jaxpr):
    """The precision of every product, also in loops, branches and nested programs."""
    for equation in jaxpr.eqns:
        if equation.primitive.name == "dot_general":
            yield equation.params["precision"]
        for inner in jax.tree.leaves(
            list(equation.params.values()), is_leaf=lambda x: hasattr(x, "eqns")
        ):
            inner = getattr(inner, "jaxpr", inner)  # of a closed one
            if hasattr(inner, "eqns"):
                yield from _products(inner)


@pytest.mark.once
@pytest.mark.parametrize("name", [*ON_BOTH, "battery"])
def test_every_product_is_formed_in_full_precision(name):
    # Backward too, and where the rule of a derivative runs after its function.
    def of_battery(student, teacher):
        return sum(measures.battery(student, teacher, 0.1).values())

    function = of_battery if name == "battery" else ON_BOTH[name][0]
    graded = function if name == "battery" else jax.grad(jax.jit(function), (0, 1))
    traced = jax.make_jaxpr(graded)(*_arrays(TEACHER[:, :4], TEACHER))
    found = list(_products(traced.jaxpr))
    highest = jax.lax.Precision.HIGHEST
    assert all(each == (highest, highest) for each in found)


@pytest.mark.slow
def test_they_map_over_leading_axes():
    students = RNG.standard_normal((5, 12, 4))
    for name in ("procrustes", "cca", "rbf cka"):
        function = ON_VECTORS[name][0]
        together = jax.jit(jax.vmap(function, in_axes=(0, None)))
        found = together(*_arrays(students, TEACHER))
        alone = jax.jit(function)
        expected = [alone(*_arrays(each, TEACHER)) for each in students]
        assert np.allclose(found, expected, rtol=TOLERANCE, atol=TOLERANCE)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: f.debiased_cka(x[:3], x[:3]), "at least 4 for debiased CKA; got 3"),
        (
            lambda x: f.patch_cka(x, x, num_patches=5),
            "`num_patches` must divide the 12",
        ),
        (lambda x: f.quantise(x, num_bits=1), "`num_bits` must be between 2 and 16"),
        (lambda x: f.rbf_cka(x, x, bandwidth=0), "`bandwidth` must be positive; got 0"),
        (lambda x: f.logit_kl(x, x, temperature=0.0), "`temperature` must be positive"),
        (lambda x: f.neighbour_kl(x, x, temperature=-1), "`temperature` must be posit"),
        (lambda x: f.relational_angle(x, x, delta=0), "`delta` must be positive"),
        (lambda x: f.pattern_hinge(x, x, epsilon=2), "`epsilon` must lie between 0"),
        (lambda x: f.svcca(x, x, threshold=1.0), "`threshold` must lie between 0"),
        (
            lambda x: f.logit_kl(x[:, :1], x),
            r"the classes of `teacher_logits`; got shapes \(12, 1\) and \(12, 6\)",
        ),
        (
            lambda x: f.linear_projection(x, x, x[:6, :1]),
            r"`weights` must be .* \(6, 6\).*; got shape \(6, 1\)",
        ),
        (
            lambda x: f.mlp_projection(x, x, (x.T, x[:, 0], x[:, :2])),
            r"`layers` must be \(m, h\), \(h,\) and \(h, d\) = .*; got shapes",
        ),
        (lambda x: f.framed(x, -0.1), "`frame` must be .* not negative; got -0.1"),
        (lambda x: f.framed(x, float("nan")), "`frame` must be finite.*; got nan"),
    ],
)
def test_what_makes_no_sense_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call(jnp.asarray(TEACHER, float))


class _Brought:
    """What another package brings, and how."""

    def __init__(self, array, way):
        self._array = array
        setattr(type(self), way, lambda _, *args, **kwargs: self._given(way, kwargs))

    def _given(self, way, kwargs):
        return getattr(self._array, way)(**kwargs) if "dlpack" in way else self._array


class _WithArray(_Brought):
    pass


class _WithDlpack(_Brought):
    def __dlpack_device__(self):
        return self._array.__dlpack_device__()


WHOLE = np.arange(12).reshape(4, 3) ** 2
TAKEN = {
    "a list": WHOLE.tolist(),
    "whole numbers": WHOLE,
    "float64": WHOLE.astype(np.float64),
    "a list of JAX's": [[jnp.asarray(x, float) for x in row] for row in WHOLE],
    "by __array__": _WithArray(WHOLE.astype(np.float32), "__array__"),
    "by __dlpack__": _WithDlpack(WHOLE.astype(np.float32), "__dlpack__"),
}


@pytest.mark.parametrize("given", TAKEN.values(), ids=TAKEN)
def test_whatever_brings_a_matrix_is_taken(given):
    target = _arrays(TEACHER[:4])[0]
    expected = functional.cka(*_arrays(WHOLE), target)
    assert np.isclose(functional.cka(given, target), expected)
    assert np.isclose(functional.cka(student=given, teacher=target), expected)


class _Attached:
    def __array__(self, dtype=None, copy=None):
        raise RuntimeError("Use tensor.detach().")


@pytest.mark.parametrize(
    ("given", "got"),
    [
        ([1.0, 2.0], "shape (2,)"),
        ([[1.0, 2.0], [3.0]], "[[1.0, 2.0], [3.0]]"),
        (np.ones((4, 3, 2)), "shape (4, 3, 2)"),
        (np.ones((4, 3)) * 1j, "entries of type complex"),
        (np.ones((4, 3), bool), "entries of type bool"),
        (np.full((4, 3), "a"), "array("),
        (None, "None"),
        (_Attached(), "<"),
    ],
)
def test_what_is_no_matrix_is_refused_in_one_sentence(given, got):
    rules = "(n, m)", "(n, d)"
    for place, name in enumerate(("student", "teacher")):
        pair = [np.ones((4, 3)), np.ones((4, 3))]
        pair[place] = given
        rule = f"`{name}` must be a matrix {rules[place]} of real numbers; got {got}"
        for call in (functional.cka, functional.cca):
            with pytest.raises(ValueError, match="must be a matrix") as refused:
                call(*pair)
            assert str(refused.value).startswith(rule)
    if isinstance(given, _Attached):
        assert str(refused.value).endswith(": Use tensor.detach().")


def test_inputs_are_checked_under_jit_and_vmap_too():
    with pytest.raises(ValueError, match="got shape"):
        jax.jit(functional.procrustes)(jnp.ones(3), jnp.ones((3, 2)))
    with pytest.raises(ValueError, match=r"as many rows as .*shapes \(3, 2\) and"):
        jax.vmap(functional.procrustes)(jnp.ones((5, 3, 2)), jnp.ones((5, 4, 2)))
    with pytest.raises(ValueError, match="`student_logits` must be .* got shape"):
        functional.logit_kl(jnp.ones(3), jnp.ones((3, 2)))
    with pytest.raises(TypeError, match="missing a required argument: 'teacher'"):
        functional.cka(jnp.ones((3, 2)))


@pytest.mark.once
def test_help_has_the_row_and_every_argument():
    text = functional.pattern_hinge.__doc__
    assert functional.about(functional.pattern_hinge).formula in text
    for name in ("student", "teacher", "epsilon"):
        assert f"    {name}: " in text
    with pytest.raises(KeyError):
        functional.about(functional.quantise)


SHARDED = """
import jax
jax.config.update("jax_num_cpu_devices", 2)
import jax.numpy as jnp
import numpy as np
from functools import partial
from jax.sharding import PartitionSpec as P
from simgeo import functional as f

mesh = jax.sharding.Mesh(np.asarray(jax.devices()), ("batch",))
rng = np.random.default_rng(0)
student = jnp.asarray(rng.standard_normal((24, 4)) + 0.5)
teacher = jnp.asarray(rng.standard_normal((24, 6)) - 0.5)
weights = jnp.asarray(rng.standard_normal((4, 6)))
layers = tuple(jnp.asarray(rng.standard_normal(k)) for k in ((4, 5), (5,), (5, 6)))
free = (
    f.cka, partial(f.cka, centred=False), f.angular_cka, f.debiased_cka,
    f.procrustes, partial(f.procrustes, centred=True, normalised=True),
    f.angular_procrustes, f.feature_gram, f.covariance_wasserstein,
    partial(f.feature_gram, centred=True, unit_rows=True),
    f.cca, partial(f.cca, squared=False), partial(f.svcca, threshold=0.6),
    f.linear_projection, partial(f.linear_projection, centred=True),
    f.orthogonal_projection,
)
cases = [(each, ()) for each in free]
cases += [(f.linear_projection, (weights,)), (f.cosine_projection, (weights,))]
cases += [(f.orthogonal_projection, (weights,)), (f.mlp_projection, (layers,))]
logits = lambda call: lambda s, t, **axis: call(s, t[:, :4], **axis)
framed = lambda s, t, **axis: f.feature_gram(f.framed(s, 0.1, **axis), t, **axis)
cases += [(framed, ())]
cases += [(logits(f.logit_kl), ()), (logits(f.relation_cka), ())]
tolerance = 1e-9 if jax.config.read("jax_enable_x64") else 2e-4

for index, (function, own) in enumerate(cases):
    whole = jax.value_and_grad(lambda s: function(s, teacher, *own))
    value, gradient = jax.jit(whole)(student)

    def spread(s, t):
        return function(s, t, *own, axis_name="batch")

    rows = {"mesh": mesh, "in_specs": (P("batch"), P("batch"))}
    both = P(), P("batch")
    inside = jax.shard_map(jax.value_and_grad(spread), out_specs=both, **rows)
    outside = jax.value_and_grad(jax.shard_map(spread, out_specs=P(), **rows))
    both = jax.jit(lambda s, t: (inside(s, t), outside(s, t)))
    for found, slope in both(student, teacher):
        assert np.isclose(found, value, rtol=tolerance), (index, found, value)
        size = np.max(np.abs(gradient))
        assert np.allclose(slope, gradient, atol=tolerance * size), (index, function)
    print(index, "agrees")
"""


@pytest.mark.slow
def test_rows_spread_over_devices_give_the_value_and_gradient_of_all():
    child = subprocess.run(
        [sys.executable, "-c", SHARDED],
        cwd=Path(__file__).parents[1],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert child.returncode == 0, child.stderr
    assert len(child.stdout.splitlines()) == 23
