"""The runs behind the figures, computed once and then read from `results/`.

All that studies know of the engine stands here: how an experiment is described, how
runs are computed and kept, and what the columns of their frames are called.
"""

import functools
import itertools
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import xarray as xr
from tqdm import tqdm

from simgeo import objectives, optimisers, results, settings, sweep, teachers
from simgeo.objectives import AbstractObjective
from simgeo.problems import AbstractCell, Experiment
from simgeo.teachers import AbstractTeacher

RESULTS = Path("results")
RATE = "optimiser.learning_rate"  # the column of a frame that has the optimiser's rate

TEACHERS: dict[str, AbstractTeacher] = {
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
    """One run of a study, and columns that its rows get beside its settings.

    The label of the objective is always one of them; `labels` may replace it.
    """

    experiment: AbstractCell
    labels: dict[str, Any]


def preset(
    quick: bool,
    rate: float = 0.03,
    schedule: str = "cosine",
    optimiser: str | optimisers.AbstractOptimiser = "adam",
    **changes,
) -> Experiment:
    """An experiment of our own preset: the paper's text does not give every value.

    Args:
        quick: whether it is to be small.
        rate: the optimiser's learning rate.
        schedule: "cosine", which decays to zero at the last step, or "constant".
        optimiser: the kind of one of `simgeo.optimisers`, such as "adam", which takes
            rate and schedule; or an optimiser, which is taken as it is.
        changes: other fields of `Experiment`, in place of the preset's.
    """
    size = (
        {"num_vectors": 96, "teacher_dim": 48, "num_steps": 300}
        if quick
        else {"num_vectors": 256, "teacher_dim": 128, "num_steps": 1000}
    )
    common = {"epsilon": 0.1, "num_records": 30, "num_seeds": 16}
    if isinstance(optimiser, str):
        base = optimisers.AbstractOptimiser
        kind = settings.find_kind(optimiser, base, at="optimiser")
        optimiser = kind(learning_rate=rate, schedule=schedule)
    return Experiment(**{**size, **common, "optimiser": optimiser, **changes})


def crossed(
    quick: bool,
    teachers: Mapping[str, AbstractTeacher],
    objectives: Sequence[AbstractObjective],
    labels: Mapping[str, Any] | None = None,
    **changes,
) -> list[Cell]:
    """A cell for every objective and teacher, which is labelled by its name here.

    Args:
        quick: whether it is to be small.
        teachers: by their names.
        objectives: that are minimised.
        labels: further columns of the rows.
        changes: of the preset; where one is a list, all cells for each of its values,
            of the first such change in the outermost order.
    """
    swept = {name: each for name, each in changes.items() if isinstance(each, list)}
    return [
        Cell(
            preset(
                quick,
                teacher=teacher,
                objective=objective,
                **changes | dict(zip(swept, values, strict=True)),
            ),
            {"teacher": name, **(labels or {})},
        )
        for *values, objective, (name, teacher) in itertools.product(
            *swept.values(), objectives, teachers.items()
        )
    ]


def describe(one: Experiment) -> str:
    """The settings that the runs of a study share, for captions."""
    descent = one.optimiser.label
    if getattr(one.optimiser, "schedule", "") == "constant":  # of which some vary it
        descent = f"{descent.partition(' ')[0]} at a fixed rate"
    return (
        f"n = {one.num_vectors}, d = {one.teacher_dim}, epsilon = {one.epsilon:g}, "
        f"{one.num_seeds} seeds, {one.num_steps:,} steps of {descent}; "
        f"free rows from a Gaussian start."
    )


def main_grid(quick: bool) -> list[Cell]:
    """Every teacher and objective, at the teacher's width and at half of it."""
    dim = preset(quick, student_dim=1).teacher_dim
    return crossed(quick, TEACHERS, OBJECTIVES, student_dim=[dim, dim // 2])


@functools.lru_cache(4)
def main_frame(quick: bool) -> pd.DataFrame:
    """The runs of the main grid, which several studies draw."""
    return compute(main_grid(quick))


def compute(
    cells: Sequence[Cell], diverging: bool = False, keep_vectors: bool = False
) -> pd.DataFrame:
    """The tidy frame of all cells, with their labels; see `datasets`."""
    kept = zip(cells, datasets(cells, diverging, keep_vectors), strict=True)
    rows = [_rows(cell, data) for cell, data in kept if data is not None]
    return pd.concat(rows, ignore_index=True)


def vectors(
    cells: Sequence[Cell],
) -> Iterator[tuple[Cell, np.ndarray, np.ndarray, np.ndarray]]:
    """Every cell with its seeds (s,), students (s, n, m) and teachers (s, n, d)."""
    for cell, kept in zip(cells, datasets(cells, keep_vectors=True), strict=True):
        assert kept is not None
        yield cell, *(kept[name].values for name in ("seed", "student", "teacher"))


def datasets(
    cells: Sequence[Cell], diverging: bool = False, keep_vectors: bool = False
) -> list[xr.Dataset | None]:
    """What is kept of every cell; what is found finished is read, not run.

    Args:
        diverging: whether to give None for a cell whose gradient is not finite.
        keep_vectors: whether to keep those of student and teacher, which take longer
            to write than small runs take to compute.

    Raises:
        RuntimeError: if a cell failed; the others are kept.
    """
    whole = sweep.plan([cell.experiment for cell in cells])
    there = results.seeds_of(RESULTS)
    left = sum(
        not set(work.seeds) <= there.get(name, set())
        for name, work in whole.works.items()
    )
    print(
        f"{len(cells)} runs: {len(whole.works) - left} finished, {left} to do.",
        flush=True,
    )
    bar = tqdm(total=len(whole.works), unit="run", disable=None if left else True)
    with bar:

        def on_batch(at: sweep.Progress) -> None:
            bar.update(at.done + at.failed - bar.n)
            if not sys.stderr.isatty():  # where there is no bar
                print(f"  {at.done} of {at.total} runs", flush=True)

        report = sweep.run(
            whole,
            RESULTS,
            keep_vectors=keep_vectors,
            retry_failed=not diverging,
            on_batch=on_batch,
        )
    for name, reason in report.failed.items():
        if not diverging or "not finite" not in reason:
            raise RuntimeError(f"{name} of {len(report.failed)} failed: {reason}")
    return [
        results.find(RESULTS, cell.experiment.fingerprint, cell.experiment.seeds)
        for cell in cells
    ]


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
    label = cell.experiment.labels["objective"]
    frame = results.frame(kept)
    return frame.assign(**{"objective": label, **cell.labels})
