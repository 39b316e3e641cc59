"""Screens 2 to 4 as tables: one function for each chart's data."""

import numpy as np

from simgeo import limits
from simgeo_apps.page import training
from simgeo_apps.page.rounding import FLOOR, number, order, quantised


def teacher_grams(runs: list[training.Run]) -> dict[str, list[int]]:
    """The cosines of every teacher at seed 0, like beside like."""
    return {
        name: quantised(vectors[order(vectors)])
        for name, vectors in training.teachers_of(runs).items()
    }


def student_grams(runs: list[training.Run]) -> dict[str, list[int]]:
    """The cosines of the student of seed 0 at every record, in its teacher's order."""
    teachers = training.teachers_of(runs)
    orders = {name: order(vectors) for name, vectors in teachers.items()}
    return {
        f"{run.cell.key}|{record}": quantised(student[orders[run.cell.teacher]])
        for run in runs
        for record, student in enumerate(run.students)
    }


def teacher_cosines(runs: list[training.Run]) -> list[dict]:
    """Shares of the teacher's pairs, and of random ones, over |cosine|."""
    edges = training.BINS
    below = [limits.random_fraction(edge, training.TEACHER_DIM) for edge in edges[1:]]
    random = np.diff([0.0, *below])
    rows = []
    for name, vectors in training.teachers_of(runs).items():
        sizes = np.abs(training.pair_cosines(vectors))
        counts, _ = np.histogram(np.minimum(sizes, 1.0), edges)
        shares = counts / len(sizes)
        for low, share, chance in zip(edges[:-1], shares, random, strict=True):
            rows.append(
                {
                    "teacher": name,
                    "low": round(float(low), 3),
                    "high": round(float(low + edges[1]), 3),
                    "share": number(share),
                    "random": number(chance),
                }
            )
    return rows


def curves(runs: list[training.Run]) -> list[dict]:
    """Loss and pattern agreement, one row for each cell, seed and record."""
    rows = []
    for run in runs:
        excess = np.maximum(run.data["excess_loss"].values, FLOOR)
        matthews = run.data["matthews"].values
        for place, seed in enumerate(run.data["seed"].values):
            for record, step in enumerate(run.data["step"].values):
                rows.append(
                    run.cell.names
                    | {
                        "seed": int(seed),
                        "record": record,
                        "step": int(step),
                        "excess": number(excess[place, record]),
                        "matthews": number(matthews[place, record]),
                    }
                )
    return rows


def levels(runs: list[training.Run]) -> list[dict]:
    """Chance level and SVD baseline of pattern agreement, medians over seeds."""
    firsts: dict[tuple[str, int], training.Run] = {}
    for run in runs:
        firsts.setdefault((run.cell.teacher, run.cell.width), run)
    return [
        {
            "teacher": teacher,
            "width": width,
            "level": label,
            "text": f"{line}: {label}",
            "matthews": number(np.median(run.data[f"{kind}_matthews"])),
        }
        for (teacher, width), run in firsts.items()
        for kind, label, line in (
            ("chance", "chance level", "dotted"),
            ("svd", "SVD baseline", "dashed"),
        )
    ]


def ends(runs: list[training.Run]) -> list[dict]:
    """Where every cell ends: medians, least and greatest over seeds."""
    rows = []
    for run in runs:
        last = run.data.isel(step=-1)
        excess = np.maximum(last["excess_loss"].values, FLOOR)
        matthews = last["matthews"].values
        rows.append(
            run.cell.names
            | {
                "excess": number(np.median(excess)),
                "matthews": number(np.median(matthews)),
                "least": number(matthews.min()),
                "greatest": number(matthews.max()),
            }
        )
    return rows
