import importlib.util
import subprocess
import sys

import hypothesis
import numpy as np
import pandas as pd
import pytest
import scipy.stats
from hypothesis import strategies as st

from simgeo import stats

pytestmark = pytest.mark.once

law = hypothesis.settings(
    derandomize=True, database=None, deadline=None, max_examples=40
)
EXACT = {"rtol": 1e-12, "atol": 0.0}


def make(num_seeds=12, num_steps=3, seed=0):
    """Three objectives by steps by seeds, of which `b` is better at every seed."""
    rng = np.random.default_rng(seed)
    rows = pd.MultiIndex.from_product(
        [["c", "a", "b"], range(num_steps), range(num_seeds)],
        names=["objective", "step", "seed"],
    ).to_frame(index=False)
    rows["loss"] = rng.normal(size=len(rows)) + rows["step"]
    rows["cka"] = rng.random(len(rows))
    rows.loc[rows["objective"] == "b", "cka"] += 1.0
    return rows


def summarise(frame, by=("objective", "step"), values=("loss",), **options):
    return stats.summarise(frame, by, values, **options)


def compare(frame, **options):
    return stats.paired_comparisons(frame, "cka", "objective", **options)


def test_summary_has_one_row_per_value_and_group_in_order_of_appearance():
    summary = summarise(make(), values=["loss", "cka"])
    names = ["objective", "step", "value", "estimate", "low", "high", "num"]
    assert summary.columns.tolist() == names
    assert len(summary) == 2 * 9
    assert summary["objective"].unique().tolist() == ["c", "a", "b"]
    assert summary["value"].unique().tolist() == ["loss", "cka"]
    assert summary["step"].dtype == int
    assert (summary["num"] == 12).all()
    assert (summary["low"] <= summary["estimate"]).all()
    assert (summary["estimate"] <= summary["high"]).all()


@pytest.mark.parametrize("statistic", ["median", "mean"])
def test_summary_agrees_with_scipy_group_by_group(statistic):
    frame = make()
    summary = summarise(frame, statistic=statistic, num_resamples=500, confidence=0.8)
    function = stats.STATISTICS[statistic]
    for _, row in summary.iterrows():
        same = (frame["objective"] == row["objective"]) & (frame["step"] == row["step"])
        values = np.sort(frame.loc[same, "loss"])
        interval = scipy.stats.bootstrap(
            (values,), function, n_resamples=500, confidence_level=0.8, method="BCa",
            rng=np.random.default_rng(0),
        ).confidence_interval  # fmt: skip
        found = [row["estimate"], row["low"], row["high"]]
        np.testing.assert_allclose(found, [function(values), *interval], **EXACT)


def test_intervals_cover_the_truth_about_as_often_as_they_say():
    frame = make(num_seeds=30, num_steps=100)
    frame["loss"] -= frame["step"]
    summary = summarise(frame, statistic="mean", num_resamples=400)
    covered = (summary["low"] <= 0) & (0 <= summary["high"])
    assert 0.9 <= covered.mean() <= 0.98


def test_a_summary_depends_on_its_own_group_only_and_not_on_the_order_of_rows():
    frame = make()
    frame.loc[5, "loss"] = np.nan
    whole = summarise(frame).set_index(["objective", "step"])
    shuffled = frame.sample(frac=1.0, random_state=0)
    again = summarise(shuffled).set_index(["objective", "step"]).loc[whole.index]
    pd.testing.assert_frame_equal(again, whole, check_exact=True)
    for key, group in frame.groupby(["objective", "step"]):
        alone = summarise(group).set_index(["objective", "step"])
        pd.testing.assert_frame_equal(alone, whole.loc[[key]], check_exact=True)


def test_batches_do_not_change_the_intervals(monkeypatch):
    whole = summarise(make())
    monkeypatch.setattr(stats, "_BATCH", 1000)
    pd.testing.assert_frame_equal(summarise(make()), whole, check_exact=True)


