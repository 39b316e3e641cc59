"""Readers of sparse features against scikit-learn, scipy and naive loops."""

import numpy as np
import pytest
import scipy.linalg
import scipy.stats
from sklearn.linear_model import Ridge
from sklearn.metrics import roc_auc_score

from simgeo import readouts


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def test_activations_are_sparse_and_uniform(rng):
    drawn = readouts.activations(rng, 4000, 10, 0.9)
    on = drawn[drawn > 0]
    assert drawn.dtype == np.float32
    assert (drawn > 0).mean() == pytest.approx(0.1, abs=0.005)  # 3 deviations: 0.0045
    assert scipy.stats.kstest(on, "uniform").pvalue > 0.01
    assert readouts.activations(rng, 50, 4, 0.0).min() > 0


def test_fit_is_scikit_learns_ridge(rng):
    seen = rng.standard_normal((200, 6)) @ rng.standard_normal((6, 6)) + 3.0
    is_on = rng.random((200, 4)) < 0.3
    spread = np.sum((seen - seen.mean(axis=0)) ** 2) / 6
    theirs = Ridge(alpha=0.2 * spread).fit(seen, is_on.astype(float))
    ours = readouts.fit(seen, is_on, penalty=0.2)
    np.testing.assert_allclose(ours(seen), theirs.predict(seen), rtol=1e-9)


def test_fit_is_blind_to_rotation_translation_and_scale(rng):
    seen = rng.standard_normal((100, 5))
    is_on = rng.random((100, 3)) < 0.5
    turned = 7.0 * seen @ scipy.stats.ortho_group.rvs(5, random_state=0) + 2.0
    ours, theirs = (readouts.fit(x, is_on, 0.5)(x) for x in (seen, turned))
    np.testing.assert_allclose(ours, theirs, atol=1e-12)


def test_a_constant_representation_scores_all_samples_alike():
    is_on = np.arange(6).reshape(6, 1) % 2 == 0
    scores = readouts.fit(np.ones((6, 3)), is_on)(np.ones((6, 3)))
    np.testing.assert_allclose(scores, 0.5)
    assert readouts.roc_area(scores, is_on) == 0.5


@pytest.mark.parametrize("digits", [1, 8])
def test_roc_area_is_scikit_learns(rng, digits):
    scores = rng.standard_normal((60, 7)).round(digits)  # with and without ties
    is_on = rng.random((60, 7)) < 0.3
    ours = readouts.roc_area(scores, is_on)
    theirs = [roc_auc_score(is_on[:, i], scores[:, i]) for i in range(7)]
    np.testing.assert_allclose(ours, theirs, rtol=1e-12)


def test_roc_area_is_undefined_where_nothing_is_to_be_told_apart():
    is_on = np.array([[True, False, True], [True, False, False]])
    area = readouts.roc_area(np.array([[1.0, 1.0, 2.0], [2.0, 2.0, 1.0]]), is_on)
    np.testing.assert_array_equal(area, [np.nan, np.nan, 1.0])


def test_a_mapped_student_is_read_as_the_teacher_where_it_spans_it(rng):
    teacher = rng.standard_normal((20, 5))
    student = teacher @ rng.standard_normal((5, 5))
    drawn = rng.random((30, 20))
    readout = readouts.fit(drawn @ teacher, drawn > 0.5)
    mapped = readouts.carried(student, teacher, readout, "mapped")
    np.testing.assert_allclose(
        mapped(drawn @ student), readout(drawn @ teacher), atol=1e-9
    )


@pytest.mark.parametrize("width", [5, 3])
def test_the_rotation_is_the_best_at_its_scale(rng, width):
    teacher, student = rng.standard_normal((20, 5)), rng.standard_normal((20, width))
    identity = readouts.Readout(np.eye(5), np.zeros(5))
    turn = readouts.carried(student, teacher, identity, "rotated").weights
    padded = np.pad(student, ((0, 0), (0, 5 - width)))  # equal widths, as theirs needs
    theirs, nuclear = scipy.linalg.orthogonal_procrustes(padded, teacher)
    scale = nuclear / np.sum(student**2)
    np.testing.assert_allclose(student @ turn, scale * padded @ theirs, atol=1e-9)


def test_a_turned_student_is_read_as_the_teacher(rng):
    teacher = rng.standard_normal((20, 5))
    student = 0.3 * teacher @ scipy.stats.ortho_group.rvs(5, random_state=1)
    drawn = rng.random((30, 20))
    readout = readouts.fit(drawn @ teacher, drawn > 0.5)
    turned = readouts.carried(student, teacher, readout, "rotated")
    np.testing.assert_allclose(
        turned(drawn @ student), readout(drawn @ teacher), atol=1e-9
    )


def test_matched_scores_are_products_with_the_directions(rng):
    directions, seen = rng.standard_normal((4, 3)), rng.standard_normal((6, 3))
    naive = [[float(np.dot(x, v)) for v in directions] for x in seen]
    np.testing.assert_allclose(readouts.matched(directions)(seen), naive)


def test_what_cannot_be_is_refused(rng):
    with pytest.raises(ValueError, match="`sparsity`"):
        readouts.activations(rng, 3, 3, 1.0)
    with pytest.raises(ValueError, match="`penalty`"):
        readouts.fit(np.eye(3), np.eye(3) > 0, 0.0)
    readout = readouts.matched(np.eye(3))
    with pytest.raises(ValueError, match="`alignment`"):
        readouts.carried(np.eye(3), np.eye(3), readout, "shifted")
