"""A folder of many runs, opened at once."""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from simgeo.results._files import DamagedFileError, UnreadableFileError, load
from simgeo.results._frames import columns, frame
from simgeo.results._index import Entry, files_of, known, read, replace
from simgeo.results._where import rows
from simgeo.settings import SCHEMA

_MOST_SHARDS = 8
_MOST_NAMES = 20  # in a warning


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

    Files that the index does not know are read, and put into it where that can be
    written. No run is ever changed: one that is damaged, or cannot be read, is left out
    and left as it is, with a warning that names it.

    Raises:
        ValueError: if the folder cannot be read.
    """
    folder = Path(folder)
    # In this order: the index may be written to meanwhile, after the files.
    indexed, shards = known(folder)
    files = files_of(folder)
    entries, fresh = {}, {}
    damaged: list[str] = []
    unreadable: dict[str, str] = {}
    for name, (size, time) in sorted(files.items()):
        entry = indexed.get(name)
        if entry is not None and (entry.size, entry.time) == (size, time):
            entries[name] = entry
            continue
        try:
            fresh[name] = read(folder, name)
        except FileNotFoundError:  # removed meanwhile
            pass
        except DamagedFileError:
            damaged.append(f"{name}.nc")
        except (UnreadableFileError, OSError) as error:
            reason = error.__cause__ if isinstance(error, ValueError) else error
            if not isinstance(reason, FileNotFoundError):
                unreadable[f"{name}.nc"] = getattr(reason, "strerror", None) or ""
    entries |= fresh
    if fresh or len(shards) > _MOST_SHARDS:
        # All in one. What others add meanwhile is in files of its own.
        with suppress(OSError):
            replace(folder, entries.values())
            for each in shards:
                each.unlink(missing_ok=True)
    if damaged:
        warnings.warn(
            f"{folder} holds {len(damaged)} damaged files, which are left out and left "
            f"as they are: {_listed(damaged)}. Running their cells again replaces "
            f"them.",
            stacklevel=2,
        )
    if unreadable:
        warnings.warn(
            f"{folder} holds {len(unreadable)} files that could not be read and are "
            f"left out: {_listed(list(unreadable))} "
            f"({', '.join(sorted(set(unreadable.values())))}). They are left as they "
            f"are; open the store again.",
            stacklevel=2,
        )
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


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _MOST_NAMES
    return ", ".join(names[:_MOST_NAMES]) + (f" and {more} more" if more > 0 else "")


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
