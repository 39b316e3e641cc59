"""Kills sweeps at random moments, and looks whether anything is lost.

    python -m benchmarks.kills [--kills 20] [--way here|two|dask]

A sweep is killed (SIGKILL) again and again; `two` runs two processes on one store and
kills either, `dask` kills one of two workers of a local cluster. After a last run every
cell must be there once, and the table must equal that of a sweep left alone.
"""

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
import warnings
from concurrent.futures import Executor
from pathlib import Path

import numpy as np
import pandas as pd


def cells(num: int = 12) -> list:
    """num^2 small experiments over rate and fraction."""
    from simgeo import objectives, problems, sweep, teachers

    base = problems.Experiment(
        teacher=teachers.OrthogonalFraction(fraction=0.5),
        objective=objectives.Procrustes(),
        num_vectors=32,
        teacher_dim=16,
        student_dim=8,
        num_steps=4000,
        num_records=8,
        num_seeds=4,
    )
    return sweep.grid(
        base,
        optimiser__learning_rate=sweep.log_span(1e-3, 1e-1, num),
        teacher__fraction=sweep.span(0.1, 0.8, num),
    )


def work(folder: str, num: int, executor: Executor | None = None) -> None:
    """The sweep, as a child runs it."""
    from simgeo import engine, sweep

    engine.keep_programs()
    sweep.run(cells(num), folder, executor=executor)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.kills")
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--cells", type=int, default=12, help="root of the number")
    parser.add_argument("--way", choices=("here", "two", "dask"), default="here")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.child:
        work(asked.child, asked.cells)
        return 0
    with tempfile.TemporaryDirectory() as place:
        alone, killed = Path(place) / "alone", Path(place) / "killed"
        begin = time.perf_counter()
        child = _child(alone, asked.cells)
        while not list(alone.glob("*.nc")) and child.poll() is None:
            time.sleep(0.05)
        first = time.perf_counter() - begin
        child.wait()
        whole = time.perf_counter() - begin
        print(f"left alone: {whole:.1f} s, the first cell after {first:.1f} s")
        rng = random.Random(0)
        if asked.way == "dask":
            _dask(killed, asked, rng)
        else:
            _kill(killed, asked, rng, first)
            _child(killed, asked.cells).wait()
        return compare(alone, killed)


def compare(alone: Path, killed: Path) -> int:
    """0 if both stores hold the same cells with the same numbers."""
    from simgeo import results

    with warnings.catch_warnings(action="error"):  # a damaged file would warn
        frames = [results.open(folder).frame for folder in (alone, killed)]
    columns = ["fingerprint", "seed"]
    first, second = (frame.sort_values(columns, ignore_index=True) for frame in frames)
    assert not second.duplicated(columns).any(), "a cell is there twice"
    assert (first[columns] == second[columns]).all(axis=None), "a cell is missing"
    equal, largest = True, 0.0
    for name in first:
        one, other = first[name], second[name]
        if one.dtype.kind == "f":
            equal &= np.array_equal(one, other, equal_nan=True)
            gap = np.abs(one - other) / (np.abs(one) + 1e-6)
            largest = max(largest, float(np.nanmax(gap.fillna(0))))
        else:
            pd.testing.assert_series_equal(one, other)
    says = "bit by bit" if equal else f"to {largest:.1e} relative"
    print(f"{second['fingerprint'].nunique()} cells, each there once, equal {says}")
    return 0 if largest < 1e-3 else 1


def _kill(killed: Path, asked: argparse.Namespace, rng, first: float) -> None:
    children = 2 if asked.way == "two" else 1
    running = [_child(killed, asked.cells) for _ in range(children)]
    for count in range(asked.kills):
        time.sleep(rng.uniform(0.5, 2.0) * first)
        victim = rng.randrange(children)
        alive = running[victim].poll() is None
        running[victim].send_signal(signal.SIGKILL)
        running[victim].wait()
        done = len(list(killed.glob("*.nc")))
        print(f"kill {count + 1}: {'running' if alive else 'over'}, {done} cells done")
        running[victim] = _child(killed, asked.cells)
    for each in running:
        each.wait()


def _dask(killed: Path, asked: argparse.Namespace, rng) -> None:
    from distributed import Client, LocalCluster

    with (
        LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=None
        ) as cluster,
        Client(cluster) as client,
    ):

        def kill_one(count: int) -> None:
            workers = [
                each.process.pid
                for each in cluster.workers.values()
                if each.process is not None and each.process.is_alive()
            ]
            if workers:
                os.kill(rng.choice(workers), signal.SIGKILL)
            print(f"kill {count + 1}: {len(list(killed.glob('*.nc')))} cells done")

        from threading import Thread

        thread = Thread(target=work, args=(killed, asked.cells, client.get_executor()))
        thread.start()
        for count in range(asked.kills):
            thread.join(rng.uniform(4, 10))
            if not thread.is_alive():
                break
            kill_one(count)
        thread.join()
    _child(killed, asked.cells).wait()


def _child(folder: Path, num: int) -> subprocess.Popen:
    command = [sys.executable, "-m", "benchmarks.kills", "--child", str(folder)]
    return subprocess.Popen([*command, "--cells", str(num)])


if __name__ == "__main__":
    sys.exit(main())
