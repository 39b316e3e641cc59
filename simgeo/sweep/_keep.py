"""What a sweep leaves in its store beside the runs: failures, and what was asked for.

A store is a folder of results. No file is ever changed in place, so that many writers
can share a store, and be killed.
"""

import json
import platform
import time
from collections.abc import Collection, Iterable
from contextlib import suppress
from pathlib import Path

from simgeo import results
from simgeo.problems import AbstractCell
from simgeo.settings import SCHEMA
from simgeo.sweep._plan import Plan
from simgeo.sweep._status import FAILED, SWEEPS, read
from simgeo.sweep._status import failures as failures


def begin(folder: Path, whole: Plan) -> Path:
    """Notes which cells were asked for, so that others can see what is left; where."""
    path = folder / SWEEPS / f"{whole.name}.json"
    starts = [time.time()]
    with suppress(OSError, ValueError, KeyError, TypeError):
        starts = [*json.loads(path.read_text())["started"], *starts]
    programs = {name: p.program for p in whole.pieces for name in p.wanted}
    kinds: dict[tuple, int] = {}  # most cells are alike in all that is told of them
    cells = {
        name: kinds.setdefault((work.cost, *work.seeds, programs[name]), len(kinds))
        for name, work in whole.works.items()
    }
    about = {
        "schema": SCHEMA,
        "precision": whole.precision,
        "started": starts[-100:],
        "kinds": [
            {"cost": cost, "seeds": seeds, "program": program}
            for cost, *seeds, program in kinds
        ],
        "cells": cells,  # the places of their kinds
    }
    folder.mkdir(exist_ok=True)
    results.write(path, json.dumps(about).encode())
    return path


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
    results.write(folder / f"{name}{FAILED}", json.dumps(about).encode())
    return line


def reasons(folder: Path, names: Collection[str]) -> dict[str, str]:
    """Why these cells failed, those of them that did."""
    told = {name: read(folder / f"{name}{FAILED}") for name in names}
    return {name: str(about.get("reason")) for name, about in told.items() if about}


def forget_failures(folder: Path, names: Iterable[str]) -> None:
    """Of cells that are to be tried again, or that have a result now."""
    for name in names:
        with suppress(OSError):
            (folder / f"{name}{FAILED}").unlink(missing_ok=True)


def time_of(path: Path) -> int:
    """When a file was changed, in ns; 0 if it is gone."""
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0
