"""The index of a folder of runs: settings and last records, without the files.

It is a convenience: every entry carries size and time of the file that it was read
from, and one that does not match is read again. Its own files are those of `_shards`.
"""

import json
import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import numpy as np
import xarray as xr

from simgeo.results._errors import SchemaError
from simgeo.results._reading import load
from simgeo.results._runs import split
from simgeo.results._shards import Entry, compact, made_by, replace
from simgeo.settings import SCHEMA


def index(folder: str | Path, runs: Iterable[xr.Dataset]) -> None:
    """Adds runs just saved in `folder` to its index, so that no file is read again."""
    entries = []
    for run in runs:
        for part, own in split(run):
            with suppress(OSError):
                status = (Path(folder) / part.name).stat()
                entries.append(_entry(part.name, status, own))
    if entries:
        with suppress(OSError):  # it can be made again
            replace(Path(folder), entries)
            compact(Path(folder))


def read(folder: Path, name: str) -> Entry:
    """The entry of a file.

    Raises:
        DamagedFileError: a ValueError, if it is damaged.
        UnreadableFileError: a ValueError, if it could not be read.
    """
    # Before it is read: what is written over it meanwhile is then read again.
    status = (folder / name).stat()
    try:
        return _entry(name, status, load(folder / name))
    except SchemaError:
        own = (name, status.st_size, status.st_mtime_ns, "", "", SCHEMA + 1, 0.0, "")
        return Entry(*own, {}, {}, ("seed", "step"), ("<i8", "<i8"), np.zeros((0, 2)))


def _entry(file: str, status: os.stat_result, run: xr.Dataset) -> Entry:
    values = {
        "seed": run["seed"].values,
        "step": np.repeat(run["step"].values[-1], run.sizes["seed"]),
    }
    variables = run.variables
    for dims, last in ((("seed", "step"), (..., -1)), (("seed",), ...)):
        for name in run.data_vars:
            if variables[name].dims == dims:
                values[str(name)] = variables[name].values[last]
    return Entry(
        name=file,
        size=status.st_size,
        time=status.st_mtime_ns,
        fingerprint=run.attrs["fingerprint"],
        precision=run.attrs["precision"],
        schema=int(run.attrs["schema"]),
        seconds=float(run.attrs["seconds"]),
        made_by=made_by(
            json.loads(run.attrs["versions"])["simgeo"], run.attrs.get("source", "?")
        ),
        settings=json.loads(run.attrs["settings"]),
        labels=json.loads(run.attrs.get("labels", "{}")),
        names=tuple(values),
        kinds=tuple(each.dtype.str for each in values.values()),
        values=np.stack([each.astype(float) for each in values.values()], axis=1),
    )
