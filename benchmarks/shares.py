"""How much of a sweep is computed twice when several processes share it.

    python -m benchmarks.shares [--processes 1 2 4 16] [--dask 2] [--to FILE.csv]
        [--mounts NAME DIR DIR ...]

198 cells of 4 seeds, all of one program, swept by so many processes that start together
on an empty store, and by Dask's workers. Every worker writes down what it computes.
With `--mounts`, processes see the store in turn through these folders, which are all
mounts of one folder, and NAME stands in the table.
"""

import argparse
import csv
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import Executor
from pathlib import Path

HEADER = ("workers", "batches", "cells computed", "needed", "least", "most")
_LOG, _DASK = "SIMGEO_BENCHMARK_LOG", "of Dask"


def cells() -> list:
    """18 rates times 11 fractions."""
    from simgeo import objectives, problems, sweep, teachers

    base = problems.Experiment(
        teacher=teachers.OrthogonalFraction(fraction=0.5),
        objective=objectives.CKA(),
        num_vectors=64,
        teacher_dim=32,
        student_dim=16,
        num_steps=300,
        num_seeds=4,
    )
    return sweep.grid(
        base,
        optimiser__learning_rate=sweep.log_span(1e-3, 1e-1, 18),
        teacher__fraction=sweep.span(0.1, 0.8, 11),
    )


def logged() -> None:
    """From now on this process writes down the number of cells of every batch."""
    from simgeo.sweep import _work as work

    compute = work.Worker.compute

    def told(self, part, *rest):
        path = Path(os.environ[_LOG]) / str(os.getpid())
        with path.open("a") as log:
            units = sum(len(each.seeds) for each in part.batch.works)
            log.write(f"{len(part.fingerprints)} {units}\n")
        return compute(self, part, *rest)

    work.Worker.compute = told


def work(folder: str, executor: Executor | None = None) -> None:
    """The sweep, as a child runs it."""
    from simgeo import engine, sweep

    engine.keep_programs()
    logged()
    sweep.run(cells(), folder, executor=executor)


def by_processes(stores: Sequence[Path], number: int) -> None:
    command = [sys.executable, "-m", "benchmarks.shares", "--child"]
    children = [
        subprocess.Popen([*command, str(stores[each % len(stores)])])
        for each in range(number)
    ]
    codes = [child.wait() for child in children]
    assert codes == [0] * number, codes


def by_dask(folder: Path, number: int) -> None:
    from distributed import Client, LocalCluster

    with (
        LocalCluster(
            n_workers=number, threads_per_worker=1, dashboard_address=None
        ) as cluster,
        Client(cluster) as client,
    ):
        client.run(logged)
        work(str(folder), client.get_executor())


def row(way: str, number: int, mounts: Sequence[str] = ()) -> tuple:
    """What was computed for a store of its own; least and most by one worker."""
    with tempfile.TemporaryDirectory() as place:
        os.environ[_LOG] = str(Path(place, "log"))
        Path(place, "log").mkdir()
        stores = [Path(mount or place) / f"store-{number}" for mount in mounts or [""]]
        if way == _DASK:
            by_dask(stores[0], number)
        else:
            by_processes(stores, number)
        logs = [each.read_text().split() for each in Path(place, "log").iterdir()]
        found = len(list(stores[0].glob("*.nc")))
        needed = len(cells())
        assert found == needed, f"{found} of {needed} cells are there"
    counts = [[int(each) for each in log[::2]] for log in logs]
    units = sum(int(each) for log in logs for each in log[1::2])
    sums = [sum(each) for each in counts] + [0] * (number - len(counts))
    batches = sum(map(len, counts))
    computed = f"{units / 4:g}"  # of four seeds each
    name = f"{number} {way}".strip()
    return name, batches, computed, needed, min(sums), max(sums)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.shares")
    parser.add_argument("--processes", type=int, nargs="*", default=[1, 2, 4, 16])
    parser.add_argument("--dask", type=int, nargs="*", default=[2])
    parser.add_argument("--mounts", nargs="*", default=[], help="a name, and folders")
    parser.add_argument("--to", metavar="FILE.csv")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.child:
        work(asked.child)
        return 0
    name, *mounts = asked.mounts or [""]
    ways = [(name and f"by {name}", each, mounts) for each in asked.processes]
    ways += [(_DASK, each, []) for each in asked.dask]
    rows = [HEADER]
    for way in ways:
        rows.append(row(*way))
        print(dict(zip(HEADER, rows[-1], strict=True)), flush=True)
    if asked.to is not None:
        with open(asked.to, "w", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows(rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
