"""All batches of a sweep: here, or on an executor."""

import importlib
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import (
    BrokenExecutor,
    CancelledError,
    Executor,
    Future,
    ThreadPoolExecutor,
    as_completed,
)
from pathlib import Path
from typing import Any, NamedTuple

from simgeo import results
from simgeo.checks import require
from simgeo.engine import Record
from simgeo.problems import AbstractCell
from simgeo.sweep import _keep as keep
from simgeo.sweep._plan import Part, Plan, plan
from simgeo.sweep._work import Outcome, Worker, do, task


class Progress(NamedTuple):
    """How far a run is, after a batch; the counts are of cells."""

    total: int
    done: int  # with those that were there
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


def run(
    cells: Sequence[AbstractCell] | Plan,
    folder: str | Path,
    *,
    memory: int | None = None,
    retry_failed: bool = False,
    keep_vectors: bool = False,
    executor: Executor | None = None,
    on_batch: Callable[[Progress], Any] | None = None,
    on_record: Callable[[int, int], Any] | None = None,
) -> Report:
    """Runs what is not in the store yet, and keeps every cell as soon as it is done.

    Of a cell that is there for some of its seeds only the others are run. A file that
    the index does not vouch for is read; a damaged one is written anew, with a warning.
    A cell that fails is recorded, and left out the next time.

    Args:
        cells: of any kinds; those that differ only in their seeds are one.
        memory: in bytes, of this process or of one worker; default: half of the host's
            memory, or three quarters of the accelerator's.
        retry_failed: also the cells that failed before.
        keep_vectors: students' and teachers' vectors are kept too.
        executor: of `concurrent.futures`; its workers must see the store at this path.
        on_batch: called after every batch.
        on_record: called with steps of all units, done and in total, of a batch here.

    Raises:
        ValueError: if the folder is no place for a store.
        OSError: if it cannot be written, or a worker was lost, in one line.
        KeyboardInterrupt: after what was recorded by then is kept.
    """
    begin = time.perf_counter()
    folder = Path(folder)
    whole = cells if isinstance(cells, Plan) else plan(cells)
    keep.begin(folder, whole)
    damaged = results.verify(folder, whole.works)
    wanted = {name: work.seeds for name, work in whole.works.items()}
    missing = keep.missing(folder, wanted, damaged)
    there = {name for name, seeds in missing.items() if not seeds}
    broken = {
        name: str(about.get("reason"))
        for name, about in keep.failures(folder).items()
        if name in missing and name not in there
    }
    if retry_failed:
        keep.forget_failures(folder, broken)
        broken = {}
    left = {name: () if name in broken else each for name, each in missing.items()}
    parts = whole.batches(left)
    worker = Worker(folder, memory, keep_vectors)
    outcomes = (
        _here(parts, worker, damaged, on_record)
        if executor is None
        else _elsewhere(parts, worker, whole.precision, damaged, executor)
    )
    done: set[str] = set()
    failed = dict(broken)
    clock = _Clock(sum((part.batch.cost for part in parts), 0.0))
    for part, outcome in outcomes:
        done |= set(outcome.done)
        failed |= outcome.failed
        clock.add(part.batch.cost)
        if on_batch is not None:
            total = len(there) + len(done)
            counts = len(whole.works), total, len(failed)
            on_batch(Progress(*counts, outcome.failed, clock.left()))
        if outcome.interrupted:
            raise KeyboardInterrupt
    seconds = time.perf_counter() - begin
    return Report(len(whole.works), len(there), len(done), failed, seconds)


def executor_of(name: str) -> Executor:
    """What `module:factory` makes, called without arguments.

    Raises:
        ValueError: if there is no such factory, or it makes something else.
    """
    module, _, factory = name.partition(":")
    try:
        made = getattr(importlib.import_module(module), factory)()
    except (ImportError, AttributeError, ValueError, TypeError) as error:
        raise ValueError(
            f"`executor` must be a module:factory that can be called; got {name!r}: "
            f"{error}."
        ) from error
    got = f"a {type(made).__name__} from {name!r}"
    rule = "make an executor with `submit`"
    require(hasattr(made, "submit"), "executor", rule, got)
    return made


