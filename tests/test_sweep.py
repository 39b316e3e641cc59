"""Sweeps: the cells they are made of, the numbers they give, and what they keep."""

import json
import os
import pickle
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import jax
import numpy as np
import pandas as pd
import pytest

from simgeo import engine, objectives, results, settings, sweep, teachers
from simgeo.problems import Experiment
from simgeo.sweep import keep, work

ROOT = Path(__file__).parents[1]
DOUBLE = bool(jax.config.read("jax_enable_x64"))
BASE = Experiment(
    teacher=teachers.CommonMean(cosine=0.1),
    objective=objectives.Hybrid(
        parts=(objectives.CKA(), objectives.FeatureGram()), weights=(1.0, 0.5)
    ),
    num_vectors=12,
    teacher_dim=6,
    student_dim=3,
    num_steps=12,
    num_records=4,
    num_seeds=2,
)
AXES = {"learning_rate": [0.01, 0.1], "objective__weights__1": [0.0, 0.5, 1.0]}


@pytest.fixture(scope="module")
def cells():
    return sweep.grid(BASE, **AXES)


@pytest.fixture(scope="module")
def swept(cells, tmp_path_factory):
    """A finished sweep; tests only read it."""
    folder = tmp_path_factory.mktemp("store") / "runs"
    report = sweep.run(cells, folder, keep_vectors=True)
    assert report.failed == {}
    assert (report.done, report.found) == (6, 0)
    return folder


def test_a_grid_is_every_combination_once(cells):
    pairs = [(cell.learning_rate, cell.objective.weights) for cell in cells]
    expected = {(r, (1.0, w)) for r in (0.01, 0.1) for w in (0.0, 0.5, 1.0)}
    assert len(pairs) == 6
    assert set(pairs) == expected


def test_zips_go_together_and_kinds_change_before_what_is_in_them():
    found = sweep.grid(
        BASE,
        sweep.together(epsilon=[0.1, 0.2], student_dim=(2, 4)),
        objective=["procrustes", objectives.CKA()],
        objective__centred=[True, False],
    )
    assert len(found) == 8
    assert {(c.epsilon, c.student_dim) for c in found} == {(0.1, 2), (0.2, 4)}
    kinds = {(type(c.objective).__name__, c.objective.centred) for c in found}
    assert kinds == {(k, c) for k in ("CKA", "Procrustes") for c in (True, False)}


def test_equal_settings_are_one_cell_however_they_are_written():
    values = [1, 1.0, np.float32(1), np.int64(1), 0.1, np.float32(0.1)]
    assert len(sweep.grid(BASE, objective__weights__0=values)) == 2


def test_spans_hold_both_ends_to_the_digit():
    assert sweep.span(0.1, 0.9, 9) == [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]
    assert sweep.log_span(1e-4, 1.0, 5) == [0.0001, 0.001, 0.01, 0.1, 1.0]


TOML = """
num_vectors = 12
teacher_dim = 6
[teacher]
kind = "common-mean"
[sweep]
student_dim = [2, 3]
teacher.cosine = { range = [0.1, 0.3], num = 3 }
"objective" = ["cka", { kind = "procrustes", centred = true }]
[[sweep.zip]]
epsilon = [0.1, 0.2]
learning_rate = { log = [1e-3, 1e-2], num = 2 }
"""


def test_a_file_says_what_python_says(tmp_path):
    path = tmp_path / "grid.toml"
    path.write_text(TOML)
    base = Experiment(
        teacher=teachers.CommonMean(), num_vectors=12, teacher_dim=6, student_dim=2
    )
    expected = sweep.grid(
        base,
        sweep.together(epsilon=[0.1, 0.2], learning_rate=[1e-3, 1e-2]),
        student_dim=[2, 3],
        teacher__cosine=[0.1, 0.2, 0.3],
        objective=[objectives.CKA(), objectives.Procrustes(centred=True)],
    )
    found = sweep.load(path)
    assert len(found) == 24
    names = [set(map(settings.fingerprint, each)) for each in (found, expected)]
    assert names[0] == names[1]
    path.write_text(TOML.replace("[sweep]", "[[sweep]]") + "[[sweep]]\nepsilon = [0.5]")
    assert len(sweep.load(path)) == 25


