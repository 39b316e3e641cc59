"""What units are given and read against; equal draws and levels are computed once."""

from collections.abc import Callable, Hashable, Mapping, Sequence

import jax
import numpy as np
from jaxtyping import PyTree

from simgeo.engine import _kept
from simgeo.engine._units import Unit, shapes_of, signature
from simgeo.problems import AbstractStage

_MOST_BYTES = 2**28  # of draws kept for later batches
_MOST_LEVELS = 2**16

Levels = dict[str, float | np.number]
# Of units by their subjects and what they were given, equally many of each.
Observe = Callable[[Sequence[Unit], PyTree, PyTree], Mapping[str, np.ndarray]]
# Of a stage's place, stages, seeds and what was drawn before, equally many of each, and
# of how many units there is room for.
Draw = Callable[
    [int, Sequence[AbstractStage], Sequence[int], Sequence[PyTree], int],
    Sequence[PyTree],
]


class Given:
    """Draws and levels of units, kept for those that come later."""

    def __init__(self, draw_many: Draw) -> None:
        self._draw_many = draw_many
        self._draws: dict[Hashable, PyTree] = {}
        self._levels: dict[Hashable, Levels] = {}

    def data(self, units: Sequence[Unit], room: int = 1) -> list[tuple[PyTree, ...]]:
        """What every unit is given, as NumPy arrays, drawn in programs with `room`."""
        given: list[tuple[PyTree, ...]] = [() for _ in units]
        for place in range(len(units[0].parts.stages)):
            keys = [_draw_key(unit, place + 1) for unit in units]
            self._draw(place, _missing(keys, self._draws), units, given, room)
            given = [
                (*own, self._draws[key]) for own, key in zip(given, keys, strict=True)
            ]
        return given

    def _draw(
        self,
        place: int,
        missing: Mapping[Hashable, int],
        units: Sequence[Unit],
        given: Sequence[tuple[PyTree, ...]],
        room: int,
    ) -> None:
        kinds: dict[Hashable, list[tuple[Hashable, int]]] = {}
        for key, at in missing.items():
            stage = units[at].parts.stages[place]
            if stage.is_kept:
                like = shapes_of(units[at].parts.stages)[place]
                found = _kept.find(*_told(units[at], place + 1), like)
                if found is not None:
                    self._draws[key] = found
                    continue
            kinds.setdefault(signature(stage), []).append((key, at))
        for wanted in kinds.values():
            stages = [units[at].parts.stages[place] for _, at in wanted]
            seeds = [units[at].draw_seeds[place] for _, at in wanted]
            before = [given[at] for _, at in wanted]
            drawn = self._draw_many(place, stages, seeds, before, room)
            for (key, at), one in zip(wanted, drawn, strict=True):
                self._draws[key] = one
                if units[at].parts.stages[place].is_kept:
                    _kept.keep(*_told(units[at], place + 1), one)

    def levels(
        self,
        units: Sequence[Unit],
        data: Sequence[tuple[PyTree, ...]],
        scales: Mapping[str, np.ndarray],
        observe: Observe,
    ) -> list[Levels]:
        """The levels of every unit; `scales` are those that the programs gave."""
        draws = [_draw_key(unit, len(unit.parts.stages)) for unit in units]
        of_observer, of_problem = (
            [
                (kind, unit.parts.names[at], *draw, unit.seed)
                for unit, draw in zip(units, draws, strict=True)
            ]
            for kind, at in (("observer", -2), ("problem", -1))
        )
        missing = _missing(of_observer, self._levels)
        if missing:
            self._observe(missing, units, data, observe)
        for key, unit, own in zip(of_problem, units, data, strict=True):
            if key not in self._levels:
                self._levels[key] = dict(unit.parts.knobs.problem.optima(own))
        return [
            {
                **self._levels[one],
                **{name: values[at] for name, values in scales.items()},
                **self._levels[other],
            }
            for at, (one, other) in enumerate(zip(of_observer, of_problem, strict=True))
        ]

    def _observe(
        self,
        missing: Mapping[Hashable, int],
        units: Sequence[Unit],
        data: Sequence[tuple[PyTree, ...]],
        observe: Observe,
    ) -> None:
        places = list(missing.values())
        chosen = [units[at] for at in places]
        given = [data[at] for at in places]
        observers = [unit.parts.observer for unit in chosen]
        found: list[Levels] = [{} for _ in chosen]
        baselines = [
            observer.baselines(own)
            for observer, own in zip(observers, given, strict=True)
        ]
        for kind in baselines[0]:
            seen = observe(chosen, [each[kind] for each in baselines], given)
            for name, values in seen.items():
                for observer, own, value in zip(observers, found, values, strict=True):
                    if observer.has_level(kind, name):
                        own[f"{kind}_{name}"] = value
        for key, observer, own, levels in zip(
            missing, observers, given, found, strict=True
        ):
            self._levels[key] = levels | dict(observer.levels(own))

    def trim(self) -> None:
        """Forgets what is oldest, where too much is kept."""
        held = sum(
            leaf.nbytes
            for tree in self._draws.values()
            for leaf in jax.tree.leaves(tree)
        )
        while held > _MOST_BYTES:
            oldest = self._draws.pop(next(iter(self._draws)))
            held -= sum(leaf.nbytes for leaf in jax.tree.leaves(oldest))
        while len(self._levels) > _MOST_LEVELS:
            self._levels.pop(next(iter(self._levels)))


def _missing(
    keys: Sequence[Hashable], known: Mapping[Hashable, object]
) -> dict[Hashable, int]:
    """Where each key that is not known stands first."""
    return {key: at for at, key in reversed([*enumerate(keys)]) if key not in known}


def _draw_key(unit: Unit, num: int) -> Hashable:
    """What the draws of the first `num` stages depend on."""
    return unit.parts.names[:num], unit.draw_seeds[:num]


def _told(unit: Unit, num: int) -> tuple[list[str], tuple[int, ...]]:
    """The same in words that another process understands."""
    return [text for text, _ in unit.parts.names[:num]], unit.draw_seeds[:num]
