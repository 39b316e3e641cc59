"""Every timing, as ratios: `python -m benchmarks [PART ...]`."""

import argparse
import contextlib
import csv
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

from benchmarks.rows import Row, markdown

FOLDER = Path(__file__).parent
HEADER = ("part", "case", "time", "against", "ratio: median (least)", "target", "met")
CORES = sorted({1, os.cpu_count() or 1})
# Each runs in a process of its own, with its own cores and peak memory.
PARTS = {
    "steps": [("benchmarks.steps", str(count)) for count in CORES],
    "torch": [("benchmarks.against_torch",)],
    "bridge": [("benchmarks.bridge",)],
    "start": [("benchmarks.start",)],
    "waits": [("benchmarks.waits",)],
    "networks": [("benchmarks.networks", str(count)) for count in CORES],
    "large": [("benchmarks.large",)],
    "catalogue": [("benchmarks.catalogue",)],
}

NOTES = """\
Times are medians over rounds in which a process's cases take turns; in `steps` and
`torch` of value, gradient and Adam step of one of 32 seeds. A ratio is the
median over rounds; in brackets, that of the least times. In `bridge` processor time of
value and gradient on one thread, and by how much the least exceeds JAX's. `products`
are the matrix products that value and gradient cannot avoid, alone in a loop, in the
fastest form tried. CKA and Gram: S'T, S'S, T(T'S), S(S'S). Projection: S W, S'R, R W'.
Procrustes: S'T and T times the polar factor, without those that find the factor. In
`networks` whole runs of 300 steps, by steps and seeds. In `waits` processes that have
byte code and no compiled programs; a warm run's parts are waited for one by one. In
`large` those of CKA, once, for every objective; `all cosines` are of both sides, merely
summed. In `catalogue` value and gradient at n = 256, d = 64, m = 32, temporary memory
at the largest size, and powers fitted along n, d and m up to 1,024, 256 and 128
(triplets: n from 64 to 128)."""


def main() -> int:
    options = _options()
    chosen = options.parts or list(PARTS)
    rows, failed = [], []
    for part in chosen:
        for module in PARTS[part]:
            begin = time.perf_counter()
            print(f"Running {' '.join(module)} ...", file=sys.stderr, flush=True)
            try:
                rows += [(part, *row) for row in _rows(module, options.rounds)]
            except subprocess.CalledProcessError as error:
                failed.append(f"{' '.join(module)} ended with code {error.returncode}")
            print(f"  took {time.perf_counter() - begin:.0f} s", file=sys.stderr)
    text = "\n\n".join([markdown(HEADER, rows), _notes(), *failed])
    print(text)
    if not options.parts:
        (FOLDER / "latest.md").write_text(f"# Timings\n\n{text}\n")
        with open(FOLDER / "latest.csv", "w", newline="") as file:
            kept = [(*HEADER, "machine"), *((*row, _machine()) for row in rows)]
            csv.writer(file, lineterminator="\n").writerows(kept)
    return 1 if failed else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "parts",
        nargs="*",
        metavar="PART",
        help=f"what to run, of {', '.join(PARTS)}; without any, all of them, "
        "kept as benchmarks/latest.md and .csv",
    )
    parser.add_argument(
        "--rounds",
        type=int,
        default=15,
        help="how often every time is taken (default: %(default)s)",
    )
    options = parser.parse_args()
    unknown = [part for part in options.parts if part not in PARTS]
    if unknown:
        parser.error(f"unknown part {unknown[0]!r}. Choose from {', '.join(PARTS)}.")
    if options.rounds < 1:
        parser.error(f"--rounds must be at least 1; got {options.rounds}.")
    return options


def _rows(module: tuple[str, ...], rounds: int) -> Iterator[Row]:
    name, *arguments = module
    command = [sys.executable, "-m", name, str(rounds), *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout:
            yield Row(*json.loads(line))
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)


def _notes() -> str:
    return f"{NOTES}\n{_machine()}."


def _machine() -> str:
    with contextlib.suppress(OSError, StopIteration):
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        name = next(line for line in lines if line.startswith("model name"))
        return f"{os.cpu_count()} cores ({name.partition(': ')[2]}), {_versions()}"
    return f"{os.cpu_count()} cores, {_versions()}"


def _versions() -> str:
    return f"Python {platform.python_version()}, jax {version('jax')}, float32"


if __name__ == "__main__":
    sys.exit(main())
