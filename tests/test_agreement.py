"""The tables of docs/reference/agreement.md are whole, and are what the page says."""

import csv
import math
from collections import defaultdict
from pathlib import Path

import pytest

from simgeo import functional

pytestmark = pytest.mark.once

FOLDER = Path(__file__).parents[1] / "benchmarks"
PRECISIONS = {"float64", "float32", "bfloat16", "float16"}
GIVE_ARRAYS = {"framed", "quantise", "squared_angle"}


def read(name):
    with open(FOLDER / name, newline="") as file:
        return [*csv.DictReader(file)]


ROWS = read("agreement.csv")


def losses():
    return {
        name
        for name, each in vars(functional).items()
        if getattr(each, "__module__", "").startswith("simgeo.functional.")
        and each in functional._loss._ROWS
    }


def test_every_loss_stands_there_at_three_widths_in_four_precisions():
    found = defaultdict(set)
    for row in ROWS:
        found[row["loss"]].add((row["width"], row["precision"]))
    assert found.keys() == losses() | GIVE_ARRAYS
    for pairs in found.values():
        assert len(pairs) == 12
        assert {precision for _, precision in pairs} == PRECISIONS


def test_in_double_all_three_are_one():
    """As docs/reference/agreement.md promises: to 1e-6 in float64."""
    for row in ROWS:
        numbers = {
            name: float(each)
            for name, each in row.items()
            if name.endswith(("_to_jax", "_to_textbook"))
        }
        assert all(map(math.isfinite, numbers.values())), row
        if row["precision"] == "float64":
            assert max(numbers.values()) < 1e-6, row


def test_the_short_table_is_that_of_the_long_one():
    for line in read("agreement_worst.csv"):
        own = [row for row in ROWS if row["loss"] == line["loss"]]
        for precision in PRECISIONS:
            there = [row for row in own if row["precision"] == precision]
            worst = max(
                float(row[f"{part}_to_textbook"])
                for row in there
                for part in ("value", "gradient")
            )
            assert math.isclose(float(line[precision]), worst, rel_tol=0.5)
    assert len(read("agreement_worst.csv")) == len(ROWS) / 12


def test_only_losses_stand_at_the_degenerate_points():
    lines = read("degenerate.csv")
    assert len(lines) > 8
    ours = {line["point"]: line["simgeo, value or gradient"] for line in lines}
    assert {each for each in ours.values() if each != "none"} == {"feature_gram"}
    assert ours["entries of 1e12"] == "feature_gram"  # beyond float32, as the page says
    for line in lines:
        for column, text in line.items():
            if column != "point" and text != "none":
                assert {*text.split(", ")} <= losses(), line


def test_a_row_is_found_again():
    agreement = pytest.importorskip("benchmarks.agreement", exc_type=ImportError)
    for name, precision in (("feature_gram", "float64"), ("logit_kl", "bfloat16")):
        row = agreement.compare(name, 6, precision)
        [kept] = (
            each
            for each in ROWS
            if (each["loss"], each["width"], each["precision"])
            == (name, "6", precision)
        )
        for found, said in zip(row[3:], [*kept.values()][3:], strict=True):
            assert found <= 10.0 * float(said) + 1e-13
    assert agreement.not_finite("cka", agreement.textbook, "a student of zeros")
    assert not agreement.not_finite("cka", agreement.simgeo.torch, "a student of zeros")
