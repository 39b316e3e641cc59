"""Several workers on one store: leases, their end, and what is computed by whom."""

import dataclasses
import json
import multiprocessing
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from concurrent.futures import (
    BrokenExecutor,
    Future,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
)
from pathlib import Path

import numpy as np
import pytest

from simgeo import objectives, results, sweep, teachers
from simgeo.engine._label import data_set
from simgeo.problems import Experiment
from simgeo.results import _whole_files
from simgeo.settings import _describe
from simgeo.sweep import _executors as executors
from simgeo.sweep import _keep as keep
from simgeo.sweep import _leases, _queue
from simgeo.sweep import _work as work
from simgeo.sweep._leases import Leases

pytestmark = pytest.mark.once

ROOT = Path(__file__).parents[1]
PIECE = "0" * 16
NUM = 24
# So many steps that every cell is a piece; nothing is computed of them here.
CELLS = sweep.grid(
    Experiment(
        teacher=teachers.CommonMean(cosine=0.1),
        objective=objectives.FeatureGram(),
        num_vectors=12,
        teacher_dim=6,
        student_dim=3,
        num_steps=200_000,
        num_records=4,
        num_seeds=2,
    ),
    optimiser__learning_rate=sweep.log_span(1e-3, 1e-1, NUM),
)


def made_up(cell, seeds):
    """A run that nothing was computed for."""
    shape = (len(seeds), len(cell.record_steps))
    loss = np.full(shape, cell.optimiser.learning_rate)
    levels = {
        name: np.ones(len(seeds)) for name in ("zero_student_loss", "optimum_loss")
    }
    return data_set(
        cell, seeds, cell.record_steps, {"loss": loss}, levels, {}, seconds=1.0
    )


class Computed(list):
    """Stands for the computation: (cell, seed) of all that was asked for."""

    def __init__(self, seconds=0.01, before=lambda names: None):
        self.seconds, self.before = seconds, before

    def __call__(self, worker, part, *_):
        self.before(part.fingerprints)
        time.sleep(self.seconds * len(part.fingerprints))
        # One piece a lease, whatever the engine of this process ran before.
        worker.engine.was_stopped, worker.engine.side_by_side = False, 1
        pairs = [*zip(part.fingerprints, part.batch.works, strict=True)]
        self.extend((name, seed) for name, own in pairs for seed in own.seeds)
        return [(name, own.cell, made_up(own.cell, own.seeds)) for name, own in pairs]


@pytest.fixture
def computed(monkeypatch):
    """All that is computed, by whichever thread."""
    found = Computed()
    monkeypatch.setattr(work.Worker, "compute", lambda *given: found(*given))
    return found


@pytest.fixture(autouse=True)
def quickly(monkeypatch):
    monkeypatch.setattr(_queue, "_POLL", (0.02, 0.05))
    monkeypatch.setattr(executors, "_LOOK", 0.05)
    monkeypatch.setattr(executors.engine, "keep_programs", lambda: None)


def set_age(worker: Leases, seconds: float) -> None:
    """Makes the worker's last sign of life that old, by the file system's clock."""
    mark = worker.path.with_name("mark")
    mark.touch()
    now = mark.stat().st_mtime
    os.utime(worker.path, (now - seconds, now - seconds))


def entered(store: Path, **options) -> Leases:
    """A worker without signs of life but its first."""
    return Leases(store, beat=3600.0, **options).__enter__()


@pytest.fixture
def store(tmp_path):
    folder = tmp_path / "store"
    folder.mkdir()
    return folder


def test_every_cell_is_a_piece():
    assert len(sweep.plan(CELLS).pieces) == NUM


@pytest.mark.parametrize("num", [2, 4])
def test_workers_compute_every_unit_once(num, store, computed):
    with ThreadPoolExecutor(num) as pool:
        runs = [pool.submit(sweep.run, CELLS, store) for _ in range(num)]
        reports = [each.result() for each in runs]
    assert len(computed) == len(set(computed)) == 2 * NUM
    assert all(each.done == NUM for each in reports)
    assert sum(each.others for each in reports) == (num - 1) * NUM
    assert len({*results.open(store).frame["fingerprint"]}) == NUM
    assert not list((store / _leases.FOLDER).iterdir())


