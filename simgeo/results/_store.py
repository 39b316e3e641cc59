"""The finished runs of a folder: one frame, one tree, and every run by its name."""

import warnings
from collections.abc import Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from simgeo.results._runs import assembled
from simgeo.results._seed_files import part_of
from simgeo.results._setting_columns import described
from simgeo.results._shards import Entry, known, replace
from simgeo.results._tidy import frame
from simgeo.results._where import rows
from simgeo.results._whole_files import found_in, left_out
from simgeo.settings import SCHEMA

_MOST_SHARDS = 8


class Store:
    """The finished runs of a folder, as `open` finds them."""

    def __init__(
        self, folder: Path, entries: Sequence[Entry], left_out: Sequence[str] = ()
    ) -> None:
        """Of a folder, what the index says of its whole files, and names of others."""
        self.folder = folder
        self.left_out = left_out  # damaged, not readable, or of a later simgeo
        same: dict[str, list[Entry]] = {}
        for each in entries:
            same.setdefault(each.fingerprint, []).append(each)
        self.runs = {name: _one(each) for name, each in same.items()}
        self._files = {name: [e.name for e in each] for name, each in same.items()}

    def __repr__(self) -> str:
        return f"<Store {self.folder}: {len(self.runs)} finished runs>"

    @cached_property
    def seeds(self) -> dict[str, set[int]]:
        """The seeds of every run whose files are whole, by fingerprint."""
        return {
            name: set(each.values[:, 0].astype(int).tolist())
            for name, each in self.runs.items()
        }

    @cached_property
    def unfinished(self) -> list[str]:
        """Names of files of runs that were stopped, with seeds that no other has."""
        parts = filter(None, (part_of(path.name) for path in self.folder.iterdir()))
        return sorted(
            part.name
            for part in parts
            if not part.complete
            and not self.seeds.get(part.fingerprint, set()) >= {*part.seeds}
        )

    @cached_property
    def frame(self) -> pd.DataFrame:
        """The last record of every run and seed, as `final(frame(...))` gives it."""
        entries = list(self.runs.values())
        if not entries:
            return pd.DataFrame({"fingerprint": [], "seed": [], "step": []})
        counts = [len(each.values) for each in entries]
        rows = np.repeat(np.arange(len(entries)), counts)
        columns = described(entries).columns(rows)
        for name in ("fingerprint", "precision"):
            own = pd.Series([getattr(each, name) for each in entries])
            columns[name] = own.array.take(rows)
        about = pd.DataFrame(columns, copy=False)
        return pd.concat([about, _numbers(entries, counts)], axis=1)

    @cached_property
    def tree(self) -> xr.DataTree:
        """The last records, one node for every shape and set of seeds.

        Dimensions (cell, seed); what differs between the cells of a node are its
        coordinates, what they share its attributes.
        """
        groups: dict[tuple, list[Entry]] = {}
        for each in self.runs.values():
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
        """One run with all its records, of all its seeds.

        Args:
            fingerprint: as in the column of that name.

        Raises:
            ValueError: if it is not there any more, or cannot be read.
        """
        names = self._files.get(fingerprint, [])
        found = assembled(self.folder, filter(None, map(part_of, names)))
        if found is None:
            rule = f"be of a run in {self.folder}"
            raise ValueError(f"`fingerprint` must {rule}; got {fingerprint}.")
        return found

    def trajectories(self, where: str = "") -> pd.DataFrame:
        """All records of the runs with a seed that `where` chooses, from their files.

        Args:
            where: as in `rows`; all if empty.

        Raises:
            ValueError: if the condition is malformed, or a run cannot be read.
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
    indexed, shards = known(folder)
    found = found_in(folder, indexed)
    entries = {name: indexed[name] for name in found.known} | found.fresh
    entries = dict(sorted(entries.items()))
    if entries and (found.fresh or len(shards) > _MOST_SHARDS):
        # All in one. What others add meanwhile is in files of its own.
        with suppress(OSError):
            replace(folder, entries.values())
            for each in shards:
                each.unlink(missing_ok=True)
    for each in left_out(folder, found):
        warnings.warn(each, stacklevel=2)
    whole = [each for each in entries.values() if each.schema == SCHEMA]
    unread = (*found.unreadable, *found.newer)
    return Store(folder, whole, left_out=[*found.damaged, *unread])


def _one(parts: list[Entry]) -> Entry:
    """The parts of a run as one: every seed once, from the first part that has it."""
    first = parts[0]
    if len(parts) == 1:
        return first
    names = [name for name in first.names if all(name in p.names for p in parts)]
    values = np.concatenate(
        [part.values[:, [part.names.index(n) for n in names]] for part in parts]
    )
    _, places = np.unique(values[:, 0], return_index=True)
    return first._replace(
        seconds=sum(part.seconds for part in parts),
        names=tuple(names),
        kinds=tuple(first.kinds[first.names.index(name)] for name in names),
        values=values[places],
    )


def _numbers(entries: Sequence[Entry], counts: Sequence[int]) -> pd.DataFrame:
    """The last records of runs, one after the other."""
    starts = np.cumsum([0, *counts[:-1]])
    layouts: dict[tuple, list[int]] = {}
    for place, each in enumerate(entries):
        layouts.setdefault((each.names, each.kinds), []).append(place)
    parts = []
    for (names, kinds), places in layouts.items():
        values = np.concatenate([entries[place].values for place in places])
        own = {n: values[:, k].astype(kinds[k]) for k, n in enumerate(names)}
        parts.append(pd.DataFrame(own))
    if len(parts) == 1:
        return parts[0]
    order = [
        np.arange(starts[place], starts[place] + counts[place])
        for places in layouts.values()
        for place in places
    ]
    joined = pd.concat(parts, ignore_index=True)
    return joined.iloc[np.argsort(np.concatenate(order))].reset_index(drop=True)


def _node(cells: list[Entry]) -> xr.Dataset:
    coords: dict[str, Any] = {
        "cell": [each.fingerprint for each in cells],
        "seed": cells[0].values[:, 0].astype(cells[0].kinds[0]),
    }
    shared, about = {}, described(cells)
    for table in about.tables:
        for name in dict.fromkeys(name for own in table.values for name in own):
            values = [own.get(name) for own in table.values]
            if all(value == values[0] for value in values):
                shared[name] = values[0]
            else:
                every = [values[code] for code in table.codes]
                coords[name] = ("cell", pd.Series(every).to_numpy())
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
