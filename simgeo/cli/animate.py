"""`simgeo animate`: students finding their places, as a film."""

import dataclasses
import subprocess
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
import pandas as pd
from tqdm import tqdm

from simgeo import engine, objectives, plots, settings
from simgeo.checks import require
from simgeo.cli import fail, failed
from simgeo.cli.changes import change
from simgeo.cli.files import replaced, require_file
from simgeo.cli.flags import describe_file, read, settings_parser, sort
from simgeo.cli.interrupts import Interrupts
from simgeo.engine import NotFiniteError
from simgeo.objectives import AbstractObjective
from simgeo.optimisers import Adam
from simgeo.problems import Experiment
from simgeo.teachers import FromGram, Noisy, grams

# Three orthogonal groups whose mean is not zero, which is what a centred loss cannot
# see; a narrower student has no room for them.
EXAMPLE = Experiment(
    teacher=Noisy(FromGram(grams.BlockGram(num_blocks=3, within=1.0)), noise=0.12),
    num_vectors=15,
    teacher_dim=3,
    student_dim=3,
    epsilon=0.15,
    optimiser=Adam(0.02),
    num_steps=400,
    num_records=60,
    num_seeds=1,
)
PANELS: tuple[AbstractObjective, ...] = (
    objectives.CKA(),
    objectives.Procrustes(centred=True, normalised=True),
    objectives.FeatureGram(centred=True),
    objectives.CKA(centred=False),
    objectives.Procrustes(),
    objectives.FeatureGram(),
)
_KEPT = ("loss", "matthews", "pairs_both", "pairs_teacher")
_ABOUT = "Film students of 2 or 3 dimensions while they are optimised, one per panel."

EXAMPLES = """\
examples:
  simgeo animate ways.gif
  simgeo animate ways.gif --student-dim 2
  simgeo animate ways.mp4 objective:cka objective:procrustes --objective.centred
  simgeo animate ways.gif one.toml other.toml

One panel for each objective: those that are named, otherwise those of the files,
otherwise CKA, Procrustes and Gram, centred and not. Without a file, a small teacher of
three groups in 3 dimensions. The first seed of each is filmed, every record one frame.
`simgeo list` tells what each kind is."""


class Request(NamedTuple):
    """What `simgeo animate` was asked for."""

    cells: list[Experiment]
    path: Path
    rate: int


def parse(arguments: list[str]) -> Request:
    """The request in these arguments; ValueError if it is malformed or impossible."""
    parser = settings_parser(
        "animate", "OUT.gif|OUT.mp4 [FILE.toml ...]", _ABOUT, EXAMPLES
    )
    parser.add_argument(
        "--frames-per-second", metavar="N", default="12", help="default: 12"
    )
    changes, words = read(parser, arguments)
    rate = changes.pop("frames_per_second")
    is_right = rate.isdecimal() and rate.isascii() and 1 <= int(rate) <= 50
    rule = "be a whole number from 1 to 50"
    require(is_right, "--frames-per-second", rule, rate)
    choices, files = sort(words)
    films = [name for name in files if Path(name).suffix.lower() != ".toml"]
    if len(films) != 1:
        got = ", ".join(films) or "none"
        raise ValueError(
            f"one file to write must be named, OUT.gif or OUT.mp4; got {got}."
        )
    path = plots.check_movie(films[0], "OUT")
    require_file("OUT", path)
    files.remove(films[0])
    return Request(_cells(files, choices, changes), path, int(rate))


def _cells(
    files: list[str], choices: list[tuple[str, str]], changes: dict[str, Any]
) -> list[Experiment]:
    """One experiment for each panel, of one seed."""
    named = [each for each in choices if each[0] == "objective"]
    common = [each for each in choices if each[0] != "objective"]
    started = [describe_file(name) for name in files]
    if not started:
        started = [settings.describe(EXAMPLE)]
        if not named:
            panels = map(settings.describe, PANELS)
            started = [started[0] | {"objective": panel} for panel in panels]
    cells = [
        change(cell, [*common, *own], changes)
        for cell in started
        for own in ([[each] for each in named] or [[]])
    ]
    cells = [dataclasses.replace(cell, num_seeds=1) for cell in cells]
    for cell in cells:
        drawable = cell.student_dim in (2, 3)
        require(drawable, "student_dim", "be 2 or 3 to be drawn", cell.student_dim)
    for name in ("student_dim", "num_steps", "num_records", "record_spacing"):
        found = list(dict.fromkeys(getattr(cell, name) for cell in cells))
        got = ", ".join(map(str, found))
        require(len(found) == 1, name, "be the same in all panels", got)
    return cells


def run(arguments: list[str]) -> int:
    """Exit code, after the film is written."""
    request = parse(arguments)
    engine.keep_programs()
    try:
        frame = film(request.cells)
        with replaced(request.path) as part:
            plots.save_movie(plots.animate(frame), part, request.rate)
    except KeyboardInterrupt:
        return fail("interrupted; nothing is written.", 130)
    except NotFiniteError as error:
        return fail(error, 1)
    except subprocess.CalledProcessError as error:
        said = str(error.stderr or error.output or error).strip().splitlines()
        return fail(f"ffmpeg could not write {request.path}: {said[-1]}.", 1)
    except (MemoryError, OverflowError, jax.errors.JaxRuntimeError) as error:
        return failed(error, "Try fewer vectors.")
    size = request.path.stat().st_size / 1e6
    count = len(request.cells)
    panels = f"{count} panel{'s' if count > 1 else ''}"
    print(f"Wrote {request.path}, {panels}, {size:.1f} MB.")
    return 0


def film(cells: list[Experiment]) -> pd.DataFrame:
    """What `plots.animate` draws: the first seed of every experiment in turn."""
    return pd.concat(map(_way, cells, _names(cells)), ignore_index=True)


def _way(cell: Experiment, name: str) -> pd.DataFrame:
    students = []
    bar = tqdm(total=cell.num_steps, unit="step", desc=name, disable=None, leave=False)
    with bar, Interrupts() as interrupts:

        def on_record(record: engine.Record) -> None:
            students.append(record.subject[0])
            bar.update(record.step - bar.n)
            interrupts.at_a_record()

        found = engine.run(cell, on_record=on_record)
    if not found.attrs["complete"]:
        raise KeyboardInterrupt
    first = found.isel(seed=0)
    return plots.vector_trajectories(
        name,
        found["step"].values,
        np.stack(students),
        first["teacher"].values,
        {record: first[record].values for record in _KEPT},
    )


def _names(cells: list[Experiment]) -> list[str]:
    """The objectives' labels, numbered where two panels would have the same."""
    labels = [cell.objective.label for cell in cells]
    names = []
    for place, label in enumerate(labels):
        number = labels[:place].count(label) + 1
        names.append(label if labels.count(label) == 1 else f"{label} ({number})")
    return names
