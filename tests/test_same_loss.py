"""What Figure 1 draws is what was measured."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from experiments import same_loss
from simgeo import plots

pytestmark = pytest.mark.once

FRAME = pd.read_csv(Path(__file__).parents[1] / "figures" / "same_loss.csv")


def test_like_vectors_stand_side_by_side():
    rng = np.random.default_rng(0)
    mixed = rng.permutation(np.repeat(np.arange(3), 5))
    vectors = np.eye(3)[mixed] + 0.05 * rng.standard_normal((15, 3))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    order = plots.order_of(vectors @ vectors.T)
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
    groups = {name: style.group for name, style in plots.STYLES.items()}
    kept = runs.groupby(["teacher", "objective"])["matthews"].median().reset_index()
    group = kept["objective"].map(groups)
    assert sorted(group.unique()) == ["", "centred", "uncentred"]
    assert kept.loc[group == "uncentred", "matthews"].min() > 0.95
    assert kept.loc[group == "centred", "matthews"].max() < 0.5
    assert runs["relative_loss"].max() < 1e-5
