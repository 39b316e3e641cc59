"""Where students start, and what their parametrisation keeps."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.metrics.pairwise import cosine_similarity

from simgeo import limits, objectives, students
from simgeo.students import (
    FreeRows,
    GaussianStart,
    ProjectedTeacher,
    TruncatedSVD,
    UnitRows,
)

RTOL = 1e-10 if jax.config.read("jax_enable_x64") else 1e-4
TEACHER = jnp.asarray(np.random.default_rng(0).standard_normal((12, 6)) + 0.5, float)


@pytest.mark.parametrize("offset", [0.0, 0.5, 2.0])
@pytest.mark.parametrize("scale", [1.0, 1e-3])
def test_gaussian_start_has_the_length_and_cosine_that_it_states(key, offset, scale):
    vectors = GaussianStart(scale=scale, offset=offset)(key, jnp.zeros((300, 1)), 200)
    vectors = np.asarray(vectors)
    squared = np.mean(np.sum(vectors**2, axis=1)) / scale**2
    # Over 300 rows of 200 dimensions both means have errors of about one percent.
    assert np.isclose(squared, 1 + offset**2, rtol=0.03)
    above = np.triu_indices(300, 1)
    found = np.mean(cosine_similarity(vectors)[above])
    assert np.isclose(found, offset**2 / (1 + offset**2), atol=0.02)


def test_gaussian_start_has_one_offset_for_all_rows_and_another_for_each_key(key):
    start, teacher = GaussianStart(offset=100.0), jnp.zeros((5, 1))
    first, second = (start(each, teacher, 50) for each in jax.random.split(key))
    assert np.min(cosine_similarity(first)) > 0.99
    assert np.max(np.abs(cosine_similarity(first, second))) < 0.6


@pytest.mark.parametrize("width", [3, 9])
def test_projected_teacher_keeps_squared_lengths_on_average(key, width):
    keys = jax.random.split(key, 4000)
    one = jax.jit(jax.vmap(lambda each: ProjectedTeacher()(each, TEACHER, width)))
    drawn = np.asarray(one(keys))
    assert drawn.shape == (4000, 12, width)
    found = np.mean(drawn @ drawn.mT, axis=0)
    # Each product has a relative deviation of sqrt(2 / (4000 m)), 1.3 %, or less.
    teacher = np.asarray(TEACHER)
    lengths = np.linalg.norm(teacher, axis=1)
    off = (found - teacher @ teacher.T) / np.outer(lengths, lengths)
    assert np.max(np.abs(off)) < 0.06


@pytest.mark.parametrize("centred", [False, True])
@pytest.mark.parametrize("width", [3, 6, 9])
def test_truncated_svd_is_the_optimum(key, width, centred):
    student = np.asarray(TruncatedSVD(centred=centred)(key, TEACHER, width))
    assert student.shape == (12, width)
    best = limits.optimal_student(TEACHER, width, centred=centred)
    atol = RTOL * np.sum(best**2)
    assert np.allclose(student @ student.T, best @ best.T, rtol=0, atol=atol)
    reached = objectives.CKA() if centred else objectives.Procrustes()
    for objective in (reached, objectives.FeatureGram(centred=centred)):
        value = jax.jit(objective)
        found, least = (
            value(student, TEACHER),
            objective.optimum(np.asarray(TEACHER), width),
        )
        slack = RTOL * max(1.0, value(0 * student, TEACHER))  # a difference of sums
        assert np.isclose(found, least, rtol=0, atol=slack), objective.label


def test_unit_rows_stay_unit_and_move_across_themselves(key):
    student = UnitRows(GaussianStart(scale=3.0))
    parameters = student.init(key, TEACHER, 4)
    vectors, given = (
        np.asarray(each) for each in (student.vectors(parameters), parameters)
    )
    assert np.allclose(np.sum(vectors**2, axis=1), 1, rtol=1e-6)
    assert not np.allclose(np.sum(given**2, axis=1), 1, rtol=0.1)
    loss = objectives.FeatureGram()
    graded = jax.jit(jax.grad(lambda each: loss(student.vectors(each), TEACHER)))
    gradient = np.asarray(graded(parameters))
    along = np.sum(gradient * given, axis=1)
    assert np.allclose(along, 0, atol=1e-5 * np.max(np.abs(gradient)))
    moved = np.asarray(student.vectors(jnp.asarray(given - gradient)))
    assert np.allclose(np.sum(moved**2, axis=1), 1, rtol=1e-6)


def test_free_rows_are_their_parameters(key):
    student = FreeRows(ProjectedTeacher())
    parameters = student.init(key, TEACHER, 4)
    assert np.array_equal(student.vectors(parameters), parameters)
    assert np.array_equal(parameters, ProjectedTeacher()(key, TEACHER, 4))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("scale", 0.0),
        ("scale", -1.0),
        ("scale", float("nan")),
        ("scale", float("inf")),
        ("offset", -0.5),
        ("offset", float("nan")),
        ("offset", float("inf")),
    ],
)
def test_bad_starts_are_refused_by_name(name, value):
    with pytest.raises(ValueError, match=rf"`{name}` must be .*finite.* got {value}"):
        students.GaussianStart(**{name: value})
