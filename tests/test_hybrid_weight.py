"""What a weight buys follows from the numbers, whatever these are."""

import itertools

import jax
import numpy as np
import pandas as pd
import pytest

from experiments import cells
from experiments.hybrid_weight import bought, pairs
from simgeo import engine, objectives, problems

pytestmark = pytest.mark.once


def ends(kept, first_loss=lambda weight: 1.0 + weight) -> pd.DataFrame:
    """The ends of runs whose kept geometry is a function of the weight."""
    rng = np.random.default_rng(0)
    rows = [
        ("CKA + Procrustes", "a", 8, weight, seed, kept(weight), first_loss(weight))
        for weight, seed in itertools.product(pairs.WEIGHTS, range(8))
    ]
    columns = [*bought.CELL, "weight", "seed", "matthews", "first_loss"]
    frame = pd.DataFrame(rows, columns=columns)
    noise = pd.Series(1e-3 * rng.random(8))
    return frame.assign(matthews=frame["matthews"] + frame["seed"].map(noise))


def only_row(frame) -> pd.Series:
    return bought.bought(frame, bought.compare(frame)).iloc[0]


def test_the_least_weight_with_most_of_the_gain():
    row = only_row(ends(lambda w: 0.1 + (0.5 * w >= 0.005) + 0.01 * w * (w < 0.5)))
    assert row["most_from_weight"] == 0.01
    assert row["largest_gain"] == pytest.approx(1.0, abs=0.01)
    assert row["matthews_alone"] == pytest.approx(0.1, abs=2e-3)
    assert row["price_there"] == pytest.approx(0.01)


def test_nothing_is_bought_where_nothing_is_gained():
    row = only_row(ends(lambda w: 0.5 - w))
    assert np.isnan(row["most_from_weight"])
    assert row["gain_of_second_alone"] == pytest.approx(-1.0)
    assert np.isnan(only_row(ends(lambda w: 0.5 + 0.01 * w))["most_from_weight"])


def test_weights_are_compared_with_none_and_corrected_together():
    others = bought.compare(ends(lambda w: w))
    assert set(others["baseline"]) == {0.0}
    assert len(others) == 2 * (len(pairs.WEIGHTS) - 1)
    assert (others["p_adjusted"] >= others["p"]).all()


def small(**changes) -> problems.Experiment:
    teacher = cells.TEACHERS["common mean"]
    size = {"num_vectors": 24, "teacher_dim": 12, "student_dim": 6, "num_seeds": 2}
    size |= {"num_steps": 3, "num_records": 2, "record_spacing": "even"}
    return cells.preset(True, teacher=teacher, **size, **changes)


def test_scales_are_the_zero_students_losses_but_of_the_hinge():
    one = small()
    table = pairs.scales(a=one).query("student_dim == 6").set_index("part")["scale"]
    drawn = np.asarray(engine.draw(one), np.float64)
    assert table["CKA"] == 1.0
    assert table["Procrustes"] == pytest.approx(24.0, rel=0.01)  # three digits
    units = drawn / np.linalg.norm(drawn, axis=2, keepdims=True)
    grams = np.median(np.sum((units @ units.transpose(0, 2, 1)) ** 2, axis=(1, 2)))
    assert table["Gram, unit rows"] == pytest.approx(grams, rel=0.01)  # three digits
    assert table["Pattern hinge"] > 0


def test_first_loss_is_what_the_second_leaves(key):
    pair = pairs.PAIRS["Logit KL + Procrustes"]
    hybrid = objectives.Hybrid(pair[:2], (0.3, 0.02))
    student, teacher = jax.random.normal(key, (24, 6)), jax.random.normal(key, (24, 12))
    learned = hybrid.init(key, 6, 12)
    last = pd.DataFrame(
        {
            "hybrid": ["Logit KL + Procrustes"],
            "own": 0.3,
            "other": 0.02,
            "loss": float(hybrid(student, teacher, learned)),
            "distance_procrustes": float(pair.second(student, teacher)),
        }
    )
    expected = float(pair.first(student, teacher, learned[0]))
    assert pairs._first(last)[0] == pytest.approx(expected, rel=1e-4)  # a difference
    assert pairs._first(last.assign(own=0.0)).isna().all()


def test_the_wanted_parts_are_recorded():
    for pair in pairs.PAIRS.values():
        recorded = objectives.STANDARD[pair.record]
        part = pair.first if pair.is_first else pair.second
        assert type(recorded) is type(part)
