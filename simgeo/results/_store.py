"""A folder of many runs, opened at once through an index.

The index is a convenience: every entry carries size and time of the file that it was
read from, and one that does not match is read again.
"""

import io
import json
import os
import re
import secrets
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import xarray as xr
from jaxtyping import Float

from simgeo.results._files import DamagedFileError, load, set_aside, write
from simgeo.results._frames import columns, frame
from simgeo.results._where import rows
from simgeo.settings import SCHEMA

FOLDER = ".index"
_MOST_SHARDS = 8
_FIRST = ("seed", "step")


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


class Store:
    """The finished runs of a folder.

    Runs of an older or a newer schema are left out, with a warning.
    """

    def __init__(self, folder: Path, entries: Mapping[str, Entry]) -> None:
        self.folder = folder
        self.entries = dict(entries)

    @cached_property
    def frame(self) -> pd.DataFrame:
        """The last record of every run and seed, as `final(frame(...))` gives it."""
        entries = list(self.entries.values())
        if not entries:
            return pd.DataFrame({"fingerprint": [], "seed": [], "step": []})
        about = pd.DataFrame(
            [
                columns(each.settings)
                | {"fingerprint": each.fingerprint, "precision": each.precision}
                for each in entries
            ]
        )
        own = [name for name in about if name not in ("fingerprint", "precision")]
        about = about[[*own, "fingerprint", "precision"]]
        counts = [len(each.values) for each in entries]
        repeated = about.loc[np.repeat(np.arange(len(entries)), counts)]
        parts = [
            pd.concat([_numbers(each) for each in same], ignore_index=True)
            if len(same) < 2
            else _numbers(
                same[0]._replace(values=np.concatenate([each.values for each in same]))
            )
            for same in _runs_of_equal_columns(entries)
        ]
        numbers = pd.concat(parts, ignore_index=True) if len(parts) > 1 else parts[0]
        return pd.concat([repeated.reset_index(drop=True), numbers], axis=1)

    @cached_property
    def tree(self) -> xr.DataTree:
        """The last records, one node for every shape and set of seeds.

        Dimensions (cell, seed); what differs between the cells of a node are its
        coordinates, what they share its attributes.
        """
        groups: dict[tuple, list[Entry]] = {}
        for each in self.entries.values():
            shape = [each.settings.get(name) for name in _SHAPE]
            seeds = tuple(each.values[:, 0])
            groups.setdefault((*shape, seeds, each.names), []).append(each)
        nodes: dict[str, xr.Dataset] = {}
        for (*shape, _, _), cells in groups.items():
            name = "_".join(f"{a}{b}" for a, b in zip("ndm", shape, strict=True))
            twins = sum(each.partition(".")[0] == name for each in nodes)
            nodes[f"{name}.{twins}" if twins else name] = _node(cells)
        return xr.DataTree.from_dict(nodes)

    def load(self, fingerprint: str) -> xr.Dataset:
        """One run with all its records."""
        return load(self.folder / f"{fingerprint}.nc")

    def trajectories(self, where: str = "") -> pd.DataFrame:
        """All records of the runs with a seed that `where` chooses, from their files.

        Args:
            where: as in `rows`; all if empty.
        """
        chosen = rows(self.frame, where) if where else self.frame
        found = [self.load(name) for name in chosen["fingerprint"].unique()]
        return frame(found) if found else chosen


_SHAPE = ("num_vectors", "teacher_dim", "student_dim")


def open(folder: str | Path) -> Store:
    """The store in a folder: its tidy frame, its tree and its runs.

    Files that the index does not know are read, and put into it. Damaged ones are
    renamed to `<name>.damaged`, with a warning.

    Raises:
        ValueError: if the folder cannot be read.
    """
    folder = Path(folder)
    files = _files(folder)
    known, shards = _entries(folder)
    entries = {}
    unknown = []
    for name, (size, time) in sorted(files.items()):
        entry = known.get(name)
        if entry is not None and (entry.size, entry.time) == (size, time):
            entries[name] = entry
        else:
            unknown.append(name)
    fresh = {name: each for name in unknown if (each := _read(folder, name))}
    entries |= fresh
    if fresh or len(shards) > _MOST_SHARDS:
        # All in one. What others add meanwhile is in files of its own.
        with suppress(OSError):
            _write(folder, entries.values())
            for each in shards:
                each.unlink(missing_ok=True)
    current = {name: each for name, each in entries.items() if each.schema == SCHEMA}
    for other, advice in (
        ([each for each in entries.values() if each.schema < SCHEMA], "Run them again"),
        ([each for each in entries.values() if each.schema > SCHEMA], "Update simgeo"),
    ):
        if other:
            schemas = ", ".join(map(str, sorted({each.schema for each in other})))
            warnings.warn(
                f"{folder} holds {len(other)} runs of schema {schemas}, where this "
                f"simgeo has {SCHEMA}; they are left out. {advice}.",
                stacklevel=2,
            )
    return Store(folder, dict(sorted(current.items())))


