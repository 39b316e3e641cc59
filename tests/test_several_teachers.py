"""One student of several teachers: the objective, and what the study computes."""

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
from scipy.linalg import orthogonal_procrustes
from scipy.optimize import minimize

from experiments import judging
from experiments.several_teachers import runs as study
from simgeo import objectives

RNG = np.random.default_rng(0)
WIDE, NARROW = RNG.standard_normal((12, 4)), RNG.standard_normal((12, 2))
TOGETHER = np.hstack([WIDE, NARROW])
STUDENT = RNG.standard_normal((12, 5))


@jax.jit
def evaluated(objective, student, teacher, learned):
    return objective(student, teacher, learned)


def value(objective, student, teacher=TOGETHER):
    learned = objective.init(jax.random.key(0), student.shape[1], teacher.shape[1])
    return float(evaluated(objective, student, teacher, learned))


@pytest.mark.parametrize("part", study.PARTS.values(), ids=study.PARTS)
def test_it_is_the_sum_over_the_teachers(part):
    several = objectives.SeveralTeachers(part, (2, 1), (0.3, 0.7))
    learned = several.init(jax.random.key(0), 5, 6)
    found = evaluated(several, STUDENT, TOGETHER, learned)
    parts = zip((0.3, 0.7), (WIDE, NARROW), learned, strict=True)
    expected = sum(
        weight * evaluated(part, STUDENT, teacher, own)
        for weight, teacher, own in parts
    )
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    memory = several.begin(jax.random.key(0), jnp.asarray(TOGETHER))
    student = jnp.asarray(STUDENT)
    assert several.remember(memory, student, jnp.asarray(TOGETHER), learned) == memory
    at_step = jax.jit(lambda *given: several.at(memory)(*given))
    at_step = at_step(STUDENT, TOGETHER, learned)
    np.testing.assert_allclose(at_step, found, rtol=1e-6)


def test_of_gram_distances_it_is_the_mean_gram_and_a_constant():
    several = objectives.SeveralTeachers(objectives.FeatureGram(), (2, 1), (0.3, 0.7))
    scaled = np.hstack([0.3**0.5 * WIDE, 0.7**0.5 * NARROW])
    gaps = [
        value(several, student) - value(objectives.FeatureGram(), student, scaled)
        for student in (STUDENT, 0.1 * STUDENT, RNG.standard_normal((12, 3)))
    ]
    np.testing.assert_allclose(gaps, gaps[0], rtol=1e-4)  # a difference, in float32


def consensus(teachers, weights, num_steps=2000):
    """Generalised Procrustes by turning all to their mean, again and again."""
    width = sum(each.shape[1] for each in teachers)
    padded = [np.pad(each, ((0, 0), (0, width - each.shape[1]))) for each in teachers]
    middle = RNG.standard_normal(padded[0].shape)
    for _ in range(num_steps):
        turned = [each @ orthogonal_procrustes(each, middle)[0] for each in padded]
        middle = sum(w * each for w, each in zip(weights, turned, strict=True))
    middle = middle / sum(weights)
    return middle, turned


@pytest.mark.double
def test_of_procrustes_distances_its_least_value_is_the_consensus():
    weights = (0.3, 0.7)
    several = objectives.SeveralTeachers(objectives.Procrustes(), (2, 1), weights)
    middle, turned = consensus((WIDE, NARROW), weights)
    least = sum(
        weight * np.sum((each - middle) ** 2)
        for weight, each in zip(weights, turned, strict=True)
    )
    assert value(several, middle) == pytest.approx(least, rel=1e-6)

    graded = jax.jit(jax.value_and_grad(lambda s: several(s, jnp.asarray(TOGETHER))))

    def loss(flat):
        found, slope = graded(jnp.asarray(flat.reshape(12, 6)))
        return float(found), np.asarray(slope, float).ravel()

    start = np.random.default_rng(1).standard_normal(72)
    found = minimize(loss, start, jac=True, method="L-BFGS-B")
    assert found.fun == pytest.approx(least, rel=1e-4)


def test_one_teacher_has_its_optimum_and_several_have_none():
    alone = objectives.SeveralTeachers(objectives.Procrustes(), (1,), (0.5,))
    expected = 0.5 * objectives.Procrustes().optimum(TOGETHER, 3)
    assert alone.optimum(TOGETHER, 3) == pytest.approx(expected)
    assert np.isnan(objectives.SeveralTeachers().optimum(TOGETHER, 3))


def test_the_intersection_follows_from_counting():
    rows = np.arange(24)
    first, second = np.eye(4)[rows % 4], np.eye(3)[rows % 3]
    pairs = [(i, j) for i in range(24) for j in range(i)]
    one = np.array([i % 4 != j % 4 for i, j in pairs])
    both = one & np.array([i % 3 != j % 3 for i, j in pairs])
    expected = np.corrcoef(one, both)[0, 1]
    assert study.intersection([first, second], 0) == pytest.approx(expected)
    assert study.intersection([first, first], 1) == pytest.approx(1.0)


def test_what_can_be_read_is_the_share_of_a_least_squares_fit():
    inputs, targets = STUDENT - STUDENT.mean(axis=0), WIDE - WIDE.mean(axis=0)
    fitted = inputs @ np.linalg.lstsq(inputs, targets)[0]
    expected = 1 - np.sum((targets - fitted) ** 2) / np.sum(targets**2)
    found = judging.readable(jnp.asarray([STUDENT]), jnp.asarray([WIDE]))
    assert found[0] == pytest.approx(expected, rel=1e-4)


def test_equal_weights_are_compared_with_each_teacher_alone():
    rows = [
        ("weights", "conflict", "Gram", weight, 48, seed, place, kept)
        for weight in study.WEIGHTS
        for seed in range(6)
        for place, kept in ((0, weight), (1, 1 - weight + 0.01 * seed))
    ]
    columns = ["study", "kind", "objective", "weight", "student_dim", "seed", "place"]
    found = study.compare(pd.DataFrame(rows, columns=[*columns, "matthews"]))
    np.testing.assert_allclose(found["difference"], -0.5)
    assert sorted(found["place"]) == [0, 1]


def test_every_run_has_a_weight_for_every_teacher():
    for cell in study.grid(True):
        objective, teacher = cell.experiment.objective, cell.experiment.teacher
        assert objective.shares == teacher.shares
        assert objective.weights[0] == cell.labels["weight"]
        assert sum(objective.weights) == pytest.approx(1.0)