@pytest.mark.parametrize(
    ("axes", "message"),
    [
        ({"learning_rat": [1]}, "`learning_rat` is no setting of Experiment"),
        ({"teacher__cosin": [0.1]}, "`teacher.cosin` is no setting of CommonMean"),
        ({"epsilon__a": [1]}, "`epsilon.a` is no setting here"),
        ({"objective__weights__2": [1]}, "must count from 0 to 1; got '2'"),
        ({"epsilon": []}, "at least one; got 0 of `epsilon`"),
        ({"epsilon": 0.1}, "`epsilon` must be a list of values; got 0.1"),
        ({"epsilon": "0.1"}, "`epsilon` must be a list of values"),
        ({"epsilon": [2.0]}, "`epsilon` must lie between 0 and 1"),
    ],
)
def test_bad_axes_are_refused_in_one_line(axes, message):
    with pytest.raises(ValueError, match=message) as info:
        sweep.grid(BASE, **axes)
    assert "\n" not in str(info.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "must be a file that can be read"),
        ("epsilon = ", "must be valid TOML"),
        ("epsilon = 0.1", r"must have a table \[sweep\]"),
        ("[sweep]\nepsilon = {range = 1, num = 2}", "must be like {range"),
        ("[sweep]\nepsilon = {range = [0.1], num = 2}", "must be like {range"),
        ("[sweep]\nepsilon = {range = [0.1, 'a'], num = 2}", "must be like {range"),
        ("[sweep]\nepsilon = {lgo = [0.1, 1], num = 2}", "must be like {range"),
        ("[sweep]\nzip = {epsilon = [0.1]}", "must be tables, each under"),
        ("[sweep]\nepsilon = {log = [0, 1], num = 2}", "must be positive for equal"),
        ("sweep = [1]", "`sweep` must be a table; got 1"),
        ("[sweep]\nepsilon = [0.1]\n[[sweep.zip]]\nepsilon = [0.2]", "'epsilon' twice"),
        ("[[sweep.zip]]\nepsilon=[0.1]\nstudent_dim=[1, 2]", "equally many"),
    ],
)
def test_bad_files_are_refused_in_one_line(tmp_path, text, message):
    path = tmp_path / "grid.toml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(ValueError, match=message):
        sweep.load(path)


def test_knobs_seeds_steps_and_teachers_do_not_split_programs():
    found = sweep.grid(
        BASE,
        **AXES,
        epsilon=[0.1, 0.2],
        teacher=["gaussian", "common-mean"],
        num_steps=[12, 20],
        first_seed=[0, 5],
    )
    assert len({experiment.program_of(cell) for cell in found}) == 1
    others = sweep.grid(BASE, student_dim=[3, 4], optimiser=["adam", "sgd"])
    assert len({experiment.program_of(cell) for cell in others}) == 4


def test_a_plan_holds_every_cell_once_the_largest_first():
    found = sweep.grid(BASE, **AXES, num_steps=[12, 20], student_dim=[3, 4])
    whole = sweep.plan(found, num_devices=1, batch_bytes=20_000)
    names = [cell.fingerprint for cell in whole.cells]
    assert len(names) == len(set(names)) == len(found)
    costs = [batch.cost for batch in whole.batches]
    assert costs == sorted(costs, reverse=True)
    assert len(whole.batches) > 4
    for batch in whole.batches:
        steps = {tuple(cell.experiment.record_steps) for cell in batch.cells}
        assert len(steps) == 1
        assert {experiment.program_of(c.experiment) for c in batch.cells} == {
            batch.program
        }
    reverse = sweep.plan(found[::-1], num_devices=1, batch_bytes=20_000)
    assert {batch.size for batch in reverse.batches} == {b.size for b in whole.batches}


