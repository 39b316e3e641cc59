"""What sweeps of very many cells take: time, memory, files and bytes.

    python -m benchmarks.scale [--cells 1000 10000 100000] [--keep DIR] [--to FOLDER]

Grids of three axes are planned. A store of each is then made without computing it:
files with the size of a run, and an index with settings and last records of every
cell. It is opened, filtered, exported, and looked at while eight processes write to
it. Every step is a process of its own, which uses one core. Seconds are those that
pass, of the whole command where there is one, otherwise without imports. `--to` writes
`scale.csv` and `files.csv`.
"""

import argparse
import csv
import importlib.util
import json
import math
import os
import pickle
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

ROOTS = {1_000: (10, 10, 10), 10_000: (20, 20, 25), 100_000: (40, 50, 50)}
WRITERS, LOOKS = 8, 5
SECONDS_OF_A_CELL = 0.1  # of those who write, as on a core of their own
SOLID = 1_000  # cells at most of a store whose files have a content
BATCH = 64  # cells of 4 seeds, as a sweep of small cells writes at once
BLOCK = 4096  # bytes of a file system's unit
LEFT = 50  # of so many cells, one is left to those who write while others look
CONDITION = "learning_rate < 0.01 and fraction > 0.5"
EXPORTS = ("csv", "parquet", "nc")


class Measured(NamedTuple):
    """What a step took."""

    seconds: float
    mebibytes: float  # at most
    told: str = ""


def cells(num: int) -> list:
    """Four seeds of every cell."""
    from benchmarks import sweeps  # not before: writers import no JAX

    return sweeps.cells(*ROOTS[num], num_seeds=4)


def planned(num: int) -> str:
    from simgeo import sweep

    whole = sweep.plan(cells(num))
    return f"{len(whole.works)} cells in {len(whole.pieces)} pieces"


class Told(NamedTuple):
    """As much of a cell as its file and the index need."""

    fingerprint: str
    settings: dict[str, Any]
    labels: dict[str, str]
    fraction: float


class Maker:
    """Makes files of cells, and what the index has of them, without computing any.

    All have the bytes of one run, as a sweep writes it; in large stores, where nothing
    reads them, only its size. In the index each has its own settings, records of its
    own, and levels that depend on its teacher and seed.
    """

    def __init__(self, content: bytes, first: Any, num_records: int, solid: bool):
        self.content, self.first, self.is_solid = content, first, solid
        self.num_records = num_records
        self.rng = np.random.default_rng(0)
        self.levels: dict[float, np.ndarray] = {}

    def make(self, folder: Path, some: list[Told]) -> None:
        """Writes cells, and puts them into the index, as one batch of a sweep."""
        from simgeo.results._shards import compact, replace

        replace(folder, [self._entry(folder, each) for each in some])
        compact(folder)

    def _entry(self, folder: Path, cell: Told) -> Any:
        from simgeo import results

        part = results.Part(cell.fingerprint, 0, len(self.first.values) - 1)
        path = folder / part.name
        if self.is_solid:
            results.write(path, self.content)
        else:
            path.touch()
            os.truncate(path, len(self.content))
        status = path.stat()
        return self.first._replace(
            name=part.name,
            size=status.st_size,
            time=status.st_mtime_ns,
            fingerprint=cell.fingerprint,
            settings=cell.settings,
            labels=cell.labels,
            values=self._values(cell.fraction),
        )

    def _values(self, fraction: float) -> np.ndarray:
        values = self.first.values.copy()
        own = values[:, 2 : self.num_records]  # after seed and step
        own *= self.rng.uniform(0.9, 1.1, own.shape)
        if fraction not in self.levels:
            levels = values[:, self.num_records :]
            self.levels[fraction] = levels * self.rng.uniform(0.9, 1.1, levels.shape)
        values[:, self.num_records :] = self.levels[fraction]
        short = [kind == "<f4" for kind in self.first.kinds]
        values[:, short] = values[:, short].astype(np.float32)
        return values


