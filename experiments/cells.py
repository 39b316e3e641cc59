"""The runs behind the figures: computed once, then read from `results/`."""

import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import xarray as xr
from tqdm import tqdm

from simgeo import objectives, results, settings, sweep, teachers
from simgeo.experiment import Experiment
from simgeo.objectives import AbstractObjective

RESULTS = Path("results")

TEACHERS = {
    "high fraction": teachers.OrthogonalFraction(fraction=0.95, epsilon=0.1),
    "blocks": teachers.OrthogonalBlocks(num_blocks=8, cosine=0.5),
    "common mean": teachers.CommonMean(cosine=0.1),
}
OBJECTIVES: tuple[AbstractObjective, ...] = (
    objectives.CKA(),
    objectives.CKA(centred=False),
    objectives.LinearProjection(),
    objectives.Procrustes(),
    objectives.Procrustes(centred=True, normalised=True),
    objectives.FeatureGram(),
    objectives.FeatureGram(centred=True),
)


class Cell(NamedTuple):
    """One experiment of a study, and the names that its rows go by."""

    study: str
    teacher: str
    experiment: Experiment


def preset(quick: bool, **changes) -> Experiment:
    """Our own preset: the paper's text does not give every value."""
    size = (
        {"num_vectors": 96, "teacher_dim": 48, "num_steps": 300}
        if quick
        else {"num_vectors": 256, "teacher_dim": 128, "num_steps": 1000}
    )
    common = {
        "epsilon": 0.1,
        "learning_rate": 0.03,
        "schedule": "cosine",
        "num_records": 30,
        "num_seeds": 16,
    }
    return Experiment(**{**size, **common, **changes})


def main_grid(quick: bool) -> list[Cell]:
    """Every teacher and objective, at the teacher's width and at half of it."""
    dim = preset(quick, student_dim=1).teacher_dim
    return [
        Cell(
            "main",
            name,
            preset(quick, teacher=teacher, objective=objective, student_dim=width),
        )
        for width in (dim, dim // 2)
        for objective in OBJECTIVES
        for name, teacher in TEACHERS.items()
    ]


@functools.cache
def main_frame(quick: bool) -> pd.DataFrame:
    """The runs of the main grid, which several studies draw."""
    return compute(main_grid(quick))


@functools.cache
def spike_frame(quick: bool) -> pd.DataFrame:
    """The runs of the spike grid."""
    return compute(spike_grid(quick))


def spike_grid(quick: bool) -> list[Cell]:
    """Squared and unsquared Procrustes at fixed rates, densely recorded."""
    size = {"student_dim": 48, "num_vectors": 96, "teacher_dim": 48}
    size |= {"num_steps": 400 if quick else 800, "num_records": 101 if quick else 201}
    return [
        Cell(
            "spikes",
            "high fraction",
            preset(
                quick,
                teacher=TEACHERS["high fraction"],
                objective=objectives.Procrustes(squared=squared),
                schedule="constant",
                learning_rate=rate,
                record_spacing="even",
                **size,
            ),
        )
        for squared in (True, False)
        for rate in (0.01, 0.1)
    ]


def describe(one: Experiment) -> str:
    """The settings that the runs of a study share, for captions."""
    decays = one.schedule == "cosine"
    rate = (
        f"at {one.learning_rate:g} with cosine decay" if decays else "at a fixed rate"
    )
    return (
        f"n = {one.num_vectors}, d = {one.teacher_dim}, epsilon = {one.epsilon:g}, "
        f"{one.num_seeds} seeds, {one.num_steps:,} steps of "
        f"{one.optimiser.capitalize()} {rate}; free rows from a Gaussian start."
    )


def compute(
    cells: Sequence[Cell], diverging: bool = False, vectors: bool = False
) -> pd.DataFrame:
    """One row per cell, seed and record; what is found finished is read, not run.

    With `diverging`, cells whose gradient is not finite are left out. `vectors` is for
    a study that then asks `datasets` for them.
    Beside what `results.frame` gives: `study`, and `teacher` and `objective` by name;
    `relative_loss` and `relative_optimum`, divided by the loss of the zero student.
    """
    found = zip(cells, datasets(cells, diverging, vectors), strict=True)
    rows = [_rows(cell, kept) for cell, kept in found if kept is not None]
    return pd.concat(rows, ignore_index=True)


def datasets(
    cells: Sequence[Cell], diverging: bool = False, vectors: bool = False
) -> list[xr.Dataset | None]:
    """What is kept of every cell; what is found finished is read, not run.

    With `diverging`, None for those whose gradient is not finite. With `vectors`, those
    of student and teacher too, which take longer to write than small runs to compute.

    Raises:
        RuntimeError: if a cell failed; the others are kept.
    """
    whole = sweep.plan([cell.experiment for cell in cells])
    files = [RESULTS / f"{_fingerprint(cell.experiment, whole)}.nc" for cell in cells]
    left = sum(not file.exists() for file in files)
    print(f"{len(cells)} runs: {len(cells) - left} finished, {left} to do.")
    with tqdm(total=len(cells), unit="run", disable=None if left else True) as bar:

        def on_batch(at: sweep.Progress) -> None:
            bar.update(at.done + at.failed - bar.n)

        report = sweep.run(
            whole,
            RESULTS,
            keep_vectors=vectors,
            retry_failed=not diverging,
            on_batch=on_batch,
        )
    for name, reason in report.failed.items():
        if not diverging or "not finite" not in reason:
            raise RuntimeError(f"{name} of {len(report.failed)} failed: {reason}")
    return [results.load(file) if file.exists() else None for file in files]


def _fingerprint(described: Experiment, whole: sweep.Plan) -> str:
    return settings.fingerprint(described, {"precision": whole.precision})


def cached(study: Callable[..., pd.DataFrame], asked: dict[str, Any]) -> pd.DataFrame:
    """The table of a study that runs no experiment, computed once for its settings."""
    name = study.__module__.split(".")[1]
    path = RESULTS / f"{name}-{settings.digest({'asked': repr(asked)})}.csv"
    if not path.exists():
        RESULTS.mkdir(exist_ok=True)
        table = study(**asked)
        part = path.with_suffix(".part")
        table.to_csv(part, index=False)
        part.replace(path)
    return pd.read_csv(path)


def _rows(cell: Cell, kept: xr.Dataset) -> pd.DataFrame:
    frame = results.frame(kept)
    frame = frame.rename(columns=lambda name: name.removeprefix("reference_"))
    return frame.assign(
        study=cell.study,
        teacher=cell.teacher,
        objective=cell.experiment.objective.label,
        relative_loss=frame["loss"] / frame["scale_loss"],
        relative_optimum=frame["optimum_loss"] / frame["scale_loss"],
    )
