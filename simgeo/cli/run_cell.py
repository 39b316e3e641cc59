"""`simgeo run` and `simgeo distil`: one cell, its summary, its file, its figure."""

import sys
import textwrap
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import Any

import jax
import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from tqdm import tqdm

from simgeo import engine, plots, results
from simgeo.cli import fail, failed, warnings_told
from simgeo.cli.as_records import as_json
from simgeo.cli.files import file_to_draw, folder_to_write
from simgeo.cli.flags import DISTIL, RUN, Command, parse
from simgeo.cli.interrupts import Interrupts
from simgeo.problems import AbstractCell

SECONDS = 10.0  # between two lines of a log


def distil(arguments: list[str]) -> int:
    """As `run`, of networks."""
    return run(arguments, DISTIL)


def run(arguments: list[str], command: Command = RUN) -> int:
    """Exit code; seeds that are found finished are read instead of repeated."""
    request = parse(arguments, command)
    engine.keep_programs()
    cell = request.cell
    cell.check()
    folder = folder_to_write("--results", request.results)
    name = f"{cell.fingerprint}.png"
    picture = folder / name
    if request.figure is not None:
        picture = file_to_draw("--figure", request.figure, name)
    missing = cell.seeds.tolist() if request.again else _missing(folder, cell)
    if missing:
        try:
            found = _compute(cell, missing)
        except KeyboardInterrupt:
            return fail("interrupted before the first record; nothing is kept.", 130)
        except (MemoryError, OverflowError, jax.errors.JaxRuntimeError) as error:
            return failed(error, "Try fewer seeds or vectors.")
        stopped = found.attrs["stopped"]
        try:
            path = results.save(found, folder)
        except (ValueError, OSError) as error:
            return fail(stopped or error, 1)
        if stopped:
            code = 130 if engine.is_cut_short(found) else 1
            return fail(f"{stopped} The records before are in {path}.", code)
        said = f"Saved {path}, after {found.attrs['seconds']:.1f} s."
    else:
        said = f"Read from {folder}, which has all seeds; --again repeats them."
    whole = results.find(folder, cell.fingerprint, cell.seeds.tolist())
    if whole is None:
        return fail(f"{folder} was changed by another program. Run it again.", 1)
    rows = summary(whole, cell.reported)
    print(as_json(rows) if request.json else table(whole, rows))
    beside = sys.stderr if request.json else sys.stdout
    print(said, file=beside)
    draw(whole, picture, cell.reported)
    print(f"Drew {picture}.", file=beside)
    return 0


LEVELS = {
    "chance": "random unit vectors",
    "svd": "the teacher's, truncated",
    "teacher": "the teacher's own",
}


def summary(run: xr.Dataset, names: Sequence[str]) -> list[dict[str, Any]]:
    """Medians over seeds of what was recorded, and the levels to read them against."""
    shown = [name for name in ("loss", *names) if name in run]
    known = [k for k in LEVELS if any(f"{k}_{name}" in run for name in shown)]
    rows = []
    for name in shown:
        values = run[name].values
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "All-NaN slice")  # shown as a dash
            row = {
                "measure": name,
                "start": np.nanmedian(values[:, 0]),
                "end": np.nanmedian(values[:, -1]),
                "least": np.nanmin(values[:, -1]),
                "greatest": np.nanmax(values[:, -1]),
            }
            for kind in known:
                level = run.get(f"{kind}_{name}")
                row[kind] = np.nan if level is None else np.nanmedian(level)
        if f"optimum_{name}" in run:
            row["optimum"] = np.median(run[f"optimum_{name}"])
        rows.append(row)
    return rows


def table(run: xr.Dataset, rows: Sequence[dict[str, Any]]) -> str:
    """The summary of a run as text."""
    words = {"svd": "SVD"}
    columns = [name for name in rows[0] if name not in ("measure", "optimum")]
    known = [name for name in columns if name in LEVELS]
    header = (f"{words.get(name, name):>11s}" for name in columns)
    lines = [f"{'':22s}" + "".join(header)]
    for row in rows:
        numbers = [row[name] for name in columns]
        cells = ("-" if np.isnan(each) else f"{each:.4g}" for each in numbers)
        shown = "".join(f"{each:>11s}" for each in cells)
        lines.append(f"{row['measure']:22s}{shown}")
    if "optimum" in rows[0]:
        optimum = rows[0]["optimum"]
        best = "no closed form" if np.isnan(optimum) else f"{optimum:.4g}"
        lines.append(f"Optimum of the loss: {best}.")
    said = [
        f"Medians over seeds ({run.sizes['seed']})",
        "least and greatest at the end",
    ]
    said += [f"{words.get(kind, kind)}: {LEVELS[kind]}" for kind in known]
    lines.append(f"{'; '.join(said)}.")
    return "\n".join(lines)


def summarised(run: xr.Dataset, names: Sequence[str]) -> dict[str, str]:
    """The numbers that a picture of a run shows, two at most, and their labels."""
    usual = [
        name for name in ("accuracy", "matthews", "fraction_student") if name in run
    ]
    own = [name for name in names if name in run and name not in usual]
    return {
        name: textwrap.fill(results.axis_label(run[name]), 24)
        for name in [*usual, *own][:2]
    }


def draw(run: xr.Dataset, path: Path, names: Sequence[str]) -> None:
    """Loss and measures over the steps, as a file."""
    with plots.style():
        figure = Figure(figsize=(7, 2.9))
        axes = tuple(figure.subplots(1, 2))
        plots.run_summary(results.frame(run), axes, summarised(run, names))
        num = run.sizes["seed"]
        said = f"{run.attrs['title']} {num} seed{'s' if num > 1 else ''}."
        title = textwrap.fill(said, 110)
        figure.suptitle(title, fontsize=7)
        figure.savefig(path)


@contextmanager
def _telling(num_steps: int, num_seeds: int) -> Iterator[Callable[[int, str], None]]:
    """Tells how far a run is: a bar on a terminal, and a line now and then in a log.

    What it gives is called with the steps that all seeds have done, and the loss.
    """
    total, last = num_steps * num_seeds, monotonic()
    of_seeds = f" of all {num_seeds} seeds" if num_seeds > 1 else ""
    with tqdm(total=total, unit="step", disable=not sys.stderr.isatty()) as bar:
        bar.set_postfix_str("compiling")

        def tell(done: int, loss: str) -> None:
            nonlocal last
            bar.set_postfix_str(loss, refresh=False)
            bar.update(done - bar.n)
            now = monotonic()
            if bar.disable and now - last >= SECONDS:
                last = now
                print(f"{done} of {total} steps{of_seeds}, {loss}", file=sys.stderr)

        yield tell


def _compute(cell: AbstractCell, seeds: Sequence[int]) -> xr.Dataset:
    """The run of these seeds, whole or as far as it came."""
    print(cell.title, file=sys.stderr)
    telling = _telling(cell.num_steps, len(seeds))
    with telling as tell, Interrupts() as interrupts:

        def on_record(record: engine.Record) -> None:
            tell(record.unit_steps, f"loss {np.median(record.loss):.3e}")
            interrupts.at_a_record()

        (found,) = engine.run_many([cell], seeds=[seeds], on_record=on_record)
        return found


def _missing(folder: Path, cell: AbstractCell) -> list[int]:
    """The seeds that are not finished yet; damaged files are named."""
    with warnings_told():
        damaged = results.verify(folder, [cell.fingerprint]).damaged
    return results.missing_seeds(folder, cell.fingerprint, cell.seeds.tolist(), damaged)