def maker_of(cell: Any, solid: bool) -> Maker:
    """What makes files like those of a cell, which is run."""
    from simgeo import engine
    from simgeo.results._index import _entry
    from simgeo.results._netcdf import to_bytes

    run = engine.run(cell).drop_vars(["student", "teacher"])
    records = [name for name in run.data_vars if run[name].dims == ("seed", "step")]
    first = _entry("", os.stat("."), run)
    return Maker(to_bytes(run, packed=True), first, 2 + len(records), solid)


def left_of(folder: Path) -> Path:
    """Where it is kept what was left to those who write while others look."""
    return folder.with_suffix(".left")


def written(num: int, folder: Path) -> str:
    """All but a few cells, and what a sweep notes before it starts."""
    from simgeo import settings, sweep
    from simgeo.sweep import _keep as keep

    with settings.sharing():
        asked = cells(num)
        keep.begin(folder, sweep.plan(asked))
        maker = maker_of(asked[0], num <= SOLID)
        told = [
            Told(cell.fingerprint, cell.identity, cell.labels, cell.teacher.fraction)
            for cell in asked
        ]
    there = [each for place, each in enumerate(told) if place % LEFT]
    left_of(folder).write_bytes(pickle.dumps((maker, told[::LEFT])))
    for at in range(0, len(there), BATCH):
        maker.make(folder, there[at : at + BATCH])
    return f"{len(there)} cells"


def write_on(num: int, folder: Path) -> str:
    """The cells that were left, again and again, as fast as they are computed."""
    from simgeo.sweep._leases import Leases

    maker, left = pickle.loads(left_of(folder).read_bytes())
    own = left[int(os.environ["SIMGEO_WRITER"]) :: WRITERS]
    with Leases(folder):
        print("begun", flush=True)
        while True:
            for at in range(0, len(own), BATCH):
                some = own[at : at + BATCH]
                maker.make(folder, some)
                time.sleep(len(some) * SECONDS_OF_A_CELL)


def opened(num: int, folder: Path) -> str:
    from simgeo import results

    return f"{results.open(folder).frame.shape}"


def filtered(num: int, folder: Path) -> str:
    from simgeo import results

    return f"{results.rows(results.open(folder).frame, CONDITION).shape}"


def tree(num: int, folder: Path) -> str:
    from simgeo import results

    return f"{len(results.open(folder).tree.leaves)} nodes"


STEPS: dict[str, Callable] = {
    "plan": planned,
    "write": written,
    "writer": write_on,
    "open": opened,
    "filter": filtered,
    "tree": tree,
}


def child(step: str, *given: str) -> subprocess.Popen:
    command = [sys.executable, "-m", "benchmarks.scale", "--child", step, *given]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def alone(step: str, *given: str) -> Measured:
    """A step, as the process itself has timed it."""
    process = child(step, *given)
    told, _ = process.communicate()
    assert process.returncode == 0, step
    return Measured(*json.loads(told.splitlines()[-1]))


def command(*words: str) -> Measured:
    """A command, with its start."""
    begin = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "simgeo", *words], stdout=subprocess.PIPE, text=True
    )
    told = process.stdout.read()
    _, code, usage = os.wait4(process.pid, 0)
    process.returncode = code
    assert code == 0, words
    lines = told.strip().splitlines()
    seconds = time.perf_counter() - begin
    return Measured(seconds, usage.ru_maxrss / 1024, lines[-1] if lines else "")


def looked(folder: Path) -> Measured:
    """`simgeo status`, the median of some."""
    every = [command("status", str(folder)) for _ in range(LOOKS)]
    seconds = statistics.median(each.seconds for each in every)
    return every[-1]._replace(seconds=seconds)


def looked_while_written(num: int, folder: Path) -> Measured:
    writers = []
    for number in range(WRITERS):
        os.environ["SIMGEO_WRITER"] = str(number)
        writers.append(child("writer", str(num), str(folder)))
    try:
        for each in writers:
            assert each.stdout.readline() == "begun\n"
        time.sleep(5)
        return looked(folder)
    finally:
        for each in writers:
            each.kill()
            each.communicate()


