"""Arrivals are those of a loop that walks back from the end."""

import itertools

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from experiments import cells, convergence, study
from experiments.convergence import arriving
from simgeo import plots, settings

pytestmark = pytest.mark.once

STEPS = np.arange(0, 101, 10)


def frame(loss, matthews, optimum=0.0) -> pd.DataFrame:
    """Runs of two objectives on one teacher; the second's seeds are all alike."""
    rows = []
    for (objective, slower), seed in itertools.product(
        {"CKA": 1.0, "Gram": 2.0}.items(), range(6)
    ):
        for step in STEPS:
            time = step / slower / (1 + seed)
            rows.append(("a", objective, seed, step, loss(time), matthews(time)))
    columns = [*arriving.RUN, "step", "loss", "matthews"]
    found = pd.DataFrame(rows, columns=columns)
    return found.assign(optimum_loss=optimum, chance_matthews=0.0, svd_matthews=1.0)


def walked_back(values, threshold) -> float:
    arrived = np.nan
    for step, value in zip(STEPS[::-1], values[::-1], strict=True):
        if not value <= threshold:
            break
        arrived = step
    return arrived


@pytest.mark.parametrize("optimum", [0.0, 0.1, np.nan])
def test_arrivals_are_those_of_a_loop(optimum):
    runs = frame(
        lambda t: 0.2 + np.exp(-t / 10) * (1 + 0.3 * np.cos(t)),
        lambda t: 1 - np.exp(-t / 20) * np.cos(t / 3),
        optimum,
    )
    found = arriving.arrivals(runs).set_index(arriving.RUN)
    for place, run in runs.groupby(arriving.RUN):
        loss, kept = run["loss"].to_numpy(), run["matthews"].to_numpy()
        least = loss.min() if np.isnan(optimum) else optimum
        gap = (loss - least) / (loss[0] - least)
        expected = [walked_back(gap, 0.05), walked_back(abs(kept - kept[-1]), 0.02)]
        steps = found.loc[place, ["steps_loss", "steps_matthews"]].to_numpy(float)
        np.testing.assert_array_equal(steps, expected)
        assert found.loc[place, "matthews"] == kept[-1]


def test_a_passage_is_no_arrival():
    runs = frame(lambda t: float(t < 5), lambda t: 0.5 * (t == 50) + 0.5 * (t > 80))
    found = arriving.arrivals(runs).set_index(arriving.RUN)["steps_matthews"]
    assert found["a", "CKA", 0] == 90


def test_comparisons_are_with_cka_and_corrected_together():
    arrived = arriving.arrivals(frame(lambda t: np.exp(-t), lambda t: float(t > 9)))
    others = arriving.compare(arrived)
    assert set(others["baseline"]) == {"CKA"}
    assert set(others["measure"]) == {"steps_loss", "steps_matthews"}
    assert (others["p_adjusted"] >= others["p"]).all()
    assert (others["difference"] >= 0).all()


def test_seconds_are_steps_times_those_of_one():
    arrived = arriving.arrivals(frame(lambda t: np.exp(-t), lambda t: float(t > 9)))
    timed = pd.DataFrame({"objective": ["CKA", "Gram"], "seconds_per_step": [1.0, 3.0]})
    table = arriving.seconds(arrived, timed).set_index("objective")
    gram = arrived[arrived["objective"] == "Gram"]["steps_loss"].median()
    assert table["seconds_loss"]["Gram"] == 3.0 * gram


def test_the_figure_is_the_same_from_its_csv(tmp_path):
    runs = frame(lambda t: np.exp(-t / 9), lambda t: 1 - np.exp(-t / 9), 0.0)
    arrived = arriving.arrivals(runs)
    arrived.to_csv(tmp_path / "convergence.csv", float_format="%.6g")
    places = {"one": arrived, "two": pd.read_csv(tmp_path / "convergence.csv")}
    figure = convergence.STUDY.figures["convergence"]
    for place, rows in places.items():
        study.draw(figure, rows, tmp_path / place, "convergence")
    one, two = (plt.imread(tmp_path / place / "convergence.png") for place in places)
    assert np.abs(one - two).max() < 0.01  # numbers in the csv have six digits


@pytest.mark.parametrize("quick", [False, True])
def test_every_run_is_another_one_and_has_a_style(quick):
    grid = convergence.grid(quick)
    assert len({settings.fingerprint(cell.experiment) for cell in grid}) == len(grid)
    assert {cell.experiment.objective.label for cell in grid} <= set(plots.STYLES)
    steps = grid[0].experiment.record_steps
    assert len(set(np.diff(steps))) == 1
    assert set(cells.TEACHERS) < {cell.labels["teacher"] for cell in grid}
