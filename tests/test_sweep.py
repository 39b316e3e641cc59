"""Sweeps: the cells they are made of, the numbers they give, and what they keep."""

import dataclasses
import json
import random
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import jax
import numpy as np
import pandas as pd
import pytest

from benchmarks import kills
from simgeo import engine, objectives, optimisers, results, settings, sweep, teachers
from simgeo.engine import _compiled, _engine, _units
from simgeo.engine._label import data_set
from simgeo.engine._units import program_of
from simgeo.problems import Experiment
from simgeo.sweep import _keep as keep
from simgeo.sweep import _work as work

pytestmark = pytest.mark.once

ROOT = Path(__file__).parents[1]
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
    measures=("matthews", "gram_error", "cka"),  # few, for their compilation
)
AXES = {
    "optimiser__learning_rate": [0.01, 0.1],
    "objective__weights__1": [0.0, 0.5, 1.0],
}


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
    pairs = [(cell.optimiser.learning_rate, cell.objective.weights) for cell in cells]
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
optimiser.learning_rate = { log = [1e-3, 1e-2], num = 2 }
"""


def test_a_file_says_what_python_says(tmp_path):
    path = tmp_path / "grid.toml"
    path.write_text(TOML)
    base = Experiment(
        teacher=teachers.CommonMean(), num_vectors=12, teacher_dim=6, student_dim=2
    )
    expected = sweep.grid(
        base,
        sweep.together(epsilon=[0.1, 0.2], optimiser__learning_rate=[1e-3, 1e-2]),
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
    assert len({program_of(cell) for cell in found}) == 1
    others = sweep.grid(BASE, student_dim=[3, 4], optimiser=["adam", "sgd"])
    assert len({program_of(cell) for cell in others}) == 4


@pytest.mark.parametrize("num_cores", [1, 2, 7, 64])
def test_pieces_are_of_the_plan_and_not_of_the_machine(num_cores, monkeypatch):
    found = sweep.grid(BASE, **AXES, num_steps=[12, 20], student_dim=[3, 4])
    expected = sweep.plan(found).pieces
    monkeypatch.setattr(_units, "num_workers", lambda: num_cores)
    whole = sweep.plan(found)
    assert whole.pieces == expected
    names = [name for piece in whole.pieces for name in piece.wanted]
    assert len(names) == len(set(names)) == len(found)
    assert len({piece.name for piece in whole.pieces}) == len(whole.pieces)
    sizes: dict[int, set] = {}
    for piece in whole.pieces:
        part = whole.batch(piece.wanted, whole.room[piece.program])
        works = part.batch.works
        assert len({tuple(work.cell.record_steps) for work in works}) == 1
        assert {work.program for work in works} == {part.batch.program}
        assert len(part.batch.units) == piece.num_units <= part.batch.capacity
        sizes.setdefault(piece.program, set()).add(part.batch.capacity)
    assert all(len(each) == 1 for each in sizes.values())  # compiled once


@pytest.mark.skipif(
    jax.default_backend() != "cpu", reason="where empty places take time"
)
def test_nothing_is_compiled_twice_for_another_number_of_cells():
    quick = dataclasses.replace(
        BASE, objective=objectives.FeatureGram(), measures=("gram_error",)
    )
    rates = sweep.log_span(1e-3, 1e-1, 6)
    whole = sweep.plan(sweep.grid(quick, optimiser__learning_rate=rates))
    machine = engine.Engine()
    names, compiled = [*whole.works], set()
    for first, last in ((0, 1), (1, 4), (4, 6)):
        part = whole.batch({name: (0, 1) for name in names[first:last]}, 8)
        for run in machine.run(part.batch):
            assert run.attrs["complete"]
        compiled = compiled if first else {*machine.compiled.programs}
        assert compiled == {*machine.compiled.programs}


def test_long_cells_are_shared_by_their_seeds():
    long = dataclasses.replace(BASE, num_steps=10**6, num_seeds=1000)
    [piece, *others] = sweep.plan([long]).pieces
    assert 16 <= len(others) < 1000
    seeds = [s for each in (piece, *others) for s in each.wanted[long.fingerprint]]
    assert seeds == [*range(1000)]
    short = dataclasses.replace(BASE, num_seeds=1000)
    assert len(sweep.plan([short]).pieces) == 1


def test_sixteen_processes_share_one_program():
    found = sweep.grid(
        BASE,
        optimiser__learning_rate=sweep.log_span(1e-3, 1.0, 400),
        num_steps=[10_000],
    )
    pieces = sweep.plan(found).pieces
    assert len({piece.group for piece in pieces}) == 1
    assert 32 <= len(pieces) <= 100
    costs = [piece.cost for piece in pieces]
    assert max(costs) <= 2 * min(costs[:-1])


def test_cells_that_differ_in_their_seeds_only_are_one():
    found = sweep.grid(BASE, num_seeds=[2, 4], first_seed=[0, 3])
    [(name, work)] = sweep.plan(found).works.items()
    assert name == BASE.fingerprint
    assert work.seeds == (0, 1, 2, 3, 4, 5, 6)


def test_a_sweep_gives_the_numbers_of_a_run_bit_by_bit(cells, swept):
    store = results.open(swept)
    for cell in (cells[0], cells[-1]):
        alone, kept = engine.run(cell), store.load(cell.fingerprint)
        assert list(kept.data_vars) == list(alone.data_vars)
        for name, values in alone.variables.items():
            assert kept[name].dtype == values.dtype, name
            assert np.array_equal(kept[name], values, equal_nan=True), name
            assert kept[name].attrs == values.attrs, name
        same = {each for each in alone.attrs if each not in ("seconds",)}
        assert {each: kept.attrs[each] for each in same} == {
            each: alone.attrs[each] for each in same
        }


def test_asking_for_more_seeds_computes_only_those(cells, swept, tmp_path, monkeypatch):
    folder, computed = copied(swept, tmp_path / "store"), []
    compute = work.Worker.compute

    def counted(self, part, *rest):
        computed.extend(unit.seed for unit in part.batch.units)
        return compute(self, part, *rest)

    monkeypatch.setattr(work.Worker, "compute", counted)
    more = dataclasses.replace(cells[0], num_seeds=5)
    report = sweep.run([more], folder)
    assert (report.total, report.done, sorted(computed)) == (1, 1, [2, 3, 4])
    kept = results.open(folder).load(more.fingerprint)
    assert np.array_equal(kept["loss"], engine.run(more)["loss"])


def test_an_interrupt_keeps_what_was_recorded_by_then(cells, tmp_path):
    def interrupt(done, total):
        if done > 0:
            raise KeyboardInterrupt

    folder = tmp_path / "store"
    with pytest.raises(KeyboardInterrupt):
        sweep.run(cells, folder, on_record=interrupt)
    parts = sorted(folder.glob("*.partial.nc"))
    assert len(parts) == 6
    kept = results.load(parts[0])
    assert (kept.attrs["complete"], kept.sizes["step"]) == (0, 2)
    assert not list((folder / ".leases").iterdir())
    report = sweep.run(cells, folder)
    assert report.done == 6
    assert not list(folder.glob("*.partial.nc"))


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
def test_slices_and_company_do_not_change_a_cell(cells, swept, monkeypatch):
    store = results.open(swept)
    monkeypatch.setattr(engine.Engine, "_fit", lambda *_: 4)
    some = cells[1:4]  # six seeds, in slices of four
    [batch] = engine.batches_of([engine.work_of(cell, (0, 1)) for cell in some])
    for cell, found in zip(some, engine.Engine().run(batch), strict=True):
        kept = store.load(cell.fingerprint)
        assert np.array_equal(kept["loss"], found["loss"])
        assert np.array_equal(kept["chance_cka"], found["chance_cka"])


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
    with pytest.warns(UserWarning, match=f"1 damaged file: {first.name}"):
        report = sweep.run(cells, folder)
    assert (report.found, report.done) == (4, 2)
    assert not list(folder.glob("*.damaged*"))
    whole, again = results.open(swept).frame, results.open(folder).frame
    pd.testing.assert_frame_equal(whole, again)


@pytest.fixture(scope="module")
def with_failures(tmp_path_factory):
    """A sweep of which one cell of three is not finite."""
    folder = tmp_path_factory.mktemp("failures")
    base = dataclasses.replace(
        BASE, optimiser=optimisers.SGD(), objective=objectives.FeatureGram()
    )
    found = sweep.grid(base, optimiser__learning_rate=[1e-3, 1e30, 1e-2])
    return found, folder, sweep.run(found, folder)


@pytest.mark.once
def test_a_cell_that_fails_is_recorded_and_does_not_stop_the_rest(with_failures):
    found, folder, report = with_failures
    assert report.done == 2
    [(name, reason)] = report.failed.items()
    assert "is not finite at seed" in reason
    about = json.loads((folder / f"{name}.failed.json").read_text())
    assert about["kind"] == "not finite"
    assert about["settings"]["optimiser"]["learning_rate"] == 1e30
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

    def counted(self, part, *rest):
        tried.extend(part.fingerprints)
        return compute(self, part, *rest)

    monkeypatch.setattr(work.Worker, "compute", counted)
    again = sweep.run(found, folder, retry_failed=True)
    assert tried == list(report.failed)
    assert again.failed.keys() == report.failed.keys()


def made_up(cell, seeds=(0, 1)):
    """A run that nothing was computed for."""
    shape = (len(seeds), len(cell.record_steps))
    return data_set(
        cell,
        seeds,
        cell.record_steps,
        {"loss": np.full(shape, cell.optimiser.learning_rate)},
        {
            "zero_student_loss": np.ones(len(seeds)),
            "optimum_loss": np.zeros(len(seeds)),
        },
        {},
        seconds=1.0,
    )


def test_an_exception_is_traced_to_its_cell(cells, tmp_path, monkeypatch):
    def run(self, batch, *rest, **more):
        some = [work.cell for work in batch.works]
        if any(cell == cells[2] for cell in some):
            raise RuntimeError("RESOURCE_EXHAUSTED: of memory\nand more")
        return [made_up(cell) for cell in some]

    monkeypatch.setattr(engine.Engine, "run", run)
    report = sweep.run(cells[:4], tmp_path / "store")
    assert report.done == 3
    [(name, reason)] = report.failed.items()
    assert reason == "RuntimeError: RESOURCE_EXHAUSTED: of memory"
    assert keep.failures(tmp_path / "store")[name]["kind"] == "out of memory"


def test_a_program_that_does_not_fit_is_made_smaller_or_refused(cells, monkeypatch):
    sizes = []

    def needs(self, batch, capacity):
        sizes.append(capacity)
        return 2**20 * capacity

    whole = sweep.plan(cells)
    part = whole.batch({name: (0, 1) for name in whole.works}, whole.room[0])
    room = part.batch.capacity
    assert room >= 12  # units
    monkeypatch.setattr(engine.Engine, "_needs", needs)
    monkeypatch.setattr(_engine.memory, "held", lambda: 2**30)

    def of(units):
        """An engine with room for so many units beside what is held."""
        each = 2**20 + part.batch.program.unit_bytes
        slack = _engine.memory.SLACK
        return engine.Engine(2**30 + int(units * each / slack) + 1)

    assert of(room)._fit(part.batch) == room
    assert of(5)._fit(part.batch) == 4
    assert sizes[0] == room
    with pytest.raises(MemoryError, match="one seed needs .* MiB .* Raise `memory`"):
        of(0.25)._fit(part.batch)
    worker = work.Worker(Path(), 1)
    found = worker.compute(part)
    assert all(isinstance(error, MemoryError) for _, _, error in found)


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


@pytest.mark.slow
def test_nothing_is_lost_when_two_processes_are_killed(tmp_path):
    asked = kills.Asked(num_steps=500, cache=str(tmp_path))
    row = kills.killed("two", asked, tmp_path / "stores", 8, random.Random(0))
    assert (row.kills, row.cells, row.equal) == (8, 12, "bit for bit")


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
        rtol=1e-6,
        atol=1e-6,
    )


@pytest.mark.once
@pytest.mark.long
def test_of_many_programs_few_are_held_at_once(monkeypatch):
    # Each takes hundreds of memory maps, of which a process may have so many.
    monkeypatch.setattr(_compiled, "_MOST_PROGRAMS", 4)
    machine = engine.Engine()
    whole = sweep.plan(sweep.grid(BASE, student_dim=[2, 3, 4]))
    assert len(whole.pieces) == 3
    for piece in whole.pieces:
        part = whole.batch(piece.wanted, 2)
        assert machine.run(part.batch)[0].attrs["complete"]
        assert 0 < len(machine.compiled.programs) <= 4