def test_the_seed_sets_the_resamples():
    one, same, other = (
        summarise(make(), seed=seed, statistic="mean") for seed in (0, 0, 1)
    )
    pd.testing.assert_frame_equal(one, same, check_exact=True)
    assert (one["low"] != other["low"]).any()
    assert (one["estimate"] == other["estimate"]).all()


@law
@hypothesis.given(
    values=st.lists(st.integers(-8, 8), min_size=3, max_size=9),
    scale=st.sampled_from([0.5, 2.0, 8.0]),
    shift=st.integers(-4, 4),
)
def test_summaries_follow_scale_and_shift(values, scale, shift):
    frame = pd.DataFrame({"seed": range(len(values)), "loss": np.array(values, float)})
    plain = summarise(frame, by=[], num_resamples=99)
    moved = frame.assign(loss=scale * frame["loss"] + shift)
    moved = summarise(moved, by=[], num_resamples=99)
    columns = ["estimate", "low", "high"]
    assert np.isfinite(plain[columns]).all(axis=None)
    np.testing.assert_allclose(
        moved[columns], scale * plain[columns] + shift, atol=1e-9
    )


@pytest.mark.parametrize("statistic", ["median", "mean"])
def test_constant_data_have_an_interval_of_no_width(statistic):
    frame = make().assign(loss=0.1)
    frame.loc[frame["step"] == 1, "loss"] = 0.0
    summary = summarise(frame, statistic=statistic)
    assert (summary["low"] == summary["estimate"]).all()
    assert (summary["high"] == summary["estimate"]).all()


def test_nan_are_dropped_and_few_seeds_have_no_interval():
    frame = make(num_seeds=5, num_steps=1)
    frame.loc[frame["seed"] >= 3, "loss"] = np.nan
    frame.loc[(frame["objective"] == "a") & (frame["seed"] >= 2), "loss"] = np.nan
    frame.loc[frame["objective"] == "b", "loss"] = np.nan
    c, a, b = summarise(frame).to_dict("records")
    assert [c["num"], a["num"], b["num"]] == [3, 2, 0]
    assert np.isfinite([c["low"], c["high"]]).all()
    assert a["estimate"] == frame.query("objective == 'a' and seed < 2")["loss"].mean()
    assert np.isnan([a["low"], a["high"], b["estimate"], b["low"], b["high"]]).all()
    dropped = summarise(frame.dropna(subset="loss")).set_index("objective")
    whole = summarise(frame).set_index("objective")
    pd.testing.assert_frame_equal(dropped, whole.loc[["c", "a"]])


def test_groups_whose_key_is_nan_are_kept():
    frame = make(num_steps=1)
    frame["limit"] = np.where(frame["objective"] == "a", np.nan, 1.0)
    frame["name"] = np.where(frame["objective"] == "a", None, "x")
    frame = frame[frame["objective"] != "c"]
    summary = summarise(frame, by=["limit", "name"])
    assert summary["num"].tolist() == [12, 12]
    assert summary["limit"].isna().tolist() == [True, False]


def test_a_frame_without_rows_gives_a_summary_without_rows():
    for by in (["objective"], []):
        summary = summarise(make().iloc[:0], by=by)
        assert summary.empty
        assert "high" in summary


def test_infinite_values_are_no_error():
    frame = make(num_steps=1)
    frame.loc[0, "loss"] = np.inf
    assert np.isfinite(summarise(frame)["estimate"]).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"by": ["objective"]}, "`by` must tell all rows apart; got two where objective"
                                "='c', seed=0. Add the column"),
        ({"by": ["objektive"]}, "got no objektive. It has: objective, step"),
        ({"values": ["lost"]}, "got no lost"),
        ({"statistic": "mode"}, "`statistic` must be one of median, mean; got 'mode'"),
        ({"confidence": 95.0}, "`confidence` must lie between 0 and 1.* got 95"),
        ({"num_resamples": 0}, "`num_resamples` must be at least 1; got 0"),
    ],
)  # fmt: skip
def test_summary_names_mistakes(options, message):
    with pytest.raises(ValueError, match=message):
        summarise(make(), **options)


