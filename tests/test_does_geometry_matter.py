"""Which measure predicts follows from the numbers, whatever these are."""

import itertools

import numpy as np
import pandas as pd
import pytest
import scipy.stats
from sklearn.isotonic import IsotonicRegression

from experiments.does_geometry_matter import predicting, readers
from simgeo import readouts

pytestmark = pytest.mark.once

SIZES = (4, 5, 3)  # teachers, objectives, widths


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def test_pooled_is_spearmans(rng):
    values, area = rng.random((2, *SIZES)), rng.random(SIZES)
    values[1] = values[1].round(1)  # ties
    pooled, _, _ = predicting.rank_correlations(values, area)
    for found, each in zip(pooled, values, strict=True):
        expected = scipy.stats.spearmanr(each.ravel(), area.ravel()).statistic
        assert found == pytest.approx(expected)


def test_given_is_the_partial_correlation_of_ranks(rng):
    values, area = rng.random((1, *SIZES)), rng.random(SIZES)
    _, width, both = predicting.rank_correlations(values, area)
    teacher, _, at = np.indices(SIZES).reshape(3, -1)
    for found, level in ((width, at), (both, at + 10 * teacher)):
        dummies = (level[:, None] == np.unique(level)[None]).astype(float)
        residuals = []
        for each in (values[0], area):
            ranks = scipy.stats.rankdata(each)
            residuals.append(ranks - dummies @ np.linalg.lstsq(dummies, ranks)[0])
        expected = np.corrcoef(residuals)[0, 1]
        assert found[0] == pytest.approx(expected)


def test_what_says_only_the_width_says_nothing_given_the_width(rng):
    width = np.broadcast_to(np.arange(3.0), SIZES)
    area = width + 0.1 * rng.random(SIZES)
    pooled, given, both = predicting.rank_correlations(width[None], area)
    assert pooled[0] > 0.9
    assert np.isnan([given[0], both[0]]).all()


def test_left_out_errors_are_those_of_isotonic_regression(rng):
    values, area = rng.random(SIZES), rng.random(SIZES)
    values[0, 0] = values[1, 0]  # ties between what is fitted and what is left out
    found = predicting.left_out_errors(values, area)
    for out, at in itertools.product(range(SIZES[0]), range(SIZES[2])):
        known = [each for each in range(SIZES[0]) if each != out]
        x, y = values[known, :, at].ravel(), area[known, :, at].ravel()
        rising = bool(scipy.stats.spearmanr(x, y).statistic >= 0)
        model = IsotonicRegression(increasing=rising, out_of_bounds="clip").fit(x, y)
        expected = np.abs(model.predict(values[out, :, at]) - area[out, :, at])
        np.testing.assert_allclose(found[out, :, at], expected, atol=1e-12)


def runs(rng) -> pd.DataFrame:
    """Runs whose area is a function of Matthews correlation, which others are not."""
    names = [[f"{kind}{i}" for i in range(k)] for kind, k in (("t", 6), ("o", 8))]
    rows = list(itertools.product(*names, (8, 4, 2), range(3)))
    frame = pd.DataFrame(rows, columns=readers.RUN)
    for name in predicting.CANDIDATES:
        if name != "student_dim":
            frame[name] = rng.random(len(frame))
    # Medians over three seeds are what counts.
    kept = frame.groupby(["teacher", "objective", "student_dim"])["matthews"].transform(
        "first"
    )
    frame["matthews"] = kept
    return frame.assign(
        area=0.5 + 0.02 * frame["student_dim"] + 0.3 * kept**2,
        teacher_area=0.9,
        area_plain=0.5,
        reader="own",
        sparsity=readers.SPARSITIES[0],
    )


def test_the_measure_that_decides_is_found(rng):
    table = predicting.ranking(runs(rng), 50).set_index("measure")
    assert set(table.index) == set(predicting.CANDIDATES)
    best = table.loc["matthews"]
    assert best["given_both"] > 0.85
    assert best["skill"] > 0.8
    assert best["given_both_low"] <= best["given_both"] <= best["given_both_high"]
    rest = table.drop(["matthews", "student_dim"])
    assert rest["given_both"].abs().max() < 0.4
    assert rest["skill"].max() < 0.2
    assert ((rest["given_both_low"] < 0) & (rest["given_both_high"] > 0)).mean() > 0.7
    width = table.loc["student_dim"]
    assert width["pooled"] > 0.2
    assert width["skill"] == 0.0
    assert np.isnan(width["given_width"])


def test_readers_of_the_teacher_itself_get_its_own_area():
    rng = np.random.default_rng(1)
    teacher = rng.standard_normal((12, 6)).astype(np.float32)
    teacher /= np.linalg.norm(teacher, axis=1, keepdims=True)
    samples = readers.Samples(teacher, seed=0, sparsity=0.8, num_samples=300)
    areas = samples.areas(teacher)
    for reader, (area, _) in areas.items():
        assert area == pytest.approx(samples.limits[reader], abs=1e-3)  # float32
    assert samples.limits["rotated"] == samples.limits["fitted"]
    # By hand: the weighted mean over features of the area of products.
    seen, is_on = samples.scored @ teacher, samples.scored > 0
    area = readouts.roc_area(seen @ teacher.T, is_on)
    weights = 1 / np.arange(1, 13)
    expected = np.sum(weights * area) / weights.sum()
    assert areas["own"][0] == pytest.approx(expected, abs=1e-6)


def test_an_undefined_pattern_keeps_nothing():
    frame = pd.DataFrame([dict.fromkeys(predicting.CANDIDATES, 1.0)] * 2)
    frame = frame.assign(teacher="t", objective="o", seed=0, step=[0, 9])
    frame["matthews"] = np.nan
    last = predicting.last(frame)
    assert len(last) == 1
    assert last["matthews"].item() == 0.0
