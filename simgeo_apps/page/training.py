"""Screens 2 to 4: teachers, and students distilled from them."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Float

from simgeo import engine, linalg, objectives, optimisers, teachers
from simgeo.problems import Experiment
from simgeo_apps.page.rounding import EPSILON

NUM_VECTORS, TEACHER_DIM = 48, 24
WIDTHS = (24, 12)
FLOOR = 1e-6  # an excess loss below it is rounding, and is drawn there
BINS = np.linspace(0, 1, 21)

TEACHERS = {
    "blocks": teachers.OrthogonalBlocks(num_blocks=6, cosine=0.5),
    "high fraction": teachers.OrthogonalFraction(fraction=0.9),
    "common mean": teachers.CommonMean(cosine=0.1),
    "random": teachers.Gaussian(),
}
OBJECTIVES = (
    objectives.CKA(),
    objectives.CKA(centred=False),
    objectives.Procrustes(centred=True, normalised=True),
    objectives.Procrustes(),
    objectives.FeatureGram(centred=True),
    objectives.FeatureGram(),
    objectives.LinearProjection(),
)


class Cell(NamedTuple):
    """One experiment of the page, and the names that its rows go by."""

    teacher: str
    objective: str
    width: int
    experiment: Experiment

    @property
    def names(self) -> dict[str, Any]:
        """The columns that every row of this cell has."""
        return {
            "teacher": self.teacher,
            "objective": self.objective,
            "width": self.width,
        }


CELLS = tuple(
    Cell(
        name,
        objective.label,
        width,
        Experiment(
            teacher=teacher,
            objective=objective,
            num_vectors=NUM_VECTORS,
            teacher_dim=TEACHER_DIM,
            student_dim=width,
            epsilon=EPSILON,
            optimiser=optimisers.Adam(0.03, schedule="cosine"),
            num_steps=600,
            num_records=16,
            num_seeds=4,
        ),
    )
    for width in WIDTHS
    for objective in OBJECTIVES
    for name, teacher in TEACHERS.items()
)


class Run(NamedTuple):
    """What one cell gave: its data set, and the students of its first seed."""

    cell: Cell
    data: xr.Dataset
    students: list[Float[np.ndarray, "n m"]]  # one for each record


def run(cell: Cell) -> Run:
    """Runs the cell now.

    Raises:
        KeyboardInterrupt: if it was interrupted, at whatever record.
    """
    students: dict[int, np.ndarray] = {}

    def on_record(record: engine.Record) -> None:
        # Seeds that do not fit into memory beside the first are computed after it.
        students.setdefault(record.step, record.subject[0])

    data = engine.run(cell.experiment, on_record=on_record)
    if engine.is_cut_short(data):
        raise KeyboardInterrupt
    return Run(cell, data, [*students.values()])


def run_all(cells: tuple[Cell, ...], on_run: Callable[[Cell], Any]) -> list[Run]:
    """Runs all cells, one after the other; `on_run` is called before each."""
    runs = []
    for cell in cells:
        on_run(cell)
        runs.append(run(cell))
    return runs


def settings_of(cell: Cell) -> str:
    """The settings that all runs of the page share, in words."""
    shared = cell.experiment
    return (
        f"n = {shared.num_vectors} vectors, teacher d = {shared.teacher_dim}, "
        f"ε = {shared.epsilon:g}, seeds 0 to {shared.num_seeds - 1}, "
        f"{shared.num_steps} steps of {shared.optimiser.label}; free rows from a "
        f"Gaussian start"
    )


def choices(runs: list[Run]) -> dict[str, list]:
    """What a reader can choose among."""
    dim = runs[0].cell.experiment.teacher_dim
    cells = [run.cell for run in runs]
    return {
        "teachers": list(dict.fromkeys(cell.teacher for cell in cells)),
        "objectives": list(dict.fromkeys(cell.objective for cell in cells)),
        "widths": [
            (width, f"{width} of {dim}")
            for width in dict.fromkeys(cell.width for cell in cells)
        ],
        "steps": [f"step {step}" for step in runs[0].data["step"].values],
    }


def teachers_of(runs: list[Run]) -> dict[str, Float[np.ndarray, "n d"]]:
    """The teacher of the first seed, by its name."""
    return {run.cell.teacher: run.data["teacher"].values[0] for run in runs}


def pair_cosines(vectors: Float[np.ndarray, "n k"]) -> Float[np.ndarray, " p"]:
    """The cosines of all pairs i < j."""
    cosines = np.asarray(linalg.cosines(jnp.asarray(vectors)))
    return cosines[np.triu_indices(len(cosines), 1)]
