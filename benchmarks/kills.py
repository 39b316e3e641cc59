"""Kills sweeps and runs at random moments, and looks whether anything is lost.

    python -m benchmarks.kills [--kills 20] [--ways run one two pool dask] [--to FILE]

`run` kills the command `simgeo run`, which is called for one cell after the other,
`one` a sweep, `two` one of two processes on one store, and `pool` and `dask` one
of two workers of an executor (SIGKILL). What was killed is started again, until the
store has every cell; then another store is begun, until there were as many kills. Every
cell must be in each store once, and its table equal to that of a sweep left alone.
"""

import argparse
import csv
import multiprocessing
import os
import random
import signal
import sys
import tempfile
import time
import warnings
from collections.abc import Sequence
from contextlib import suppress
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

RATES, FRACTIONS = (1e-3, 1e-2, 1e-1), (0.1, 0.3, 0.6, 0.8)
COLUMNS = ["fingerprint", "seed"]
_EXECUTORS = ("pool", "dask")
_RUNS = 3  # cells that `simgeo run` is called for
# Processes that are started from one that has imported all of it start at once.
_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(["simgeo.cli.run_cell", "simgeo.sweep", "simgeo.results"])


class Asked(NamedTuple):
    """What a sweep computes, and where its compiled programs are kept."""

    num_steps: int
    cache: str

    def cells(self) -> list:
        from simgeo import objectives, problems, sweep, teachers

        base = problems.Experiment(
            teacher=teachers.OrthogonalFraction(fraction=0.5),
            objective=objectives.Procrustes(),
            num_vectors=32,
            teacher_dim=16,
            student_dim=8,
            measures=("matthews", "gram_error"),
            num_steps=self.num_steps,
            num_records=8,
            num_seeds=4,
        )
        axes = {"optimiser__learning_rate": RATES, "teacher__fraction": FRACTIONS}
        return sweep.grid(base, **axes)


class Row(NamedTuple):
    """What became of the stores of one way."""

    way: str
    kills: int
    stores: int
    cells: int
    equal: str