def test_a_batch_gives_the_numbers_of_a_run(cells, swept):
    precision = "float64" if DOUBLE else "float32"
    tolerance = 1e-9 if DOUBLE else 1e-3  # rounding grows along a run
    for cell in (cells[0], cells[-1]):
        alone = engine.run(cell)
        name = settings.fingerprint(cell, {"precision": precision})
        kept = results.load(swept / f"{name}.nc")
        assert np.array_equal(kept["teacher"], alone.teacher)
        assert np.allclose(kept["student"], alone.student, atol=tolerance)
        assert kept["seed"].values.tolist() == alone.seeds.tolist()
        assert kept["step"].values.tolist() == alone.steps.tolist()
        names = {str(each).removeprefix("reference_") for each in kept.data_vars}
        assert names == {*alone.records, *alone.references, "student", "teacher"}
        for record, values in alone.records.items():
            assert kept[record].dtype == values.dtype, record
            assert np.allclose(
                kept[record], values, rtol=tolerance, atol=tolerance, equal_nan=True
            ), record
        for level, values in alone.references.items():
            found = kept[f"reference_{level}"]
            assert found.dtype == values.dtype, level
            assert np.allclose(
                found, values, rtol=tolerance, atol=tolerance, equal_nan=True
            ), level


@pytest.mark.once
def test_objectives_with_a_memory_of_their_own_run_in_a_batch(tmp_path):
    """Whatever they remember: counts, keys, multipliers."""
    kinds = [
        objectives.Minibatch(objectives.CKA(), batch_size=6),
        objectives.Scheduled(),
        objectives.Constrained(),
        objectives.Quantised(),
    ]
    cells = sweep.grid(BASE, objective=kinds, num_steps=[3])
    assert sweep.run(cells, tmp_path / "store").failed == {}


@pytest.mark.once
def test_slices_and_company_do_not_change_a_cell(cells, swept):
    store = results.open(swept)
    program = experiment.program_of(cells[0])
    programs = experiment.Together(program, 4, cells[0])
    some = cells[1:4]  # six seeds, in slices of four
    for cell, found in zip(some, experiment.run_together(some, programs), strict=True):
        extra = {"precision": "float64" if DOUBLE else "float32"}
        kept = store.load(settings.fingerprint(cell, extra))
        tolerance = 1e-9 if DOUBLE else 1e-4
        assert np.allclose(kept["loss"], found.records["loss"], rtol=tolerance)


def test_what_is_there_is_not_run_again(cells, swept, monkeypatch):
    monkeypatch.setattr(work.Worker, "compute", lambda *_: pytest.fail("it was run"))
    report = sweep.run(cells, swept)
    assert (report.found, report.done) == (6, 0)


def copied(store: Path, to: Path) -> Path:
    """A store of its own, with the files' times."""
    subprocess.run(["cp", "-rp", store, to], check=True)
    return to


