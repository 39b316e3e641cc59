"""All batches of a sweep: here, or on an executor."""

import hashlib
import importlib
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import (
    BrokenExecutor,
    Executor,
    ThreadPoolExecutor,
    as_completed,
)
from pathlib import Path
from typing import Any, NamedTuple

from simgeo import results
from simgeo.experiment import Experiment
from simgeo.sweep import keep
from simgeo.sweep.plan import Batch, Plan, plan
from simgeo.sweep.work import Outcome, Worker, do, task


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
    experiments: Sequence[Experiment] | Plan,
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

    A file that the index does not vouch for is read; a damaged one is written
    anew, with a warning. A cell that fails is recorded, and left out the
    next time.

    Args:
        memory: in bytes, of this process or of one worker; default: half of what there
            is.
        retry_failed: also the cells that failed before.
        keep_vectors: students' and teachers' vectors are kept too.
        executor: of `concurrent.futures`; its workers must see the store at this path.
        on_batch: called after every batch.
        on_record: called with seed-steps done and in total, of a batch run here.

    Raises:
        ValueError: if the folder is no place for a store.
        OSError: if it cannot be written, in one line.
    """
    begin = time.perf_counter()
    folder = Path(folder)
    whole = experiments if isinstance(experiments, Plan) else plan(experiments)
    cells = {cell.fingerprint: cell for cell in whole.cells}
    name = hashlib.sha256("".join(sorted(cells)).encode()).hexdigest()[:16]
    costs = {each: cell.cost for each, cell in cells.items()}
    keep.begin(folder, name, costs, whole.precision)
    there, damaged = _verified(folder, list(cells))
    broken = {
        each: about
        for each, about in keep.failures(folder).items()
        if each in cells and each not in there
    }
    if retry_failed:
        keep.forget_failures(folder, broken)
        broken = {}
    left = []
    for batch in whole.batches:
        wanted = [
            cell
            for cell in batch.cells
            if cell.fingerprint not in there and cell.fingerprint not in broken
        ]
        if wanted:
            left.append(batch._replace(cells=tuple(wanted)))
    worker = Worker(folder, memory, keep_vectors)
    outcomes = (
        _here(left, worker, whole.precision, damaged, on_record)
        if executor is None
        else _elsewhere(left, worker, whole.precision, damaged, executor)
    )
    done: set[str] = set()
    failed = {each: str(about.get("reason")) for each, about in broken.items()}
    clock = _Clock(sum((batch.cost for batch in left), 0.0))
    for batch, outcome in outcomes:
        done |= set(outcome.done)
        failed |= outcome.failed
        clock.add(batch.cost)
        if on_batch is not None:
            total = len(there) + len(done)
            reasons = outcome.failed
            on_batch(Progress(len(cells), total, len(failed), reasons, clock.left()))
    seconds = time.perf_counter() - begin
    return Report(len(cells), len(there), len(done), failed, seconds)


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
    if not hasattr(made, "submit"):
        raise ValueError(
            f"`executor` must make an executor with `submit`; got a "
            f"{type(made).__name__} from {name!r}."
        )
    return made


def _verified(folder: Path, names: Sequence[str]) -> tuple[set[str], set[str]]:
    """The cells whose files are there and whole, and those whose files are damaged."""
    wanted = set(names)
    known = results.is_indexed(folder)
    there = {name for name, is_known in known.items() if name in wanted and is_known}
    unknown = [name for name in names if name in known and name not in there]
    runs = [run for name in unknown if (run := results.find(folder, name)) is not None]
    results.index(folder, runs)
    there |= {run.attrs["fingerprint"] for run in runs}
    return there, set(unknown) - there


def _here(
    batches: Sequence[Batch],
    worker: Worker,
    precision: str,
    damaged: set[str],
    on_record: Callable[[int, int], Any] | None,
) -> Iterator[tuple[Batch, Outcome]]:
    """One batch after the other; while one is written the next is computed."""
    with ThreadPoolExecutor(1) as writer:
        pending = None
        for batch, wanted, is_there in _unclaimed(batches, worker.folder, damaged):
            begin = time.perf_counter()
            keep.claim(worker.folder, batch.name)
            total = sum(
                cell.experiment.num_seeds * cell.experiment.num_steps
                for cell in wanted.cells
            )

            def tell(done: int, total: int = total) -> None:
                if on_record is not None:
                    on_record(done, total)

            try:
                found = worker.compute(wanted, tell) if wanted.cells else []
            except BaseException:
                keep.release(worker.folder, batch.name)
                raise
            if pending is not None:
                yield _written(pending, worker.folder)
            saving = writer.submit(worker.save, found, precision)
            pending = batch, is_there, saving, time.perf_counter() - begin
        if pending is not None:
            yield _written(pending, worker.folder)


def _written(pending: tuple, folder: Path) -> tuple[Batch, Outcome]:
    batch, is_there, saving, seconds = pending
    try:
        done, failed = saving.result()
    finally:
        keep.release(folder, batch.name)
    return batch, Outcome((*is_there, *done), failed, seconds)


def _unclaimed(
    batches: Sequence[Batch], folder: Path, damaged: set[str]
) -> Iterator[tuple[Batch, Batch, list[str]]]:
    """Every batch, with what of it is still missing and what others have made since;
    those that others are at come last."""
    left, mine = list(batches), set()
    while left:
        batch = next(
            (b for b in left if not keep.is_claimed(folder, b.name)),
            left[-1],
        )
        left.remove(batch)
        names = [cell.fingerprint for cell in batch.cells]
        missing = set(keep.missing(folder, names, damaged)) if mine else set(names)
        mine.add(batch.name)
        wanted = tuple(cell for cell in batch.cells if cell.fingerprint in missing)
        others = [name for name in names if name not in missing]
        yield batch, batch._replace(cells=wanted), others


def _elsewhere(
    batches: Sequence[Batch],
    worker: Worker,
    precision: str,
    damaged: set[str],
    executor: Executor,
) -> Iterator[tuple[Batch, Outcome]]:
    futures = {
        executor.submit(do, task(batch, worker, precision, damaged)): batch
        for batch in batches
    }
    try:
        for future in as_completed(futures):
            batch = futures[future]
            try:
                outcome = Outcome(*future.result())
            except (BrokenExecutor, OSError):
                raise
            except Exception as error:
                outcome = _lost(worker.folder, batch, damaged, error)
            yield batch, outcome
    finally:
        for future in futures:
            future.cancel()


def _lost(folder: Path, batch: Batch, damaged: set[str], error: Exception) -> Outcome:
    """Of a batch whose worker is gone: some of its cells may be there."""
    reason = f"{type(error).__name__}: {error}"
    names = [cell.fingerprint for cell in batch.cells]
    left = set(keep.missing(folder, names, damaged))
    failed = {
        cell.fingerprint: keep.fail(folder, cell, "error", reason)
        for cell in batch.cells
        if cell.fingerprint in left
    }
    return Outcome(tuple(name for name in names if name not in left), failed, 0.0)


class _Clock:
    """Time left, from what the batches so far took; the first one's is counted from its
    end, since it also waits for the compiler."""

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
