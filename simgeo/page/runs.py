"""Screens 2 to 4: teachers, and students distilled from them."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from simgeo import experiment, limits, linalg, measures, objectives, teachers
from simgeo.experiment import Experiment, Trajectory
from simgeo.page.grams import EPSILON, number, order, quantised, said

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
SAYS = {
    "blocks": "6 groups of 8 vectors: mean cosine 0.5 within, orthogonal across",
    "high fraction": "9 of 10 pairs made ε-orthogonal by optimisation",
    "common mean": "random directions that all lean the same way",
    "random": "independent random directions",
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


GROUPS = (
    "uncentred CKA, Procrustes and Gram",
    "the same three centred",
    "learned projection",
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
    trajectory = experiment.run(
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
        "widths": [
            (width, f"{width}, as the teacher" if width == dim else f"{width} of {dim}")
            for width in widths
        ],
        "steps": [f"step {step}" for step in runs[0].trajectory.steps],
    }


def teacher_grams(runs: list[Run]) -> list[dict]:
    """The cosines of every teacher at seed 0, like beside like."""
    return [
        {"teacher": name, "teacher_cells": quantised(vectors[order(vectors)])}
        for name, vectors in _teachers(runs).items()
    ]


def student_grams(runs: list[Run]) -> list[dict]:
    """The cosines of the student of seed 0 at every record, in its teacher's order."""
    orders = {name: order(vectors) for name, vectors in _teachers(runs).items()}
    return [
        _names(each.cell)
        | {"record": record, "cells": quantised(student[orders[each.cell.teacher]])}
        for each in runs
        for record, student in enumerate(each.students)
    ]


def teacher_cosines(runs: list[Run]) -> list[dict]:
    """Shares of the teacher's pairs, and of random ones, over |cos|."""
    random = np.diff(
        [limits.random_fraction(edge, TEACHER_DIM) if edge else 0.0 for edge in BINS]
    )
    rows = []
    for name, vectors in _teachers(runs).items():
        cosines = np.abs(_pair_cosines(vectors))
        found, _ = np.histogram(np.minimum(cosines, 1.0), BINS)
        for low, share, chance in zip(BINS, found / len(cosines), random, strict=False):
            rows.append(
                {
                    "teacher": name,
                    "low": round(float(low), 3),
                    "high": round(float(low + BINS[1]), 3),
                    "share": number(share),
                    "random": number(chance),
                }
            )
    return rows


def curves(runs: list[Run]) -> list[dict]:
    """Loss and kept geometry, one row for each cell, seed and record."""
    rows = []
    for each in runs:
        levels, records = each.trajectory.references, each.trajectory.records
        excess = records["loss"] - levels["optimum_loss"][:, None]
        excess = excess / levels["scale_loss"][:, None]
        for s, seed in enumerate(each.trajectory.seeds):
            for record, step in enumerate(each.trajectory.steps):
                rows.append(
                    _names(each.cell)
                    | {
                        "seed": int(seed),
                        "record": record,
                        "step": int(step),
                        "loss": number(records["loss"][s, record]),
                        "excess": number(max(excess[s, record], FLOOR)),
                        "matthews": number(records["matthews"][s, record]),
                    }
                )
    return rows


def levels(runs: list[Run]) -> list[dict]:
    """Chance and limit of the Matthews correlation, medians over seeds."""
    firsts = {(each.cell.teacher, each.cell.width): each for each in reversed(runs)}
    return [
        {
            "teacher": name,
            "width": width,
            "level": label,
            "matthews": number(
                np.median(each.trajectory.references[f"{kind}_matthews"])
            ),
        }
        for (name, width), each in reversed(firsts.items())
        for kind, label in (("chance", "chance"), ("svd", "limit"))
    ]