def test_damaged_files_are_replaced_when_their_cells_run_again(cells, swept, tmp_path):
    folder = copied(swept, tmp_path / "store")
    first, second = sorted(folder.glob("*.nc"))[:2]
    content = first.read_bytes()
    first.write_bytes(content[: len(content) // 2])
    second.unlink()
    with pytest.warns(UserWarning, match=f"{first} is damaged"):
        report = sweep.run(cells, folder)
    assert (report.found, report.done) == (4, 2)
    assert not list(folder.glob("*.damaged*"))
    whole, again = results.open(swept).frame, results.open(folder).frame
    pd.testing.assert_frame_equal(whole, again)


@pytest.fixture(scope="module")
def with_failures(tmp_path_factory):
    """A sweep of which one cell of three is not finite."""
    folder = tmp_path_factory.mktemp("failures")
    base = settings.describe(BASE) | {"optimiser": "sgd"}
    base["objective"] = {"kind": "FeatureGram"}
    found = sweep.grid(
        settings.build(Experiment, base), learning_rate=[1e-3, 1e30, 1e-2]
    )
    return found, folder, sweep.run(found, folder)


@pytest.mark.once
def test_a_cell_that_fails_is_recorded_and_does_not_stop_the_rest(with_failures):
    found, folder, report = with_failures
    assert report.done == 2
    [(name, reason)] = report.failed.items()
    assert "is not finite at seed" in reason
    about = json.loads((folder / f"{name}.failed.json").read_text())
    assert about["kind"] == "not finite"
    assert about["settings"]["learning_rate"] == 1e30
    [now] = sweep.status(folder)
    assert (now.total, now.done, now.failed, now.left) == (3, 2, 1, 0)
    again = sweep.run(found, folder)
    assert (again.found, again.done, again.failed) == (2, 0, {name: reason})


@pytest.mark.once
def test_failed_cells_are_tried_again_when_asked(with_failures, tmp_path, monkeypatch):
    found, folder, report = with_failures
    folder = copied(folder, tmp_path / "store")
    tried = []
    compute = work.Worker.compute

    def counted(self, batch, *rest):
        tried.extend(cell.fingerprint for cell in batch.cells)
        return compute(self, batch, *rest)

    monkeypatch.setattr(work.Worker, "compute", counted)
    again = sweep.run(found, folder, retry_failed=True)
    assert tried == list(report.failed)
    assert again.failed.keys() == report.failed.keys()


def made_up(cell: Experiment) -> experiment.Trajectory:
    """A trajectory that nothing was computed for."""
    shape = (cell.num_seeds, len(cell.record_steps))
    vectors = np.zeros((cell.num_seeds, 2, 2))
    return experiment.Trajectory(
        steps=cell.record_steps,
        seeds=cell.seeds,
        records={"loss": np.full(shape, cell.learning_rate)},
        references={"scale_loss": np.ones(cell.num_seeds)},
        student=vectors,
        teacher=vectors,
        complete=True,
        seconds=1.0,
    )


def test_an_exception_is_traced_to_its_cell(cells, tmp_path, monkeypatch):
    def together(some, *rest):
        if any(cell == cells[2] for cell in some):
            raise RuntimeError("RESOURCE_EXHAUSTED: of memory\nand more")
        return [made_up(cell) for cell in some]

    monkeypatch.setattr(experiment, "run_together", together)
    monkeypatch.setattr(work.Worker, "fit", lambda *_: None)
    report = sweep.run(cells[:4], tmp_path / "store")
    assert report.done == 3
    [(name, reason)] = report.failed.items()
    assert reason == "RuntimeError: RESOURCE_EXHAUSTED: of memory"
    assert keep.failures(tmp_path / "store")[name]["kind"] == "out of memory"


def test_a_program_that_does_not_fit_is_made_smaller_or_refused(cells, monkeypatch):
    sizes = []

    class Sized(experiment.Together):
        def __init__(self, program, size, *_):
            self.size = size
            sizes.append(size)

        def num_bytes(self):
            return 2**20 * self.size

    [batch] = sweep.plan(cells).batches
    assert batch.size == 12
    monkeypatch.setattr(work, "Together", Sized)
    monkeypatch.setattr(work, "_held", lambda: 2**30)

    def of(seeds):
        """A worker with room for so many seeds beside what is held."""
        return work.Worker(Path(), 2**30 + int(seeds * 2**20 / work._SLACK) + 1)

    assert of(12).fit(batch).size == 12
    assert of(5).fit(batch).size == 5
    assert sizes == [12, 12, 5]
    with pytest.raises(MemoryError, match="one seed needs 1 MiB, and 0 MiB .* Raise"):
        of(0.25).fit(batch)
    [(_, error)] = of(0.25).compute(batch._replace(cells=batch.cells[:1]))
    assert isinstance(error, MemoryError)


def test_places_that_cannot_be_written_are_named_in_one_line(cells, tmp_path):
    occupied = tmp_path / "file"
    occupied.touch()
    for folder in (tmp_path / "no" / "store", occupied):
        with pytest.raises(OSError, match="(`folder`|File exists|No such)") as info:
            sweep.run(cells, folder)
        assert "\n" not in str(info.value)


def test_an_executor_gives_the_same_store(cells, swept, tmp_path):
    with ThreadPoolExecutor(1) as pool:
        told = []
        report = sweep.run(
            cells, tmp_path / "store", executor=pool, on_batch=told.append
        )
    assert report.done == 6
    assert [each.done for each in told][-1] == 6
    pd.testing.assert_frame_equal(
        results.open(swept).frame, results.open(tmp_path / "store").frame
    )


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("no_such_module:make", "got 'no_such_module:make': No module"),
        ("simgeo.sweep:nothing", "has no attribute 'nothing'"),
        ("simgeo", "`executor` must be"),
        ("builtins:dict", "with `submit`; got a dict"),
    ],
)
def test_executors_that_are_none_are_refused(name, message):
    with pytest.raises(ValueError, match=message):
        sweep.executor_of(name)


