"""`simgeo status`: how far the sweeps of a store are, also while one runs."""

import gc
import math

from simgeo import sweep
from simgeo.cli import Parser, warnings_told
from simgeo.cli.as_records import add_json, as_json
from simgeo.cli.files import add_store


def show(arguments: list[str]) -> None:
    """`simgeo status STORE`: how far its sweeps are, also while one runs."""
    parser = Parser("status", "What of the sweeps in a store is done, failed and left.")
    add_store(parser)
    add_json(parser)
    asked = parser.parse_args(arguments)
    gc.disable()  # of very many cells nothing is freed, and looking takes its time
    try:
        with warnings_told():
            found = sweep.status(asked.store)
    finally:
        gc.enable()
    workers = sweep.at_work(asked.store)
    num = workers.hosts.total()
    if asked.json:
        print(as_json(each._asdict() | {"processes": num} for each in found))
        return
    names = ("cells", "done", "failed", "left", "cells/min", "time left")
    head = "".join(f"{name:>11s}" for name in names)
    print(f"{'sweep':>17s}{head}  last cell")
    for each in found:
        rate = "-" if math.isnan(each.rate) else f"{60 * each.rate:.3g}"
        left = duration(each.seconds_left) if each.left else "-"
        cells = (each.total, each.done, each.failed, each.left, rate, left)
        row = "".join(f"{cell:>11}" for cell in cells)
        print(f"{each.name:>17s}{row}  {duration(each.idle)} ago")
    where = ", ".join(f"{num} on {host}" for host, num in workers.hosts.items())
    print(
        f"{num} process{'' if num == 1 else 'es'} at work ({where}), with "
        f"{len(workers.pieces)} pieces leased."
        if num
        else "No process is at work."
    )


def duration(seconds: float) -> str:
    """As 59 s, 12 min, 3.4 h; a dash where it is not known."""
    if not math.isfinite(seconds):
        return "-"
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
