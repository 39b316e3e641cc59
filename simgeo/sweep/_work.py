"""One batch of a sweep: computed, kept, and its failures told apart."""

import importlib
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import xarray as xr

from simgeo import engine, problems, results, settings
from simgeo.engine import Engine, shared_engine, work_of
from simgeo.problems import AbstractCell
from simgeo.sweep import _keep as keep
from simgeo.sweep._plan import Part, Plan

Found = tuple[str, AbstractCell, xr.Dataset | Exception | None]


class Outcome(NamedTuple):
    """What became of the cells of a batch."""

    done: tuple[str, ...]
    failed: dict[str, str]  # the reasons
    interrupted: bool = False


class Worker:
    """Computes batches in this process, and keeps what they give; see `Engine`."""

    def __init__(
        self, folder: Path, memory: int | None = None, keep_vectors: bool = False
    ) -> None:
        self.folder, self.keep_vectors = folder, keep_vectors
        self.engine = shared_engine() if memory is None else Engine(memory)

    def compute(
        self, part: Part, on_record: engine.OnRecord | None = None
    ) -> list[Found]:
        """What was found for every cell, or why nothing was; None for not begun.

        Where a batch fails as a whole, its cells are run one by one, so that only those
        fail that do so alone.
        """
        cells = [work.cell for work in part.batch.works]
        try:
            runs = self.engine.run(
                part.batch, on_record, keep_vectors=self.keep_vectors
            )
            return list(zip(part.fingerprints, cells, runs, strict=True))
        except Exception as error:
            if len(cells) == 1:
                return [(part.fingerprints[0], cells[0], error)]
        return [
            found
            for name, work in zip(part.fingerprints, part.batch.works, strict=True)
            for (batch,) in [engine.batches_of([work])]
            for found in self.compute(Part((name,), batch))
        ]

    def save(self, found: Sequence[Found]) -> Outcome:
        """Keeps the runs, and the reasons of those that failed.

        Raises:
            OSError: if the store cannot be written.
        """
        kept, failed, interrupted = [], {}, False
        for name, cell, each in found:
            if isinstance(each, Exception):
                told = (_kind(each), _reason(each))
                failed[name] = keep.fail(self.folder, name, cell, *told)
            elif each is None:
                interrupted = True
            else:
                results.save(each, self.folder, packed=True)
                if each.attrs["complete"]:
                    kept.append(each)
                elif engine.is_cut_short(each):
                    interrupted = True
                else:
                    told = ("not finite", each.attrs["stopped"])
                    failed[name] = keep.fail(self.folder, name, cell, *told)
        results.index(self.folder, kept)
        names = tuple(run.attrs["fingerprint"] for run in kept)
        keep.forget_failures(self.folder, names)
        return Outcome(names, failed, interrupted)


def measure(whole: Plan, memory: int | None = None) -> int:
    """The most memory in bytes that a program of a sweep needs, as compiled."""
    machine = Engine(memory)
    parts = whole.batches()
    largest = {(part.batch.program, part.batch.capacity): part for part in parts}
    return max((machine.needs(part.batch) for part in largest.values()), default=0)


def task(
    part: Part, worker: Worker, precision: str, damaged: Collection[str] = ()
) -> dict[str, Any]:
    """A batch as plain data, for `do` in another process."""
    works = part.batch.works
    return {
        "homes": sorted(settings.homes([work.cell for work in works])),
        "cells": [settings.describe(work.cell) for work in works],
        "seeds": [list(work.seeds) for work in works],
        "fingerprints": list(part.fingerprints),
        "capacity": part.batch.capacity,
        "folder": str(worker.folder.absolute()),
        "memory": worker.engine.budget,
        "keep_vectors": worker.keep_vectors,
        "precision": precision,
        "damaged": sorted(damaged),
    }


_WORKERS: dict[tuple, Worker] = {}


def do(task: Mapping[str, Any]) -> Outcome:
    """Runs a batch in this process; the store must be at the same path here."""
    engine.keep_programs()
    in_double = task["precision"] == "float64"
    if jax.config.read("jax_enable_x64") != in_double:
        jax.config.update("jax_enable_x64", in_double)
    folder = Path(task["folder"])
    key = (task["folder"], task["memory"], task["keep_vectors"], task["precision"])
    if key not in _WORKERS:
        _WORKERS[key] = Worker(folder, task["memory"], task["keep_vectors"])
    for home in task["homes"]:
        importlib.import_module(home)
    names = task["fingerprints"]
    wanted = dict(zip(names, task["seeds"], strict=True))
    left = keep.missing(folder, wanted, task["damaged"])
    works = {
        name: work_of(settings.build(problems.AbstractCell, described), left[name])
        for name, described in zip(names, task["cells"], strict=True)
        if left[name]
    }
    done = [name for name in names if not left[name]]
    failed: dict[str, str] = {}
    ids = {id(work): name for name, work in works.items()}
    for batch in engine.batches_of([*works.values()]) if works else ():
        sized = batch._replace(capacity=max(batch.capacity, task["capacity"]))
        part = Part(tuple(ids[id(work)] for work in batch.works), sized)
        outcome = _WORKERS[key].save(_WORKERS[key].compute(part))
        done += outcome.done
        failed |= outcome.failed
    return Outcome(tuple(done), failed)


def _kind(error: Exception) -> str:
    is_memory = isinstance(error, MemoryError) or "RESOURCE_EXHAUSTED" in str(error)
    return "out of memory" if is_memory else "error"


def _reason(error: Exception) -> str:
    if isinstance(error, MemoryError):
        return str(error) or "out of memory"
    return f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"
