"""The first screen: guess which student preserves the angles, then Figure 1."""

import numpy as np
from jaxtyping import Float

from simgeo import optimisers, plots, teachers
from simgeo.problems import Experiment
from simgeo_apps.page import arrows, marks, rounding, tables, training

_FRAME = (0.5, 0.56, 0.5)
LEAST = -0.5  # where the strip of pattern agreement begins; it ends at 1


def groups() -> Float[np.ndarray, "12 3"]:
    """Four vectors about each of three axes, in turn; their means are orthogonal."""
    axes = np.eye(3)
    return np.stack(
        [
            axes[k] + 0.13 * (one * axes[k - 1] + other * axes[k - 2])
            for one, other in ((1, 1), (-1, 1), (1, -1), (-1, -1))
            for k in range(3)
        ]
    )


# Both students of the guess: A first.
CELLS = tuple(
    training.Cell(
        "three orthogonal groups",
        label,
        3,
        Experiment(
            teacher=teachers.FromArray(groups()),
            objective=training.OBJECTIVES[label],
            num_vectors=12,
            teacher_dim=3,
            student_dim=3,
            epsilon=rounding.EPSILON,
            measures=("matthews",),
            optimiser=optimisers.Adam(0.03, schedule="cosine"),
            num_steps=1200,
            num_records=36,
            num_seeds=1,
        ),
    )
    for label in (training.A, training.B)
)


def pictures(runs: list[training.Run]) -> dict[str, dict]:
    """The arrows of the teacher, and of students A and B at every record.

    Args:
        runs: of `CELLS`, or of others with as many vectors of three dimensions.
    """
    teacher = np.asarray(runs[0].data["teacher"].values[0], float)
    ways = _ways(teacher)
    made = {"teacher": arrows.picture(teacher, ways, ways, _FRAME)}
    for name, run in zip("AB", runs, strict=True):
        columns = plots.vector_trajectories(
            run.cell.objective,
            run.data["step"].values,
            np.stack(run.students),
            teacher,
            {},
        )
        placed = columns[["x", "y", "z"]].to_numpy().reshape(-1, *teacher.shape)
        for record, student in enumerate(placed):
            made[f"{name}|{record}"] = arrows.picture(
                student, _ways(student), ways, _FRAME
            )
    return made


def readings(runs: list[training.Run]) -> dict[str, str]:
    """What is said of both students at every record, and the answer of the guess."""
    drawn = pictures(runs)
    steps = runs[0].data["step"].values
    said = {
        str(record): f"Step {step}. "
        + " ".join(
            f"Student {name}: {_angles(drawn[f'{name}|{record}'])}; "
            f"{_loss(run, record)}."
            for name, run in zip("AB", runs, strict=True)
        )
        for record, step in enumerate(steps)
    }
    last = len(steps) - 1
    said["answer"] = (
        f"student B. Between the means of its groups stand "
        f"{_angles(drawn[f'B|{last}'])}, as in the teacher; in student A "
        f"{_angles(drawn[f'A|{last}'])}. Student A minimised CKA, which removes the "
        "mean vector first (centred); student B the same without that (uncentred). A "
        "vector that is added to all changes every angle, and a centred loss cannot "
        "see it."
    )
    return said


def last_losses(runs: list[training.Run]) -> dict[str, str]:
    """What is told of the losses of A and B before the guess."""
    return {name: _loss(run, -1) for name, run in zip("AB", runs, strict=True)}


def rows(runs: list[training.Run]) -> list[dict]:
    """Figure 1: for each teacher that is not random what it and two students show.

    Args:
        runs: as for `document.contents`; those of the greatest width are shown.
    """
    width = max(run.cell.width for run in runs)
    made = []
    for name in training.teachers_of(runs):
        if name == training.RANDOM:
            continue
        ours = {
            run.cell.objective: run
            for run in runs
            if (run.cell.teacher, run.cell.width) == (name, width)
        }
        first = next(iter(ours.values())).data
        counts = first.isel(seed=0, step=-1)
        total = len(training.pair_cosines(first["teacher"].values[0]))
        levels = {
            row["level"]: _place(row["matthews"])
            for row in tables.levels(list(ours.values()))
        }
        made.append(
            {
                "teacher": name,
                "says": f"{int(counts['pairs_teacher'])} of {total} pairs are "
                "ε-orthogonal",
                "students": [
                    _student(f"{letter}: {label}", ours[label])
                    for letter, label in (("A", training.A), ("B", training.B))
                    if label in ours
                ],
                "levels": levels,
                "strip": [
                    _values(ours[label]) for label in marks.IN_ORDER if label in ours
                ],
            }
        )
    return made


def _student(title: str, run: training.Run) -> dict:
    last = run.data.isel(seed=0, step=-1)
    there, here, both = (
        int(last[f"pairs_{kind}"]) for kind in ("teacher", "student", "both")
    )
    return {
        "title": title,
        "cells": f"{run.cell.key}|{len(run.students) - 1}",
        "says": f"{_loss(run, -1).capitalize()}; {both} of {there} pairs preserved, "
        f"{here - both} gained",
    }


def _values(run: training.Run) -> dict:
    values = run.data["matthews"].values[:, -1]
    return {
        "objective": run.cell.objective,
        "values": [_place(value) for value in values],
        "median": _place(np.median(values)),
        "said": rounding.said(np.median(values)),
    }


def _place(value: float | np.floating | None) -> float | None:
    """On the strip, in per cent of its length; None where undefined."""
    if value is None or not np.isfinite(value):
        return None
    return round(100 * (float(value) - LEAST) / (1 - LEAST), 1)


def _ways(vectors: Float[np.ndarray, "n 3"]) -> Float[np.ndarray, "3 3"]:
    return vectors.reshape(-1, 3, 3).mean(axis=0)


def _angles(picture: dict) -> str:
    one, two, three = (f"{arc['degrees']}°" for arc in picture["arcs"])
    return f"{one}, {two} and {three}"


def _loss(run: training.Run, record: int) -> str:
    return rounding.loss_said(float(run.data["excess_loss"][0, record]))
