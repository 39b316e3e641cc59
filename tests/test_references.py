"""Objectives against the packages that others use, each with its own conventions."""

import jax
import jax.numpy as jnp
import numpy as np
import procrustes
import pytest
import rsatoolbox
from scipy.spatial import distance
from scipy.spatial import procrustes as scipy_procrustes
from sklearn.linear_model import LinearRegression
from sklearn.metrics.pairwise import cosine_similarity, linear_kernel
from sklearn.preprocessing import KernelCenterer

from simgeo.objectives import CKA, FeatureGram, LinearProjection, Procrustes

TOLERANCE = 1e-6 if jax.config.read("jax_enable_x64") else 1e-5  # of each side's norm
TEACHER_DIM = 6


def compared_by_rsatoolbox(method):
    """One minus a similarity, which the toolbox computes from distances alone."""

    def reference(student, teacher):
        sides = [
            rsatoolbox.rdm.calc_rdm(rsatoolbox.data.Dataset(side), method="euclidean")
            for side in (student, teacher)
        ]
        return 1 - rsatoolbox.rdm.compare(*sides, method=method).item()

    return reference


def rotated_by_qc_procrustes(**changes):
    """The squared distance; it pads, and moves or scales only where it is told to."""
    return lambda student, teacher: (
        procrustes.orthogonal(student, teacher, **changes).error
    )


def gram_distance(kernel):
    return lambda student, teacher: np.sum((kernel(teacher) - kernel(student)) ** 2)


def centred_kernel(vectors):
    return KernelCenterer().fit_transform(linear_kernel(vectors))


def centred_cosines(vectors):
    return cosine_similarity(vectors - vectors.mean(axis=0))


def kernel_alignment_distance(student, teacher):
    return distance.cosine(
        *(linear_kernel(side).ravel() for side in (student, teacher))
    )


def normalised_by_scipy(student, teacher):
    """SciPy does not pad, and scales the student too: 1 - NBS^2."""
    width = max(student.shape[1], teacher.shape[1])
    sides = [np.pad(x, ((0, 0), (0, width - x.shape[1]))) for x in (teacher, student)]
    return 2 - 2 * np.sqrt(1 - scipy_procrustes(*sides)[2])


def residual_of_scikit_learn(student, teacher):
    fitted = LinearRegression(fit_intercept=False).fit(student, teacher)
    return np.sum((teacher - fitted.predict(student)) ** 2) / len(teacher)


REFERENCES = [
    (CKA(), compared_by_rsatoolbox("cosine_cov")),
    (CKA(centred=False), kernel_alignment_distance),
    (
        Procrustes(centred=True, normalised=True),
        lambda *sides: 2 * compared_by_rsatoolbox("bures")(*sides),
    ),
    (Procrustes(centred=True, normalised=True), normalised_by_scipy),
    (Procrustes(), rotated_by_qc_procrustes()),
    (Procrustes(centred=True), rotated_by_qc_procrustes(translate=True)),
    (Procrustes(normalised=True), rotated_by_qc_procrustes(scale=True)),
    (
        Procrustes(squared=False),
        lambda *sides: np.sqrt(rotated_by_qc_procrustes()(*sides)),
    ),
    (FeatureGram(), gram_distance(linear_kernel)),
    (FeatureGram(centred=True), gram_distance(centred_kernel)),
    (FeatureGram(unit_rows=True), gram_distance(cosine_similarity)),
    (FeatureGram(centred=True, unit_rows=True), gram_distance(centred_cosines)),
    (LinearProjection(solved=True), residual_of_scikit_learn),
]


@pytest.mark.parametrize(
    ("objective", "reference"),
    REFERENCES,
    ids=[f"{index} {each.label}" for index, (each, _) in enumerate(REFERENCES)],
)
@pytest.mark.parametrize("width", [3, 6, 9])
def test_value_agrees_with_that_of_another_package(objective, reference, width):
    rng = np.random.default_rng(width)
    compiled = jax.jit(objective)
    for offset in (0.0, 0.5):  # the second tells centred from raw
        student = rng.standard_normal((14, width)) + offset
        teacher = 1.3 * rng.standard_normal((14, TEACHER_DIM)) - offset
        found = compiled(jnp.asarray(student, float), jnp.asarray(teacher, float))
        expected = reference(student, teacher)
        assert np.isclose(found, expected, rtol=TOLERANCE, atol=TOLERANCE), offset


def test_projection_by_a_given_map_is_that_map_s_mean_squared_error():
    rng = np.random.default_rng(0)
    student, teacher = rng.standard_normal((14, 3)), rng.standard_normal((14, 6))
    fitted = LinearRegression(fit_intercept=False).fit(student, teacher)
    evaluated = jax.jit(LinearProjection())
    for change in (0.0, 0.1):
        learned = fitted.coef_.T + change
        expected = np.mean(np.sum((teacher - student @ learned) ** 2, axis=1))
        arguments = (jnp.asarray(x, float) for x in (student, teacher, learned))
        assert np.isclose(evaluated(*arguments), expected, atol=TOLERANCE)
