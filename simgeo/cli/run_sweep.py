"""`simgeo sweep`: a grid of experiments, run and kept cell by cell."""

import logging
import math
import os
import re
import sys
import time

import jax
from tqdm import tqdm

from simgeo import engine, sweep
from simgeo.checks import require
from simgeo.cli import Parser, fail, warnings_told
from simgeo.cli.files import folder_to_write
from simgeo.cli.interrupts import Interrupts
from simgeo.cli.show_status import duration
from simgeo.sweep import Plan, Progress

_UNITS = {"": 1, "k": 2**10, "m": 2**20, "g": 2**30, "t": 2**40}


def run(arguments: list[str]) -> int:
    """Runs what is not in the store; the exit code, 1 if anything failed."""
    parser = Parser(
        "sweep",
        "Run every cell of a grid that is not in the store yet.",
        usage="simgeo sweep GRID.toml [OPTIONS]",
    )
    add = parser.add_argument
    add("grid", metavar="GRID.toml", help="an experiment, and a table [sweep]")
    add("--store", metavar="DIR", default="results", help="default: results")
    add("--dry-run", action="store_true", help="say what would be run, and stop")
    add("--memory", metavar="SIZE", help="such as 4GiB; default: half of the host's "
        "memory, or three quarters of an accelerator's")  # fmt: skip
    add("--retry-failed", action="store_true", help="also cells that failed before")
    add("--keep-vectors", action="store_true", help="students and teachers too")
    add("--executor", metavar="MODULE:FACTORY", help="starts workers elsewhere")
    add("--workers", metavar="N", type=int, help="that the executor starts; default: "
        "as many as it has processes")  # fmt: skip
    add("--log", action="store_true", help="lines instead of bars")
    asked = parser.parse_args(arguments)
    if asked.workers is not None:
        got = f"{asked.workers}, without it"
        require(asked.executor is not None, "--workers", "stand beside --executor", got)
    memory = None if asked.memory is None else size_of(asked.memory)
    cells = sweep.load(asked.grid)
    if not asked.dry_run:
        folder_to_write("--store", asked.store)
    executor = None
    engine.keep_programs()
    if asked.executor is not None:
        sys.path.insert(0, "")  # a factory beside the grid
        executor = sweep.executor_of(asked.executor)
    whole = sweep.plan(cells)
    print(said_of(whole), file=sys.stderr)
    if asked.dry_run:
        try:
            needs = sweep.measure(whole, memory) / 2**20
        except MemoryError as error:
            return fail(error, 1)
        print(f"The largest program needs {needs:.0f} MiB. Nothing was run.")
        return 0
    interrupts = Interrupts()
    telling = _Telling(whole, asked.log, interrupts)
    try:
        with telling.cells, telling.steps, warnings_told(), interrupts:
            report = sweep.run(
                whole,
                asked.store,
                memory=memory,
                retry_failed=asked.retry_failed,
                keep_vectors=asked.keep_vectors,
                executor=executor,
                num_workers=asked.workers,
                on_batch=telling.on_batch,
                on_record=telling.on_record,
                on_wait=telling.on_wait,
            )
    except KeyboardInterrupt:
        return fail(
            "interrupted; finished cells are kept, and the same command goes on.", 130
        )
    except OSError as error:
        if error.errno is None:
            return fail(error, 1)
        reason = error.strerror
        if reason == os.strerror(error.errno):  # the system's, which says no more
            reason = f"the sweep stopped at {error.filename or asked.store}: {reason}."
        return fail(
            f"{reason} Finished cells are kept, and the same command goes on.", 1
        )
    finally:
        if executor is not None:
            # A client of Dask whose scheduler was lost ends with a traceback.
            logging.getLogger("distributed.client").setLevel(logging.CRITICAL)
            executor.shutdown()
    others = f", {report.others} of them by other processes" if report.others else ""
    print(
        f"{report.total} cells in {asked.store}: {report.found} were there, "
        f"{report.done} done in {duration(report.seconds)}{others}, "
        f"{len(report.failed)} failed."
    )
    for name, reason in [*report.failed.items()][:5]:
        fail(f"{name} failed: {reason}", 1)
    if report.unread:
        fail(f"files that count as there and were not read: {len(report.unread)}.", 1)
    if report.failed:
        fail("--retry-failed tries failed cells again.", 1)
    return int(bool(report.failed or report.unread))


def size_of(text: str) -> int:
    """Bytes, of `512MB` or `4GiB`; the units are powers of 1,024."""
    match = re.fullmatch(r"\s*([\d.]+)\s*([kmgt]?)(?:i?b)?\s*", text.lower())
    try:
        size = int(float(match[1]) * _UNITS[match[2]]) if match else 0
    except ValueError:
        size = 0
    require(size > 0, "--memory", "be a size such as 4GiB", repr(text))
    return size


def said_of(whole: Plan) -> str:
    """How large a sweep is, in one line."""

    def counted(count: int, what: str) -> str:
        return f"{count} {what}{'' if count == 1 else 's'}"

    device = "core" if jax.default_backend() == "cpu" else "device"
    return (
        f"{counted(len(whole.works), 'cell')} of {counted(len(whole.room), 'kind')} in "
        f"{counted(len(whole.pieces), 'piece')}, up to "
        f"{counted(max(whole.room.values()), 'seed')} side by side, {whole.precision} "
        f"on {counted(engine.num_workers(), device)}."
    )


class _Telling:
    """Bars over cells and over a batch's steps, on a terminal; or lines for a log."""

    def __init__(self, whole: Plan, log: bool, interrupts: Interrupts) -> None:
        hidden = True if log else None
        self.interrupts, self.waiting = interrupts, False
        self.cells = tqdm(total=len(whole.works), unit="cell", disable=hidden)
        self.steps = tqdm(total=1, unit="step", disable=hidden, leave=False)
        self.log, self.estimated = log, log

    def on_batch(self, at: Progress) -> None:
        self.waiting = False
        clock = time.strftime("%H:%M:%S ") if self.log else ""
        for name, reason in at.reasons.items():
            tqdm.write(f"{clock}{name} failed: {reason}", sys.stderr)
        left = duration(at.seconds_left)
        is_known = math.isfinite(at.seconds_left)
        if not self.estimated and is_known and at.done < at.total:
            tqdm.write(f"About {left} by the first batch.", sys.stderr)
            self.estimated = True
        told = f"{at.failed} failed, about {left} left"
        if self.log:
            tqdm.write(f"{clock}{at.done} of {at.total} cells, {told}", sys.stderr)
        self.cells.set_postfix_str(told, refresh=False)
        self.cells.update(at.done + at.failed - self.cells.n)

    def on_record(self, done: int, total: int) -> None:
        if self.steps.total != total or done < self.steps.n:
            self.steps.reset(total)
        self.steps.update(done - self.steps.n)
        self.interrupts.at_a_record()

    def on_wait(self, num_cells: int) -> None:
        if not self.waiting:
            told = f"Waiting for {num_cells} cells that others compute."
            tqdm.write(told, sys.stderr)
        self.waiting = True
        self.interrupts.at_a_record()
