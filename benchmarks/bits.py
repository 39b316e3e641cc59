"""How far the numbers of one cell differ with where and beside what it is computed.

    python -m benchmarks.bits

Against a sweep on one device. Every way runs in a process of its own.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

WAYS = ("one device", "again", "slices", "other company", "two devices", "dask", "run")
ROOT = 4


def work(way: str, folder: str) -> None:
    """The cells, kept in a folder."""
    import jax

    from benchmarks.kills import cells
    from simgeo import experiment, results, settings, sweep

    if way == "two devices":
        jax.config.update("jax_num_cpu_devices", 2)
    grid = cells(ROOT)
    if way == "run":
        for one in grid:
            found = engine.run(one)._asdict()
            described = settings.describe(one)
            kept = results.dataset(settings=described, precision="float32", **found)
            results.save(kept, Path(folder))
    elif way == "slices":
        sweep.run(sweep.plan(grid, batch_bytes=2**18), folder)
    elif way == "other company":
        for part in (grid[::2], grid[1::2]):
            sweep.run(part, folder)
    elif way == "dask":
        from distributed import Client, LocalCluster

        with (
            LocalCluster(
                n_workers=2, threads_per_worker=1, dashboard_address=None
            ) as cluster,
            Client(cluster) as client,
        ):
            sweep.run(grid, folder, executor=client.get_executor())
    else:
        sweep.run(grid, folder)


def main() -> None:
    from simgeo import results

    with tempfile.TemporaryDirectory() as place:
        for way in WAYS:
            folder = str(Path(place) / way.replace(" ", "_"))
            subprocess.run(
                [sys.executable, "-m", "benchmarks.bits", way, folder], check=True
            )
        reference = results.open(Path(place) / "one_device").trajectories()
        for way in WAYS[1:]:
            other = results.open(Path(place) / way.replace(" ", "_")).trajectories()
            print(f"{way}: {difference(reference, other)}")


def difference(first, second) -> str:
    """In words, over all numbers of all records."""
    keys = ["fingerprint", "seed", "step"]
    first, second = (
        each.sort_values(keys, ignore_index=True) for each in (first, second)
    )
    numbers = [name for name in first if first[name].dtype.kind == "f"]
    if all(np.array_equal(first[x], second[x], equal_nan=True) for x in numbers):
        return "bit-equal"
    gaps = (first[numbers] - second[numbers]).abs().max() / first[numbers].abs().max()
    return (
        f"of the largest value, at most {gaps['loss']:.0e} in the loss and "
        f"{gaps.max():.0e} in {gaps.idxmax()}"
    )


if __name__ == "__main__":
    if len(sys.argv) == 3:
        work(*sys.argv[1:])
    else:
        main()