def test_comparisons_cover_every_pair_in_every_group():
    table = compare(make(), within=["step"])
    assert table.columns.tolist() == [
        "step", "value", "condition", "baseline", "difference", "low", "high", "d_z",
        "rank_biserial", "p", "p_adjusted", "num",
    ]  # fmt: skip
    assert len(table) == 3 * 3
    pairs = list(zip(table["condition"], table["baseline"], strict=True))
    assert pairs[:3] == [("a", "c"), ("b", "c"), ("b", "a")]
    assert table["step"].dtype == int
    better = table[table["condition"] == "b"]
    assert (better["low"] > 0).all()
    assert (better["rank_biserial"] == 1).all()
    assert (better["d_z"] > 1).all()
    assert (better["p_adjusted"] < 0.01).all()


def test_comparisons_agree_with_their_definitions():
    frame = make(num_steps=1)
    table = compare(frame, num_resamples=300).set_index(["condition", "baseline"])
    wide = frame.pivot(index="seed", columns="objective", values="cka")
    for (one, other), row in table.iterrows():
        differences = (wide[one] - wide[other]).to_numpy()
        signed = scipy.stats.rankdata(abs(differences)) * np.sign(differences)
        positive, negative = signed[signed > 0].sum(), -signed[signed < 0].sum()
        interval = scipy.stats.bootstrap(
            (np.sort(differences),), np.median, n_resamples=300,
            rng=np.random.default_rng(0),
        ).confidence_interval  # fmt: skip
        expected = {
            "difference": np.median(differences),
            "low": interval.low,
            "high": interval.high,
            "d_z": differences.mean() / differences.std(ddof=1),
            "rank_biserial": (positive - negative) / (positive + negative),
            "p": scipy.stats.wilcoxon(differences).pvalue,
        }
        for name, value in expected.items():
            np.testing.assert_allclose(row[name], value, rtol=1e-9, err_msg=name)
    # Benjamini and Hochberg's step-up rule, by hand.
    p = np.sort(table["p"])
    steps = np.minimum.accumulate((p * len(p) / np.arange(1, len(p) + 1))[::-1])[::-1]
    np.testing.assert_allclose(np.sort(table["p_adjusted"]), np.minimum(steps, 1))


def test_a_baseline_is_compared_with_all_others():
    table = compare(make(), within=["step"], baseline="b")
    assert table["condition"].tolist() == ["c", "a"] * 3
    assert (table["baseline"] == "b").all()
    whole = compare(make(), within=["step"])
    swapped = whole.query("condition == 'b' and baseline == 'a'").reset_index()
    own = table.query("condition == 'a'").reset_index()
    for name in ("difference", "d_z", "rank_biserial"):
        np.testing.assert_allclose(own[name], -swapped[name])
    np.testing.assert_allclose(own["p"], swapped["p"])


def test_pairs_are_matched_by_seed_and_not_by_order():
    frame = make()
    shuffled = frame.sample(frac=1.0, random_state=1)
    keys = ["step", "condition", "baseline"]
    one = compare(frame, within=["step"], baseline="a").set_index(keys)
    other = compare(shuffled, within=["step"], baseline="a").set_index(keys)
    pd.testing.assert_frame_equal(other.loc[one.index], one)


def test_pairs_may_have_several_keys():
    table = compare(make(), pair=["seed", "step"], baseline="a")
    assert table["num"].tolist() == [36, 36]


@pytest.mark.parametrize("num_seeds", [1, 2, 3, 8, 60])
def test_equal_conditions_do_not_differ(num_seeds):
    frame = make(num_seeds=num_seeds, num_steps=1).assign(cka=0.5)
    table = compare(frame)
    assert (table["p"] == 1).all()
    assert (table["p_adjusted"] == 1).all()
    assert (table["difference"] == 0).all()
    assert (table["rank_biserial"] == 0).all()
    assert table["d_z"].isna().all()
    assert (table["low"].isna() == (num_seeds < 3)).all()