def measured(num: int, folder: Path) -> Iterator[tuple[str, Measured]]:
    """Every step for a grid of so many cells."""
    place = str(folder)
    yield "expand and plan", alone("plan", str(num))
    if not folder.exists():
        alone("write", str(num), place)
    yield "open, the first time", alone("open", str(num), place)
    yield "open and tabulate", alone("open", str(num), place)
    yield "open and filter", alone("filter", str(num), place)
    yield "labelled arrays", alone("tree", str(num), place)
    for end in EXPORTS if importlib.util.find_spec("pyarrow") else ("csv", "nc"):
        path = folder.with_suffix(f".{end}")
        told = command("results", place, "--to", str(path))
        size = path.stat().st_size / 2**20
        yield (
            f"`simgeo results --to {end}`",
            told._replace(told=f"{size:.0f} MiB; {told.told}"),
        )
        path.unlink()
    yield "`simgeo status`", looked(folder)
    yield "the same while 8 processes write", looked_while_written(num, folder)


def sizes(folder: Path) -> dict[str, str]:
    """Files and bytes of a store for every cell that is in it."""
    top = [each for each in folder.iterdir() if each.is_file()]
    every = [each for each in folder.rglob("*") if each.is_file()]
    runs_there = [each for each in top if each.suffix == ".nc"]
    num = len(runs_there)

    def kilobytes(paths: list[Path]) -> str:
        return f"{sum(each.stat().st_size for each in paths) / num / 1000:.1f}"

    index = [each for each in every if each.parent.name == ".index"]
    blocks = sum(math.ceil(each.stat().st_size / BLOCK) for each in every)
    return {
        "cells": f"{num:,}",
        "files": f"{len(every):,}",
        "of them in one folder": f"{len(top):,}",
        "files of the index": f"{len(index)}",
        "kB a cell": kilobytes(every),
        "of these in runs": kilobytes(runs_there),
        "in the index": kilobytes(index),
        "in blocks of 4 KiB": f"{blocks * BLOCK / num / 1000:.1f}",
    }


def run_child(step: str, given: list[str]) -> None:
    begin = time.perf_counter()
    told = STEPS[step](int(given[0]), *map(Path, given[1:]))
    seconds = time.perf_counter() - begin
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps([seconds, most, told]))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale")
    parser.add_argument("--cells", type=int, nargs="*", default=[*ROOTS])
    parser.add_argument("--keep", metavar="DIR", help="of stores, for another time")
    parser.add_argument("--to", metavar="FOLDER", help="of scale.csv and files.csv")
    parser.add_argument("--child", nargs="*", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.child:
        run_child(asked.child[0], asked.child[1:])
        return 0
    table: dict[str, dict[int, str]] = {}
    files = []
    place = Path(asked.keep or tempfile.mkdtemp())
    place.mkdir(exist_ok=True)
    for num in asked.cells:
        folder = place / f"store-{num}"
        for step, found in measured(num, folder):
            told = f"{found.seconds:.2g} s, {found.mebibytes:,.0f} MiB"
            if found.seconds >= 10:
                told = f"{found.seconds:.0f} s, {found.mebibytes:,.0f} MiB"
            table.setdefault(step, {})[num] = told
            print(f"{num:,} cells: {step}: {told} ({found.told})", flush=True)
        files.append(sizes(folder))
        print(files[-1], flush=True)
    if asked.to is not None:
        header = ["step", *(f"{num:,} cells" for num in asked.cells)]
        rows = [
            [step, *(own.get(num, "-") for num in asked.cells)]
            for step, own in table.items()
        ]
        keep(Path(asked.to, "scale.csv"), [header, *rows])
        keep(
            Path(asked.to, "files.csv"), [[*files[0]], *([*e.values()] for e in files)]
        )
    if asked.keep is None:
        shutil.rmtree(place)
    return 0


def keep(path: Path, rows: list[list[str]]) -> None:
    with path.open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)


if __name__ == "__main__":
    sys.exit(main())
