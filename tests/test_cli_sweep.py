"""The commands around a store: what they say, draw and refuse."""

import os
import platform

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from matplotlib.figure import Figure
from runs import make

from simgeo import cli, engine, results, sweep
from simgeo.cli import run_sweep, show_store
from simgeo.cli.exported import write
from simgeo.cli.interrupts import Interrupts
from simgeo.cli.run_sweep import size_of
from simgeo.cli.show_status import duration
from simgeo.sweep import Report
from simgeo.sweep import _keep as keep
from simgeo.sweep._leases import Leases

pytestmark = pytest.mark.once

GRID = """
teacher = "gaussian"
num_vectors = 12
teacher_dim = 6
num_steps = 8
num_records = 3
num_seeds = 2
measures = ["matthews", "gram_error", "cka"]
[sweep]
student_dim = [3, 4]
optimiser.learning_rate = [0.01, 0.1]
"""


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    """A folder with a grid; the devices of the tests are left alone."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(engine, "keep_programs", lambda: None)
    tmp_path.joinpath("grid.toml").write_text(GRID)
    return tmp_path


@pytest.fixture
def ask(capsys):
    """Exit code, stdout and stderr of a command line."""

    def ask(*words: str) -> tuple[int, str, str]:
        code = cli.main(list(words))
        return code, *capsys.readouterr()

    return ask


@pytest.fixture
def swept(place):
    """A store of the grid's cells, with numbers that were not computed."""
    found = sweep.load(place / "grid.toml")
    for index, cell in enumerate(found):
        run = make(index, settings=cell.identity, labels=cell.labels)
        results.save(run, place / "store", packed=True)
    return place / "store"


def test_results_say_which_runs_are_not_finished(ask, swept):
    code, whole, told = ask("results", "store")
    assert (code, told) == (0, "")
    some = min(swept.glob("*.nc"))
    part = some.rename(some.with_suffix(".partial.nc"))
    code, said, told = ask("results", "store")
    assert code == 0
    assert len(said.splitlines()) < len(whole.splitlines())
    assert told.startswith(f"Runs that were stopped are left out, such as {part.name}")
    for other in {*swept.glob("*.nc")} - {part}:
        other.rename(swept.parent / other.name)
    code, said, told = ask("results", "store")
    assert (code, said) == (2, "")
    assert told == (
        f"simgeo: `STORE` must hold finished runs; got store, where {part.name} was "
        f"stopped. Its command runs it anew.\n"
    )
    for other in swept.parent.glob("*.nc"):
        other.rename(swept / other.name)
    part.with_name(some.name).write_bytes(part.read_bytes())  # by another process
    assert ask("results", "store") == (0, whole, "")


def test_a_sweep_says_what_it_does_and_goes_on(ask, place):
    code, said, told = ask("sweep", "grid.toml", "--store", "store", "--log")
    assert code == 0, told
    assert said.startswith("4 cells in store: 0 were there, 4 done in ")
    first, *lines = told.splitlines()
    assert first.startswith(
        "4 cells of 2 kinds in 2 pieces, up to 4 seeds side by side"
    )
    assert lines[-1].endswith("4 of 4 cells, 0 failed, about 0 s left")
    code, said, _ = ask("sweep", "grid.toml", "--store", "store")
    assert said.startswith("4 cells in store: 4 were there, 0 done in ")
    code, said, _ = ask("status", "store")
    assert code == 0
    assert said.splitlines()[1].split()[1:5] == ["4", "4", "0", "0"]
    assert said.endswith("\nNo process is at work.\n")
    with Leases(place / "store") as leases:
        leases.take("0" * 16)
        said = ask("status", "store")[1]
    assert said.endswith(
        f"\n1 process at work (1 on {platform.node()}), with 1 pieces leased.\n"
    )


def test_waiting_is_told_once(place, capsys):
    whole = sweep.plan(sweep.load(place / "grid.toml"))
    telling = run_sweep._Telling(whole, True, Interrupts())
    for num in (3, 3, 2):
        telling.on_wait(num)
    telling.on_batch(sweep.Progress(4, 3, 0, {}, 1.0))
    telling.on_wait(1)
    told = capsys.readouterr().err.splitlines()
    assert [told[0], told[-1]] == [
        f"Waiting for {num} cells that others compute." for num in (3, 1)
    ]
    assert sum("Waiting" in line for line in told) == 2


def test_status_counts_what_can_be_read(ask, place):
    found = sweep.load(place / "grid.toml")
    keep.begin(place / "store", sweep.plan(found))
    for index, cell in enumerate(found):
        run = make(index, settings=cell.identity, labels=cell.labels, seeds=range(2))
        path = results.save(run, place / "store", packed=True)
    path.write_bytes(b"not a run")
    code, said, told = ask("status", "store")
    assert (code, told.count("\n")) == (0, 1)
    assert f"1 damaged file: {path.name}" in told
    assert said.splitlines()[1].split()[1:5] == ["4", "3", "0", "1"]
    code, said, told = ask("results", "store", "--to", "rows.csv")
    assert (code, said) == (1, "6 rows of 3 cells are in rows.csv.\n")
    assert f"1 damaged file: {path.name}" in told
    path.unlink()
    assert ask("results", "store", "--to", "rows.csv")[0] == 0


