"""One batch of a sweep: computed, kept, and its failures told apart."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import xarray as xr

from simgeo import engine, results
from simgeo.engine import Engine, shared_engine
from simgeo.problems import AbstractCell
from simgeo.sweep import _keep as keep
from simgeo.sweep._plan import Part, Plan, part_of

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
            for found in self.compute(part_of({name: work}, 1))
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
    first = {each.program: each for each in reversed(whole.pieces)}
    parts = [whole.batch(each.wanted, whole.room[at]) for at, each in first.items()]
    return max((machine.needs(part.batch) for part in parts), default=0)


def _kind(error: Exception) -> str:
    is_memory = isinstance(error, MemoryError) or "RESOURCE_EXHAUSTED" in str(error)
    return "out of memory" if is_memory else "error"


def _reason(error: Exception) -> str:
    if isinstance(error, MemoryError):
        return str(error) or "out of memory"
    return f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"
