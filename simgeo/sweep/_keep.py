"""What a sweep leaves in its store beside the runs: failures, claims, what was asked.

A store is a folder of results. No file is ever changed in place, so that many writers
can share a store, and be killed.
"""

import json
import platform
import time
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from simgeo import results
from simgeo.problems import AbstractCell
from simgeo.settings import SCHEMA
from simgeo.sweep._plan import Plan

_SWEEPS, _CLAIMS = "sweeps", ".claims"
_FAILED = ".failed.json"


class Status(NamedTuple):
    """How far a sweep is."""

    name: str
    total: int
    done: int
    failed: int
    rate: float  # cells per second since the last start; NaN before the first
    seconds_left: float  # at that rate, cells weighted by their cost
    idle: float  # seconds since the last cell was finished

    @property
    def left(self) -> int:
        return self.total - self.done - self.failed


def begin(folder: Path, whole: Plan) -> None:
    """Notes which cells were asked for, so that others can see what is left."""
    path = folder / _SWEEPS / f"{whole.name}.json"
    starts = [time.time()]
    with suppress(OSError, ValueError, KeyError, TypeError):
        starts = [*json.loads(path.read_text())["started"], *starts]
    about = {
        "schema": SCHEMA,
        "precision": whole.precision,
        "started": starts[-100:],
        "cells": {
            name: {"cost": work.cost, "seeds": work.seeds}
            for name, work in whole.works.items()
        },
    }
    folder.mkdir(exist_ok=True)
    results.write(path, json.dumps(about).encode())


def status(folder: str | Path) -> list[Status]:
    """Every sweep in a store, the one last started at the end.

    Raises:
        ValueError: if the folder cannot be read, or holds no sweep of this simgeo.
    """
    folder = Path(folder)
    there = seeds_there(folder)
    broken = failures(folder)
    sweeps = []
    for path in (folder / _SWEEPS).glob("*.json"):
        about = _read(path)
        if about.get("schema") != SCHEMA:
            continue
        try:
            cells = {
                name: (float(each["cost"]), set(each["seeds"]))
                for name, each in about["cells"].items()
            }
            sweeps.append((float(about["started"][-1]), path.stem, cells))
        except (KeyError, TypeError, ValueError, AttributeError, IndexError):
            continue  # something else, under a name like ours
    if not sweeps:
        raise ValueError(
            f"`folder` must hold a sweep of this simgeo; got {folder}. `simgeo sweep` "
            f"starts one, `simgeo convert` takes over older results."
        )
    return [
        _status(name, cells, start, there, broken)
        for start, name, cells in sorted(sweeps, key=lambda each: each[:2])
    ]


def _status(
    name: str,
    cells: Mapping[str, tuple[float, set[int]]],
    start: float,
    there: Mapping[str, dict[int, float]],
    broken: Mapping[str, Any],
) -> Status:
    done = {
        each: max(there[each][seed] for seed in seeds)
        for each, (_, seeds) in cells.items()
        if each in there and seeds <= there[each].keys()
    }
    failed = [each for each in cells if each in broken and each not in done]
    recent = [each for each, time in done.items() if time >= start]
    last = max((done[each] for each in recent), default=start)
    costs = {each: cost for each, (cost, _) in cells.items()}
    left = sum(costs.values()) - sum(costs[each] for each in (*done, *failed))
    elapsed = last - start
    speed = sum(costs[each] for each in recent) / elapsed if elapsed > 0 else 0.0
    return Status(
        name=name,
        total=len(cells),
        done=len(done),
        failed=len(failed),
        rate=len(recent) / elapsed if elapsed > 0 else float("nan"),
        seconds_left=left / speed
        if speed > 0
        else (0.0 if left <= 0 else float("inf")),
        idle=max(0.0, time.time() - last),
    )


def seeds_there(folder: Path) -> dict[str, dict[int, float]]:
    """The seeds of every cell that are finished, and when their file was written."""
    found: dict[str, dict[int, float]] = {}
    for name, (_, written) in results.files_of(Path(folder)).items():
        part = results.part_of(name)
        if part is not None:
            seeds = found.setdefault(part.fingerprint, {})
            seeds.update(dict.fromkeys(part.seeds, written / 1e9))
    return found


def fail(folder: Path, name: str, cell: AbstractCell, kind: str, reason: object) -> str:
    """Records why a cell has no result; the reason in one line."""
    line = " ".join(str(reason).split()) or "no reason given"
    about = {
        "schema": SCHEMA,
        "fingerprint": name,
        "kind": kind,
        "reason": line,
        "settings": cell.identity,
        "time": time.time(),
        "host": platform.node(),
    }
    results.write(folder / f"{name}{_FAILED}", json.dumps(about).encode())
    return line


def failures(folder: Path) -> dict[str, dict[str, Any]]:
    """What is recorded of cells that failed, by their fingerprints."""
    return {
        path.name.removesuffix(_FAILED): about
        for path in folder.glob(f"*{_FAILED}")
        if (about := _read(path))
    }


def forget_failures(folder: Path, names: Iterable[str]) -> None:
    """Of cells that are to be tried again, or that have a result now."""
    for name in names:
        with suppress(OSError):
            (folder / f"{name}{_FAILED}").unlink(missing_ok=True)


def claim(folder: Path, name: str) -> None:
    """Tells other processes that a batch is being run.

    A claim changes their order and nothing else: what is claimed comes last, and is run
    if its cells are still missing then. So one that a killed process left does no harm.
    """
    with suppress(OSError):
        results.write(folder / _CLAIMS / name, platform.node().encode())


def is_claimed(folder: Path, name: str) -> bool:
    return (folder / _CLAIMS / name).exists()


def release(folder: Path, name: str) -> None:
    with suppress(OSError):
        (folder / _CLAIMS / name).unlink(missing_ok=True)


def missing(
    folder: Path, wanted: Mapping[str, Collection[int]], damaged: Collection[str]
) -> dict[str, list[int]]:
    """Of these seeds of cells, those without a file that counts."""
    there = results.seeds_of(folder, damaged)
    return {
        name: [seed for seed in seeds if seed not in there.get(name, ())]
        for name, seeds in wanted.items()
    }


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
