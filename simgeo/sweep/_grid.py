"""Which experiments a sweep is made of: products and zips of settings."""

import dataclasses
import math
import operator
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from simgeo import settings
from simgeo.checks import require
from simgeo.problems import AbstractCell, Experiment
from simgeo.sweep._expansion import Zip, expand

_RANGE = {"range", "log", "num"}
MOST_VALUES = 10**6  # of a setting


def grid(base: AbstractCell, *zips: Zip, **axes: Any) -> list[Any]:
    """Every combination of the values of these settings, each once.

    `grid(cell, epsilon=[0.1, 0.2], teacher__fraction=span(0.1, 0.9, 9))`. A name is
    that of a setting, with `__` for the dots: `objective__weights__1`. Values are what
    the setting takes; for a module also the name of its kind. A kind is changed before
    the settings within it, and only what comes out is checked as a whole.

    Args:
        base: what is not named is as here.
        zips: settings that change together; see `together`.
        axes: lists of values by the names of settings.

    Raises:
        ValueError: if a name is no setting, or a value is refused by what it is for.

    >>> from simgeo import sweep
    >>> from simgeo.problems import AbstractCell, Experiment
    >>> cells = sweep.grid(
    ...     Experiment(),
    ...     objective=["cka", "procrustes"],
    ...     teacher__fraction=sweep.span(0.5, 0.9, 3),
    ... )
    >>> [(each.objective.label, each.teacher.fraction) for each in cells[:4]]
    [('CKA', 0.5), ('CKA', 0.7), ('CKA', 0.9), ('Procrustes', 0.5)]
    """
    named = {name.replace("__", "."): values for name, values in axes.items()}
    every = [*zips, *_single(named)]
    changed = {name.partition(".")[0] for each in every for name in each.axes}
    # What is not changed stays the object that it is, which need not be describable.
    data = {
        name: getattr(base, name)
        if name not in changed and dataclasses.is_dataclass(getattr(base, name, None))
        else value
        for name, value in settings.describe(base).items()
    }
    return expand(type(base), data, every)


def together(**axes: Any) -> Zip:
    """Settings that change together: `together(epsilon=[...], teacher__epsilon=[...])`.

    Args:
        axes: as for `grid`.

    Raises:
        ValueError: if they do not have equally many values.
    """
    return _zip({name.replace("__", "."): values for name, values in axes.items()})


def span(start: float, stop: float, num: int) -> list[float]:
    """`num` numbers at equal distances, both ends included, to 12 digits.

    Args:
        start: the first.
        stop: the last.
        num: how many, at most a million.

    Raises:
        ValueError: if `num` is out of its range.
    """
    require(1 <= num <= MOST_VALUES, "num", f"be from 1 to {MOST_VALUES:,}", num)
    return [float(f"{each:.12g}") for each in np.linspace(start, stop, num)]


def log_span(start: float, stop: float, num: int) -> list[float]:
    """`num` numbers at equal ratios, both ends included, to 12 digits.

    Args:
        start: the first, positive.
        stop: the last, positive.
        num: how many, at most a million.

    Raises:
        ValueError: if one of them is out of its range.

    >>> from simgeo import sweep
    >>> sweep.log_span(0.001, 1.0, 4)
    [0.001, 0.01, 0.1, 1.0]
    """
    is_right = 0 < start < math.inf and 0 < stop < math.inf
    rule = "be positive for equal ratios"
    require(is_right, "start` and `stop", rule, f"{start} and {stop}")
    logs = span(math.log10(start), math.log10(stop), num)
    return [float(f"{10**each:.12g}") for each in logs]


def load(path: str | Path) -> list[Experiment]:
    """The experiments of a TOML file: a description with a table `sweep`.

    What stands before `[sweep]` is as for `settings.load`. In `[sweep]`, a setting has
    a list of values, or `{range = [0.1, 0.9], num = 9}`, or `{log = [1e-4, 1], num =
    9}`; `[[sweep.zip]]` are settings that change together. Several tables `[[sweep]]`
    are one sweep after the other.

    Raises:
        ValueError: if the file cannot be read, or a setting is refused.
    """
    data = settings.read(path)
    there = ", ".join(f"[{name}]" for name in data if isinstance(data[name], dict))
    got = f"{path}, which has {there or 'none'}. `simgeo run` runs one cell"
    require("sweep" in data, "path", "have a table [sweep]", got)
    tables = data.pop("sweep")
    cls = AbstractCell if settings.KIND in data else Experiment
    base = settings.complete(cls, data)
    found = []
    for table in tables if isinstance(tables, list) else [tables]:
        require(isinstance(table, dict), "sweep", "be a table", repr(table))
        zips = table.pop("zip", [])
        are_tables = isinstance(zips, list) and all(isinstance(z, dict) for z in zips)
        rule = "be tables, each under [[sweep.zip]]"
        require(are_tables, "sweep.zip", rule, repr(zips))
        axes = [_zip(dict(_flat(each))) for each in zips]
        found += expand(cls, base, [*axes, *_single(dict(_flat(table)))])
    return found


def _flat(table: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in table.items():
        dotted = f"{before}{name}"
        if isinstance(value, dict) and not _RANGE.isdisjoint(value):
            yield dotted, _range(dotted, value)
        elif isinstance(value, dict):
            yield from _flat(value, f"{dotted}.")
        else:
            yield dotted, value


def _range(name: str, given: dict[str, Any]) -> list[float]:
    make, ends = (log_span, "log") if "log" in given else (span, "range")
    try:
        start, stop = map(float, given[ends])
        num = operator.index(given["num"])
        if len(given) > 2:
            raise KeyError
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"`{name}` must be like {{{ends} = [0.1, 1], num = 9}}; got {given}."
        ) from error
    try:
        return make(start, stop, num)
    except ValueError as error:
        raise ValueError(f"`{name}` cannot be a range: {error}") from error


def _single(axes: Mapping[str, Any]) -> list[Zip]:
    return [_zip({name: values}) for name, values in axes.items()]


def _zip(axes: Mapping[str, Any]) -> Zip:
    for name, values in axes.items():
        is_list = isinstance(values, Iterable) and not isinstance(values, str | Mapping)
        require(is_list, name, "be a list of values", repr(values))
    found = {name: list(values) for name, values in axes.items()}
    lengths = {name: len(values) for name, values in found.items()}
    told = ", ".join(f"{num} of `{name}`" for name, num in lengths.items())
    is_right = len(set(lengths.values())) == 1 and 0 not in lengths.values()
    rule = "have equally many values of what changes together, and at least one"
    require(is_right, "sweep", rule, told or "none")
    return Zip(found)
