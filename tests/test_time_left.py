"""How long a sweep still takes, as it is told, against how long it then took.

The clock is one that only moves when a test moves it.
"""

import itertools
import json
from types import SimpleNamespace

import numpy as np
import pytest

from simgeo import objectives, sweep, teachers
from simgeo.engine import Record
from simgeo.engine._label import data_set
from simgeo.problems import Experiment
from simgeo.sweep import _leases, _queue
from simgeo.sweep import _work as work
from simgeo.sweep._leases import Leases
from simgeo.sweep._pace import Measured, Pace, seconds_left

pytestmark = pytest.mark.once

# Programs differ in how fast they are by far more than the plan knows, and cells of one
# in their steps; every cell is a piece.
SPEEDS = {2: 1e9, 3: 4e9, 4: 3e8, 5: 2e9}  # cost per second, by width
COMPILATION = {2: 20.0, 3: 9.0, 4: 31.0, 5: 14.0}  # seconds
CELLS = sweep.grid(
    Experiment(
        teacher=teachers.CommonMean(cosine=0.1),
        objective=objectives.FeatureGram(),
        num_vectors=12,
        teacher_dim=6,
        num_records=4,
        num_seeds=2,
        measures=("cka",),
    ),
    student_dim=[*SPEEDS],
    num_steps=[150_000, 600_000],
    optimiser__learning_rate=sweep.log_span(1e-3, 1e-1, 12),
)
WITHIN = 0.3


class Clock:
    """Stands for the module `time` in the queue, and for what computes."""

    def __init__(self, seconds_of_a_file: float = 0.0) -> None:
        self.now, self.rng = 1000.0, np.random.default_rng(0)
        self.started: set[int] = set()
        self.seconds_of_a_file = seconds_of_a_file
        self.free = 0.0  # when what was written last is there
        self.time = SimpleNamespace(perf_counter=lambda: self.now, sleep=self.sleep)

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def compute(self, worker, part, on_record):
        """Takes the time of a compilation, of steps, and of what is still written."""
        width = part.batch.works[0].cell.student_dim
        if width not in self.started:
            self.now += COMPILATION[width]
            self.started.add(width)
        on_record(Record(0, 0, np.empty(0), None))
        noise = self.rng.uniform(0.9, 1.1)
        self.now += part.batch.cost / SPEEDS[width] * noise
        self.now = max(self.now, self.free)
        self.free = self.now + self.seconds_of_a_file * len(part.fingerprints)
        worker.engine.was_stopped, worker.engine.side_by_side = False, 64
        return [
            (name, own.cell, _made_up(own.cell, own.seeds))
            for name, own in zip(part.fingerprints, part.batch.works, strict=True)
        ]


def _made_up(cell, seeds):
    shape = (len(seeds), len(cell.record_steps))
    levels = {
        name: np.ones(len(seeds)) for name in ("zero_student_loss", "optimum_loss")
    }
    records = {"loss": np.ones(shape)}
    return data_set(cell, seeds, cell.record_steps, records, levels, {}, seconds=1.0)


@pytest.mark.parametrize("seconds_of_a_file", [0.0, 4.0])
def test_the_time_left_is_known_after_a_tenth(tmp_path, monkeypatch, seconds_of_a_file):
    clock = Clock(seconds_of_a_file)
    monkeypatch.setattr(_queue, "time", clock.time)
    monkeypatch.setattr(work.Worker, "compute", lambda *given: clock.compute(*given))
    told = []

    def on_batch(at):
        [now] = sweep.status(tmp_path)
        assert (now.done, now.total) == (at.done, at.total)
        told.append((clock.now, at.done / at.total, at.seconds_left, now.seconds_left))

    sweep.run(CELLS, tmp_path, on_batch=on_batch)
    assert told[-1][1:] == (1.0, 0.0, 0.0)
    checked = [each for each in told if 0.1 <= each[1] <= 0.7]
    assert len(checked) > 10
    for now, _, *both in checked:
        left = clock.now - now
        assert both == pytest.approx([left, left], rel=WITHIN)


