"""The index of a folder of runs: settings and last records, without the files.

It is a convenience: every entry carries size and time of the file that it was read
from, and one that does not match is read again. Every writer adds files of its own.
"""

import io
import json
import os
import re
import secrets
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from jaxtyping import Float

from simgeo.results._files import SchemaError, load, write
from simgeo.settings import SCHEMA

FOLDER = ".index"


class Entry(NamedTuple):
    """One run as the index has it: its settings, and its last record."""

    fingerprint: str
    size: int
    time: int  # of the last change, in ns
    settings: dict[str, Any]
    precision: str
    schema: int
    seconds: float
    names: tuple[str, ...]  # of the columns of `values`
    kinds: tuple[str, ...]  # their types
    values: Float[np.ndarray, "s k"]


def index(folder: str | Path, runs: Iterable[xr.Dataset]) -> None:
    """Adds runs just saved in `folder` to its index, so that no file is read again."""
    entries = []
    for run in runs:
        name = run.attrs["fingerprint"]
        with suppress(OSError):
            entries.append(_entry((Path(folder) / f"{name}.nc").stat(), run))
    if entries:
        with suppress(OSError):  # it can be made again
            replace(Path(folder), entries)


def is_indexed(folder: str | Path) -> dict[str, bool]:
    """Every finished file's fingerprint, and whether the index knows the file as it is.

    Raises:
        ValueError: if the folder cannot be read.
    """
    indexed, _ = known(Path(folder))
    return {
        name: name in indexed and (indexed[name].size, indexed[name].time) == file
        for name, file in files_of(Path(folder)).items()
    }


def files_of(folder: Path) -> dict[str, tuple[int, int]]:
    """Size and time of every finished run's file, by fingerprint."""
    found = {}
    try:
        with os.scandir(folder) as listing:
            for each in listing:
                if re.fullmatch(r"[0-9a-f]{16}\.nc", each.name):
                    with suppress(FileNotFoundError):
                        status = each.stat()
                        found[each.name[:16]] = (status.st_size, status.st_mtime_ns)
    except OSError as error:
        raise ValueError(
            f"`folder` must be a store of runs; got {folder}: {error.strerror}."
        ) from error
    return found


def read(folder: Path, name: str) -> Entry:
    """The entry of a file.

    Raises:
        DamagedFileError: a ValueError, if it is damaged.
        UnreadableFileError: a ValueError, if it could not be read.
    """
    path = folder / f"{name}.nc"
    # Before it is read: what is written over it meanwhile is then read again.
    status = path.stat()
    try:
        return _entry(status, load(path))
    except SchemaError:
        own = (name, status.st_size, status.st_mtime_ns, {}, "", SCHEMA + 1, 0.0)
        return Entry(*own, ("seed", "step"), ("<i8", "<i8"), np.zeros((0, 2)))


def _entry(status: os.stat_result, run: xr.Dataset) -> Entry:
    values = {
        "seed": run["seed"].values,
        "step": np.repeat(run["step"].values[-1], run.sizes["seed"]),
    }
    for name, each in run.data_vars.items():
        if each.dims == ("seed", "step"):
            values[str(name)] = each.values[:, -1]
    for name, each in run.data_vars.items():
        if each.dims == ("seed",):
            values[str(name)] = each.values
    return Entry(
        fingerprint=run.attrs["fingerprint"],
        size=status.st_size,
        time=status.st_mtime_ns,
        settings=json.loads(run.attrs["settings"]),
        precision=run.attrs["precision"],
        schema=int(run.attrs["schema"]),
        seconds=float(run.attrs["seconds"]),
        names=tuple(values),
        kinds=tuple(each.dtype.str for each in values.values()),
        values=np.stack([each.astype(float) for each in values.values()], axis=1),
    )


def known(folder: Path) -> tuple[dict[str, Entry], list[Path]]:
    """What the index says, and those of its files that could be read."""
    found: dict[str, Entry] = {}
    shards = []
    for shard in sorted((folder / FOLDER).glob("[0-9a-f]*.npz")):
        try:
            content = shard.read_bytes()
        except OSError:
            continue
        shards.append(shard)
        with suppress(Exception):  # half of one, or none: its runs are read again
            for entry in _shard(content):
                kept = found.get(entry.fingerprint)
                if kept is None or kept.time < entry.time:
                    found[entry.fingerprint] = entry
    return found, shards


def replace(folder: Path, entries: Iterable[Entry]) -> None:
    """Writes entries as one new file of the index."""
    layouts: dict[tuple, list[np.ndarray]] = {}
    runs = []
    for each in entries:
        layout = (each.names, each.kinds)
        values = layouts.setdefault(layout, [])
        place = list(layouts).index(layout)
        runs.append([*each[:7], place, len(each.values)])
        values.append(each.values)
    about = json.dumps({"layouts": list(layouts), "runs": runs}).encode()
    arrays = {f"values_{k}": np.concatenate(v) for k, v in enumerate(layouts.values())}
    content = io.BytesIO()
    np.savez(content, about=np.frombuffer(about, np.uint8), **arrays)
    write(folder / FOLDER / f"{secrets.token_hex(8)}.npz", content.getvalue())


def _shard(content: bytes) -> list[Entry]:
    with np.load(io.BytesIO(content), allow_pickle=False) as archive:
        about = json.loads(archive["about"].tobytes())
        values = [archive[f"values_{k}"] for k in range(len(about["layouts"]))]
    layouts = [(tuple(names), tuple(kinds)) for names, kinds in about["layouts"]]
    entries, ends = [], [0] * len(layouts)
    for *own, place, num in about["runs"]:
        start, ends[place] = ends[place], ends[place] + num
        rows = values[place][start : ends[place]]
        if len(rows) != num:
            raise ValueError("the index is cut short")
        entries.append(Entry(*own, *layouts[place], rows))
    return entries
