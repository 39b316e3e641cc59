"""The way of a student's vectors, as a tidy frame."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

_AXES = ("x", "y", "z")


def vector_trajectories(
    objective: str,
    steps: Int[np.ndarray, " r"],
    students: Float[np.ndarray, "r n m"],
    teacher: Float[np.ndarray, "n d"],
    records: Mapping[str, np.ndarray],
) -> pd.DataFrame:
    """One row per step and vector: its place, its teacher's, and what was recorded.

    Columns: `objective`, `step`, `vector`, the coordinates `x`, `y` and, for m = 3,
    `z`, the teacher's as `teacher_x` ..., and the records. All steps are seen in one
    set of axes, that in which the last student is nearest to its teacher: one rotation,
    no shift and no scale. Where the teacher has more dimensions than the student its
    coordinates are NaN, and the axes those of the student.

    Args:
        objective: its name.
        steps: done at each record.
        students: the student's vectors at each record, m of 2 or 3.
        teacher: what they learn from.
        records: values by name, each (r,).

    Raises:
        ValueError: if m is neither 2 nor 3.
    """
    num_records, num_vectors, width = students.shape
    if width not in (2, 3):
        raise ValueError(
            f"`students` must have 2 or 3 dimensions to be drawn; got {width}."
        )
    placed = np.full((num_vectors, width), np.nan)
    if teacher.shape[1] <= width:
        placed[:] = np.pad(teacher, ((0, 0), (0, width - teacher.shape[1])))
        left, _, right = np.linalg.svd(students[-1].T @ placed)
        students = students @ (left @ right)
    columns: dict[str, np.ndarray] = {
        "step": np.repeat(steps, num_vectors),
        "vector": np.tile(np.arange(num_vectors), num_records),
    }
    for axis, name in enumerate(_AXES[:width]):
        columns[name] = students[:, :, axis].ravel()
        columns[f"teacher_{name}"] = np.tile(placed[:, axis], num_records)
    columns |= {
        name: np.repeat(values, num_vectors) for name, values in records.items()
    }
    return pd.DataFrame({"objective": objective, **columns})
