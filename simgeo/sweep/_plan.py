"""Which cells a sweep is made of, and the pieces that workers share it by."""

import hashlib
import math
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import jax

from simgeo import settings
from simgeo.engine import Batch, Work, most_units, work_of
from simgeo.problems import AbstractCell, precision

# Of a piece. Costs are in the unit of `Work.cost`, of which a core does so many in a
# second, within a factor of a few; below the least, leases would be a part of the work.
_SECOND = 2e10
_LEAST_COST, _MOST_COST = 0.2 * _SECOND, 10 * _SECOND
_MOST_UNITS = 64
_PIECES = 64  # of one program: 16 processes, with four pieces each

Seeds = Mapping[str, tuple[int, ...]]  # by the fingerprints of their cells


class Piece(NamedTuple):
    """Some seeds of cells of one program and equal steps: what one lease is for.

    Pieces follow from the plan alone, not from what is missing nor from the machine, so
    that they are the same for all processes that work on a store.
    """

    name: str
    group: int  # of equal program and steps
    program: int
    cost: float
    wanted: dict[str, tuple[int, ...]]

    @property
    def num_units(self) -> int:
        return sum(map(len, self.wanted.values()))


@dataclass(frozen=True)
class Plan:
    """All cells of a sweep, by their fingerprints.

    Cells that differ in nothing but their seeds are one, with the seeds of all.
    """

    works: dict[str, Work]
    precision: str

    @property
    def name(self) -> str:
        """The same for sweeps of the same cells."""
        return _digest("".join(sorted(self.works)))

    @property
    def costs(self) -> dict[str, float]:
        """What every cell costs, in a unit of its own."""
        return {name: work.cost for name, work in self.works.items()}

    @cached_property
    def pieces(self) -> list[Piece]:
        """All seeds of all cells, each once."""
        groups: dict[tuple, dict[str, Work]] = {}
        numbers = _Numbers()
        for name, work in self.works.items():
            key = numbers.of(work.program), tuple(work.cell.record_steps.tolist())
            groups.setdefault(key, {})[name] = work
        return [
            _piece(wanted, self.works, group, program)
            for group, ((program, _), own) in enumerate(groups.items())
            for wanted in _divided(own)
        ]

    @cached_property
    def room(self) -> dict[int, int]:
        """How many units of every program are computed side by side at most."""
        units: dict[int, int] = {}
        for each in self.pieces:
            units[each.program] = units.get(each.program, 0) + each.num_units
        largest: dict[int, int] = {}
        for each in self.pieces:
            program = self.works[next(iter(each.wanted))].program
            fits = min(units[each.program], most_units(program))
            largest[each.program] = max(largest.get(each.program, fits), each.num_units)
        return largest

    def batch(self, wanted: Seeds, room: int) -> "Part":
        """Seeds of cells of one group as a batch with room for so many units."""
        return part_of(
            {n: self.works[n]._replace(seeds=s) for n, s in wanted.items()}, room
        )


class Part(NamedTuple):
    """A batch, and the fingerprints of its cells."""

    fingerprints: tuple[str, ...]
    batch: Batch


def part_of(works: Mapping[str, Work], room: int) -> Part:
    """Work of one group as a batch; see `Batch.sized`."""
    return Part((*works,), Batch.sized((*works.values(),), room))


def plan(cells: Sequence[AbstractCell]) -> Plan:
    """The cells of a sweep, each once.

    Raises:
        ValueError: if the settings of a cell exclude one another, or cannot be
            described.
    """
    with settings.sharing():
        return Plan(_works(cells), precision())


def _works(cells: Sequence[AbstractCell]) -> dict[str, Work]:
    works: dict[str, Work] = {}
    kinds: dict[str, tuple] = {}
    for each in cells:
        each.check()
        cell = each.resolved()  # once, and not for every part of it
        name, seeds = cell.fingerprint, set(cell.seeds.tolist())
        parts = cell.problem(), cell.observer(), *cell.stages()
        kind = tuple(settings.shared(jax.tree.structure, part) for part in parts)
        if kinds.setdefault(name, kind) != kind:
            raise ValueError(
                "`cells` must not hold different classes of one name, which results "
                "are kept under; rename one of them."
            )
        if name in works:
            seeds |= {*works[name].seeds}
        works[name] = work_of(cell, sorted(seeds))
    return works


class _Numbers:
    """Numbers of programs, which are looked at as a whole once for each object."""

    def __init__(self) -> None:
        self._numbers: dict[Hashable, int] = {}
        self._known: dict[int, tuple[int, Hashable]] = {}

    def of(self, program: Hashable) -> int:
        """The same for equal programs, counted from 0 in the order of their calls."""
        if id(program) not in self._known:
            number = self._numbers.setdefault(program, len(self._numbers))
            self._known[id(program)] = number, program
        return self._known[id(program)][0]


def _divided(works: Mapping[str, Work]) -> Iterator[dict[str, tuple[int, ...]]]:
    """Cells of one group in runs; one that takes long by itself is divided by seeds."""
    num_units = sum(len(work.seeds) for work in works.values())
    cost = sum(work.cost for work in works.values()) / num_units
    most = max(1, min(_MOST_UNITS, int(_MOST_COST / cost)))
    least = min(most, math.ceil(_LEAST_COST / cost))
    size = min(most, max(least, num_units // _PIECES))
    piece: dict[str, tuple[int, ...]] = {}
    room = size
    for name, work in works.items():
        is_long = work.cost > _MOST_COST
        rows = math.ceil(len(work.seeds) / most) if is_long else 1
        for row in _rows(work.seeds, rows):
            if piece and len(row) > room:
                yield piece
                piece, room = {}, size
            # Seeds of a cell that is divided are never in one piece.
            piece[name] = row
            room -= len(row)
            if is_long:
                yield piece
                piece, room = {}, size
    if piece:
        yield piece


def _rows(seeds: tuple[int, ...], num: int) -> Iterator[tuple[int, ...]]:
    """Seeds in so many rows, as equal as can be."""
    ends = [len(seeds) * each // num for each in range(num + 1)]
    return (seeds[a:b] for a, b in zip(ends[:-1], ends[1:], strict=True))


def _piece(
    wanted: dict[str, tuple[int, ...]],
    works: Mapping[str, Work],
    group: int,
    program: int,
) -> Piece:
    cost = sum(works[n].cost * len(s) / len(works[n].seeds) for n, s in wanted.items())
    return Piece(_digest(repr([*wanted.items()])), group, program, cost, wanted)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