def test_programs_that_nobody_has_begun_come_first(tmp_path, monkeypatch):
    clock = Clock()
    monkeypatch.setattr(_queue, "time", clock.time)
    monkeypatch.setattr(work.Worker, "compute", lambda *given: clock.compute(*given))
    monkeypatch.setattr(_queue, "_MOST_TRIED", 3)
    begun = []
    sweep.run(CELLS, tmp_path, on_batch=lambda at: begun.append({*clock.started}))
    # What is told of one batch is told when the next is computed.
    assert [len(each) for each in begun[:3]] == [2, 3, 3]
    assert len(begun[-1]) == 4


def simulated(paces, left):
    """When workers of true speeds end, each taking the next piece when it is free."""
    ends = [0.0] * len(paces)
    for program, costs in left.items():
        for cost in costs:
            first = int(np.argmin(ends))
            ends[first] += cost / paces[first][program]
    return max(ends)


@pytest.mark.parametrize("seed", range(5))
def test_what_several_workers_tell_adds_up(seed):
    rng = np.random.default_rng(seed)
    programs = range(4)
    base = rng.uniform(0.3, 3.0, len(programs))
    true = [{n: base[n] * rng.uniform(0.7, 1.4) for n in programs} for _ in range(6)]
    left = {n: [*rng.uniform(0.5, 2.0, 60)] for n in programs}
    # Each knows two programs, and all are known to somebody; one has not begun.
    known = [*itertools.islice(itertools.cycle([(0, 1), (2, 3), (1, 2)]), 5)]
    paces = [
        Pace({n: true[worker][n] for n in some}, 5.0)
        for worker, some in enumerate(known)
    ]
    costs = {n: sum(own) for n, own in left.items()}
    found = seconds_left(costs, [*paces, Pace({}, 0.0)])
    assert found == pytest.approx(simulated(true, left), rel=WITHIN)


def test_nothing_is_told_of_what_is_not_known():
    assert seconds_left({}, []) == 0.0
    assert seconds_left({0: 1.0}, []) == float("inf")
    assert seconds_left({0: 1.0}, [Pace({}, 0.0)]) == float("inf")
    # A program that nobody has run starts first, and is as slow as the others.
    assert seconds_left({0: 8.0, 1: 3.0}, [Pace({0: 2.0}, 5.0)]) == 4 + 1.5 + 5


def test_a_pace_follows_what_was_measured_last():
    measured = Measured()
    assert measured.speed(0) is None
    measured.add(0, cost=10.0, seconds=25.0, start=20.0)
    assert measured.speed(0) == 2.0
    for _ in range(8):
        measured.add(0, cost=80.0, seconds=10.0, start=1.0)
    assert measured.speed(0) == pytest.approx(8.0, rel=0.02)
    assert measured.pace.start == 20.0


def test_workers_tell_their_pace_in_the_store(tmp_path):
    with Leases(tmp_path, sweep="one") as worker, Leases(tmp_path, sweep="two"):
        worker.tell(Pace({3: 2.0}, 1.5))
        expected = {"one": [Pace({3: 2.0}, 1.5)], "two": [Pace({}, 0.0)]}
        assert sweep.at_work(tmp_path).paces == expected
        assert worker.paces() == expected["one"]
        about = json.loads(worker.path.read_text())
        for wrong in (None, [], [3, 4], [{"a": 1}, 2], "text"):
            worker.path.write_text(json.dumps(about | {"pace": wrong}))
            assert worker.paces() == [Pace({}, 0.0)]
        worker.path.unlink()
        worker.tell(Pace({3: 2.0}, 1.5))  # it is lost, and is not made again
        assert not worker.path.exists()
        assert _leases.at_work(tmp_path).hosts.total() == 1
