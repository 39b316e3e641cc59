"""Objectives against independent references, their blindness and their gradients."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.linalg import orthogonal_procrustes

from simgeo import objectives

RNG = np.random.default_rng(0)
TEACHER = RNG.standard_normal((12, 6))
TOLERANCE = 1e-6 if jax.config.read("jax_enable_x64") else 2e-3  # float32 cancels
EXTRA = (
    objectives.Procrustes(squared=False),
    objectives.FeatureGram(squared=False),
    objectives.FeatureGram(centred=True, unit_rows=True),
    objectives.Hybrid(parts=(objectives.CKA(),), weights=(0.5,)),
)
ALL = (*objectives.STANDARD.values(), *EXTRA)
WIDTHS = (3, 6, 9)


def _value(objective, student, teacher=TEACHER):
    return float(objective(jnp.asarray(student, float), jnp.asarray(teacher, float)))


@pytest.mark.parametrize("width", WIDTHS)
def test_values_agree_with_independent_references(width):
    student = RNG.standard_normal((12, width))
    centred = student - student.mean(0), TEACHER - TEACHER.mean(0)
    outer = [x @ x.T for x in centred]
    cka = np.sum(outer[0] * outer[1]) / np.prod([np.linalg.norm(x) for x in outer])
    assert np.isclose(_value(objectives.CKA(), student), 1 - cka, atol=TOLERANCE)
    gram = np.sum((TEACHER @ TEACHER.T - student @ student.T) ** 2)
    found = _value(objectives.FeatureGram(), student)
    assert np.isclose(found, gram, rtol=TOLERANCE)
    size = max(width, 6)
    wide = np.pad(student, ((0, 0), (0, size - width)))
    target = np.pad(TEACHER, ((0, 0), (0, size - 6)))
    rotation, _ = orthogonal_procrustes(wide, target)
    distance = np.sum((target - wide @ rotation) ** 2)
    found = _value(objectives.Procrustes(), student)
    assert np.isclose(found, distance, rtol=TOLERANCE)
    fitted = student @ np.linalg.lstsq(student, TEACHER, rcond=None)[0]
    solved = np.sum((TEACHER - fitted) ** 2) / 12
    found = _value(objectives.LinearProjection(), student)
    assert np.isclose(found, solved, rtol=TOLERANCE, atol=TOLERANCE)


def _rotate(student):
    rotation, _ = np.linalg.qr(np.random.default_rng(1).standard_normal((6, 6)))
    return student @ rotation


CHANGES = {
    "rotation": _rotate,
    "translation": lambda student: student + np.linspace(1, 2, 6),
    "scale": lambda student: 1.5 * student,
    "row scale": lambda student: student * np.linspace(1, 2, 12)[:, None],
    "linear map": lambda student: student @ (np.eye(6) + 0.3 * np.tri(6)),
}


@pytest.mark.parametrize("objective", ALL, ids=lambda x: x.label)
@pytest.mark.parametrize("name", CHANGES)
def test_blind_exactly_to_what_it_declares(objective, name):
    student = np.random.default_rng(2).standard_normal((12, 6))
    before = _value(objective, student)
    after = _value(objective, CHANGES[name](student))
    close = np.isclose(before, after, rtol=2e-4, atol=1e-5)
    assert close == (name in objective.invariant_to)


def _awkward(width):
    draw = np.random.default_rng(3).standard_normal((12, width))
    yield "zero row", np.vstack([np.zeros((1, width)), draw[1:]])
    yield "zero", np.zeros((12, width))
    yield "rank one", np.outer(draw[:, 0], draw[0])
    yield "equal rows", np.ones((12, width))
    yield "tiny", 1e-4 * draw
    yield "huge", 1e4 * draw
    basis = np.linalg.qr(draw)[0]
    yield "equal singular values", np.pad(basis, ((0, 0), (0, width - basis.shape[1])))
    if width >= 6:
        yield "identical", np.pad(TEACHER, ((0, 0), (0, width - 6)))


@pytest.mark.parametrize("objective", ALL, ids=lambda x: x.label)
@pytest.mark.parametrize("width", [1, 6, 15])
def test_value_and_gradient_are_finite_at_awkward_points(objective, width):
    graded = jax.jit(jax.value_and_grad(objective))
    for name, student in _awkward(width):
        value, gradient = graded(
            jnp.asarray(student, float), jnp.asarray(TEACHER, float)
        )
        assert np.isfinite(value), name
        assert np.isfinite(gradient).all(), name


@pytest.mark.skipif(
    not jax.config.read("jax_enable_x64"), reason="differences need float64"
)
@pytest.mark.parametrize("objective", ALL, ids=lambda x: x.label)
@pytest.mark.parametrize("width", WIDTHS)
def test_gradient_agrees_with_finite_differences(objective, width):
    student = np.random.default_rng(4).standard_normal((12, width))
    direction = np.random.default_rng(5).standard_normal((12, width))
    gradient = jax.grad(objective)(jnp.asarray(student), jnp.asarray(TEACHER))
    step = 1e-5
    ends = [_value(objective, student + sign * step * direction) for sign in (1, -1)]
    difference = (ends[0] - ends[1]) / (2 * step)
    assert np.isclose(np.sum(gradient * direction), difference, rtol=1e-5, atol=1e-7)


@pytest.mark.skipif(
    not jax.config.read("jax_enable_x64"), reason="differences need float64"
)
def test_gradient_reaches_learned_parameters_through_a_hybrid():
    parts = (objectives.LinearProjection(), objectives.CKA())
    objective = objectives.Hybrid(parts=parts, weights=(0.5, 2.0))
    rng = np.random.default_rng(6)
    student, direction = rng.standard_normal((2, 12, 3))
    learned = objective.init(jax.random.key(0), 3, 6)
    along = rng.standard_normal((3, 6))

    def value(student, weights):
        return objective(student, jnp.asarray(TEACHER), (weights, None))

    graded = jax.jit(jax.value_and_grad(value, argnums=(0, 1)))
    by_part = (
        0.5 * np.mean(np.sum((TEACHER - student @ learned[0]) ** 2, axis=1)),
        2.0 * _value(objectives.CKA(), student),
    )
    found, gradients = graded(student, learned[0])
    assert np.isclose(found, sum(by_part))
    slope = np.sum(gradients[0] * direction) + np.sum(gradients[1] * along)
    ends = [
        graded(student + step * direction, learned[0] + step * along)[0]
        for step in (1e-5, -1e-5)
    ]
    assert np.isclose(slope, (ends[0] - ends[1]) / 2e-5, rtol=1e-5)