def test_nan_pairs_are_dropped():
    frame = make(num_steps=1)
    frame.loc[frame["seed"] == 4, "cka"] = np.nan
    table = compare(frame)
    assert (table["num"] == 11).all()
    without = compare(frame[frame["seed"] != 4])
    pd.testing.assert_frame_equal(table, without)
    frame.loc[frame["objective"] == "a", "cka"] = np.nan
    table = compare(frame)
    assert table["p_adjusted"].isna().tolist() == [True, False, True]
    assert table["num"].tolist() == [0, 11, 0]


def test_one_condition_gives_no_comparison():
    table = compare(make().query("objective == 'a'"), within=["step"])
    assert table.empty
    assert "p_adjusted" in table


def test_ties_and_large_samples_raise_no_warning():
    frame = make(num_seeds=70, num_steps=1).round({"cka": 1})
    assert compare(frame)["p"].between(0, 1).all()
    assert compare(frame[frame["seed"] < 7])["p"].between(0, 1).all()


def test_unmatched_seeds_are_named():
    frame = make().query("not (objective == 'a' and step == 1 and seed in [3, 5])")
    message = "`pair` must match .* got no seed 3, 5 for 'a' where step=1. Run what"
    with pytest.raises(ValueError, match=message):
        compare(frame, within=["step"])
    with pytest.raises(ValueError, match=r"got no seed, step \(3, 1\), \(5, 1\) for"):
        compare(frame, pair=["seed", "step"])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "`pair` must tell all rows apart; got two where objective='c', seed=0"),
        ({"within": ["stepp"]}, "got no stepp"),
        ({"within": ["step"], "baseline": "z"}, "`baseline` must be in every group; go"
                            "t 'z', not one of 'c', 'a', 'b' where step=0"),
    ],
)  # fmt: skip
def test_comparisons_name_mistakes(options, message):
    with pytest.raises(ValueError, match=message):
        compare(make(), **options)


def test_steps_to_is_the_first_step_at_or_below():
    frame = pd.DataFrame(
        {
            "objective": ["a"] * 6 + ["b"] * 3,
            "seed": [0, 0, 0, 1, 1, 1, 0, 0, 0],
            "step": [0, 4, 9, 0, 4, 9, 9, 4, 0],
            "loss": [3.0, 1.0, 2.0, 3.0, np.nan, 2.0, 0.0, 0.5, 7.0],
        }
    )
    found = stats.steps_to(frame, "loss", 1.0, ["objective"])
    assert found.columns.tolist() == ["objective", "seed", "steps"]
    assert found["objective"].tolist() == ["a", "a", "b"]
    assert found["seed"].tolist() == [0, 1, 0]
    np.testing.assert_array_equal(found["steps"], [4, np.nan, 4])
    again = stats.steps_to(frame, "loss", 1.0, ["objective", "seed"])
    pd.testing.assert_frame_equal(again, found)
    summary = summarise(found, by=["objective"], values=["steps"])
    assert summary["num"].tolist() == [1, 1]
    with pytest.raises(ValueError, match="`by` must tell .* two where seed=0, step=9"):
        stats.steps_to(frame, "loss", 1.0, [])
    with pytest.raises(ValueError, match="got no lost"):
        stats.steps_to(frame, "lost", 1.0, [])


@law
@hypothesis.given(st.lists(st.integers(0, 9), min_size=1), st.floats(0, 9))
def test_steps_to_agrees_with_a_loop(losses, threshold):
    frame = pd.DataFrame({"seed": 0, "step": range(len(losses)), "loss": losses})
    (found,) = stats.steps_to(frame, "loss", threshold, [])["steps"]
    expected = next((k for k, loss in enumerate(losses) if loss <= threshold), np.nan)
    np.testing.assert_equal(found, expected)


def test_neither_jax_nor_simgeo_is_imported():
    path = importlib.util.find_spec("simgeo.stats").origin
    code = (
        "import runpy, sys; "
        f"runpy.run_path({path!r}); sys.exit('jax' in sys.modules or 'simgeo' in "
        "sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