def work(way: str, asked: Asked, folder: Path) -> None:
    """What is killed, in a process of its own."""
    from simgeo import cli, engine, sweep

    os.environ["XDG_CACHE_HOME"] = asked.cache
    with open(os.devnull, "w") as nothing:
        sys.stdout = nothing
        if way == "run":
            for cell in asked.cells()[:_RUNS]:
                cli.main(["run", *_flags(cell), "--results", str(folder)])
            return
        engine.keep_programs()
        executor = _executor(way)
        try:
            sweep.run(asked.cells(), folder, executor=executor)
        except Exception:  # its workers were lost
            if executor is None:
                raise
        finally:
            if executor is not None:
                executor.shutdown()


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.kills")
    ways = ("run", "one", "two", "pool", "dask")
    parser.add_argument("--kills", type=int, default=20, help="of each way")
    parser.add_argument("--ways", nargs="*", choices=ways, default=ways)
    parser.add_argument("--steps", type=int, default=20_000, help="of a cell")
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    parser.add_argument("--to", metavar="FILE.csv")
    given = parser.parse_args(arguments)
    rng = random.Random(given.seed)
    with tempfile.TemporaryDirectory() as place:
        asked = Asked(given.steps, f"{place}/cache")
        rows = []
        for way in given.ways:
            rows.append(killed(way, asked, Path(place) / way, given.kills, rng))
            print(rows[-1], flush=True)
    if given.to is not None:
        with open(given.to, "w", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerows([Row._fields, *rows])
    return 0 if all(row.equal == "bit for bit" for row in rows) else 1


def killed(way: str, asked: Asked, place: Path, kills: int, rng: random.Random) -> Row:
    """Kills one way of computing cells so many times, in stores below a place."""
    place.mkdir()
    alone = place / "alone"
    _finish([_start(way, asked, alone)])  # with compilation
    begin = time.perf_counter()
    again = place / "again"
    _finish([_start(way, asked, again)])
    whole = time.perf_counter() - begin
    wanted = table(alone)
    count, equal = 0, [same(wanted, table(again))]
    while count < kills:
        folder = place / f"store-{len(equal)}"
        count += _kill(way, asked, folder, kills - count, whole, rng)
        equal.append(same(wanted, table(folder)))
        print(f"{way}: {count} kills, {equal[-1]}", flush=True)
    differ = [each for each in equal if each != "bit for bit"]
    cells = wanted["fingerprint"].nunique()
    return Row(way, count, len(equal) - 1, cells, (differ or equal)[0])


def table(folder: Path) -> pd.DataFrame:
    """The last records of a store, in the order of its cells."""
    from simgeo import results

    with warnings.catch_warnings(action="error"):  # a damaged file would warn
        frame = results.open(folder).frame
    return frame.sort_values(COLUMNS, ignore_index=True)


def same(wanted: pd.DataFrame, found: pd.DataFrame) -> str:
    """How far one table is from another, all columns compared."""
    if found.duplicated(COLUMNS).any():
        return "a cell is there twice"
    if not found[COLUMNS].equals(wanted[COLUMNS]):
        return "a cell is missing"
    if [*wanted] != [*found]:
        return "columns differ"
    differ = [name for name in wanted if not wanted[name].equals(found[name])]
    if not differ:
        return "bit for bit"
    floats = [name for name in differ if wanted[name].dtype.kind == "f"]
    gaps = [np.nanmax(np.abs(wanted[name] - found[name])) for name in floats]
    return f"{', '.join(differ)} differ, by at most {max(gaps, default=np.nan):.1e}"


def _kill(
    way: str, asked: Asked, folder: Path, most: int, whole: float, rng: random.Random
) -> int:
    """Kills until all cells are there, so many times at most; how often it did."""
    kills = 0
    running = [_start(way, asked, folder) for _ in range(2 if way == "two" else 1)]
    while kills < most and any(each.is_alive() for each in running):
        time.sleep(rng.uniform(0.05, 1.0) * whole)
        at = rng.randrange(len(running))
        victim = running[at].pid
        if way in _EXECUTORS:
            victim = rng.choice([*_workers(victim), None])
        if victim is None or not running[at].is_alive():
            continue
        with suppress(ProcessLookupError):
            os.kill(victim, signal.SIGKILL)
            kills += 1
        if way not in _EXECUTORS:
            running[at].join()
            running[at] = _start(way, asked, folder)
    _finish(running)
    while way == "pool" and _left(folder, asked):  # Python gives a pool up
        _finish([_start(way, asked, folder)])
    return kills


def _left(folder: Path, asked: Asked) -> int:
    names = {path.name.partition(".")[0] for path in folder.glob("*.nc")}
    return len(RATES) * len(FRACTIONS) - len(names)


def _start(way: str, asked: Asked, folder: Path) -> BaseProcess:
    process = _FORKS.Process(target=work, args=(way, asked, folder))
    process.start()
    return process


def _finish(processes: Sequence[BaseProcess]) -> None:
    for process in processes:
        process.join()
        if process.exitcode:
            raise RuntimeError(f"a process ended with {process.exitcode}")


def _workers(pid: int) -> list[int]:
    """The workers of an executor that a process has started, on Linux."""
    found = []
    with suppress(OSError):  # one that ends meanwhile
        for children in Path(f"/proc/{pid}/task").glob("*/children"):
            for child in children.read_text().split():
                if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes():
                    found.append(int(child))
    return found


def _executor(way: str) -> Any:
    if way == "pool":
        from concurrent.futures import ProcessPoolExecutor

        return ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn"))
    if way == "dask":
        from distributed import Client, LocalCluster

        local = {"threads_per_worker": 1, "dashboard_address": None}
        return Client(LocalCluster(n_workers=2, **local)).get_executor()
    return None


def _flags(cell: Any) -> list[str]:
    """A cell as `simgeo run` is asked for it."""
    words = ["teacher:orthogonal-fraction", "objective:procrustes"]
    for name, value in (
        ("fraction", cell.teacher.fraction),
        ("learning-rate", cell.optimiser.learning_rate),
        ("measures", ",".join(cell.measures)),
        *(
            (name.replace("_", "-"), getattr(cell, name))
            for name in (
                *("num_vectors", "teacher_dim", "student_dim"),
                *("num_steps", "num_records", "num_seeds"),
            )
        ),
    ):
        words += [f"--{name}", f"{value}"]
    return words


if __name__ == "__main__":
    sys.exit(main())
