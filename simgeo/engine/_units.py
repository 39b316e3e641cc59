"""Which units are computed by one program, and how many of them at once."""

import json
import math
import operator
import reprlib
from collections.abc import Hashable, Iterable, Sequence
from functools import partial
from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import PyTree

from simgeo import settings
from simgeo.checks import require
from simgeo.engine import _programs as programs
from simgeo.engine._lanes import num_workers
from simgeo.engine._programs import Knobs
from simgeo.problems import AbstractCell, AbstractObserver, AbstractStage

# Of arrays in one batch: on a CPU more is no faster, and more is lost in a crash.
_BATCH_BYTES = {"cpu": 2**25}
_ON_ACCELERATORS = 2**31
_ON_EACH = 16  # units of a CPU's core that there is room for, where they are small
_LESS = 4  # what the next smaller size of a program is divided by on accelerators
_SHAPES: dict[Hashable, tuple[PyTree, ...]] = {}  # of what stages give
_PROGRAMS: dict[Hashable, "Program"] = {}  # by the structure of what they run
_SIGNATURES: dict[Hashable, Hashable] = {}


class Parts(NamedTuple):
    """What a cell is made of, found once for all of its units."""

    cell: AbstractCell
    stages: tuple[AbstractStage, ...]
    observer: AbstractObserver
    knobs: Knobs
    names: tuple[
        tuple[str, Hashable], ...
    ]  # equal for equal stages, observers and problems


class Unit(NamedTuple):
    """One cell and one seed: the atom that is computed, stored and compared."""

    parts: Parts
    seed: int
    draw_seeds: tuple[int, ...]  # the seed that decides each stage's draw


class Program(NamedTuple):
    """What units must have in common to be computed by the same programs.

    Not in it are the real-valued knobs, what is given to a unit, and its steps.
    """

    knobs: Hashable  # structure and leaves of problem and optimiser
    observer: Hashable
    given: Hashable  # shapes of what the stages give
    unit_bytes: int  # of one unit's arrays


class Work(NamedTuple):
    """A cell, and those of its seeds that are wanted; `work_of` makes it."""

    cell: AbstractCell
    seeds: tuple[int, ...]
    program: Program

    @property
    def cost(self) -> float:
        """Seconds, in a unit of its own, for order and for the time left."""
        per_step = self.program.unit_bytes / 4 * 32 + 10_000
        steps = self.cell.num_steps + 20 * self.cell.num_records
        return float(len(self.seeds) * per_step * steps)


class Batch(NamedTuple):
    """Work that is done side by side, its cells of one program and equal steps."""

    program: Program
    works: tuple[Work, ...]
    capacity: int  # units that the compiled programs have room for, on all devices

    @property
    def units(self) -> list[Unit]:
        return [unit for work in self.works for unit in units_of(*work[:2])]

    @property
    def cost(self) -> float:
        return sum(work.cost for work in self.works)

    @staticmethod
    def sized(works: tuple[Work, ...], room: int) -> "Batch":
        """Work of one program, in programs that are compiled for `room` units.

        However few units there are, on a CPU the same is compiled. On an accelerator,
        where empty places take time, there are some sizes.
        """
        num_units = sum(len(work.seeds) for work in works)
        room = max(room, num_units)
        if jax.default_backend() != "cpu":
            while room // _LESS >= num_units:
                room //= _LESS
        return Batch(works[0].program, works, _capacity(works[0].program, room))


