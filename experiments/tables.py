"""Tidy frames of the runs, with what the figures need beside the records."""

from collections.abc import Mapping

import pandas as pd
import xarray as xr

from simgeo import results

Key = tuple[str, str, int]


def tidy(cells: Mapping[Key, xr.Dataset]) -> pd.DataFrame:
    """One row per cell, seed and record; teacher, objective and width by name."""
    frames = []
    for (teacher, objective, width), dataset in cells.items():
        frame = results.frame(dataset)
        frame = frame.rename(columns=lambda name: name.removeprefix("reference_"))
        frame["teacher"], frame["objective"] = teacher, objective
        frame["student_dim"] = width
        frame["relative_loss"] = frame["loss"] / frame["scale_loss"]
        frame["relative_optimum"] = frame["optimum_loss"] / frame["scale_loss"]
        frames.append(frame)
    return pd.concat(frames, ignore_index=True)
