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

NUM_VECTORS = TEACHER_DIM = 24
WIDTHS = (24, 12)
BINS = np.linspace(0, 1, 21)

RANDOM = "random directions"
# The first three are those of Figure 1.
TEACHERS = {
    "orthogonal groups": teachers.OrthogonalBlocks(num_blocks=3, cosine=0.5),
    "nearly all pairs orthogonal": teachers.Noisy(
        teachers.OrthogonalBlocks(num_blocks=NUM_VECTORS // 2), noise=0.15
    ),
    "a shared direction": teachers.CommonMean(cosine=0.1),
    RANDOM: teachers.Gaussian(),
}
MEASURES = ("matthews", "pairs_both", "pairs_student", "pairs_teacher")
OBJECTIVES = {
    "centred CKA": objectives.CKA(),
    "uncentred CKA": objectives.CKA(centred=False),
    "centred Procrustes": objectives.Procrustes(centred=True, normalised=True),
    "uncentred Procrustes": objectives.Procrustes(),
    "centred Gram": objectives.FeatureGram(centred=True),
    "uncentred Gram": objectives.FeatureGram(),
    "learned projection": objectives.LinearProjection(),
}
CENTRED = [name for name in OBJECTIVES if name.startswith("centred")]
A, B = "centred CKA", "uncentred CKA"  # which stand side by side


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

    @property
    def key(self) -> str:
        """The same in one, as what is said and drawn of this cell is found."""
        return f"{self.teacher}|{self.objective}|{self.width}"


CELLS = tuple(
    Cell(
        name,
        label,
        width,
        Experiment(
            teacher=teacher,
            objective=objective,
            num_vectors=NUM_VECTORS,
            teacher_dim=TEACHER_DIM,
            student_dim=width,
            epsilon=EPSILON,
            measures=MEASURES,
            optimiser=optimisers.Adam(0.03, schedule="cosine"),
            num_steps=600,
            num_records=16,
            num_seeds=4,
        ),
    )
    for width in WIDTHS
    for label, objective in OBJECTIVES.items()
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
