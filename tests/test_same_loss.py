"""What Figure 1 draws is what was measured."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from experiments import same_loss
from experiments.same_loss import drawing

pytestmark = pytest.mark.once

FRAME = pd.read_csv(Path(__file__).parents[1] / "figures" / "same_loss.csv")


def test_like_vectors_stand_side_by_side():
    rng = np.random.default_rng(0)
    mixed = rng.permutation(np.repeat(np.arange(3), 5))
    vectors = np.eye(3)[mixed] + 0.05 * rng.standard_normal((15, 3))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    order = drawing.order_of(vectors @ vectors.T)
    assert sorted(order) == list(range(15))
    assert np.sum(np.diff(mixed[order]) != 0) == 2


def test_all_pairs_are_drawn_and_counted_as_they_were_measured():
    pairs = FRAME[FRAME["first"].notna()]
    runs = FRAME[FRAME["first"].isna()].set_index(["teacher", "objective", "seed"])
    maps = pairs.groupby(["teacher", "objective", "seed"])
    assert len(maps) == 6
    for place, drawn in maps:
        assert len(drawn) == same_loss.DIM * (same_loss.DIM - 1) // 2
        there = drawn["teacher_cosine"].abs() <= same_loss.EPSILON
        here = drawn["student_cosine"].abs() <= same_loss.EPSILON
        counts = [(there & here).sum(), here.sum(), there.sum()]
        names = ["pairs_both", "pairs_student", "pairs_teacher"]
        assert runs.loc[place, names].to_list() == counts


def test_the_picture_says_what_the_csv_says():
    """The same loss, and uncentred objectives preserve what centred ones lose."""
    runs = FRAME[FRAME["first"].isna()]
    assert set(runs["objective"]) == {objective for _, objective, _ in drawing.ROWS}
    centred = {objective: centred for _, objective, centred in drawing.ROWS}
    kept = runs.groupby(["teacher", "objective"])["matthews"].median().reset_index()
    kept = kept[kept["objective"] != "Projection"]
    is_centred = kept["objective"].map(centred)
    assert kept.loc[~is_centred, "matthews"].min() > 0.95
    assert kept.loc[is_centred, "matthews"].max() < 0.5
    assert runs["relative_loss"].max() < 1e-5
