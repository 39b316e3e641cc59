"""Objectives beside the standard ones: naive loops, blindness, gradients, descent."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from scipy.linalg import polar

from simgeo import distill, objectives

IN_DOUBLE = bool(jax.config.read("jax_enable_x64"))
TOLERANCE = 1e-9 if IN_DOUBLE else 2e-4  # float32: products of 12 vectors, centred
TEACHER = np.random.default_rng(0).standard_normal((12, 6))
WIDTHS = (3, 6, 9)


def _loop_similarity(student, teacher):
    n = len(student)
    total = 0.0
    for i in range(n):
        left = np.array([student[i] @ student[j] for j in range(n)])
        right = np.array([teacher[i] @ teacher[j] for j in range(n)])
        difference = left / np.sqrt(sum(left**2)) - right / np.sqrt(sum(right**2))
        total += sum(difference**2)
    return total / n**2


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


def _loop_debiased(student, teacher):
    own, target = _hsic(student, student), _hsic(teacher, teacher)
    return 1 - _hsic(student, teacher) / np.sqrt(own * target)


def _pairs(n):
    return [(i, j) for i in range(n) for j in range(n) if i != j]


def _loop_distance(student, teacher, delta):
    pairs = _pairs(len(student))
    each = [
        np.array([np.linalg.norm(x[i] - x[j]) for i, j in pairs])
        for x in (student, teacher)
    ]
    total = 0.0
    for mine, theirs in zip(
        each[0] / each[0].mean(), each[1] / each[1].mean(), strict=True
    ):
        error = abs(mine - theirs)
        if error <= delta:
            total += error**2 / 2
        else:
            total += delta * (error - delta / 2)
    return total / len(pairs)


def _cosine(x, i, j):
    return x[i] @ x[j] / np.linalg.norm(x[i]) / np.linalg.norm(x[j])


def _loop_hinge(student, teacher, epsilon):
    excess = [
        max(abs(_cosine(student, i, j)) - epsilon, 0)
        for i, j in _pairs(len(student))
        if abs(_cosine(teacher, i, j)) <= epsilon
    ]
    return sum(excess) / len(excess)


def _loop_neighbours(student, teacher, temperature):
    n = len(student)
    total = 0.0
    for i in range(n):
        others = [j for j in range(n) if j != i]
        p, q = (
            np.exp([_cosine(x, i, j) / temperature for j in others])
            for x in (teacher, student)
        )
        p, q = p / sum(p), q / sum(q)
        total += sum(p * np.log(p / q))
    return total / n


def _loop_map(student, teacher, weights):
    errors = [t - s @ weights for s, t in zip(student, teacher, strict=True)]
    return sum(e @ e for e in errors) / len(errors)


def _loop_rotation(student, teacher, free):
    rotation = polar(free)[0]
    lost = student - student @ rotation @ rotation.T
    beyond = np.sum(lost**2) if student.shape[1] > teacher.shape[1] else 0.0
    return _loop_map(student, teacher, rotation) + beyond / len(student)


CASES = {
    objectives.SimilarityPreserving(): _loop_similarity,
    objectives.DebiasedCKA(): _loop_debiased,
    objectives.RelationalDistance(delta=0.3): lambda s, t: _loop_distance(s, t, 0.3),
    objectives.PatternHinge(epsilon=0.3): lambda s, t: _loop_hinge(s, t, 0.3),
    objectives.NeighbourKL(temperature=0.5): lambda s, t: _loop_neighbours(s, t, 0.5),
    objectives.FixedProjection(): _loop_map,
    objectives.OrthogonalProjection(): _loop_rotation,
}
ALL = tuple(CASES)
EVERY = pytest.mark.parametrize("objective", ALL, ids=lambda x: x.label)
ON_VECTORS = ALL[:5]  # nothing is learned beside the student
DIFFERENCES = pytest.mark.skipif(not IN_DOUBLE, reason="differences need float64")


def _start(objective, width, seed=0):
    return objective.init(jax.random.key(seed), width, 6)


@jax.jit
def _graded_program(objective, teacher, parameters):
    def loss(parameters):
        student, learned = parameters
        return objective(student, teacher, learned)

    return jax.value_and_grad(loss)(parameters)


def _graded(objective, student, learned=None, teacher=TEACHER):
    """Value, and gradient of the student and of what is learned beside it.

    All tests share one program for each objective and width.
    """
    student, teacher = jnp.asarray(student, float), jnp.asarray(teacher, float)
    return _graded_program(objective, teacher, (student, learned))


def _value(objective, student, learned=None, teacher=TEACHER):
    return float(_graded(objective, student, learned, teacher)[0])


@EVERY
@pytest.mark.parametrize("width", WIDTHS)
def test_values_agree_with_naive_loops(objective, width):
    student = np.random.default_rng(1).standard_normal((12, width)) + 0.3
    learned = _start(objective, width)
    own = () if learned is None else (np.asarray(learned, float),)
    expected = CASES[objective](student, TEACHER, *own)
    assert expected > 0
    found = _value(objective, student, learned)
    assert np.isclose(found, expected, rtol=TOLERANCE, atol=TOLERANCE)


@pytest.mark.parametrize("width", WIDTHS)
def test_the_best_rotation_is_that_of_procrustes(width):
    student = np.random.default_rng(2).standard_normal((12, width))
    best = polar(student.T @ TEACHER)[0]
    expected = _loop_rotation(student, TEACHER, best)
    found = _value(objectives.OrthogonalProjection(), student)
    assert np.isclose(found, expected, rtol=TOLERANCE)
    procrustes = _value(objectives.Procrustes(), student) / 12
    assert np.isclose(found, procrustes, rtol=TOLERANCE)


ROTATION = np.linalg.qr(np.random.default_rng(3).standard_normal((6, 6)))[0]
CHANGES = {
    "rotation": lambda student: student @ ROTATION,
    "translation": lambda student: student + np.linspace(1, 2, 6),
    "scale": lambda student: 1.5 * student,
    "row scale": lambda student: student * np.linspace(1, 2, 12)[:, None],
    "linear map": lambda student: student @ (np.eye(6) + 0.3 * np.tri(6)),
}


@EVERY
def test_blind_exactly_to_what_it_declares(objective):
    student = np.random.default_rng(4).standard_normal((12, 6))
    # A learned rotation is compared at its best, a fixed map as it was drawn.
    fixed = isinstance(objective, objectives.FixedProjection)
    learned = _start(objective, 6) if fixed else None
    before = _value(objective, student, learned)
    unseen = {
        name
        for name, change in CHANGES.items()
        if np.isclose(
            before, _value(objective, change(student), learned), rtol=2e-4, atol=1e-5
        )
    }
    assert unseen == objective.invariant_to


def _awkward(width):
    draw = np.random.default_rng(5).standard_normal((12, width))
    yield "zero row", np.vstack([np.zeros((1, width)), draw[1:]])
    yield "two equal rows", np.vstack([draw[1:2], draw[1:]])
    yield "zero", np.zeros((12, width))
    yield "equal rows", np.ones((12, width))
    yield "equal rows, rounded", np.tile(draw[0], (12, 1))
    yield "one row", np.vstack([draw[:1], np.zeros((11, width))])
    yield "rank one", np.outer(draw[:, 0], draw[0])
    yield "tiny", 1e-4 * draw
    yield "huge", 1e4 * draw
    if width >= 6:
        yield "identical", np.pad(TEACHER, ((0, 0), (0, width - 6)))


def _free(objective, width):
    """The losses to be judged: with the parameters drawn, and at their best."""
    yield _start(objective, width)
    if isinstance(objective, objectives.OrthogonalProjection):
        yield None


@EVERY
@pytest.mark.parametrize("width", WIDTHS)
def test_value_and_gradient_are_finite_at_awkward_points(objective, width):
    for learned in _free(objective, width):
        for name, student in _awkward(width):
            found = _graded(objective, student, learned)
            finite = jax.tree.map(lambda x: bool(np.isfinite(x).all()), found)
            assert jax.tree.all(finite), (name, learned is None)


@pytest.mark.parametrize("objective", ON_VECTORS, ids=lambda x: x.label)
def test_a_copy_has_no_loss_and_no_gradient(objective):
    value, (gradient, _) = _graded(objective, TEACHER)
    assert np.isclose(value, 0, atol=1e-6)
    assert np.allclose(gradient, 0, atol=1e-5)
    assert objective.optimum(TEACHER, 6) == 0
    assert math.isnan(objective.optimum(TEACHER, 5))


@EVERY
def test_a_degenerate_teacher_gives_no_surprise(objective):
    teachers = dict(_awkward(6))
    student = np.random.default_rng(6).standard_normal((12, 6))
    for name in ("zero", "zero row", "equal rows", "rank one"):
        value, (gradient, _) = _graded(
            objective, student, _start(objective, 6), teachers[name]
        )
        assert np.isfinite(value), name
        assert np.isfinite(gradient).all(), name


@DIFFERENCES
@EVERY
@pytest.mark.parametrize("width", WIDTHS)
def test_gradient_agrees_with_finite_differences(objective, width):
    student = np.random.default_rng(7).standard_normal((12, width))
    direction = np.random.default_rng(8).standard_normal((12, width))
    for learned in _free(objective, width):
        _, (gradient, _) = _graded(objective, student, learned)
        ends = [
            _value(objective, student + step * direction, learned)
            for step in (1e-5, -1e-5)
        ]
        slope = (ends[0] - ends[1]) / 2e-5
        assert np.isclose(np.sum(gradient * direction), slope, rtol=1e-5, atol=1e-7)


@DIFFERENCES
@pytest.mark.parametrize("width", WIDTHS)
def test_gradient_of_the_free_matrix_agrees_with_finite_differences(width):
    objective = objectives.OrthogonalProjection()
    student = np.random.default_rng(9).standard_normal((12, width))
    free = _start(objective, width)
    direction = np.random.default_rng(10).standard_normal(free.shape)
    _, (_, gradient) = _graded(objective, student, free)
    ends = [
        _value(objective, student, free + step * direction) for step in (1e-5, -1e-5)
    ]
    slope = (ends[0] - ends[1]) / 2e-5
    assert np.isclose(np.sum(gradient * direction), slope, rtol=1e-5, atol=1e-7)


def _descend(objective, width, num_steps):
    student = jnp.asarray(np.random.default_rng(11).standard_normal((12, width)), float)
    teacher = jnp.asarray(TEACHER, float)
    optimiser = optax.adam(0.02)

    def loss(parameters):
        return objective(parameters[0], teacher, parameters[1])

    start = distill.init((student, _start(objective, width)), optimiser)
    run = jax.jit(lambda state, steps: distill.advance(state, loss, optimiser, steps))
    end = run(start, jnp.asarray(num_steps))
    assert end.last_finite == num_steps
    return start.parameters, end.parameters, float(loss(end.parameters))


@pytest.mark.parametrize("width", WIDTHS)
def test_descent_reaches_the_optimum_of_a_learned_rotation(width):
    objective = objectives.OrthogonalProjection()
    _, (student, _), loss = _descend(objective, width, num_steps=800)
    optimum = objective.optimum(TEACHER, width)
    assert np.isclose(loss, optimum, rtol=1e-3, atol=1e-3)  # Adam hovers around it
    assert _value(objective, student) <= loss + 1e-5


def test_a_fixed_map_is_not_trained():
    objective = objectives.FixedProjection()
    before, after, loss = _descend(objective, 3, num_steps=50)
    assert np.array_equal(before[1], after[1])
    assert loss < _value(objective, *before)
    assert math.isnan(objective.optimum(TEACHER, 5))
    student = TEACHER @ np.linalg.pinv(_start(objective, 9))
    assert np.isclose(_value(objective, student, _start(objective, 9)), 0, atol=1e-6)
    assert objective.optimum(TEACHER, 9) == 0


def test_a_fixed_map_must_be_at_hand():
    with pytest.raises(ValueError, match="`learned` must be the map"):
        _value(objectives.FixedProjection(), TEACHER)


def test_debiased_cka_of_independent_vectors_is_one_on_average():
    draws = np.random.default_rng(12).standard_normal((2, 400, 12, 6))
    debiased, biased = (
        jnp.mean(jax.vmap(objective)(*jnp.asarray(draws, float)))
        for objective in (objectives.DebiasedCKA(), objectives.CKA())
    )
    assert np.isclose(debiased, 1, atol=0.03)  # three standard errors of 400 draws
    assert biased < 0.8


def test_debiased_cka_refuses_fewer_than_four_vectors():
    with pytest.raises(ValueError, match="at least 4 for debiased CKA; got 3"):
        _value(objectives.DebiasedCKA(), TEACHER[:3], teacher=TEACHER[:3])
    value = _value(objectives.DebiasedCKA(), TEACHER[:4, :2], teacher=TEACHER[:4])
    assert -1e-5 <= value <= 2 + 1e-5


def test_neighbours_of_equal_cosines_are_met_by_a_collapsed_student():
    collapsed = np.ones((6, 2))
    value = _value(objectives.NeighbourKL(), collapsed, teacher=np.eye(6))
    assert np.isclose(value, 0, atol=1e-6)


def test_a_hinge_without_pairs_asks_for_nothing():
    hinge = objectives.PatternHinge(epsilon=0.0)
    assert _value(hinge, TEACHER, teacher=np.ones((12, 6))) == 0


@pytest.mark.parametrize(
    ("kind", "setting", "value"),
    [
        (objectives.RelationalDistance, "delta", 0.0),
        (objectives.PatternHinge, "epsilon", -0.1),
        (objectives.PatternHinge, "epsilon", math.nan),
        (objectives.NeighbourKL, "temperature", 0.0),
        (objectives.FixedProjection, "scale", -1.0),
    ],
)
def test_settings_without_sense_are_refused(kind, setting, value):
    with pytest.raises(ValueError, match=f"`{setting}` must .*; got {value}"):
        kind(**{setting: value})


def test_knobs_are_swept_without_another_compilation():
    traces = []

    @jax.jit
    def value(objective):
        traces.append(None)
        student = jnp.asarray(TEACHER[:, :3], float)
        return objective(student, jnp.asarray(TEACHER, float))

    found = [
        float(value(objectives.PatternHinge(epsilon=epsilon))) for epsilon in (0.1, 0.3)
    ]
    assert len(traces) == 1
    assert np.isclose(found[0], _loop_hinge(TEACHER[:, :3], TEACHER, 0.1), atol=1e-5)
