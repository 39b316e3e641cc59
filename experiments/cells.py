"""The runs behind the figures, computed once and then read from `results/`.

All that studies know of the engine stands here: how an experiment is described, how
runs are computed and kept, and what the columns of their frames are called.
"""

import functools
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import xarray as xr
from jaxtyping import Array, Float
from tqdm import tqdm

from simgeo import experiment, objectives, results, settings, sweep, teachers
from simgeo.experiment import Experiment, programs
from simgeo.objectives import AbstractObjective
from simgeo.teachers import AbstractTeacher

RESULTS = Path("results")
RATE = "learning_rate"  # the column of a frame that has the optimiser's rate

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
    """One experiment of a study, and columns that its rows get beside its settings.

    The label of the objective is always one of them; `labels` may replace it.
    """

    experiment: Experiment
    labels: dict[str, Any]


def preset(
    quick: bool,
    rate: float = 0.03,
    schedule: str = "cosine",
    optimiser: str = "adam",
    **changes,
) -> Experiment:
    """An experiment of our own preset: the paper's text does not give every value.

    Args:
        quick: whether it is to be small.
        rate: the optimiser's learning rate.
        schedule: "cosine", which decays to zero at the last step, or "constant".
        optimiser: "adam" or "sgd".
        changes: other fields of `Experiment`, in place of the preset's.
    """
    size = (
        {"num_vectors": 96, "teacher_dim": 48, "num_steps": 300}
        if quick
        else {"num_vectors": 256, "teacher_dim": 128, "num_steps": 1000}
    )
    common = {"epsilon": 0.1, "num_records": 30, "num_seeds": 16}
    descent = {"learning_rate": rate, "schedule": schedule, "optimiser": optimiser}
    return Experiment(**{**size, **common, **descent, **changes})


def crossed(
    quick: bool,
    teachers: Mapping[str, AbstractTeacher],
    objectives: Sequence[AbstractObjective],
    labels: Mapping[str, Any] | None = None,
    **changes,
) -> list[Cell]:
    """A cell for every objective and teacher, which is labelled by its name here.

    Args:
        labels: further columns of the rows of all.
        changes: what else `preset` takes.
    """
    return [
        Cell(
            preset(quick, teacher=teacher, objective=objective, **changes),
            {"teacher": name, **(labels or {})},
        )
        for objective in objectives
        for name, teacher in teachers.items()
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


def main_grid(quick: bool) -> list[Cell]:
    """Every teacher and objective, at the teacher's width and at half of it."""
    dim = preset(quick, student_dim=1).teacher_dim
    return [
        cell
        for width in (dim, dim // 2)
        for cell in crossed(quick, TEACHERS, OBJECTIVES, student_dim=width)
    ]


@functools.lru_cache(4)
def main_frame(quick: bool) -> pd.DataFrame:
    """The runs of the main grid, which several studies draw."""
    return compute(main_grid(quick))


def compute(
    cells: Sequence[Cell], diverging: bool = False, keep_vectors: bool = False
) -> pd.DataFrame:
    """One row per cell, seed and record; what is found finished is read, not run.

    Args:
        diverging: whether to leave out cells whose gradient is not finite.
        keep_vectors: whether to keep them for a study that asks for them too.

    Returns:
        What `results.frame` gives, and the columns that each cell's labels name.
    """
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
    files = [RESULTS / f"{_fingerprint(cell.experiment, whole)}.nc" for cell in cells]
    left = sum(not file.exists() for file in files)
    print(f"{len(cells)} runs: {len(cells) - left} finished, {left} to do.")
    with tqdm(total=len(cells), unit="run", disable=None if left else True) as bar:

        def on_batch(at: sweep.Progress) -> None:
            bar.update(at.done + at.failed - bar.n)

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


def draw_teachers(one: Experiment) -> Float[Array, "s n d"]:
    """The teacher of every seed, on one device."""
    return jnp.asarray(np.asarray(experiment.draw_teachers(one)))


class Steps:
    """What runs do between two records, to be timed: a call does `num_steps` steps."""

    def __init__(self, one: Experiment, num_steps: int):
        arrays = jax.tree.map(jnp.asarray, one)
        rate = programs.Rate(arrays.learning_rate, arrays.num_steps)
        self.rule = programs.Rule(one.optimiser, one.schedule)
        self.mesh = programs.mesh_of(one.num_seeds)
        self.common = (jnp.asarray(num_steps), arrays.objective, arrays.student, rate)
        self.teacher = experiment.draw_teachers(one)
        own = (programs.keys_of(one.seeds, "student"), self.teacher)
        self.state = programs.start(
            self.common[1:], own, one.student_dim, self.rule, self.mesh
        )

    def __call__(self) -> None:
        self.state = programs.advance(
            self.common, (), self.state, self.teacher, self.rule, self.mesh
        )
        jax.block_until_ready(self.state)


def compute_with_norms(cells: Sequence[Cell]) -> pd.DataFrame:
    """As `compute`, with `gradient_norm` and `update_norm` at every record.

    To delete when runs record both: then `compute` gives the same, and more columns.
    """
    return cached(_with_norms, {"cells": tuple(cells)})


def _with_norms(cells: Sequence[Cell]) -> pd.DataFrame:
    tables = []
    for cell in tqdm(cells, desc="runs that are watched", disable=None):
        one, teacher = cell.experiment, draw_teachers(cell.experiment)
        slopes = jax.jit(jax.vmap(jax.grad(one.objective)))
        students: list[np.ndarray] = []
        run = experiment.run(one, on_students=students.append)
        lengths = functools.partial(np.linalg.norm, axis=(1, 2))
        moved = np.diff(np.stack(students), axis=0, prepend=np.nan)
        norms = {
            "gradient_norm": [lengths(slopes(each, teacher)) for each in students],
            "update_norm": [lengths(each) for each in moved],
        }
        index = pd.MultiIndex.from_product(
            [one.seeds, run.steps.tolist()], names=["seed", "step"]
        )
        table = {name: run.records[name].ravel() for name in ("loss", "distance_cka")}
        table |= {name: np.stack(each, axis=1).ravel() for name, each in norms.items()}
        names = {"objective": one.objective.label, RATE: one.learning_rate}
        labels = names | cell.labels
        tables.append(pd.DataFrame(table, index).reset_index().assign(**labels))
    return pd.concat(tables, ignore_index=True)


def _rows(cell: Cell, kept: xr.Dataset) -> pd.DataFrame:
    frame = _final_names(results.frame(kept))
    label = cell.experiment.objective.label
    return frame.assign(**{"objective": label, **cell.labels})


def _final_names(frame: pd.DataFrame) -> pd.DataFrame:
    """The names that data sets of schema 2 have. To delete when runs give these."""
    frame = frame.rename(
        columns=lambda name: re.sub(
            "^scale_", "zero_student_", name.removeprefix("reference_")
        )
    )
    zero = frame["zero_student_loss"]
    return frame.assign(
        relative_loss=frame["loss"] / zero,
        relative_optimum=frame["optimum_loss"] / zero,
        excess_loss=(frame["loss"] - frame["optimum_loss"]) / zero,
    )