def test_one_who_comes_late_computes_what_is_left(store, computed):
    sweep.run(CELLS[::3], store)
    before = len(computed)
    report = sweep.run(CELLS, store)
    assert (report.found, report.done) == (before // 2, NUM - before // 2)
    assert len(computed) == len(set(computed)) == 2 * NUM


SCRIPT = """
import sys, tests.test_sharing as own
from simgeo import sweep
from simgeo.sweep import _work as work
found = own.Computed(0.05)
work.Worker.compute = lambda *given: found(*given)
sweep.run(own.CELLS, sys.argv[1])
for name, seed in found:
    print(name, seed)
"""


@pytest.mark.slow
def test_processes_compute_every_unit_once(tmp_path):
    children = [
        subprocess.Popen(
            [sys.executable, "-c", SCRIPT, str(tmp_path / "store")],
            stdout=subprocess.PIPE,
            cwd=ROOT,
            text=True,
        )
        for _ in range(3)
    ]
    lines = [line for each in children for line in each.communicate()[0].splitlines()]
    assert [each.returncode for each in children] == [0, 0, 0]
    assert len(lines) == len(set(lines)) == 2 * NUM


def test_of_many_contenders_one_gets_a_lease(store):
    with entered(store) as dead:
        assert dead.take(PIECE)
        contenders = [entered(store, expiry=60.0) for _ in range(8)]
        for skew in (59.0, 61.0):
            set_age(dead, skew)
            held, left = contenders[0].look()
            assert (PIECE in held.pieces, left) == (
                skew < 60,
                {PIECE: 0} if skew > 60 else {},
            )
        barrier = threading.Barrier(len(contenders))

        def contend(worker: Leases) -> bool:
            after = worker.look()[1][PIECE]
            barrier.wait()
            return worker.take(PIECE, after)

        with ThreadPoolExecutor(len(contenders)) as pool:
            won = [*pool.map(contend, contenders)]
        assert won.count(True) == 1
        assert contenders[0].look()[0].pieces == {PIECE}  # by the one who won
        winner = contenders[won.index(True)]
        winner.release([PIECE])
        assert contenders[0].look()[1] == {PIECE: 0}
        assert contenders[0].take(PIECE, 0)
        contenders[0].release([PIECE], finished=True)
        assert contenders[0].look()[1] == {}
        for each in contenders:
            each.__exit__()


def test_a_lease_that_lives_is_not_taken_by_a_clock_that_is_wrong(store, monkeypatch):
    with entered(store) as one, entered(store) as other:
        assert one.take(PIECE)
        assert not other.take(PIECE)
        for wrong in (0.0, 1e10):
            monkeypatch.setattr(time, "time", lambda: wrong)  # noqa: B023
            assert other.look()[0].pieces == {PIECE}
            assert other.look()[0].hosts.total() == 2


def test_signs_of_life_keep_a_lease(store):
    with Leases(store, beat=0.01, expiry=60.0) as one, entered(store) as other:
        one.take(PIECE)
        for _ in range(3):
            set_age(one, 100)
            deadline = time.monotonic() + 10
            while PIECE not in other.look()[0].pieces:
                assert time.monotonic() < deadline
                time.sleep(0.01)


def test_a_lease_of_a_process_that_is_gone_is_free_at_once(store):
    with entered(store) as one, entered(store) as other:
        one.take(PIECE)
        about = json.loads(one.path.read_text())
        child = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"],
                               capture_output=True, check=True)  # fmt: skip
        gone = about | {"pid": int(child.stdout), "born": "1"}
        one.path.write_text(json.dumps(gone))
        assert other.look()[1] == {PIECE: 0}
        one.path.write_text(json.dumps(gone | {"machine": "another"}))
        assert other.look()[0].pieces == {PIECE}
        one.path.write_text(
            json.dumps(about | {"born": "1"})
        )  # its number is used again
        assert other.look()[1] == {PIECE: 0}
        one.path.unlink()
        assert other.look()[1] == {PIECE: 0}


