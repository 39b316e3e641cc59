"""What the study of spikes watches and counts."""

import numpy as np
import pytest

from experiments import spikes as study
from simgeo import engine, objectives, teachers

pytestmark = pytest.mark.once


def small(squared, **changes) -> problems.Experiment:
    size = {"num_vectors": 12, "teacher_dim": 6, "student_dim": 6, "num_seeds": 2}
    size |= {"num_steps": 20, "num_records": 2, "learning_rate": 0.05}
    size |= {"teacher": teachers.Gaussian()}
    objective = objectives.Procrustes(squared=squared)
    return problems.Experiment(objective=objective, **{**size, **changes})


def test_rises_are_ratios_of_the_last_three_quarters_above_what_is_resolved():
    seen = np.array([9.0, 1e-3, 1e-9, 1e-7, 3e-6, 3e-6, 1e-6, 4e-6])
    np.testing.assert_allclose(study.rises(seen), [1.0, 3.0, 1.0, 1 / 3, 4.0])
    np.testing.assert_allclose(study.rises(seen, every=2), [3.0, 1 / 3])


def test_what_is_watched_is_what_a_run_records():
    one = small(True)
    kept = engine.run(one)
    found = study.watch(one, (one.learning_rate,))
    assert found["loss"].shape == (1, 2, 20)
    for name, record in (("loss", "loss"), ("one_minus_cka", "distance_cka")):
        expected = kept.records[record][:, 0]
        np.testing.assert_allclose(found[name][0, :, 0], expected, rtol=1e-4)
    first, last = kept.records["loss"][:, 0], kept.records["loss"][:, -1]
    after = study.watch(small(True, num_steps=21), (one.learning_rate,))["loss"]
    # Twenty steps of rounding, where the loss has fallen.
    np.testing.assert_allclose(after[0, :, 20], last, rtol=1e-3, atol=1e-5)
    assert (last < first).all()


def test_the_unsquared_gradient_has_length_one_and_a_step_of_sgd_the_rate():
    one = small(False, optimiser="sgd")
    found = study.watch(one, (0.01, 0.05))
    np.testing.assert_allclose(found["gradient"], 1.0, rtol=1e-3)  # polar iteration
    np.testing.assert_allclose(found["step_length"][1], 0.05, rtol=1e-3)


def test_below_the_rank_the_unsquared_gradient_vanishes():
    one = small(False, student_dim=3, num_steps=400, learning_rate=0.01)
    found = study.watch(one, (0.01,))
    assert np.median(found["gradient"][..., -50:]) < 0.05
    assert np.median(found["loss"][..., -1]) > 0.1


def test_a_start_that_is_not_moved_gives_the_same_run():
    one = small(False)
    same, other = (study.watch(one, (0.05,), moved)["loss"] for moved in (0.0, 1e-3))
    np.testing.assert_array_equal(study.watch(one, (0.05,))["loss"], same)
    assert (other[..., 0] != same[..., 0]).all()


@pytest.mark.parametrize("condition", study.CONDITIONS, ids=lambda each: each.title)
def test_conditions_are_what_they_say(condition):
    one = study.described(True, condition, False)
    assert one.student_dim * condition.ratio == one.teacher_dim
    assert one.objective == objectives.Procrustes(squared=False)
    assert one.learning_rate in study.RATES[condition.optimiser]
