"""`--json` of every command: records that say what the table says."""

import json
import math
import subprocess
import sys

import numpy as np
import pytest
from runs import make

from simgeo import cli, engine, limits, results, sweep
from simgeo.cli.as_records import as_json
from simgeo.cli.run_cell import summary, table
from simgeo.measures import MEASURES

pytestmark = pytest.mark.once

GRID = """
teacher = "gaussian"
num_vectors = 12
teacher_dim = 6
num_steps = 8
num_records = 3
num_seeds = 2
measures = ["matthews", "cka"]
[sweep]
student_dim = [3, 4]
"""


@pytest.fixture(autouse=True)
def store(tmp_path, monkeypatch):
    """A store of the grid's cells, of which one number is not known."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(engine, "keep_programs", lambda: None)
    tmp_path.joinpath("grid.toml").write_text(GRID)
    for index, cell in enumerate(sweep.load("grid.toml")):
        run = make(index, settings=cell.identity, labels=cell.labels)
        run["chance_cka"][0] = np.nan
        results.save(run, tmp_path / "store", packed=True)
    return "store"


def told(capsys, line: str) -> list[dict]:
    assert cli.main(line.split()) == 0
    found = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)
    assert isinstance(found, list)
    assert all(isinstance(each, dict) for each in found)
    return found


def test_what_is_no_finite_number_is_null():
    rows = [{"a": math.nan, "b": np.float32(0.1), "c": [np.int64(3), -math.inf]}]
    found = as_json([*rows, {"d": (True, None, "text"), "e": {"f": np.nan}}])
    assert json.loads(found) == [
        {"a": None, "b": 0.1, "c": [3, None]},
        {"d": [True, None, "text"], "e": {"f": None}},
    ]
    assert found.count("\n") == 1


def test_results_are_records_of_every_row(capsys, store):
    found = told(capsys, f"results {store} --where m<4 --json")
    frame = results.rows(results.open(store).frame, "m < 4")
    assert [row["loss"] for row in found] == pytest.approx([*frame["loss"]])
    assert [row["seed"] for row in found] == [*frame["seed"]]
    assert {*found[0]} == {*frame}
    assert [row["chance_cka"] for row in found].count(None) == 1


def test_the_status_of_sweeps_is_records(capsys, monkeypatch):
    one = sweep.Status("a", 8, 3, 1, math.nan, 12.5, 2.0)
    monkeypatch.setattr(sweep, "status", lambda store: [one])
    [row] = told(capsys, "status store --json")
    assert row == one._asdict() | {"rate": None, "processes": 0}


def test_limits_are_records_of_every_row(capsys):
    found = told(capsys, "limits --n 8 --d 4 --epsilon 0.1 --json")
    assert found == [each._asdict() for each in limits.summary(8, 4, 0.1)]


def test_kinds_measures_and_settings_are_records(capsys):
    found = told(capsys, "list --json")
    names = {(row["topic"], row["name"]) for row in found}
    assert {("teachers", "noisy"), ("networks", "mlp")} < names
    assert {name for topic, name in names if topic == "measures"} == {*MEASURES}
    # In a process of its own: other tests have kinds that say nothing of themselves.
    command = [sys.executable, "-m", "simgeo", "list", "--json"]
    alone = subprocess.run(command, capture_output=True, check=True, text=True)
    assert all(row["about"] for row in json.loads(alone.stdout))
    rows = told(capsys, "list teachers fraction --json")
    assert [row["setting"] for row in rows] == ["fraction", "epsilon", "num_steps"]
    assert rows[0]["about"] == "between 0 and 1, default 0.95"
    [row] = told(capsys, "list measures matthews --json")
    assert (row["name"], row["range"]) == ("matthews", "[-1, 1]")


def test_the_table_of_a_run_says_what_its_records_say():
    run = make()
    run["optimum_loss"] = ("seed", np.full(4, np.nan))
    rows = summary(run, ["cka", "not recorded"])
    assert [row["measure"] for row in rows] == ["loss", "cka"]
    assert rows[1]["end"] == np.median(run["cka"][:, -1])
    assert rows[1]["chance"] == np.median(run["chance_cka"])
    lines = table(run, rows).splitlines()
    numbers = ("start", "end", "least", "greatest")
    shown = [f"{rows[1][name]:.4g}" for name in (*numbers, "chance")]
    assert lines[2].split() == ["cka", *shown]
    assert lines[1].split()[-1] == "-"
    assert lines[3] == "Optimum of the loss: no closed form."


@pytest.mark.slow
def test_a_run_prints_records_alone(capsys):
    sizes = "--num-vectors 12 --teacher-dim 6 --student-dim 3 --num-steps 8"
    line = f"run teacher:gaussian {sizes} --num-seeds 2 --measures cka --json"
    found = told(capsys, line)
    assert [row["measure"] for row in found] == ["loss", "cka"]
    assert told(capsys, line) == found