def test_a_lease_without_a_name_is_judged_by_its_own_time(store):
    with entered(store) as worker:
        lease = worker.path.with_name(f"{PIECE}.0")
        lease.touch()  # of one who died before it wrote its name, or is about to
        assert worker.look()[0].pieces == {PIECE}
        os.utime(lease, (1, 1))
        assert worker.look()[1] == {PIECE: 0}
        worker.tidy([PIECE])
        assert not lease.exists()


def test_who_died_is_followed_and_what_it_left_is_removed(store, computed):
    whole = sweep.plan(CELLS)
    with entered(store) as dead:
        for piece in whole.pieces[:3]:
            dead.take(piece.name)
        set_age(dead, 1000)
        report = sweep.run(whole, store)
        assert (report.done, len(computed)) == (NUM, 2 * NUM)
        assert [path.name for path in (store / ".leases").iterdir()] == ["mark"]


def test_one_who_waits_says_so_and_goes_on_when_the_other_dies(store, computed):
    whole, told = sweep.plan(CELLS), []
    with entered(store) as other:
        other.take(whole.pieces[0].name)

        def on_wait(num):
            told.append(num)
            if len(told) == 3:
                set_age(other, 1000)

        assert sweep.run(whole, store, on_wait=on_wait).done == NUM
    assert told == [1, 1, 1]


def test_an_interrupt_ends_the_wait_and_returns_leases(store, computed):
    whole = sweep.plan(CELLS)

    def interrupt(_):
        raise KeyboardInterrupt

    with entered(store) as other:
        other.take(whole.pieces[0].name)
        with pytest.raises(KeyboardInterrupt):
            sweep.run(whole, store, on_wait=interrupt)
        held = other.look()[0]
        assert (held.pieces, held.hosts.total()) == ({whole.pieces[0].name}, 1)
    assert len(computed) == 2 * (NUM - 1)


def test_a_store_that_is_removed_is_not_done(store, computed):
    removed = []

    def remove(_):
        if len(computed) > NUM and not removed:
            removed.append(store.rename(store.with_name("elsewhere")))

    computed.before = remove
    with pytest.raises(OSError, match="was removed while its sweep ran") as info:
        sweep.run(CELLS, store)
    assert "\n" not in str(info.value)


def test_files_that_vanish_are_computed_again_a_few_times(store, computed):
    name, removed = CELLS[0].fingerprint, []

    def remove(_):
        for path in () if removed else store.glob(f"{name}.*.nc"):
            removed.append(path.unlink())

    computed.before = remove
    assert sweep.run(CELLS, store).done == NUM
    assert computed.count((name, 0)) == 2
    (store / f"{name}.0-1.nc").unlink()

    def save(self, found, save=work.Worker.save):
        outcome = save(self, found)
        for path in store.glob(f"{name}.*.nc"):
            path.unlink()
        return outcome

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(work.Worker, "save", save)
        with pytest.raises(OSError, match="are not there; does another program"):
            sweep.run(CELLS, store)


def test_a_cell_that_failed_elsewhere_is_not_waited_for(store, computed):
    def fail(names):
        if CELLS[0].fingerprint not in names:
            keep.fail(store, CELLS[0].fingerprint, CELLS[0], "not finite", "lost")

    computed.before = fail
    report = sweep.run(CELLS[::-1], store)
    assert report.failed == {CELLS[0].fingerprint: "lost"}
    assert report.done == NUM - 1


class Own(objectives.FeatureGram):
    """One that is not simgeo's."""


def test_a_changed_source_or_version_is_told_in_one_line(store, computed, monkeypatch):
    cells = [*CELLS[:2], dataclasses.replace(CELLS[0], objective=Own())]
    sweep.run(cells, store)
    sweep.run(cells, store)  # a warning would fail
    monkeypatch.setattr(_describe, "_source", lambda kind: "another formula")
    with pytest.warns(UserWarning, match=f"1 of 3 cells .*: {cells[2].fingerprint} is"):
        assert sweep.run(cells, store).found == 3
    monkeypatch.setattr(_whole_files, "version", lambda _: "0.0.1")
    with pytest.warns(UserWarning, match="3 of 3 cells were computed by another"):
        sweep.run(cells, store)
    assert len(computed) == 6


