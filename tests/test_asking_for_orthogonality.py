"""What vectors are judged by after the runs, and what the study asks."""

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
from scipy.linalg import orthogonal_procrustes

from experiments import judging
from experiments.asking_for_orthogonality import runs as study
from simgeo import plots

pytestmark = pytest.mark.once


@pytest.mark.parametrize("epsilon", study.JUDGED)
def test_patterns_are_those_of_counting(key, epsilon):
    student = jax.random.normal(key, (2, 40, 6))
    teacher = jax.random.normal(key, (2, 40, 9))
    found = judging.patterns(student, teacher, epsilon)
    for seed in range(2):
        patterns = []
        for vectors in (student[seed], teacher[seed]):
            rows = np.asarray(vectors, float)
            rows /= np.linalg.norm(rows, axis=1, keepdims=True)
            pairs = [abs(rows[i] @ rows[j]) for i in range(40) for j in range(i)]
            patterns.append(np.array(pairs) <= epsilon)
        expected = np.corrcoef(patterns)[0, 1], patterns[0].mean()
        got = [found[name][seed] for name in ("matthews", "fraction_student")]
        np.testing.assert_allclose(got, expected, rtol=1e-4)  # float32


def test_the_price_is_what_the_best_rotation_and_scale_leave():
    rng = np.random.default_rng(0)
    student, teacher = rng.standard_normal((20, 4)), rng.standard_normal((20, 6))
    one, other = (
        each / np.linalg.norm(each, axis=1, keepdims=True)
        for each in (student, teacher)
    )
    padded = np.pad(one, ((0, 0), (0, 2)))
    turned = padded @ orthogonal_procrustes(padded, other)[0]
    scale = np.sum(turned * other) / np.sum(turned**2)
    expected = np.sum((other - scale * turned) ** 2) / np.sum(other**2)
    found = judging.price(jnp.asarray([student]), jnp.asarray([teacher]))
    assert found[0] == pytest.approx(expected, rel=1e-5)
    same = judging.price(jnp.asarray([3 * teacher]), jnp.asarray([teacher]))
    assert same[0] == pytest.approx(0.0, abs=1e-5)  # a difference, in float32


def test_a_pattern_of_all_pairs_has_no_correlation():
    student, teacher = jnp.eye(5)[None], (jnp.ones((5, 2)) + jnp.eye(5, 2))[None]
    found = judging.patterns(student, teacher, 0.1)
    assert np.isnan(found["matthews"][0])
    assert found["fraction_student"][0] == 1.0


@jax.jit
def evaluated(objective, student, teacher):
    return objective(student, teacher)


def test_parts_of_a_hybrid_weigh_alike_for_a_student_that_knows_nothing(key):
    teacher = jax.random.normal(key, (study.N, study.D))
    teacher = teacher / jnp.linalg.norm(teacher, axis=1, keepdims=True)
    zero = jnp.zeros((study.N, 24))
    for label in ("Procrustes + hinge", "Gram, unit rows + hinge"):
        hybrid = study.ASKED[label]
        part = hybrid.weights[0] * evaluated(hybrid.parts[0], zero, teacher)
        assert 0.4 < part < 0.8  # the spectrum of a Gaussian teacher is not flat


def test_what_is_undefined_counts_as_nothing_kept():
    rows = [
        ("blocks", 12, 0.1, label, seed, kept + 0.01 * seed if seed else np.nan)
        for label, kept in (("Procrustes", 0.5), ("Pattern hinge", 0.2))
        for seed in range(6)
    ]
    columns = [*study.PLACE, "objective", "seed", "matthews"]
    found = study.compare(pd.DataFrame(rows, columns=columns)).iloc[0]
    assert found["difference"] == pytest.approx(-0.3)
    assert found["condition"] == "Pattern hinge"


def test_every_objective_has_a_colour():
    colours = [plots.STYLES[label] for label in study.ASKED]
    assert len(set(colours)) == len(study.ASKED)
    assert {cell.labels["objective"] for cell in study.grid(True)} == set(study.ASKED)
