"""All pieces of a sweep: here, or on an executor."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any, NamedTuple

from simgeo import results, settings
from simgeo.problems import AbstractCell
from simgeo.sweep import _keep as keep
from simgeo.sweep._executors import elsewhere
from simgeo.sweep._leases import Leases
from simgeo.sweep._plan import Part, Piece, Plan, Seeds, plan
from simgeo.sweep._queue import work
from simgeo.sweep._unfinished import Queue
from simgeo.sweep._work import Worker


class Progress(NamedTuple):
    """How far a sweep is, after a batch; the counts are of cells."""

    total: int
    done: int  # with those that were there, and those of other processes
    failed: int
    reasons: dict[str, str]  # of the failures of this batch
    seconds_left: float


class Report(NamedTuple):
    """What a run of a sweep did."""

    total: int
    found: int  # there before
    done: int  # finished now
    failed: dict[str, str]  # the reasons, with those of before that were not retried
    seconds: float
    others: int = 0  # of those finished now, those that other processes computed
    unread: Sequence[str] = ()  # files that count as there and could not be read


def run(
    cells: Sequence[AbstractCell] | Plan,
    folder: str | Path,
    *,
    memory: int | None = None,
    retry_failed: bool = False,
    keep_vectors: bool = False,
    executor: Executor | None = None,
    num_workers: int | None = None,
    on_batch: Callable[[Progress], Any] | None = None,
    on_record: Callable[[int, int], Any] | None = None,
    on_wait: Callable[[int], Any] | None = None,
) -> Report:
    """Runs what is not in the store yet, and keeps every cell as soon as it is done.

    Of a cell that is there for some of its seeds only the others are run. A file that
    the index does not vouch for is read; a damaged one is written anew, with a warning.
    A cell that fails is recorded, and left out the next time. A warning tells of cells
    that another version, or another source of a kind of one's own, computed. Other
    processes may work on the same sweep: each computes what no other does, and all end
    when every seed is in the store.

    Args:
        cells: of any kinds; those that differ only in their seeds are one.
        memory: in bytes, of this process or of one worker; default: half of the host's
            memory or of a worker's limit, or three quarters of the accelerator's.
        retry_failed: also the cells that failed before.
        keep_vectors: students' and teachers' vectors are kept too.
        executor: of `concurrent.futures`; its workers must see the store at this path.
        num_workers: that the executor starts; default: as many as it has processes.
        on_batch: called after every batch.
        on_record: called with steps of all units, done and in total, of a batch here.
        on_wait: called with the number of cells left, at every look at the store while
            all of them are computed by other processes.

    Raises:
        ValueError: if the folder is no place for a store, or the executor forks.
        OSError: if the store is gone or cannot be written, or workers were lost, in one
            line.
        KeyboardInterrupt: after what was recorded by then is kept.
    """
    begin = time.perf_counter()
    folder = Path(folder)
    whole = cells if isinstance(cells, Plan) else plan(cells)
    mark = keep.begin(folder, whole)
    with settings.sharing():
        sources = {n: settings.source_of(work.cell) for n, work in whole.works.items()}
    verified = results.verify(folder, whole.works, sources)
    damaged = {name: keep.time_of(folder / name) for name in verified.damaged}
    queue = Queue(folder, whole.pieces, mark, damaged)
    there = _finished(whole, queue)
    if retry_failed:
        keep.forget_failures(folder, queue.failed & whole.works.keys() - there)
        queue.look()
    done: set[str] = set()

    def batch(pieces: Sequence[Piece], wanted: Seeds) -> Part:
        return whole.batch(wanted, whole.room[pieces[0].program])

    with ExitStack() as stack:
        if executor is None:
            leases = stack.enter_context(Leases(folder, sweep=whole.name))
            worker = Worker(folder, memory, keep_vectors)
            calls = on_record, on_wait
            steps = work(queue, worker, leases, batch, whole.room, *calls)
        else:
            about = num_workers, memory, keep_vectors
            steps = elsewhere(whole, queue, executor, *about)
        stack.enter_context(closing(steps))
        for step in steps:
            done |= {*step.outcome.done}
            if on_batch is not None:
                counts = len(whole.works), len(_finished(whole, queue))
                failed = len(queue.failed & whole.works.keys())
                reasons = step.outcome.failed
                on_batch(Progress(*counts, failed, reasons, step.seconds_left))
        if executor is None:
            leases.tidy(piece.name for piece in whole.pieces)
    now = _finished(whole, queue)
    failed = keep.reasons(folder, whole.works.keys() - now)
    new = len(now - there)
    others = 0 if executor is not None else len(now - there - done)
    seconds = time.perf_counter() - begin
    counts = len(whole.works), len(there), new
    return Report(*counts, failed, seconds, others, verified.unread)


def _finished(whole: Plan, queue: Queue) -> set[str]:
    """The cells that are there with all of their seeds."""
    none: set[int] = set()
    return {
        name
        for name, work in whole.works.items()
        if queue.seeds.get(name, none).issuperset(work.seeds)
    }
