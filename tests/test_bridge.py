"""Studies of networks: which weight is chosen, what is gained, and how orders agree."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

from experiments import bridge, distilling

pytestmark = pytest.mark.once


def rows(accuracy):
    """Two losses at two weights and none, three seeds each; validation as told."""
    found = []
    for (objective, weight), right in accuracy.items():
        for seed in range(3):
            found.append(
                {
                    "setting": "one",
                    "terms": "task",
                    "objective": objective,
                    "relative_weight": weight,
                    "seed": seed,
                    "step": 10,
                    "validation_accuracy": right,
                    "accuracy": right + 0.01 * seed,
                }
            )
    return pd.DataFrame(found)


FRAME = rows(
    {
        ("none", 0.0): 0.5,
        ("CKA", 0.1): 0.6,
        ("CKA", 1.0): 0.4,
        ("Gram", 0.1): 0.3,
        ("Gram", 1.0): 0.55,
    }
)


def test_the_weight_is_chosen_on_validation_and_gains_are_paired():
    found = distilling.with_gains(distilling.chosen(FRAME))
    weights = found.groupby("objective")["relative_weight"].unique()
    assert {name: each.tolist() for name, each in weights.items()} == {
        "none": [0.0],
        "CKA": [0.1],
        "Gram": [1.0],
    }
    gains = found.groupby("objective")["gain"].mean()
    assert gains["CKA"] == pytest.approx(10)
    assert gains["Gram"] == pytest.approx(5)
    assert gains["none"] == 0


def test_the_table_has_means_deviations_and_stars():
    random = np.random.default_rng(0)
    frame = distilling.chosen(FRAME)
    frame = pd.concat([frame.assign(seed=frame["seed"] + 3 * k) for k in range(7)])
    frame["accuracy"] += 0.001 * random.normal(size=len(frame))
    compared = distilling.gains(frame, ["setting"])
    found = distilling.table(frame, compared, ["setting"]).set_index("loss")["one"]
    assert found["CKA"].endswith("***")
    assert not found["none"].endswith("*")
    mean, spread = found["none"].split(" ± ")
    own = 100 * frame[frame["objective"] == "none"]["accuracy"]
    assert float(mean) == pytest.approx(own.mean(), abs=0.05)
    assert float(spread) == pytest.approx(own.std(), abs=0.05)


def test_rank_correlations_are_those_of_scipy():
    random = np.random.default_rng(0)
    one, other = random.normal(size=(2, 5, 8))
    other[0, :4] = 0.0  # ties
    found = bridge._spearman(one, other)
    for a, b, value in zip(one, other, found, strict=True):
        assert value == pytest.approx(spearmanr(a, b).statistic)


@pytest.mark.parametrize("sign", [1, -1])
def test_orders_that_agree_or_are_reversed_are_found(sign):
    random = np.random.default_rng(0)
    found = [
        {
            "setting": setting,
            "objective": f"{at}",
            "seed": seed,
            "synthetic": at + 0.01 * random.normal(),
            "real": sign * at**2 + 0.01 * random.normal(),
        }
        for setting in ("one", "two")
        for at in range(6)
        for seed in range(4)
    ]
    whole = bridge.correlations(pd.DataFrame(found), "real")
    assert whole["setting"].tolist() == ["one", "two", "mean"]
    for name in ("correlation", "low", "high"):
        assert whole[name].to_numpy() == pytest.approx(sign)
