"""A small page, made once in a session: one program, whatever its runs are called."""

import fcntl
import functools
import os
from pathlib import Path

import pytest

from simgeo import optimisers, problems, teachers
from simgeo_apps.page import document, guess, rounding, training

TEACHERS = ("orthogonal groups", "a shared direction")


def _cell(number: int, teacher: str, objective: str, width: int) -> training.Cell:
    """They differ in their seeds and rates alone. Three dimensions, as arrows need."""
    experiment = problems.Experiment(
        teacher=teachers.Gaussian(),
        num_vectors=12,
        teacher_dim=3,
        student_dim=3,
        epsilon=rounding.EPSILON,
        measures=training.MEASURES,
        num_steps=8,
        num_records=4,
        num_seeds=2,
        teacher_seed=TEACHERS.index(teacher) if teacher in TEACHERS else 7,
        optimiser=optimisers.Adam(0.03 * (number + 1)),
    )
    return training.Cell(teacher, objective, width, experiment)


@functools.cache
def runs() -> tuple[list[training.Run], list[training.Run]]:
    """What `document.contents` takes: the students of the guess, and the grid."""
    names = [
        (teacher, objective, width)
        for width in training.WIDTHS
        for objective in (training.A, training.B)
        for teacher in TEACHERS
    ]
    guessed = [(cell.teacher, cell.objective, cell.width) for cell in guess.CELLS]
    cells = [_cell(number, *name) for number, name in enumerate([*guessed, *names])]
    done = training.run_all(tuple(cells), lambda cell: None)
    return done[:2], done[2:]


@functools.cache
def shown() -> dict:
    """The contents of the page."""
    return document.contents(*runs())


def file(folders: pytest.TempPathFactory) -> Path:
    """The page itself, made by the first process of the session that asks for it."""
    folder = folders.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    path = folder / "page.html"
    with open(folder / "page.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.exists():
            path.write_text(document.render(shown()), encoding="utf-8")
    return path