def index(folder: str | Path, runs: Iterable[xr.Dataset]) -> None:
    """Adds runs just saved in `folder` to its index, so that no file is read again."""
    entries = []
    for run in runs:
        name = run.attrs["fingerprint"]
        with suppress(OSError):
            entries.append(_entry(Path(folder) / f"{name}.nc", run))
    if entries:
        with suppress(OSError):  # it can be made again
            _write(Path(folder), entries)


def is_indexed(folder: str | Path) -> dict[str, bool]:
    """Every finished file's fingerprint, and whether the index knows the file as it is.

    Raises:
        ValueError: if the folder cannot be read.
    """
    known, _ = _entries(Path(folder))
    return {
        name: name in known and (known[name].size, known[name].time) == file
        for name, file in _files(Path(folder)).items()
    }


def _files(folder: Path) -> dict[str, tuple[int, int]]:
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


def _read(folder: Path, name: str) -> Entry | None:
    path = folder / f"{name}.nc"
    try:
        return _entry(path, load(path))
    except DamagedFileError:
        warnings.warn(f"{path} is damaged; {set_aside(path)}.", stacklevel=3)
    except FileNotFoundError:
        pass
    except ValueError as error:
        if "schema" not in str(error):
            return None
        status = path.stat()
        newer = (SCHEMA + 1, 0.0, _FIRST, ("i", "i"), np.zeros((0, 2)))
        return Entry(name, status.st_size, status.st_mtime_ns, {}, "", *newer)
    return None


def _entry(path: Path, run: xr.Dataset) -> Entry:
    status = path.stat()
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


def _entries(folder: Path) -> tuple[dict[str, Entry], list[Path]]:
    """What the index says, and its files."""
    found: dict[str, Entry] = {}
    shards = sorted((folder / FOLDER).glob("[0-9a-f]*.npz"))
    for shard in shards:
        with suppress(Exception):  # half of one, or none: its runs are read again
            for entry in _shard(shard):
                kept = found.get(entry.fingerprint)
                if kept is None or kept.time < entry.time:
                    found[entry.fingerprint] = entry
    return found, shards


def _shard(path: Path) -> list[Entry]:
    with np.load(path, allow_pickle=False) as archive:
        about = json.loads(archive["about"].tobytes())
        values = [archive[f"values_{k}"] for k in range(len(about["layouts"]))]
    layouts = [(tuple(names), tuple(kinds)) for names, kinds in about["layouts"]]
    entries = []
    for *own, layout, start, stop in about["runs"]:
        entries.append(Entry(*own, *layouts[layout], values[layout][start:stop]))
    return entries


def _write(folder: Path, entries: Iterable[Entry]) -> None:
    layouts: dict[tuple, list] = {}
    runs = []
    for each in entries:
        values = layouts.setdefault((each.names, each.kinds), [])
        start = sum(map(len, values[-1:])) + (values[-1].start if values else 0)
        values.append(_Block(start, each.values))
        place = [*layouts].index((each.names, each.kinds))
        runs.append([*each[:7], place, start, start + len(each.values)])
    about = json.dumps({"layouts": list(layouts), "runs": runs}).encode()
    arrays = {
        f"values_{k}": np.concatenate([block.values for block in blocks])
        for k, blocks in enumerate(layouts.values())
    }
    content = io.BytesIO()
    np.savez(content, about=np.frombuffer(about, np.uint8), **arrays)
    path = folder / FOLDER / f"{secrets.token_hex(8)}.npz"
    write(path, content.getvalue())


class _Block(NamedTuple):
    start: int
    values: np.ndarray

    def __len__(self) -> int:
        return len(self.values)


def _runs_of_equal_columns(entries: Sequence[Entry]) -> Iterator[list[Entry]]:
    same: list[Entry] = []
    for each in entries:
        if same and (each.names, each.kinds) != (same[0].names, same[0].kinds):
            yield same
            same = []
        same.append(each)
    yield same


def _numbers(entry: Entry) -> pd.DataFrame:
    return pd.DataFrame(
        {
            name: entry.values[:, k].astype(entry.kinds[k])
            for k, name in enumerate(entry.names)
        }
    )


def _node(cells: list[Entry]) -> xr.Dataset:
    about = [columns(each.settings) for each in cells]
    names = list(dict.fromkeys(name for each in about for name in each))
    coords: dict[str, Any] = {
        "cell": [each.fingerprint for each in cells],
        "seed": cells[0].values[:, 0].astype(cells[0].kinds[0]),
    }
    shared = {}
    for name in names:
        values = [each.get(name) for each in about]
        if all(value == values[0] for value in values):
            shared[name] = values[0]
        else:
            coords[name] = ("cell", pd.Series(values).to_numpy())
    stacked = np.stack([each.values for each in cells])
    variables = {
        name: (("cell", "seed"), stacked[:, :, k].astype(cells[0].kinds[k]))
        for k, name in enumerate(cells[0].names)
        if name != "seed"
    }
    plain = {
        name: int(value) if isinstance(value, bool) else value
        for name, value in shared.items()
        if value is not None
    }
    return xr.Dataset(variables, coords, plain)
