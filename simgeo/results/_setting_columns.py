"""The settings of many runs as columns: of what runs share, each value once."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Int

from simgeo.results._shards import Entry
from simgeo.results._tidy import flat
from simgeo.settings import KIND


class Table(NamedTuple):
    """One setting, a module or a number, of many runs."""

    values: list[dict[str, Any]]  # the columns of every value that there is
    codes: Int[np.ndarray, " c"]  # which of these a run has


class Described(NamedTuple):
    """What is said of many runs."""

    names: list[str]  # of columns, in the order in which runs have them
    tables: list[Table]  # of which each has some of the columns

    def columns(self, rows: Int[np.ndarray, " k"]) -> dict[str, Any]:
        """Arrays of pandas by the names of columns, with an item for each of `rows`."""
        found = {}
        for table in self.tables:
            each = pd.DataFrame(table.values)
            places = table.codes[rows]
            for name in each:
                found[str(name)] = each[name].array.take(places)
        return {name: found[name] for name in self.names}


def described(entries: Sequence[Entry]) -> Described:
    """The settings of runs. A module that many share is looked into once.

    Args:
        entries: of the index, which gives what runs share as one object.
    """
    names: dict[str, None] = {}
    values: dict[str, list[dict[str, Any]]] = {}
    codes: dict[str, np.ndarray] = {}
    known: dict[tuple, int] = {}
    own_labels = _OwnLabels()
    for run, each in enumerate(entries):
        labels = own_labels.of(each.labels)
        for name, value in each.settings.items():
            key = (name, id(value), labels.get(name))
            place = known.get(key)
            if place is None:
                if name not in values:
                    values[name] = []
                    codes[name] = np.full(len(entries), -1, np.int32)
                place = known[key] = len(values[name])
                own = dict(flat(name, value, each.labels)) if name != KIND else {}
                values[name].append(own)
                names.update(dict.fromkeys(own))
            codes[name][run] = place
    tables = []
    for name, own in values.items():
        if (codes[name] < 0).any():  # the last one is what runs without it have
            own.append({})
        tables.append(Table(own, codes[name]))
    return Described([*names], tables)


class _OwnLabels:
    """Those labels of a run that are of one setting, or of what is within it."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[dict[str, tuple], dict[str, str]]] = {}

    def of(self, labels: dict[str, str]) -> dict[str, tuple]:
        """By the settings' names."""
        if id(labels) not in self._known:
            found: dict[str, tuple] = {}
            for name, label in labels.items():
                top = name.partition(".")[0]
                found[top] = (*found.get(top, ()), name, label)
            self._known[id(labels)] = found, labels  # which stays where it is
        return self._known[id(labels)][0]
