"""`simgeo run`: one experiment, its summary, its file and its figure."""

import signal
import sys
import threading
import warnings
from pathlib import Path

import jax
import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from tqdm import tqdm

from simgeo import experiment, measures, plots, results, settings
from simgeo.cli import fail
from simgeo.cli.files import file_to_draw, folder_to_write
from simgeo.cli.flags import parse
from simgeo.experiment import Experiment, NotFiniteError, Trajectory


def run(arguments: list[str]) -> int:
    """Exit code; a finished run of the same settings is read instead of repeated."""
    try:
        request = parse(arguments)
        experiment.prepare_host()
        precision = "float64" if jax.config.read("jax_enable_x64") else "float32"
        name = settings.fingerprint(request.experiment, {"precision": precision})
        folder = folder_to_write("--results", request.results)
        picture = folder / f"{name}.png"
        if request.figure is not None:
            picture = file_to_draw("--figure", request.figure, picture.name)
        found = None if request.again else _find(folder, name)
    except ValueError as error:
        return fail(error, 2)
    if found is None:
        try:
            trajectory, failure = _compute(request.experiment)
        except KeyboardInterrupt:
            return fail("interrupted before the first record; nothing is kept.", 130)
        except (MemoryError, OverflowError, jax.errors.JaxRuntimeError) as error:
            reason = str(error).partition("\n")[0] or "out of memory"
            return fail(f"{reason}. Try fewer seeds or vectors.", 1)
        found = results.dataset(
            settings=settings.describe(request.experiment),
            precision=precision,
            **trajectory._asdict(),
        )
        try:
            path = results.save(found, folder)
        except (ValueError, OSError) as error:
            return fail(failure or error, 1)
        if failure:
            return fail(f"{failure} The records before it are in {path}.", 1)
        if not trajectory.complete:
            done = f"{trajectory.steps[-1]} of {request.experiment.num_steps} steps"
            return fail(f"interrupted; the records of {done} are in {path}.", 130)
        said = f"Saved {path}, after {trajectory.seconds:.1f} s."
    else:
        said = f"Read {folder / name}.nc, a finished run; --again repeats it."
    print(table(found))
    print(said)
    try:
        draw(found, request.experiment, picture)
    except OSError as error:
        return fail(error, 1)
    print(f"Drew {picture}.")
    return 0


def table(run: xr.Dataset) -> str:
    """Medians over seeds of what was recorded, and the levels to read them against."""
    columns = ("start", "end", "least", "greatest", "chance", "SVD")
    lines = [f"{'':22s}" + "".join(f"{name:>11s}" for name in columns)]
    for name in ("loss", *measures.DEFAULT):
        values = run[name].values
        levels = [run.get(f"reference_{kind}_{name}") for kind in ("chance", "svd")]
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "All-NaN slice")  # shown as a dash
            numbers = [
                np.nanmedian(values[:, 0]),
                np.nanmedian(values[:, -1]),
                np.nanmin(values[:, -1]),
                np.nanmax(values[:, -1]),
                *(np.nan if level is None else np.nanmedian(level) for level in levels),
            ]
        shown = ("-" if np.isnan(each) else f"{each:.4g}" for each in numbers)
        lines.append(f"{name:22s}" + "".join(f"{each:>11s}" for each in shown))
    optimum = np.median(run["reference_optimum_loss"])
    best = "no closed form" if np.isnan(optimum) else f"{optimum:.4g}"
    return "\n".join(
        [
            *lines,
            f"Optimum of the loss: {best}.",
            f"Medians over seeds ({run.sizes['seed']}); least and greatest at the end; "
            "chance: random unit vectors; SVD: the teacher's, truncated.",
        ]
    )


def draw(run: xr.Dataset, cell: Experiment, path: Path) -> None:
    """Loss and kept geometry over the steps, as a file."""
    frame = results.summary_frame(run, cell.objective.label)
    with plots.style():
        figure = Figure(figsize=(7, 2.9))
        plots.run_summary(frame, tuple(figure.subplots(1, 2)))
        figure.suptitle(_title(cell), fontsize=8)
        figure.savefig(path)


def _title(cell: Experiment) -> str:
    return (
        f"{cell.objective.label}; {type(cell.teacher).__name__}, {cell.num_vectors} "
        f"vectors, {cell.teacher_dim} to {cell.student_dim} dimensions, "
        f"{cell.num_seeds} seed{'s' if cell.num_seeds > 1 else ''}, "
        f"epsilon {cell.epsilon:g}"
    )


def _compute(cell: Experiment) -> tuple[Trajectory, NotFiniteError | None]:
    """What was recorded, and what ended it early."""
    print(_title(cell), file=sys.stderr)
    bar = tqdm(total=cell.num_steps, unit="step", disable=None)
    with bar, Interrupts() as interrupts:
        bar.set_postfix_str("compiling")

        def on_chunk(steps: int, loss: float) -> None:
            bar.set_postfix_str(f"loss {loss:.3e}", refresh=False)
            bar.update(steps - bar.n)
            interrupts.at_a_record()

        try:
            return experiment.run(cell, on_chunk=on_chunk), None
        except NotFiniteError as error:
            if error.trajectory is None:
                raise
            return error.trajectory, error


class Interrupts:
    """A Ctrl-C ends the run at its next record; before the first, or twice, at once.

    Raised wherever it comes, it could be lost in a callback of JAX, which drops what is
    raised there.
    """

    def __init__(self) -> None:
        self.recorded = self.asked = False

    def __enter__(self) -> "Interrupts":
        self.previous = None
        if threading.current_thread() is threading.main_thread():
            self.previous = signal.signal(signal.SIGINT, self.on_signal)
        return self

    def __exit__(self, *_: object) -> None:
        if self.previous is not None:
            signal.signal(signal.SIGINT, self.previous)

    def on_signal(self, *_: object) -> None:
        if self.asked or not self.recorded:
            self.asked = True
            raise KeyboardInterrupt
        self.asked = True
        tqdm.write("Stopping at the next record; Ctrl-C again stops now.", sys.stderr)

    def at_a_record(self) -> None:
        self.recorded = True
        if self.asked:
            raise KeyboardInterrupt


def _find(folder: Path, name: str) -> xr.Dataset | None:
    with warnings.catch_warnings(record=True, action="always") as told:
        found = results.find(folder, name)
    for each in told:
        fail(each.message, 0)
    return found
