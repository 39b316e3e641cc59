"""One batch of a sweep: computed, kept, and its failures told apart."""

import gc
import importlib
import os
import resource
import sys
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax

from simgeo import experiment, results, settings
from simgeo.experiment import (
    Experiment,
    Levels,
    NotFiniteError,
    Together,
    Trajectory,
    program_of,
)
from simgeo.sweep import keep
from simgeo.sweep.plan import Batch, Cell

_SLACK = 0.8  # of the memory that is free: copies on the host, and the allocator's own
# Kept in memory. With what belongs to it one takes some 440 memory maps and 20 MiB, and
# Linux kills a process that has 65,530 maps.
_MOST_PROGRAMS = 16


class TooLargeError(MemoryError):
    """A program that does not fit into the memory that it may use."""


class Outcome(NamedTuple):
    """What became of the cells of a batch."""

    done: tuple[str, ...]
    failed: dict[str, str]  # the reasons
    seconds: float


class Worker:
    """Computes batches in this process; holds what they share."""

    def __init__(
        self,
        folder: Path,
        memory: int | None = None,
        keep_vectors: bool = False,
        levels: Levels | None = None,
    ) -> None:
        self.folder, self.keep_vectors = folder, keep_vectors
        self.memory = memory or default_memory()
        self.levels = Levels() if levels is None else levels
        self._programs: dict[tuple, Together] = {}

    def fit(self, batch: Batch) -> Together:
        """The batch's programs, at its size or at the largest that fits in memory.

        Raises:
            TooLargeError: if not even one seed does.
        """
        size = batch.size
        while True:
            key = (batch.program, size)
            if key not in self._programs:
                if len(self._programs) >= _MOST_PROGRAMS:
                    self._forget()
                like = batch.cells[0].experiment
                made = Together(batch.program, size, like, self.levels)
                room = _SLACK * (self.memory - _held())
                needs = made.num_bytes()
                if needs > room:
                    if size == 1:
                        raise TooLargeError(
                            f"one seed needs {needs / 2**20:.0f} MiB, and "
                            f"{max(room, 0) / 2**20:.0f} MiB are free in the budget. "
                            f"Raise `memory`."
                        )
                    size = max(1, min(int(size * max(room, 0) / needs), size // 2))
                    continue
                self._programs[key] = made
            return self._programs[key]

    def _forget(self) -> None:
        """Frees all programs, those too that belong to drawing and observing."""
        self._programs.clear()
        self.levels.observers.clear()
        jax.clear_caches()
        gc.collect()  # they are in cycles

    def compute(
        self, batch: Batch, on_record: Callable[[int], Any] | None = None
    ) -> list[tuple[Cell, Trajectory | Exception]]:
        """What was found for every cell, or why nothing was.

        Where a batch fails as a whole, its cells are run one by one, so that only those
        fail that do so alone.
        """
        try:
            programs = self.fit(batch)
            cells = [cell.experiment for cell in batch.cells]
            found = experiment.run_together(cells, programs, on_record)
            return list(zip(batch.cells, found, strict=True))
        except Exception as error:
            if len(batch.cells) == 1:
                return [(batch.cells[0], error)]
        return [
            pair
            for cell in batch.cells
            for pair in self.compute(
                batch._replace(cells=(cell,), size=cell.experiment.num_seeds)
            )
        ]

    def save(
        self, found: Sequence[tuple[Cell, Trajectory | Exception]], precision: str
    ) -> tuple[list[str], dict[str, str]]:
        """Keeps the runs, and the reasons of those that failed.

        Raises:
            OSError: if the store cannot be written.
        """
        kept, failed = [], {}
        for cell, each in found:
            if isinstance(each, Exception):
                failed[cell.fingerprint] = keep.fail(
                    self.folder, cell, _kind(each), _reason(each)
                )
                continue
            values = each._asdict()
            if not self.keep_vectors:
                values |= {"student": None, "teacher": None}
            described = settings.describe(cell.experiment)
            run = results.dataset(settings=described, precision=precision, **values)
            try:
                results.save(run, self.folder, packed=True)
            except ValueError as error:  # a loss that is NaN
                failed[cell.fingerprint] = keep.fail(
                    self.folder, cell, "not finite", error
                )
                continue
            kept.append(run)
        results.index(self.folder, kept)
        names = [run.attrs["fingerprint"] for run in kept]
        keep.forget_failures(self.folder, names)
        return names, failed


def measure(batches: Sequence[Batch], memory: int | None = None) -> int:
    """The most memory in bytes that a program of these needs, as compiled."""
    worker = Worker(Path(), memory)
    largest = {(each.program, each.size): each for each in batches}
    return max((worker.fit(each).num_bytes() for each in largest.values()), default=0)


def task(
    batch: Batch, worker: Worker, precision: str, damaged: Collection[str] = ()
) -> dict[str, Any]:
    """A batch as plain data, for `do` in another process."""
    return {
        "homes": sorted(settings.homes([cell.experiment for cell in batch.cells])),
        "cells": [settings.describe(cell.experiment) for cell in batch.cells],
        "fingerprints": [cell.fingerprint for cell in batch.cells],
        "size": batch.size,
        "folder": str(worker.folder.absolute()),
        "memory": worker.memory,
        "keep_vectors": worker.keep_vectors,
        "precision": precision,
        "damaged": [
            cell.fingerprint for cell in batch.cells if cell.fingerprint in damaged
        ],
    }


_WORKERS: dict[tuple, Worker] = {}


def do(task: Mapping[str, Any]) -> Outcome:
    """Runs a batch in this process; what of it is there already is not run again.

    The store must be at the same path where it runs.
    """
    begin = time.perf_counter()
    experiment.keep_programs()
    in_double = task["precision"] == "float64"
    if jax.config.read("jax_enable_x64") != in_double:
        jax.config.update("jax_enable_x64", in_double)
    folder = Path(task["folder"])
    key = (task["folder"], task["memory"], task["keep_vectors"], task["precision"])
    if key not in _WORKERS:
        _WORKERS[key] = Worker(folder, task["memory"], task["keep_vectors"])
    for home in task["homes"]:
        importlib.import_module(home)
    left = set(keep.missing(folder, task["fingerprints"], task["damaged"]))
    cells = []
    for name, described in zip(task["fingerprints"], task["cells"], strict=True):
        if name in left:
            cell = settings.build(Experiment, described)
            cells.append(Cell(name, cell, 0.0))
    done = [name for name in task["fingerprints"] if name not in left]
    failed: dict[str, str] = {}
    if cells:
        program = program_of(cells[0].experiment)
        batch = Batch("", program, tuple(cells), task["size"])
        found = _WORKERS[key].compute(batch)
        kept, failed = _WORKERS[key].save(found, task["precision"])
        done += kept
    return Outcome(tuple(done), failed, time.perf_counter() - begin)


def default_memory() -> int:
    """Half of the host's memory, or three quarters of the accelerator's."""
    device = jax.devices()[0]
    if device.platform != "cpu":
        limit = (device.memory_stats() or {}).get("bytes_limit", 2**33)
        return int(0.75 * limit)
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for path in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/limit_in_bytes"):
        try:
            total = min(total, int(Path(path).read_text()))
        except (OSError, ValueError):  # no limit is the word "max"
            pass
    return total // 2


def _held() -> int:
    """What this process holds of the memory that its programs use."""
    if jax.devices()[0].platform != "cpu":
        return 0
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return most * (1 if sys.platform == "darwin" else 1024)


def _kind(error: Exception) -> str:
    if isinstance(error, NotFiniteError):
        return "not finite"
    is_memory = isinstance(error, MemoryError) or "RESOURCE_EXHAUSTED" in str(error)
    return "out of memory" if is_memory else "error"


def _reason(error: Exception) -> str:
    if isinstance(error, NotFiniteError | MemoryError):
        return str(error) or "out of memory"
    return f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"
