"""The index of a folder of runs: settings and last records, without the files.

It is a convenience: every entry carries size and time of the file that it was read
from, and one that does not match is read again. Every writer adds files of its own.
"""

import io
import json
import os
import re
import secrets
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from jaxtyping import Float

from simgeo.results._reading import SchemaError, load
from simgeo.results._runs import split
from simgeo.results._seed_files import listing, part_of
from simgeo.results._writing import write
from simgeo.settings import SCHEMA

FOLDER = ".index"
_VERSION = 3  # of the index's own files


class Entry(NamedTuple):
    """One file as the index has it: its settings, and the last record of its seeds."""

    name: str
    size: int
    time: int  # of the last change, in ns
    fingerprint: str
    precision: str
    schema: int
    seconds: float
    made_by: str  # see `made_by`
    settings: dict[str, Any]
    labels: dict[str, str]
    names: tuple[str, ...]  # of the columns of `values`; the seed is the first
    kinds: tuple[str, ...]  # their types
    values: Float[np.ndarray, "s k"]


def made_by(version: str, source: str) -> str:
    """What computed a run: simgeo's version, and `settings.source_of` its cell."""
    return f"{version} {source}"


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


def files_of(folder: Path) -> dict[str, tuple[int, int]]:
    """Size and time of every complete part's file, by name, in the order of names.

    Raises:
        ValueError: if the folder cannot be read.
    """
    found = {}
    for each in listing(folder):
        part = part_of(each.name)
        if part is not None and part.complete:
            with suppress(FileNotFoundError):
                status = each.stat()
                found[each.name] = (status.st_size, status.st_mtime_ns)
    return dict(sorted(found.items()))


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


def known(folder: Path) -> tuple[dict[str, Entry], list[Path]]:
    """What the index says by files' names, and those of its files that were read."""
    found: dict[str, Entry] = {}
    shards = []
    for shard in sorted((folder / FOLDER).glob("*.npz")):
        if not re.fullmatch(r"[0-9a-f]+\.npz", shard.name):
            continue
        try:
            content = shard.read_bytes()
        except OSError:
            continue
        shards.append(shard)
        with suppress(Exception):  # half of one, or none: its runs are read again
            for entry in _shard(content):
                kept = found.get(entry.name)
                if kept is None or kept.time < entry.time:
                    found[entry.name] = entry
    return found, shards


def replace(folder: Path, entries: Iterable[Entry]) -> None:
    """Writes entries as one new file of the index.

    What many runs have in common, such as a teacher's settings, is written once.
    """
    layouts: dict[tuple, list[np.ndarray]] = {}
    place_of: dict[tuple, int] = {}
    table, number = _table()
    runs = []
    for each in entries:
        layout = (each.names, each.kinds)
        place = place_of.setdefault(layout, len(place_of))
        layouts.setdefault(layout, []).append(each.values)
        settings = [number(value) for value in each.settings.values()]
        about = [number([*each.settings]), settings, number(each.labels)]
        runs.append([*each[:8], *about, place, len(each.values)])
    about = {"version": _VERSION, "layouts": [*layouts], "table": table, "runs": runs}
    text = np.frombuffer(json.dumps(about).encode(), np.uint8)
    arrays = {f"values_{k}": np.concatenate(v) for k, v in enumerate(layouts.values())}
    content = io.BytesIO()
    np.savez(content, about=text, **arrays)
    write(folder / FOLDER / f"{secrets.token_hex(8)}.npz", content.getvalue())


def _table() -> tuple[list[Any], Callable[[Any], int]]:
    """A list of values that differ, and what adds to it and gives a value's place."""
    table: list[Any] = []
    places: dict[Any, int] = {}

    def number(value: Any) -> int:
        is_plain = value is None or isinstance(value, bool | int | float | str)
        key = (type(value), value) if is_plain else json.dumps(value)
        if key not in places:
            places[key] = len(table)
            table.append(value)
        return places[key]

    return table, number


def _shard(content: bytes) -> list[Entry]:
    with np.load(io.BytesIO(content), allow_pickle=False) as archive:
        about = json.loads(archive["about"].tobytes())
        values = [archive[f"values_{k}"] for k in range(len(about["layouts"]))]
    if about["version"] != _VERSION:
        raise ValueError("the index is of another version")
    layouts = [(tuple(names), tuple(kinds)) for names, kinds in about["layouts"]]
    table = about["table"]
    entries, ends = [], [0] * len(layouts)
    for *own, keys, settings, labels, place, num in about["runs"]:
        start, ends[place] = ends[place], ends[place] + num
        rows = values[place][start : ends[place]]
        if len(rows) != num:
            raise ValueError("the index is cut short")
        values_of = map(table.__getitem__, settings)
        described = dict(zip(table[keys], values_of, strict=True))
        entries.append(Entry(*own, described, table[labels], *layouts[place], rows))
    return entries
