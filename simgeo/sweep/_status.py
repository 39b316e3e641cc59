"""How far the sweeps of a store are, told without JAX."""

import json
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from simgeo import results
from simgeo.settings import SCHEMA
from simgeo.sweep._leases import at_work
from simgeo.sweep._pace import Pace, seconds_left

_Written = tuple[range, float]  # seeds of a file, and when it was written

SWEEPS = "sweeps"
FAILED = ".failed.json"


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


def status(folder: str | Path) -> list[Status]:
    """Every sweep in a store, the one last started at the end.

    A file counts if the index vouches for it or if it can be read; what cannot be is
    named in a warning. `at_work` has those who compute.

    Raises:
        ValueError: if the folder cannot be read, or holds no sweep of this simgeo.
    """
    folder = Path(folder)
    there: dict[str, list[_Written]] = {}
    now = time.time()
    for (name, first, last, _), written in results.whole_parts(folder):
        when = min(now, written / 1e9)  # by a clock that is ahead, perhaps
        there.setdefault(name, []).append((range(first, last + 1), when))
    broken = failures(folder)
    sweeps = []
    for path in (folder / SWEEPS).glob("*.json"):
        about = read(path)
        if about.get("schema") != SCHEMA:
            continue
        try:
            kinds = [
                _Asked(float(each["cost"]), each["seeds"], int(each["program"]))
                for each in about["kinds"]
            ]
            cells = {name: kinds[place] for name, place in about["cells"].items()}
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
    seeds: list[int]
    program: int


def _status(
    name: str,
    cells: Mapping[str, _Asked],
    start: float,
    there: Mapping[str, list[_Written]],
    broken: Mapping[str, Any],
    paces: Sequence[Pace],
) -> Status:
    done: dict[str, float] = {}
    for each, parts in there.items():
        asked = cells.get(each)
        last = asked and _finished(asked.seeds, parts)
        if last is not None:
            done[each] = last
    failed = broken.keys() & cells.keys() - done.keys()
    recent = [each for each, time in done.items() if time >= start]
    last = max((done[each] for each in recent), default=start)
    left: dict[int, float] = {}
    for each in cells.keys() - done.keys() - failed:
        asked = cells[each]
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


def _finished(seeds: Sequence[int], parts: Sequence[_Written]) -> float | None:
    """When the last of these seeds was written; None if one is missing."""
    if len(parts) == 1:  # seeds are in their order, and a file has no gap
        [(part, written)] = parts
        return written if seeds[0] in part and seeds[-1] in part else None
    times = []
    for seed in seeds:
        own = [written for part, written in parts if seed in part]
        if not own:
            return None
        times.append(max(own))
    return max(times)


def failures(folder: Path) -> dict[str, dict[str, Any]]:
    """What is recorded of cells that failed, by their fingerprints."""
    names = [name for name in os.listdir(folder) if name.endswith(FAILED)]
    return {
        name.removesuffix(FAILED): about
        for name in names
        if (about := read(folder / name))
    }


def read(path: Path) -> dict[str, Any]:
    """What a file of JSON says; nothing if it cannot be read."""
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
