"""Patterns are judged as the battery of measures judges them, at any epsilon."""

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
from scipy.linalg import orthogonal_procrustes

from experiments import asking_for_orthogonality as study
from simgeo import measures, plots

pytestmark = pytest.mark.once


@pytest.mark.parametrize("epsilon", study.JUDGED)
def test_the_judge_agrees_with_the_battery(key, epsilon):
    student, teacher = jax.random.normal(key, (40, 6)), jax.random.normal(key, (40, 9))
    found = study.judge(np.asarray(student), np.asarray(teacher), epsilon)
    expected = measures.battery(student, teacher, epsilon)
    names = ("matthews", "fraction_student")
    np.testing.assert_allclose(found, [float(expected[k]) for k in names], rtol=1e-5)


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
    assert study.price(student, teacher) == pytest.approx(expected)
    assert study.price(3 * teacher, teacher) == pytest.approx(0.0, abs=1e-12)


def test_a_pattern_of_all_pairs_has_no_correlation():
    student = np.eye(5)
    matthews, fraction = study.judge(student, np.ones((5, 2)) + np.eye(5, 2), 0.1)
    assert np.isnan(matthews)
    assert fraction == 1.0


def test_parts_of_a_hybrid_weigh_alike_for_a_student_that_knows_nothing(key):
    teacher = jax.random.normal(key, (study.N, study.D))
    teacher = teacher / np.linalg.norm(teacher, axis=1, keepdims=True)
    zero = jnp.zeros((study.N, 24))
    for label in ("Procrustes + hinge", "Gram, unit rows + hinge"):
        hybrid = study.ASKED[label]
        part = hybrid.weights[0] * hybrid.parts[0](zero, teacher)
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
    assert {cell.study for cell in study.grid(True)} == set(study.ASKED)