class Losing(ThreadPoolExecutor):
    """Loses the first workers."""

    def __init__(self, losses, error):
        super().__init__(1)
        self.losses, self.error = losses, error

    def submit(self, *given):
        self.losses -= 1
        if self.losses < 0:
            return super().submit(*given)
        future = Future()
        future.set_exception(self.error)
        return future


def test_workers_of_an_executor_that_are_lost_are_started_again(store, computed):
    with Losing(3, RuntimeError("killed")) as pool:
        report = sweep.run(CELLS, store, executor=pool)
    assert (report.done, report.others, len(computed)) == (NUM, 0, 2 * NUM)
    assert keep.failures(store) == {}
    assert not list((store / ".queue").iterdir())


@pytest.mark.parametrize("error", [BrokenExecutor("gone"), RuntimeError("gone")])
def test_workers_that_are_lost_again_and_again_say_nothing_of_cells(store, error):
    with Losing(99, error) as pool:
        message = rf"the workers were lost \({type(error).__name__}: gone\); finished"
        with pytest.raises(OSError, match=message):
            sweep.run(CELLS, store, executor=pool)
    assert keep.failures(store) == {}
    assert not list((store / _leases.FOLDER).iterdir())


def test_a_pool_of_processes_that_dies_is_told_in_one_line(store):
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, context, os._exit, (1,)) as pool:
        with pytest.raises(OSError, match="workers were lost .*BrokenProcessPool"):
            sweep.run(CELLS, store, executor=pool)


def test_a_worker_asks_for_silence_before_jax_is_imported():
    code = """
import os, sys
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "1"  # as JAX does, for its children too
from simgeo.sweep import _worker
assert "jax" not in sys.modules
assert _worker.work_at("nowhere", 7) == 7
assert "jax" in sys.modules
print(os.environ["TF_CPP_MIN_LOG_LEVEL"])
"""
    command = [sys.executable, "-c", code]
    told = subprocess.run(command, capture_output=True, text=True, check=True)
    assert (told.stdout, told.stderr) == ("3\n", "")


def test_no_workers_are_refused(store):
    with (
        ThreadPoolExecutor(1) as pool,
        pytest.raises(ValueError, match="at least 1; got 0"),
    ):
        sweep.run(CELLS, store, executor=pool, num_workers=0)


def test_a_pool_that_forks_is_refused(store):
    context = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(1, context) as pool:
        with pytest.raises(ValueError, match=r"get_context\('spawn'\)\.$") as info:
            sweep.run(CELLS, store, executor=pool)
    assert "\n" not in str(info.value)


def test_workers_stop_when_the_one_who_watches_is_gone(store, computed, monkeypatch):
    monkeypatch.setattr(executors, "BEAT", 0.02)
    monkeypatch.setattr(executors, "EXPIRY", 60.0)

    class Watched(ThreadPoolExecutor):
        def submit(self, *given):
            self.future = super().submit(*given)
            return self.future

    interrupted = threading.Event()

    def interrupt(_):
        interrupted.set()
        raise KeyboardInterrupt

    def slowly(_):
        if computed:  # so that it is not over before the one who watches is gone
            interrupted.wait(20)
            time.sleep(0.2)

    computed.before = slowly
    with Watched(1) as pool:
        with pytest.raises(KeyboardInterrupt):
            sweep.run(CELLS, store, executor=pool, on_batch=interrupt)
        assert pool.future.result(timeout=20) == 1
    assert 0 < len(computed) < 2 * NUM
    report = sweep.run(CELLS, store)
    assert report.done + report.found == NUM


def test_cells_reach_other_processes_as_they_are(store):
    whole = sweep.plan([dataclasses.replace(each, num_steps=3) for each in CELLS[:3]])
    mark = keep.begin(store, whole)
    queue = _queue.Queue(store, whole.pieces, mark, {})
    place = store / ".queue" / "place"
    (store / ".leases").mkdir()
    (store / ".leases" / "place").touch()
    executors._write(whole, queue, place, 7, False)
    about = json.loads((place / "plan.json").read_text())
    told = json.loads((place / "cells-0.json").read_text())
    assert told.keys() == whole.works.keys()
    assert Counter(len(each) for each in about["pieces"]) == {5: len(whole.pieces)}
    assert about["memory"] == 7
