"""What is waited for from the first line of Python on, and what a warm run consists of.

    python -m benchmarks.waits ROUNDS [CHECKOUT]

A process without compiled programs imports simgeo, runs a small cell, the same with
another kind of objective, and a cell of the main study, this with new seeds once more.
Python has its byte code from a process that is not measured. With another checkout of
simgeo its times stand beside ours, in place of `import jax`.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.rows import Row, Seconds, compared, report

OURS = Path(__file__).resolve().parents[1]
ROUNDS = 5  # at most: one takes a quarter of a minute
CASES = {
    "small": "first run of 64 x 32 -> 16, 300 steps, 4 seeds, imports too",
    "second": "another kind of objective after it",
    "first": "256 x 128 -> 64, 1,000 steps, 30 records, 16 seeds, after it",
    "warm": "the same with new seeds",
}
SHARES = ("steps", "records", "levels", "rest")


def main(rounds: int, other: str = "") -> None:
    places = [OURS, *filter(None, [other and Path(other).resolve()])]
    with tempfile.TemporaryDirectory() as code:
        taken = [
            [_measured(place, code) for place in places]
            for _ in range(min(rounds, ROUNDS) + 1)
        ][1:]
    ours, *others = zip(*taken, strict=True)
    for name, case in CASES.items():
        mine, jax = ("here", _of(ours, name)), ("import jax", _of(ours, "jax"))
        before = [("before", _of(told, name)) for told in others]
        report(compared(case, before[0], mine) if before else compared(case, mine, jax))
    whole = ("all", _of(ours, "warm"))
    for name in SHARES:
        report(compared(f"of that, {name}", (name, _of(ours, name)), whole))
    counts = " and ".join(str(int(told[-1]["programs"])) for told in (ours, *others))
    report(Row("programs of that cell", f"compiled: {counts}", "", "", "", ""))


def _of(told: Sequence[dict[str, float]], name: str) -> Seconds:
    return np.asarray([each[name] for each in told])


def _measured(checkout: Path, code: str) -> dict[str, float]:
    """The seconds of one process, which finds no programs."""
    with tempfile.TemporaryDirectory() as empty:
        own = {"PYTHONPATH": str(checkout), "XDG_CACHE_HOME": empty}
        own |= {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": code}
        found = subprocess.run(
            [sys.executable, "-P", Path(__file__).with_name("waited.py")],
            env=os.environ | own | {"TF_CPP_MIN_LOG_LEVEL": "3"},
            cwd=empty,
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        )
    told = json.loads(found.stdout.splitlines()[-1])
    if Path(told.pop("home")).parents[1] != checkout:
        raise SystemExit(f"`CHECKOUT` must hold simgeo; got {checkout}.")
    return told


if __name__ == "__main__":
    main(int(sys.argv[1]), *sys.argv[2:])