def _here(
    parts: Sequence[Part],
    worker: Worker,
    damaged: Collection[str],
    on_record: Callable[[int, int], Any] | None,
) -> Iterator[tuple[Part, Outcome]]:
    """One batch after the other; while one is written the next is computed."""

    def written(
        part: Part, is_there: list[str], saving: Future[Outcome]
    ) -> tuple[Part, Outcome]:
        try:
            outcome = saving.result()
        finally:
            keep.release(worker.folder, part.name)
        return part, outcome._replace(done=(*is_there, *outcome.done))

    with ThreadPoolExecutor(1) as writer:
        pending: tuple[Part, list[str], Future[Outcome]] | None = None
        for part, left, is_there in _unclaimed(parts, worker.folder, damaged):
            keep.claim(worker.folder, part.name)
            works = [work for each in left for work in each.batch.works]
            total = sum(len(work.seeds) * work.cell.num_steps for work in works)

            def tell(record: Record, total: int = total) -> None:
                if on_record is not None:
                    on_record(record.unit_steps, total)

            try:
                found = [one for each in left for one in worker.compute(each, tell)]
            except BaseException:
                keep.release(worker.folder, part.name)
                raise
            if pending is not None:
                yield written(*pending)
            pending = part, is_there, writer.submit(worker.save, found)
            if worker.engine.was_stopped:
                break
        was_stopped = worker.engine.was_stopped
        if pending is not None:
            part, outcome = written(*pending)
            yield part, outcome._replace(interrupted=was_stopped)


def _unclaimed(
    parts: Sequence[Part], folder: Path, damaged: Collection[str]
) -> Iterator[tuple[Part, list[Part], list[str]]]:
    """Every batch, what is missing of it, and what is there; claimed ones come last."""
    left, is_first = list(parts), True
    while left:
        part = next((p for p in left if not keep.is_claimed(folder, p.name)), left[-1])
        left.remove(part)
        works = dict(zip(part.fingerprints, part.batch.works, strict=True))
        wanted = {name: work.seeds for name, work in works.items()}
        missing = wanted if is_first else keep.missing(folder, wanted, damaged)
        is_first = False
        kept = [
            (name, work._replace(seeds=tuple(missing[name])))
            for name, work in works.items()
            if missing[name]
        ]
        names, rest = tuple(name for name, _ in kept), tuple(work for _, work in kept)
        batch = part.batch._replace(works=rest)
        others = [name for name in works if name not in names]
        yield part, [Part(names, batch)] if kept else [], others


def _elsewhere(
    parts: Sequence[Part],
    worker: Worker,
    precision: str,
    damaged: Collection[str],
    executor: Executor,
) -> Iterator[tuple[Part, Outcome]]:
    """All batches on an executor.

    What a cell does wrong is recorded where it runs. What is raised here is the loss of
    a worker, which says nothing of its cells: they are run again the next time.
    """
    futures = {
        executor.submit(do, task(part, worker, precision, damaged)): part
        for part in parts
    }
    try:
        for future in as_completed(futures):
            try:
                outcome = Outcome(*future.result())
            except (BrokenExecutor, OSError):
                raise
            except (Exception, CancelledError) as error:
                raise OSError(
                    f"a worker was lost ({type(error).__name__}: {error}); finished "
                    f"cells are kept, and the same sweep goes on"
                ) from error
            yield futures[future], outcome
    finally:
        for future in futures:
            future.cancel()


class _Clock:
    """Time left, by the batches so far; the first one's compilation is not counted."""

    def __init__(self, cost: float) -> None:
        self.cost, self.done, self.timed = cost, 0.0, 0.0
        self.start = self.begin = time.perf_counter()

    def add(self, cost: float) -> None:
        if self.done == 0:
            self.start = time.perf_counter()
        else:
            self.timed += cost
        self.done += cost

    def left(self) -> float:
        now = time.perf_counter()
        if self.timed > 0:
            return (self.cost - self.done) * (now - self.start) / self.timed
        return (self.cost - self.done) * (now - self.begin) / self.done
