"""What a sweep leaves in its store beside the runs: failures, and what was asked for.

A store is a folder of results. No file is ever changed in place, so that many writers
can share a store, and be killed.
"""

import json
import os
import platform
import secrets
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from simgeo import results
from simgeo.problems import AbstractCell
from simgeo.settings import SCHEMA
from simgeo.sweep._leases import at_work
from simgeo.sweep._pace import Pace, seconds_left
from simgeo.sweep._plan import Plan

_SWEEPS = "sweeps"
_FAILED = ".failed.json"


class Status(NamedTuple):
    """How far a sweep is."""

    name: str
    total: int
    done: int
    failed: int
    rate: float  # cells per second since the last start; NaN before the first
    seconds_left: float  # as those at work are; if none is, at the rate of cost so far
    idle: float  # seconds since the last cell was finished

    @property
    def left(self) -> int:
        return self.total - self.done - self.failed


class Contents(NamedTuple):
    """What is in a store, by the names of its files."""

    seeds: dict[str, set[int]]  # that are finished, by fingerprint
    failed: set[str]


def begin(folder: Path, whole: Plan) -> Path:
    """Notes which cells were asked for, so that others can see what is left; where."""
    path = folder / _SWEEPS / f"{whole.name}.json"
    starts = [time.time()]
    with suppress(OSError, ValueError, KeyError, TypeError):
        starts = [*json.loads(path.read_text())["started"], *starts]
    programs = {name: p.program for p in whole.pieces for name in p.wanted}
    about = {
        "schema": SCHEMA,
        "precision": whole.precision,
        "started": starts[-100:],
        "cells": {
            name: {"cost": work.cost, "seeds": work.seeds, "program": programs[name]}
            for name, work in whole.works.items()
        },
    }
    folder.mkdir(exist_ok=True)
    results.write(path, json.dumps(about).encode())
    return path


def status(folder: str | Path) -> list[Status]:
    """Every sweep in a store, the one last started at the end.

    A file counts if the index vouches for it or if it can be read; what cannot be is
    named in a warning. `at_work` has those who compute.

    Raises:
        ValueError: if the folder cannot be read, or holds no sweep of this simgeo.
    """
    folder = Path(folder)
    there: dict[str, dict[int, float]] = {}
    for part, written in results.whole_parts(folder):
        seeds = there.setdefault(part.fingerprint, {})
        seeds.update(dict.fromkeys(part.seeds, written / 1e9))
    broken = failures(folder)
    sweeps = []
    for path in (folder / _SWEEPS).glob("*.json"):
        about = _read(path)
        if about.get("schema") != SCHEMA:
            continue
        try:
            cells = {
                name: _Asked(float(a["cost"]), {*a["seeds"]}, int(a.get("program", 0)))
                for name, a in about["cells"].items()
            }
            sweeps.append((float(about["started"][-1]), path.stem, cells))
        except (KeyError, TypeError, ValueError, AttributeError, IndexError):
            continue  # something else, under a name like ours
    if not sweeps:
        raise ValueError(
            f"`folder` must hold a sweep of this simgeo; got {folder}. `simgeo sweep` "
            f"starts one, `simgeo convert` takes over older results."
        )
    paces = at_work(folder).paces
    return [
        _status(name, cells, start, there, broken, paces.get(name, []))
        for start, name, cells in sorted(sweeps, key=lambda each: each[:2])
    ]


class _Asked(NamedTuple):
    """A cell as a sweep asked for it."""

    cost: float
    seeds: set[int]
    program: int


def _status(
    name: str,
    cells: Mapping[str, _Asked],
    start: float,
    there: Mapping[str, dict[int, float]],
    broken: Mapping[str, Any],
    paces: Sequence[Pace],
) -> Status:
    done = {
        each: max(there[each][seed] for seed in asked.seeds)
        for each, asked in cells.items()
        if each in there and asked.seeds <= there[each].keys()
    }
    failed = {each for each in cells if each in broken and each not in done}
    recent = [each for each, time in done.items() if time >= start]
    last = max((done[each] for each in recent), default=start)
    left: dict[int, float] = {}
    for each, asked in cells.items():
        if each not in done and each not in failed:
            left[asked.program] = left.get(asked.program, 0.0) + asked.cost
    elapsed = last - start
    if not any(pace.speeds for pace in paces) and elapsed > 0:  # nobody is at work
        paces = [Pace({0: sum(cells[each].cost for each in recent) / elapsed}, 0.0)]
        left = {0: sum(left.values())} if left else {}
    return Status(
        name=name,
        total=len(cells),
        done=len(done),
        failed=len(failed),
        rate=len(recent) / elapsed if elapsed > 0 else float("nan"),
        seconds_left=seconds_left(left, paces),
        idle=max(0.0, time.time() - last),
    )


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


def reasons(folder: Path, names: Collection[str]) -> dict[str, str]:
    """Why these cells failed, those of them that did."""
    told = {name: _read(folder / f"{name}{_FAILED}") for name in names}
    return {name: str(about.get("reason")) for name, about in told.items() if about}


def forget_failures(folder: Path, names: Iterable[str]) -> None:
    """Of cells that are to be tried again, or that have a result now."""
    for name in names:
        with suppress(OSError):
            (folder / f"{name}{_FAILED}").unlink(missing_ok=True)


def contents(
    folder: Path, damaged: Mapping[str, int] = MappingProxyType({})
) -> Contents:
    """What is in a store now, from one look at its names.

    Args:
        damaged: names of files that do not count, unless they changed since that time.

    Raises:
        OSError: if the folder cannot be read.
    """
    # What this machine changes in a folder makes NFS ask for its names again.
    mark = folder / f".tmp-{secrets.token_hex(8)}"
    with suppress(OSError):
        mark.touch()
        mark.unlink()
    seeds: dict[str, set[int]] = {}
    failed = set()
    for name in os.listdir(folder):
        if name.endswith(_FAILED):
            failed.add(name.removesuffix(_FAILED))
        part = results.part_of(name)
        if part is not None and part.complete:
            is_damaged = name in damaged and time_of(folder / name) == damaged[name]
            if not is_damaged:
                seeds.setdefault(part.fingerprint, set()).update(part.seeds)
    return Contents(seeds, failed)


def time_of(path: Path) -> int:
    """When a file was changed, in ns; 0 if it is gone."""
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