def ends(runs: list[Run]) -> list[dict]:
    """Where every cell ends: medians, least and greatest over seeds."""
    rows = []
    last = curves(runs)
    for each in runs:
        names = _names(each.cell)
        final = len(each.students) - 1
        found = [row for row in last if names.items() <= row.items()]
        found = [row for row in found if row["record"] == final]
        kept = np.asarray([row["matthews"] for row in found], float)
        rows.append(
            names
            | {
                "excess": number(np.median([row["excess"] for row in found])),
                "matthews": number(np.median(kept)),
                "least": number(kept.min()),
                "greatest": number(kept.max()),
            }
        )
    return rows


def teacher_readings(runs: list[Run]) -> dict[str, str]:
    """What screen 2 says of each teacher."""
    found = {}
    for name, vectors in _teachers(runs).items():
        cosines = np.abs(_pair_cosines(vectors))
        within, pairs = int(np.sum(cosines <= EPSILON)), len(cosines)
        chance = limits.random_fraction(EPSILON, TEACHER_DIM)
        rank = float(measures.effective_rank(jnp.asarray(vectors)))
        found[name] = (
            f"{name.capitalize()}: {SAYS[name]}. {within:,} of {pairs:,} pairs "
            f"({100 * within / pairs:.1f} %) are ε-orthogonal; of random "
            f"directions {100 * chance:.1f} %. Largest |cos| {cosines.max():.2f}, "
            f"effective rank {rank:.1f} of {vectors.shape[1]}."
        )
    return found


def run_readings(runs: list[Run]) -> dict[str, str]:
    """What screen 3 says at each record of every cell, of seed 0."""
    rows = {}
    for each in runs:
        names = "|".join(str(name) for name in _names(each.cell).values())
        records = each.trajectory.records
        optimum = float(each.trajectory.references["optimum_loss"][0])
        for row in curves([each]):
            if row["seed"] == each.trajectory.seeds[0]:
                at = row["record"]
                teacher, student, both = (
                    int(records[f"pairs_{kind}"][0, at])
                    for kind in ("teacher", "student", "both")
                )
                rows[f"{names}|{at}"] = (
                    f"Step {row['step']}: loss {said(row['loss'])}, least possible "
                    f"{said(optimum)}. Of the teacher's {teacher:,} ε-orthogonal pairs "
                    f"{both:,} are kept and {teacher - both:,} lost; "
                    f"{student - both:,} are gained that the teacher lacks. "
                    f"Matthews correlation {said(row['matthews'])}."
                )
    return rows


def end_readings(runs: list[Run]) -> dict[str, str]:
    """What screen 4 says of each teacher and width."""
    ended, found = ends(runs), {}
    for level in levels(runs):
        if level["level"] == "limit":
            names = {key: level[key] for key in ("teacher", "width")}
            groups: dict[str, list[dict]] = {}
            for row in ended:
                if names.items() <= row.items():
                    groups.setdefault(_group(row["objective"]), []).append(row)
            medians = "; ".join(
                f"{group} {_range([row['matthews'] for row in groups[group]])}"
                for group in sorted(groups, key=GROUPS.index)
            )
            found[f"{level['teacher']}|{level['width']}"] = (
                f"Matthews correlation at the end, medians over seeds: {medians}. "
                f"Limit (truncated SVD of the teacher) {said(level['matthews'])}."
            )
    return found


def _group(label: str) -> str:
    objective = next(each for each in OBJECTIVES if each.label == label)
    if "linear map" in objective.invariant_to:
        return GROUPS[2]
    return GROUPS["translation" in objective.invariant_to]


def _range(values: list[float | None]) -> str:
    numbers = np.asarray(values, float)
    low, high = said(numbers.min()), said(numbers.max())
    return low if low == high else f"{low} to {high}"


def _names(cell: Cell) -> dict[str, Any]:
    return {"teacher": cell.teacher, "objective": cell.objective, "width": cell.width}


def _teachers(runs: list[Run]) -> dict[str, np.ndarray]:
    return {each.cell.teacher: each.trajectory.teacher[0] for each in runs}


def _pair_cosines(vectors: np.ndarray) -> np.ndarray:
    cosines = np.asarray(linalg.cosines(jnp.asarray(vectors)))
    return cosines[np.triu_indices(len(cosines), 1)]
