"""What the study of spikes watches and counts."""

import numpy as np
import pandas as pd
import pytest

from experiments import cells
from experiments.spikes import watching as study
from simgeo import objectives, teachers

pytestmark = pytest.mark.once


@pytest.fixture
def watch(tmp_path, monkeypatch):
    monkeypatch.setattr(cells, "RESULTS", tmp_path)

    def of(squared, **changes) -> pd.DataFrame:
        size = {"num_vectors": 12, "teacher_dim": 6, "student_dim": 6, "num_seeds": 2}
        size |= {"num_steps": 20, "record_spacing": "even", "schedule": "constant"}
        size |= {"rate": 0.05, "teacher": teachers.Gaussian()} | changes
        objective = objectives.Procrustes(squared=squared)
        size |= {"num_records": size["num_steps"] + 1}
        one = cells.preset(True, objective=objective, **size)
        return cells.compute([cells.Cell(one, {"condition": "small"})])

    return of


def test_rises_are_ratios_of_the_last_three_quarters_above_what_is_resolved():
    seen = np.array([9.0, 1e-3, 1e-9, 1e-7, 3e-6, 3e-6, 1e-6, 4e-6])
    np.testing.assert_allclose(study.rises(seen), [1.0, 3.0, 1.0, 1 / 3, 4.0])
    np.testing.assert_allclose(study.rises(seen, every=2), [3.0, 1 / 3])


def test_every_step_is_watched(watch):
    found = watch(True)
    assert found.groupby("seed")["step"].apply(list).tolist() == [[*range(21)]] * 2
    first, last = (found[found["step"] == step]["loss"].to_numpy() for step in (0, 20))
    assert (last < first).all()
    assert (found["update_norm"].isna() == (found["step"] == 0)).all()


def test_the_unsquared_gradient_has_length_one_and_a_step_of_sgd_the_rate(watch):
    found = watch(False, optimiser="sgd")
    later = found[found["step"] > 0]
    np.testing.assert_allclose(later["gradient_norm"], 1.0, rtol=1e-3)  # polar
    np.testing.assert_allclose(later["update_norm"], 0.05, rtol=1e-3)


def test_below_the_rank_the_unsquared_gradient_vanishes(watch):
    found = watch(False, student_dim=3, num_steps=250, rate=0.01)
    late = found[found["step"] > 200]
    assert late["gradient_norm"].median() < 0.05
    assert late["loss"].median() > 0.1


def test_spikes_are_counted_by_run_and_twins_compared():
    steps = np.arange(40)
    calm, spiky = 1e-3 * 0.99**steps, 1e-3 * (1 + 4.0 * (steps % 4 == 0))
    rows = [
        (title, "Procrustes, unsquared", 0.1, seed, step, height, 1.0, 1.0, 0.1)
        for title, seen in (
            (study.CONDITIONS[0].title, spiky),
            (study.CONDITIONS[1].title, calm),
            (study.TWIN.title, spiky),
        )
        for seed in range(2)
        for step, height in zip(steps, seen, strict=True)
    ]
    columns = [*study.RUN, "step", "one_minus_cka", "loss", "gradient", "step_length"]
    found = study.runs(pd.DataFrame(rows, columns=columns)).set_index("condition")
    spiky, calm, twin = (
        found.loc[title]
        for title in (*(each.title for each in study.CONDITIONS[:2]), study.TWIN.title)
    )
    assert (spiky["largest_rise"] == 5.0).all()
    np.testing.assert_allclose(spiky["spikes_per_100"], 100 * 7 / 29)
    assert (calm["largest_rise"] < study.SPIKE).all()
    np.testing.assert_allclose(twin["agreement"], 1.0)


def test_conditions_are_what_they_say():
    for cell in study.grid(True):
        one, title = cell.experiment, cell.labels["condition"]
        conditions = {each.title: each for each in (*study.CONDITIONS, study.TWIN)}
        condition = conditions[title]
        assert one.student_dim * condition.ratio == one.teacher_dim
        assert (one.student.start.scale > 1) == (title == study.TWIN.title)
        assert len(one.record_steps) == one.num_steps + 1
