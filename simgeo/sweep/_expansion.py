"""The cells of a grid, made of parts that are built once for all that share them."""

import dataclasses
import itertools
import math
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple

from simgeo import settings
from simgeo.checks import require
from simgeo.problems import AbstractCell

MOST_CELLS = 10**7


class Zip(NamedTuple):
    """Settings that go together: the first values, then the second, and so on."""

    axes: dict[str, Sequence]


def expand(
    cls: type, base: settings.Description, zips: Sequence[Zip]
) -> list[AbstractCell]:
    """Every combination of the values of some axes, each once.

    Args:
        cls: the class of the cells, or one above it.
        base: the description of what no axis changes.
        zips: the axes.

    Raises:
        ValueError: if there are too many, a name is no setting, or a cell is refused.
    """
    names = [name for each in zips for name in each.axes]
    for name in names:
        is_once = names.count(name) == 1
        require(is_once, "sweep", "name a setting once", f"{name!r} twice")
    num = math.prod(len(next(iter(each.axes.values()))) for each in zips)
    got = f"{num:,}. Give fewer values"
    require(num <= MOST_CELLS, "sweep", f"have at most {MOST_CELLS:,} cells", got)
    rows = [
        [
            dict(zip(each.axes, map(_plain, values), strict=True))
            for values in zip(*each.axes.values(), strict=True)
        ]
        for each in zips
    ]
    cells = _Cells(cls, base, zips)
    found: dict[str, AbstractCell] = {}
    with settings.sharing():
        for combination in itertools.product(*rows):
            cell = cells.of(combination)
            found.setdefault(settings.fingerprint(cell), cell)
    return list(found.values())


class _Cells:
    """Makes the cells of a grid: of each only what is its own, the rest is shared.

    Every cell is held to its rules by its constructor. What it is made of, such as a
    teacher with its settings, is read and built once for all cells that have it.
    """

    def __init__(
        self, cls: type, base: settings.Description, zips: Sequence[Zip]
    ) -> None:
        self.cls, self.base = cls, base
        self.parts: dict[tuple, Any] = {}
        axes: dict[str, list[int]] = {}  # which change a setting, or what is within it
        for place, each in enumerate(zips):
            for top in dict.fromkeys(name.partition(".")[0] for name in each.axes):
                axes.setdefault(top, []).append(place)
        self.axes = axes

    def of(self, combination: Sequence[dict[str, Any]]) -> AbstractCell:
        """The cell of one value of every axis."""
        try:
            return self._of_parts(combination)
        except (ValueError, TypeError, KeyError):
            # Made alone it tells what is wrong with it, by full names.
            return settings.build(self.cls, self._described(combination))

    @cached_property
    def _kind(self) -> type:
        """The class of all cells, of which the kind is not an axis."""
        return settings.kind_of(self.cls, self.base)

    @cached_property
    def _common(self) -> dict[str, Any]:
        """The settings that no axis changes."""
        return {
            name: settings.build_setting(self._kind, name, value)
            for name, value in self.base.items()
            if name != settings.KIND and name not in self.axes
        }

    def _of_parts(self, combination: Sequence[dict[str, Any]]) -> AbstractCell:
        if settings.KIND in self.axes:
            raise KeyError(settings.KIND)
        own = {name: self._part(name, combination) for name in self.axes}
        return self._kind(**self._common, **own)

    def _part(self, name: str, combination: Sequence[dict[str, Any]]) -> Any:
        rows = [combination[place] for place in self.axes[name]]
        key = (name, *map(id, rows))
        if key not in self.parts:
            changes = {
                dotted: value
                for row in rows
                for dotted, value in row.items()
                if dotted.partition(".")[0] == name
            }
            data = {name: self.base[name]} if name in self.base else {}
            changed = _changed(data, changes)
            self.parts[key] = settings.build_setting(self._kind, name, changed[name])
        return self.parts[key]

    def _described(self, combination: Sequence[dict[str, Any]]) -> settings.Description:
        changes = {name: value for row in combination for name, value in row.items()}
        return _changed(self.base, changes)


def _changed(
    data: settings.Description, changes: Mapping[str, Any]
) -> settings.Description:
    """A description with other values, those of whole modules put in first."""
    changed = _copied(data)
    for name in sorted(changes, key=lambda each: each.count(".")):
        _put(changed, name, _copied(changes[name]))
    return changed


def _copied(data: Any) -> Any:
    """Tables and lists anew, what is in them as it is."""
    if isinstance(data, dict):
        return {name: _copied(value) for name, value in data.items()}
    return [_copied(each) for each in data] if isinstance(data, list) else data


def _plain(value: Any) -> Any:
    if hasattr(value, "init") and hasattr(value, "update"):  # a transformation of optax
        raise ValueError(
            "`optimiser` must be one of simgeo.optimisers in a grid; got an optax "
            "transformation, which has no description that results are kept under. "
            "`run_many` takes it."
        )
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return settings.describe(value)
    return value


def _put(data: Any, dotted: str, value: Any) -> None:
    *trail, last = dotted.split(".")
    place = data
    for depth, name in enumerate(trail):
        key = _key(place, name, dotted)
        if isinstance(place, dict) and isinstance(place.get(key), str):
            place[key] = {settings.KIND: place[key]}
        inner = place.get(key) if isinstance(place, dict) else place[key]
        if not isinstance(inner, dict | list):
            here = ".".join(trail[: depth + 1])
            raise ValueError(
                f"`{dotted}` is no setting here: `{here}` is "
                f"{'not there' if inner is None else repr(inner)}."
            )
        place = inner
    place[_key(place, last, dotted)] = value


def _key(place: dict | list, name: str, dotted: str) -> Any:
    if isinstance(place, dict):
        return name
    is_place = name.isdecimal() and int(name) < len(place)
    require(is_place, dotted, f"count from 0 to {len(place) - 1}", repr(name))
    return int(name)
