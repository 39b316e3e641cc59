"""Screens 2 to 4 as tables: one function for each chart's data."""

import numpy as np

from simgeo import limits
from simgeo.page import runs
from simgeo.page.grams import number, order, quantised


def teacher_grams(done: list[runs.Run]) -> list[dict]:
    """The cosines of every teacher at seed 0, like beside like."""
    return [
        {"teacher": name, "teacher_cells": quantised(vectors[order(vectors)])}
        for name, vectors in runs.teachers_of(done).items()
    ]


def student_grams(done: list[runs.Run]) -> list[dict]:
    """The cosines of the student of seed 0 at every record, in its teacher's order."""
    orders = {name: order(vectors) for name, vectors in runs.teachers_of(done).items()}
    return [
        runs.names_of(each.cell)
        | {"record": record, "cells": quantised(student[orders[each.cell.teacher]])}
        for each in done
        for record, student in enumerate(each.students)
    ]


def teacher_cosines(done: list[runs.Run]) -> list[dict]:
    """Shares of the teacher's pairs, and of random ones, over |cos|."""
    random = np.diff(
        [
            limits.random_fraction(edge, runs.TEACHER_DIM) if edge else 0.0
            for edge in runs.BINS
        ]
    )
    rows = []
    for name, vectors in runs.teachers_of(done).items():
        cosines = np.abs(runs.pair_cosines(vectors))
        found, _ = np.histogram(np.minimum(cosines, 1.0), runs.BINS)
        for low, share, chance in zip(
            runs.BINS, found / len(cosines), random, strict=False
        ):
            rows.append(
                {
                    "teacher": name,
                    "low": round(float(low), 3),
                    "high": round(float(low + runs.BINS[1]), 3),
                    "share": number(share),
                    "random": number(chance),
                }
            )
    return rows


def curves(done: list[runs.Run]) -> list[dict]:
    """Loss and kept geometry, one row for each cell, seed and record."""
    rows = []
    for each in done:
        levels, records = each.trajectory.references, each.trajectory.records
        excess = records["loss"] - levels["optimum_loss"][:, None]
        excess = excess / levels["scale_loss"][:, None]
        for s, seed in enumerate(each.trajectory.seeds):
            for record, step in enumerate(each.trajectory.steps):
                rows.append(
                    runs.names_of(each.cell)
                    | {
                        "seed": int(seed),
                        "record": record,
                        "step": int(step),
                        "loss": number(records["loss"][s, record]),
                        "excess": number(max(excess[s, record], runs.FLOOR)),
                        "matthews": number(records["matthews"][s, record]),
                    }
                )
    return rows


def levels(done: list[runs.Run]) -> list[dict]:
    """Chance and limit of the Matthews correlation, medians over seeds."""
    firsts = {(each.cell.teacher, each.cell.width): each for each in reversed(done)}
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


def ends(done: list[runs.Run]) -> list[dict]:
    """Where every cell ends: medians, least and greatest over seeds."""
    rows = []
    last = curves(done)
    for each in done:
        names = runs.names_of(each.cell)
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