def test_claims_change_the_order_and_nothing_else(cells, tmp_path):
    folder = tmp_path / "store"
    whole = sweep.plan(cells, batch_bytes=1)
    assert len(whole.batches) == 6
    folder.mkdir()
    claimed = whole.batches[0]
    keep.claim(folder, claimed.name)  # of a process that was killed
    order = []
    with pytest.MonkeyPatch.context() as patch:

        def noted(self, batch, *rest):
            order.append(batch.name)
            return [(cell, made_up(cell.experiment)) for cell in batch.cells]

        patch.setattr(work.Worker, "compute", noted)
        report = sweep.run(whole, folder)
    assert report.done == 6
    assert order[-1] == claimed.name
    assert not list((folder / ".claims").iterdir())


CHILD = """
import sys, pickle
from simgeo import engine, sweep
engine.keep_programs()
cells = pickle.load(sys.stdin.buffer)
sweep.run(sweep.plan(cells, batch_bytes=1), sys.argv[1])
"""


@pytest.mark.slow
def test_nothing_is_lost_when_two_processes_are_killed(tmp_path, monkeypatch):
    found = sweep.grid(BASE, learning_rate=sweep.log_span(1e-3, 1e-1, 40))
    folder = tmp_path / "store"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    for _ in range(2):
        children = [
            subprocess.Popen(
                [sys.executable, "-c", CHILD, str(folder)],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                cwd=ROOT,
            )
            for _ in range(2)
        ]
        for child in children:
            child.stdin.write(pickle.dumps(found))
            child.stdin.close()
        before, deadline = len(list(folder.glob("*.nc"))), time.monotonic() + 120
        while len(list(folder.glob("*.nc"))) < before + 4:
            assert time.monotonic() < deadline, "no cell was finished"
            time.sleep(0.02)
        for child in children:
            child.send_signal(signal.SIGKILL)
            child.wait()
    assert 8 <= len(list(folder.glob("*.nc"))) < 40
    sweep.run(sweep.plan(found, batch_bytes=1), folder)
    frame = results.open(folder).frame
    assert len(frame) == 80
    assert not frame.duplicated(["fingerprint", "seed"]).any()
    alone = tmp_path / "alone"
    sweep.run(sweep.plan(found, batch_bytes=1), alone)
    pd.testing.assert_frame_equal(
        frame, results.open(alone).frame, rtol=1e-9 if DOUBLE else 1e-4
    )


@pytest.mark.slow
def test_two_devices_give_the_same_store(cells, swept, tmp_path):
    environment = os.environ | {"JAX_PLATFORMS": "cpu", "JAX_NUM_CPU_DEVICES": "2"}
    code = CHILD.replace("batch_bytes=1", "num_devices=2")
    subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "store")],
        input=pickle.dumps(cells),
        env=environment | {"XDG_CACHE_HOME": str(tmp_path)},
        cwd=ROOT,
        check=True,
        timeout=300,
    )
    pd.testing.assert_frame_equal(
        results.open(swept).frame,
        results.open(tmp_path / "store").frame,
        rtol=1e-9 if DOUBLE else 1e-4,
        atol=1e-9 if DOUBLE else 1e-5,
    )


@pytest.mark.slow
def test_dask_gives_the_same_store(cells, swept, tmp_path):
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(
            n_workers=1, threads_per_worker=1, dashboard_address=":0"
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        report = sweep.run(
            cells, tmp_path / "store", executor=client.get_executor(pure=False)
        )
    assert report.done == 6
    pd.testing.assert_frame_equal(
        results.open(swept).frame,
        results.open(tmp_path / "store").frame,
        rtol=1e-9 if DOUBLE else 1e-4,
    )


@pytest.mark.once
def test_of_many_programs_few_are_held_at_once(tmp_path, monkeypatch):
    # Each takes hundreds of memory maps, of which a process may have so many.
    monkeypatch.setattr(work, "_MOST_PROGRAMS", 2)
    worker = work.Worker(tmp_path)
    batches = sweep.plan(sweep.grid(BASE, student_dim=[2, 3, 4])).batches
    assert len(batches) == 3
    for batch in batches:
        assert not isinstance(worker.compute(batch)[0][1], Exception)
        assert 0 < len(worker._programs) <= 2
        assert 0 < len(worker.levels.observers) <= 2
