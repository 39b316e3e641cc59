"""What a benchmark reports, and how two timings become a ratio."""

import json
import math
import resource
import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

Seconds = np.ndarray  # one entry per round, (r,)


class Row(NamedTuple):
    """One line of the table; every number carries its unit."""

    case: str
    measured: str
    against: str
    ratio: str  # median over the rounds, then that of the least times
    target: str
    met: str  # "yes", "no", or "" without a target


def interleaved(
    cases: Mapping[str, Callable[[], object]],
    rounds: int,
    clock: Callable[[], float] = time.perf_counter,
):
    """Seconds of every case in every round: {case: (r,)}.

    The cases take turns within a round and each round starts with another, so that
    what disturbs the machine disturbs all of them alike. The first call is not timed.
    A clock of processor time does not count what other processes take.
    """
    for call in cases.values():
        call()
    names = list(cases)
    seconds: dict[str, list[float]] = {name: [] for name in names}
    for turn in range(rounds):
        first = turn % len(names)
        for name in names[first:] + names[:first]:
            begin = clock()
            cases[name]()
            seconds[name].append(clock() - begin)
    return {name: np.asarray(values) for name, values in seconds.items()}


def compared(
    case: str,
    slow: tuple[str, Seconds],
    fast: tuple[str, Seconds],
    *,
    at_most: float = math.inf,
    at_least: float = 0.0,
) -> Row:
    """A row with the ratio of two named times, the first by the second."""
    ratio = float(np.median(slow[1] / fast[1]))
    best = float(slow[1].min() / fast[1].min())
    target = f"at most {at_most:g} x" if at_most < math.inf else ""
    target = f"at least {at_least:g} x" if at_least else target
    met = "yes" if at_least <= ratio <= at_most else "no"
    return Row(
        case,
        f"{slow[0]}: {duration(float(np.median(slow[1])))}",
        f"{fast[0]}: {duration(float(np.median(fast[1])))}",
        f"{ratio:.2f} x ({best:.2f} x)",
        target,
        met if target else "",
    )


def duration(seconds: float) -> str:
    """A time with the unit that suits it."""
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds * 1e6:.0f} us"


def peak_memory(case: str, at_most: float = math.inf) -> Row:
    """A row with the most memory that this process has had, in GiB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20  # from KiB
    limited = at_most < math.inf
    return Row(
        case,
        f"resident: {peak:.2f} GiB",
        "",
        "",
        f"at most {at_most:g} GiB" if limited else "",
        ("yes" if peak <= at_most else "no") if limited else "",
    )


def report(row: Row) -> None:
    """Hand a row to the process that asked for it, as a line of JSON."""
    print(json.dumps(row), flush=True)


def markdown(header: tuple[str, ...], rows: list[Row]) -> str:
    """An aligned table."""
    cells = [header, *rows]
    widths = [max(len(line[i]) for line in cells) for i in range(len(header))]
    lines = ["| " + " | ".join(map(str.ljust, line, widths)) + " |" for line in cells]
    lines.insert(1, "| " + " | ".join("-" * width for width in widths) + " |")
    return "\n".join(lines)