def most_units(program: Program) -> int:
    """How many units of a program a batch has at most, by the size of their arrays."""
    room = _BATCH_BYTES.get(jax.default_backend(), _ON_ACCELERATORS)
    return max(1, room // program.unit_bytes)


def work_of(cell: AbstractCell, seeds: Sequence[int] | None = None) -> Work:
    """Some seeds of a cell, or all that it names."""
    cell = cell.resolved()
    chosen = cell.seeds.tolist() if seeds is None else [*map(operator.index, seeds)]
    is_right = chosen and len({*chosen}) == len(chosen) and min(chosen) >= 0
    rule = "be different whole numbers from 0 to 2^31 - 1, at least one"
    is_small = is_right and max(chosen) < 2**31
    require(bool(is_small), "seeds", rule, reprlib.repr(chosen))
    return Work(cell, (*chosen,), program_of(cell))


def program_of(cell: AbstractCell) -> Program:
    """The programs that run this cell."""
    problem, observer, stages = cell.problem(), cell.observer(), cell.stages()
    knobs = Knobs(problem, cell.optimiser, cell.num_steps)
    # Of parts, which the cells of a grid share.
    key = tuple(
        settings.shared(_signature, each) for each in (*knobs, observer, *stages)
    )
    if key not in _PROGRAMS:
        _PROGRAMS[key] = _program(Parts(cell, stages, observer, knobs, ()))
    return _PROGRAMS[key]


def _signature(part: PyTree) -> int:
    """A number for equal signatures, as that of an object that stays."""
    own = signature(part)
    return id(_SIGNATURES.setdefault(own, own))


def parts_of(cell: AbstractCell) -> Parts:
    """What a cell is made of."""
    stages, observer, problem = cell.stages(), cell.observer(), cell.problem()
    names = tuple(_name(module, cell) for module in (*stages, observer, problem))
    knobs = Knobs(problem, cell.optimiser, cell.num_steps)
    return Parts(cell, stages, observer, knobs, names)


def units_of(cell: AbstractCell, seeds: Iterable[int]) -> list[Unit]:
    """A unit for every seed."""
    parts = parts_of(cell)
    drawn_by = [stage.seed_of for stage in parts.stages]
    return [Unit(parts, seed, tuple(of(seed) for of in drawn_by)) for seed in seeds]


def _name(module: PyTree, cell: AbstractCell) -> tuple[str, Hashable]:
    """Equal for equal modules of the same classes; of equal cells, if it must be."""
    try:
        described = settings.describe(module)
    except TypeError:
        described = {"cell": cell.identity, "part": type(module).__name__}
    # Two classes may have one name, as one that a notebook defines anew.
    return json.dumps(described, sort_keys=True), jax.tree.structure(module)


def stacked(trees: Iterable[PyTree]) -> PyTree:
    """One tree of many, each leaf with a leading axis."""

    def stack(*leaves: PyTree) -> np.ndarray:
        values = np.stack([np.asarray(leaf) for leaf in leaves])
        return values.astype(jax.dtypes.canonicalize_dtype(values.dtype))

    return jax.tree.map(stack, *trees)


def shapes_of(stages: Sequence[AbstractStage]) -> tuple[PyTree, ...]:
    """The shapes of what stages give to one unit."""
    key = signature(tuple(stages))
    if key not in _SHAPES:
        given: tuple[PyTree, ...] = ()
        seed = jax.ShapeDtypeStruct((), np.int32)
        for place, stage in enumerate(stages):
            draw = partial(programs.draw, place=place)
            given = (*given, jax.eval_shape(draw, seed, _shapes(stage), given))
        _SHAPES[key] = given
    return _SHAPES[key]


def batches_of(works: Sequence[Work]) -> list[Batch]:
    """Work in batches, the largest first."""
    groups: dict[Program, dict[tuple[int, ...], list[Work]]] = {}
    for work in works:
        steps = tuple(work.cell.record_steps.tolist())
        parts = groups.setdefault(work.program, {})
        parts.setdefault(steps, []).append(work)
    batches = []
    for program, parts in groups.items():
        most = max(sum(len(work.seeds) for work in part) for part in parts.values())
        size = math.ceil(most / math.ceil(most / most_units(program)))  # equal batches
        whole = max(len(work.seeds) for part in parts.values() for work in part)
        chunks = [each for part in parts.values() for each in _chunks(part, size)]
        largest = max(sum(len(work.seeds) for work in chunk) for chunk in chunks)
        capacity = _capacity(program, max(largest, min(whole, size)))
        batches += [Batch(program, tuple(chunk), capacity) for chunk in chunks]
    return sorted(batches, key=lambda batch: -batch.cost)


def capacity_of(num_units: int, num_devices: int) -> int:
    """Room for that many units, equal on all devices that are used.

    On a CPU empty places cost nothing, so that there are few sizes of programs.
    """
    used = min(num_units, num_devices)
    per_device = math.ceil(num_units / used)
    if jax.default_backend() == "cpu":
        per_device = 2 ** math.ceil(math.log2(per_device))
    return per_device * used


def _capacity(program: Program, room: int) -> int:
    """Room for so many units of a program at least; on a CPU the same for all few."""
    if jax.default_backend() == "cpu":
        room = max(room, min(_ON_EACH * num_workers(), most_units(program)))
    return capacity_of(room, num_workers())


def _chunks(works: Sequence[Work], size: int) -> Iterable[list[Work]]:
    """Work in runs of at most `size` units; a cell is divided only if it is larger."""
    chunk: list[Work] = []
    room = size
    for work in works:
        if len(work.seeds) > room and chunk:
            yield chunk
            chunk, room = [], size
        chunk.append(work)
        room -= len(work.seeds)
    yield chunk


def shapes_of_run(parts: Parts) -> tuple[PyTree, ...]:
    """Shapes of one unit: knobs, observer, what is given, begun and seen."""
    knobs, observer = _shapes((parts.knobs, parts.observer))
    given = shapes_of(parts.stages)
    seed = jax.ShapeDtypeStruct((), np.int32)
    begun = jax.eval_shape(programs.begin, knobs, seed, given)
    _, seen = jax.eval_shape(programs.advance, begun.state, seed, knobs, seed, given)
    return knobs, observer, given, begun, seen


def _program(parts: Parts) -> Program:
    knobs, observer, given, begun, seen = shapes_of_run(parts)
    return Program(
        signature(knobs),
        signature(observer),
        signature(given),
        # What is advanced is held twice: before and after.
        _num_bytes(given) + 2 * _num_bytes(begun) + _num_bytes(seen),
    )


def _shapes(tree: PyTree) -> PyTree:
    return jax.tree.map(
        lambda leaf: jax.ShapeDtypeStruct(
            np.shape(leaf), jax.dtypes.canonicalize_dtype(np.asarray(leaf).dtype)
        ),
        tree,
    )


def signature(tree: PyTree) -> Hashable:
    """What decides which program a tree of arrays is for."""
    leaves, structure = jax.tree.flatten(tree)
    return structure, tuple(
        (np.shape(leaf), leaf.dtype if hasattr(leaf, "dtype") else type(leaf))
        for leaf in leaves
    )


def _num_bytes(tree: PyTree) -> int:
    return sum(
        math.prod(leaf.shape) * getattr(leaf.dtype, "itemsize", 8)
        for leaf in jax.tree.leaves(tree)
    )