def test_a_sweep_does_not_end_well_if_a_file_was_not_read(ask, place):
    for index, cell in enumerate(sweep.load(place / "grid.toml")):
        run = make(index, settings=cell.identity, labels=cell.labels, seeds=range(2))
        later = {} if index else {"schema": 99}
        results.save(run.assign_attrs(later), place / "store", packed=True)
    code, said, told = ask("sweep", "grid.toml", "--store", "store")
    assert (code, said.split(",")[0]) == (1, "4 cells in store: 4 were there")
    assert "holds 1 newer file" in told
    assert told.endswith("simgeo: files that count as there and were not read: 1.\n")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            OSError(30, "Read-only file system", "x/y"),
            "at x/y: Read-only file system. ",
        ),
        (OSError(30, "Read-only file system"), "at store: Read-only file system. "),
        (
            OSError(28, "`folder` must have room; got store."),
            "simgeo: `folder` must have room; got store. Finished cells are kept, ",
        ),
        (OSError("the workers were lost"), "simgeo: the workers were lost\n"),
    ],
)
def test_a_store_that_cannot_be_written_any_more_is_one_line(
    ask, monkeypatch, error, said
):
    def refuse(*_, **__):
        raise error

    monkeypatch.setattr(sweep, "run", refuse)
    code, _, told = ask("sweep", "grid.toml", "--store", "store")
    assert code == 1
    assert said in told
    assert told.count("\n") == 2  # the size of the sweep is the first


def test_files_of_a_clock_that_is_ahead_are_of_now(ask, place):
    found = sweep.load(place / "grid.toml")
    keep.begin(place / "store", sweep.plan(found))
    for index, cell in enumerate(found[:2]):
        run = make(index, settings=cell.identity, labels=cell.labels, seeds=range(2))
        path = results.save(run, place / "store", packed=True)
        os.utime(path, (4e9, 4e9))  # in the year 2096
    [found] = sweep.status(place / "store")
    assert (found.done, found.left) == (2, 2)
    assert found.idle < 60
    assert found.rate > 1 / 60


def test_a_dry_run_runs_nothing(ask, place, monkeypatch):
    monkeypatch.setattr(sweep, "run", lambda *_, **__: pytest.fail("it was run"))
    monkeypatch.setattr(sweep, "measure", lambda *_: 3 * 2**20)
    code, said, told = ask("sweep", "grid.toml", "--dry-run")
    assert (code, said) == (0, "The largest program needs 3 MiB. Nothing was run.\n")
    assert told.startswith("4 cells of 2 kinds in 2 pieces")
    assert [path.name for path in place.iterdir()] == ["grid.toml"]


def test_failures_are_told_with_their_reason(ask, monkeypatch):
    def run(*_, **__):
        return Report(4, 0, 3, {"0" * 16: "the loss is lost"}, 1.0)

    monkeypatch.setattr(sweep, "run", run)
    code, said, told = ask("sweep", "grid.toml")
    assert code == 1
    assert "3 done in 1 s, 1 failed." in said
    assert f"simgeo: {'0' * 16} failed: the loss is lost\n" in told


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["sweep", "absent.toml"], "must be a file that can be read"),
        (["sweep", "grid.toml", "--memory", "much"], "`--memory` must be a size"),
        (["sweep", "grid.toml", "--executor", "none"], "`executor` must be"),
        (["run", "grid.toml"], "which is a grid. `simgeo sweep` runs it."),
        (["sweep", "grid.toml", "--store", "grid.toml"], "`--store` must be a folder"),
        (["sweep", "--stor", "s"], "'--stor' is no flag. Did you mean '--store'?"),
        (["sweep"], "See `simgeo sweep --help`"),
        (["status", "absent"], "must be a store of runs"),
        (["status", "."], "must hold a sweep"),
        (["results", "absent"], "must be a store of runs"),
        (["results", "."], "must hold finished runs"),
        (["plot", ".", "--xx", "m"], "'--xx' is no flag. Did you mean '--x'?"),
        (["plot", ".", "--x", "m"], "See `simgeo plot --help`"),
    ],
)
def test_bad_input_is_refused_in_one_line(ask, words, message):
    code, said, told = ask(*words)
    assert (code, said) == (2, "")
    assert message in told
    assert told.count("\n") == 1


def test_results_are_printed_and_written(ask, swept):
    code, said, _ = ask("results", str(swept), "--where", "m < 4")
    assert code == 0
    assert "8 rows, " in said
    code, said, _ = ask("results", str(swept), "--to", "frame.csv")
    assert said == "16 rows of 4 cells are in frame.csv.\n"
    expected = results.open(swept).frame
    found = pd.read_csv("frame.csv")
    assert found["cka"].tolist() == pytest.approx(expected["cka"].tolist())
    assert ask("results", str(swept), "--steps", "--to", "all.csv")[0] == 0
    assert len(pd.read_csv("all.csv")) == 16 * 5
    assert ask("results", str(swept), "--to", "frame.nc")[0] == 0
    with xr.open_dataset("frame.nc") as kept:
        assert kept["cka"].values.tolist() == expected["cka"].tolist()
    code, _, told = ask("results", str(swept), "--to", "frame.xlsx")
    assert (code, "must end in one of .csv" in told) == (2, True)
    code, _, told = ask("results", str(swept), "--json", "--to", "a.csv")
    assert (code, "`--json` must stand without --to" in told) == (2, True)
    code, _, told = ask("results", str(swept), "--where", "m > 100")
    assert (code, "must leave rows" in told) == (2, True)


