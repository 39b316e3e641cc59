"""Screens 2 to 4: teachers, and students distilled from them."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from simgeo import engine, linalg, objectives, teachers
from simgeo.problems import Experiment, Trajectory
from simgeo.page.grams import EPSILON

NUM_VECTORS, TEACHER_DIM = 48, 24
WIDTHS = (24, 12)
FLOOR = 1e-6  # a loss this near to the least possible is rounding, and is drawn there
BINS = np.linspace(0, 1, 21)

TEACHERS = {
    "blocks": teachers.OrthogonalBlocks(num_blocks=6, cosine=0.5),
    "high fraction": teachers.OrthogonalFraction(fraction=0.9, epsilon=EPSILON),
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
            learning_rate=0.03,
            schedule="cosine",
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
    """What one cell gave: its records, and the students of its first seed."""

    cell: Cell
    trajectory: Trajectory
    students: list[np.ndarray]  # one for each record, n x m


def run(cell: Cell) -> Run:
    """The cell, run now."""
    students: list[np.ndarray] = []
    trajectory = engine.run(
        cell.experiment, on_students=lambda each: students.append(each[0])
    )
    if not trajectory.complete:
        raise KeyboardInterrupt
    return Run(cell, trajectory, students)


def run_all(cells: tuple[Cell, ...], on_run: Callable[[Cell], Any]) -> list[Run]:
    """All cells, one after the other."""
    runs = []
    for cell in cells:
        on_run(cell)
        runs.append(run(cell))
    return runs


def settings_of(cell: Cell) -> str:
    """The settings that all runs of the page share, in words."""
    one = cell.experiment
    return (
        f"n = {one.num_vectors} vectors, teacher d = {one.teacher_dim}, "
        f"ε = {one.epsilon:g}, seeds 0 to "
        f"{one.num_seeds - 1}, {one.num_steps} steps of {one.optimiser.capitalize()} "
        f"at {one.learning_rate:g} with {one.schedule} decay; free rows from a "
        f"Gaussian start"
    )


def choices(runs: list[Run]) -> dict[str, list]:
    """What a reader can choose among."""
    dim = runs[0].cell.experiment.teacher_dim
    widths = dict.fromkeys(each.cell.width for each in runs)
    return {
        "teachers": list(dict.fromkeys(each.cell.teacher for each in runs)),
        "objectives": list(dict.fromkeys(each.cell.objective for each in runs)),
        "widths": [(width, f"{width} of {dim}") for width in widths],
        "steps": [f"step {step}" for step in runs[0].trajectory.steps],
    }


def names_of(cell: Cell) -> dict[str, Any]:
    return {"teacher": cell.teacher, "objective": cell.objective, "width": cell.width}


def teachers_of(runs: list[Run]) -> dict[str, np.ndarray]:
    return {each.cell.teacher: each.trajectory.teacher[0] for each in runs}


def pair_cosines(vectors: np.ndarray) -> np.ndarray:
    cosines = np.asarray(linalg.cosines(jnp.asarray(vectors)))
    return cosines[np.triu_indices(len(cosines), 1)]
