"""What a sweep leaves in its store beside the runs: failures, claims, what was asked.

A store is a folder of results. No file is ever changed in place, so that many writers
can share a store, and be killed.
"""

import json
import os
import platform
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from simgeo import results
from simgeo.settings import SCHEMA, describe

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


def begin(folder: Path, name: str, costs: Mapping[str, float], precision: str) -> None:
    """Notes which cells were asked for, so that others can see what is left."""
    path = folder / _SWEEPS / f"{name}.json"
    starts = [time.time()]
    with suppress(OSError, ValueError, KeyError):
        starts = [*json.loads(path.read_text())["started"], *starts]
    about = {
        "schema": SCHEMA,
        "precision": precision,
        "started": starts[-100:],
        "cells": dict(costs),
    }
    folder.mkdir(exist_ok=True)
    results.write(path, json.dumps(about).encode())


def status(folder: str | Path) -> list[Status]:
    """Every sweep in a store, the one last started at the end.

    Raises:
        ValueError: if the folder cannot be read, holds no sweep, or is of a newer
            simgeo.
    """
    folder = Path(folder)
    times = finished(folder)
    broken = failures(folder)
    sweeps = []
    for path in (folder / _SWEEPS).glob("*.json"):
        about = _read(path)
        if about.get("schema", 0) > SCHEMA:
            raise ValueError(
                f"`folder` must have schema {SCHEMA} or older; got {about['schema']} "
                f"in {path}. Update simgeo."
            )
        if "cells" in about:
            sweeps.append((about["started"][-1], path.stem, about["cells"]))
    if not sweeps:
        raise ValueError(
            f"`folder` must hold a sweep; got {folder}. `simgeo sweep` starts one."
        )
    return [
        _status(name, cells, start, times, broken)
        for start, name, cells in sorted(sweeps, key=lambda each: each[:2])
    ]


def _status(
    name: str,
    cells: Mapping[str, float],
    start: float,
    times: Mapping[str, float],
    broken: Mapping[str, Any],
) -> Status:
    done = [each for each in cells if each in times]
    failed = [each for each in cells if each in broken and each not in times]
    recent = [each for each in done if times[each] >= start]
    last = max((times[each] for each in recent), default=start)
    left = sum(cells.values()) - sum(cells[each] for each in (*done, *failed))
    elapsed = last - start
    speed = sum(cells[each] for each in recent) / elapsed if elapsed > 0 else 0.0
    return Status(
        name=name,
        total=len(cells),
        done=len(done),
        failed=len(failed),
        rate=len(recent) / elapsed if elapsed > 0 else float("nan"),
        seconds_left=left / speed
        if speed > 0
        else (0.0 if left <= 0 else float("inf")),
        idle=time.time() - last,
    )


def finished(folder: Path) -> dict[str, float]:
    """Every finished run's fingerprint, and when it was written."""
    found = {}
    try:
        with os.scandir(folder) as listing:
            for each in listing:
                stem, _, rest = each.name.partition(".")
                if rest == "nc" and len(stem) == 16:
                    with suppress(FileNotFoundError):
                        found[stem] = each.stat().st_mtime
    except OSError as error:
        raise ValueError(
            f"`folder` must be a store of runs; got {folder}: {error.strerror}."
        ) from error
    return found


def fail(folder: Path, cell: Any, kind: str, reason: object) -> str:
    """Records why a cell has no result; the reason in one line."""
    line = " ".join(str(reason).split()) or "no reason given"
    about = {
        "schema": SCHEMA,
        "fingerprint": cell.fingerprint,
        "kind": kind,
        "reason": line,
        "settings": describe(cell.experiment),
        "time": time.time(),
        "host": platform.node(),
    }
    path = folder / f"{cell.fingerprint}{_FAILED}"
    results.write(path, json.dumps(about).encode())
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


def missing(folder: Path, names: Sequence[str], damaged: Collection[str]) -> list[str]:
    """Of these, the cells without a file, or with one known to be damaged."""
    return [
        name
        for name in names
        if name in damaged or not (folder / f"{name}.nc").exists()
    ]


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