def test_tables_of_any_columns_are_written_as_they_are(place):
    num = 40_000  # more than are written at once
    rng = np.random.default_rng(0)
    floats = rng.standard_normal(num) * 10.0 ** rng.integers(-30, 30, num)
    some = np.array([0.0, -0.0, np.nan, np.inf, 1e-5, 1e16, 0.1])
    texts = np.array(["a, b", 'said "so"', "", "two\nlines", "cr\rhere", "é", "plain"])
    place_of = np.arange(num) % len(some)
    frame = pd.DataFrame(
        {
            "text": texts[place_of],
            "missing": pd.Series(texts[place_of]).where(place_of > 2),
            "floats": floats,
            "short": floats.astype(np.float32),
            "some": some[place_of],
            "some short": some.astype(np.float32)[place_of],
            "whole": np.arange(num),
            "flag": place_of > 3,
            "mixed": pd.Series([True, 1, "x", None, 1.0, 0, False], dtype=object)[
                place_of
            ].to_numpy(),
            "nothing": pd.Series([None] * num, dtype=object),
        }
    )
    write(frame, place / "ours.csv")
    frame.to_csv(place / "theirs.csv", index=False, lineterminator="\n")
    assert (place / "ours.csv").read_bytes() == (place / "theirs.csv").read_bytes()
    write(frame, place / "ours.nc")
    with xr.open_dataset(place / "ours.nc") as kept:
        assert [*kept.data_vars] == [*frame]
        for name in ("floats", "short", "some", "some short", "whole", "flag"):
            assert np.array_equal(kept[name], frame[name], equal_nan=name[0] == "s")
        for name in ("text", "mixed", "nothing"):
            assert kept[name].values.tolist() == [*map(str, frame[name])]


def test_measures_of_ones_own_are_printed():
    row = {"measures": "cka, mine", "cka": 1.0, "mine": 0.5}
    head = show_store._preview(pd.DataFrame([row])).splitlines()[0]
    assert head.split() == ["mine"]


def test_a_plot_is_drawn_with_levels_and_refuses_a_mixture(ask, swept):
    words = ["plot", str(swept), "--x", "m", "--y", "cka", "--to", "sweep.png"]
    code, _, told = ask(*words)
    assert (code, told.count("\n")) == (2, 1)
    assert "which differ in optimiser.learning_rate. Choose, as in --where 'opt" in told
    code, said, told = ask(*words, "--col", "learning_rate")
    assert code == 0, told
    assert said == "Drew 4 cells in sweep.png.\n"
    code, _, told = ask(*words, "--y", "objective")
    assert (code, "must name a column of numbers" in told) == (2, True)
    code, _, told = ask(*words, "--to", "nowhere/sweep.png")
    assert (code, "`--to` must be where files can be written" in told) == (2, True)
    code, _, told = ask(*words, "--col", "student_dmi")
    assert (code, "Did you mean 'student_dim'" in told) == (2, True)


def test_an_axis_has_the_units_of_its_measure(ask, swept, monkeypatch):
    def told(rows, *, label, **names):
        told.label = label
        return Figure()

    monkeypatch.setattr(show_store.plots, "sweep", told)
    words = ["plot", str(swept), "--x", "m", "--y", "cka", "--col", "learning_rate"]
    assert ask(*words)[0] == 0
    assert told.label == "the cka"
    load = results.Store.load

    def in_radians(store, fingerprint):
        run = load(store, fingerprint)
        run["cka"].attrs["units"] = "rad"
        return run

    monkeypatch.setattr(results.Store, "load", in_radians)
    assert ask(*words)[0] == 0
    assert told.label == "the cka (rad)"


def test_what_differs_is_told_once():
    module = ["objective", "objective.kind", "objective.centred"]
    names = ["teacher", "teacher.gram.cosine", *module, "optimiser", "optimiser.b1"]
    names = [*names, "teacher.gram"]
    assert show_store._told_once(names) == [
        "teacher.gram.cosine",
        "objective",
        "optimiser.b1",
    ]


@pytest.mark.parametrize(
    ("text", "size"),
    [("4GiB", 2**32), ("512 MB", 2**29), ("1.5k", 1536), ("100", 100)],
)
def test_sizes_are_read(text, size):
    assert size_of(text) == size


def test_durations_are_short():
    times = [0.4, 59.0, 600.0, 7200.0, float("inf"), float("nan")]
    assert list(map(duration, times)) == ["0 s", "59 s", "10 min", "2.0 h", "-", "-"]
