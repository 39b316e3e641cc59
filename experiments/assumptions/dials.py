"""Three dials away from the theorems' assumptions, and the runs over them."""

from collections.abc import Callable
from typing import NamedTuple

import pandas as pd

from experiments import cells
from experiments.cells import OBJECTIVES, TEACHERS, Cell, crossed
from experiments.study import ends
from simgeo import objectives, stats, students, teachers
from simgeo.students import AbstractStudent
from simgeo.teachers import AbstractTeacher


class Dial(NamedTuple):
    """One way away from the assumptions; zero is where they hold, to chance."""

    label: str
    values: tuple[float, ...]
    teacher: Callable[[float], AbstractTeacher]
    offset: Callable[[float], float] = lambda value: 0.0


DIALS = {
    "mean": Dial(
        "teacher's mean cosine", (0.0, 0.05, 0.1, 0.2, 0.3), teachers.CommonMean
    ),
    "offset": Dial(
        "offset of the start",
        (0.0, 0.25, 0.5, 1.0, 2.0),
        lambda value: TEACHERS["blocks"],
        lambda value: value,
    ),
    "lengths": Dial(
        "spread of row lengths",
        (0.0, 0.25, 0.5, 1.0),
        lambda value: teachers.UnevenRows(TEACHERS["blocks"], value),
    ),
}
ROWS: dict[str, tuple[type[AbstractStudent], int]] = {
    "free rows, m = d": (students.FreeRows, 1),
    "free rows, m = d / 2": (students.FreeRows, 2),
    "unit rows, m = d": (students.UnitRows, 1),
    "unit rows, m = d / 2": (students.UnitRows, 2),
}
CHOSEN = (*OBJECTIVES, objectives.Procrustes(squared=False))
# Both distances are blind to scale, so that centring is all that differs between rows.
SQUARE = {
    "CKA": (objectives.CKA(centred=False), objectives.CKA()),
    "Procrustes": (
        objectives.Procrustes(normalised=True),
        objectives.Procrustes(normalised=True, centred=True),
    ),
}
CORNERS = {"mean": 0.1, "offset": 0.5, "lengths": 0.5}  # where the square is looked at


def grid(quick: bool) -> list[Cell]:
    """Every dial, row constraint, width and objective."""
    size = {"num_vectors": 96, "teacher_dim": 48, "num_records": 2}
    size |= {"num_steps": 100 if quick else 300, "num_seeds": 3 if quick else 8}
    square = [objective for pair in SQUARE.values() for objective in pair]
    asked = []
    for rows in list(ROWS)[:: 2 if quick else 1]:
        kind, ratio = ROWS[rows]
        for name, dial in DIALS.items():
            for value in (0.0, CORNERS[name]) if quick else dial.values:
                more = square if value == CORNERS[name] else []
                start = students.GaussianStart(offset=dial.offset(value))
                asked += crossed(
                    quick,
                    {name: dial.teacher(value)},
                    [*dict.fromkeys((*CHOSEN[: 2 if quick else None], *more))],
                    {"dial": name, "rows": rows, "value": value},
                    student=kind(start),
                    student_dim=48 // ratio,
                    **size,
                )
    return asked


def data(quick: bool) -> pd.DataFrame:
    """The end of every run; `kept` is the pattern agreement, or zero."""
    last = ends(cells.compute(grid(quick)))
    for prefix in ("", "chance_", "svd_"):
        last[f"{prefix}kept"] = last[f"{prefix}matthews"].fillna(0.0)
    return last


def effects(last: pd.DataFrame) -> pd.DataFrame:
    """What centring and the distance cost, each over the other's two levels."""
    square = of_square(last)
    tables = []
    for factor, other in (("centring", "distance"), ("distance", "centring")):
        compared = stats.paired_comparisons(
            square, "kept", factor, pair=["seed", other], within=["dial", "rows"]
        )
        tables.append(compared.assign(factor=factor))
    return pd.concat(tables, ignore_index=True)


def of_square(last: pd.DataFrame) -> pd.DataFrame:
    """The runs of the square, with `distance` and `centring`."""
    parts = []
    corner = last["value"] == last["dial"].map(CORNERS)
    for distance, pair in SQUARE.items():
        for centring, objective in zip(("uncentred", "centred"), pair, strict=True):
            runs = last[corner & (last["objective"] == objective.label)]
            parts.append(runs.assign(distance=distance, centring=centring))
    return pd.concat(parts, ignore_index=True)
