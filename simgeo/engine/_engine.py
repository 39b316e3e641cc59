"""One loop for one cell and for ten thousand: units, advanced record by record."""

import gc
import math
import time
from collections.abc import Callable, Hashable, Sequence
from functools import partial
from typing import NamedTuple

import jax
import numpy as np
import xarray as xr
from jax.sharding import Mesh
from jaxtyping import Float, Int, PyTree

from simgeo.engine import _memory as memory
from simgeo.engine import _programs as programs
from simgeo.engine._given import Given, Levels
from simgeo.engine._label import data_set
from simgeo.engine._programs import Common
from simgeo.engine._units import (
    Batch,
    Unit,
    Work,
    capacity_of,
    shapes_of_run,
    signature,
    stacked,
)
from simgeo.problems import AbstractCell, AbstractStage, Data

# Kept in memory. With what belongs to it one takes some 440 memory maps and 20 MiB, and
# Linux kills a process that has 65,530 maps.
_MOST_PROGRAMS = 64


class NotFiniteError(ArithmeticError):
    """A run whose gradient stopped being finite.

    `run` is the data set of the records before, and of the seeds that went on.
    """

    run: xr.Dataset


class Record(NamedTuple):
    """What a callback is told after every record of units computed together."""

    step: int  # steps done of each unit
    unit_steps: int  # steps done of all units of the batch
    loss: Float[np.ndarray, " u"]
    subject: PyTree  # what is observed of each unit: of vectors, (u, n, m)


Leaf = jax.Array | np.ndarray | jax.ShapeDtypeStruct
OnRecord = Callable[[Record], object]


class Engine:
    """Computes batches in this process, and holds what they share.

    Args:
        budget: memory in bytes that programs may use; default: half of the host's, or
            three quarters of the accelerator's.
    """

    def __init__(self, budget: int | None = None) -> None:
        self.budget = budget or memory.default_memory()
        self._programs: dict[Hashable, jax.stages.Compiled] = {}
        self._sizes: dict[Hashable, int] = {}  # of programs, in bytes
        self.was_stopped = False  # whether the last run was, be it at its last record
        self._given = Given(self._drawn)

    def run(
        self,
        batch: Batch,
        on_record: OnRecord | None = None,
        deadline: float = math.inf,
        keep_vectors: bool = True,
    ) -> list[xr.Dataset | None]:
        """The data set of every cell of a batch; None for those that were not begun.

        Ctrl-C, a unit whose gradient is not finite, and the deadline end a cell with
        the records made so far: its attribute `stopped` says why.

        Args:
            on_record: called after every record of all units; a KeyboardInterrupt that
                it raises ends the batch.
            deadline: in seconds of `time.perf_counter`.
            keep_vectors: whether students and teachers are in the data sets.

        Raises:
            TooLargeError: a MemoryError, if not even one unit fits into the budget.
            KeyboardInterrupt: if it came before the first record.
        """
        begin = time.perf_counter()
        units = batch.units
        size = self._fit(batch)
        slices: list[_Slice] = []
        self.was_stopped = False
        for at in range(0, len(units), size):
            part = units[at : at + size]

            def tell(record: Record, at: int = at) -> None:
                if on_record is not None:
                    before = at * batch.works[0].cell.num_steps
                    done = record.unit_steps + before
                    on_record(record._replace(unit_steps=done))

            try:
                found = self._slice(part, self._capacity(batch, size), tell, deadline)
            except KeyboardInterrupt:
                if not slices:
                    raise
                self.was_stopped = True
                break
            slices.append(found)
            self._given.trim()
            if self.was_stopped:
                break
        seconds = (time.perf_counter() - begin) / len(batch.works)
        return _runs(batch, slices, seconds, keep_vectors)

    def needs(self, batch: Batch) -> int:
        """The memory in bytes of the largest program of a batch, as compiled."""
        return self._needs(batch, self._capacity(batch, self._fit(batch)))

    def data(self, units: Sequence[Unit]) -> list[tuple[PyTree, ...]]:
        """What units are given, as NumPy arrays."""
        return self._given.data(units)

    def forget(self) -> None:
        """Frees all compiled programs."""
        self._programs.clear()
        jax.clear_caches()
        gc.collect()  # they are in cycles

    def _fit(self, batch: Batch) -> int:
        """How many of a batch's units fit into memory at once."""
        size = batch.capacity
        while True:
            room = memory.SLACK * (self.budget - memory.held())
            needs = self._needs(batch, self._capacity(batch, size))
            if needs <= room:
                return size
            if size == 1:
                raise memory.TooLargeError(
                    f"one seed needs {needs / 2**20:.1f} MiB, and "
                    f"{max(room, 0) / 2**20:.1f} MiB are free in the budget. Raise "
                    f"`memory`."
                )
            fits = max(1, int(size * max(room, 0) / needs))
            size = min(2 ** (fits.bit_length() - 1), max(1, size // 2))

    def _capacity(self, batch: Batch, size: int) -> int:
        if size == batch.capacity:
            return size
        return capacity_of(size, jax.device_count())

    def _needs(self, batch: Batch, capacity: int) -> int:
        """Bytes of the largest program for that many units, compiled to be told."""
        if (batch.program, capacity) in self._sizes:
            return self._sizes[batch.program, capacity]
        mesh = programs.mesh_of(capacity)
        knobs, observer, given, begun, seen = shapes_of_run(batch.units[0].parts)
        wide = partial(_wide, capacity)
        seeds = jax.ShapeDtypeStruct((capacity,), np.int32)
        step = jax.ShapeDtypeStruct((), np.int32)
        steps = wide(knobs), seeds, wide(given)
        records = wide(observer), wide(seen.subject), wide(given)
        found = (
            self._program("advance", _ADVANCE, mesh, (step,), wide(begun.state), steps),
            self._program("observe", _OBSERVE, mesh, (), (), records),
        )
        host = jax.devices()[0].platform == "cpu"  # whose devices share one memory
        needs = max(map(memory.bytes_of, found)) * (mesh.size if host else 1)
        self._sizes[batch.program, capacity] = needs
        return needs

    def _slice(
        self, units: Sequence[Unit], capacity: int, on_record: OnRecord, deadline: float
    ) -> "_Slice":
        """All records of units that fit into memory together."""
        data = self._given.data(units)
        knobs = stacked(unit.parts.knobs for unit in units)
        observers = stacked(unit.parts.observer for unit in units)
        seeds = np.array([unit.seed for unit in units], np.int32)
        given = stacked(data)
        # On one device: what an objective calls of LAPACK can deadlock on several.
        alone = _Layout(len(units), capacity_of(len(units), 1), programs.mesh_of(1))
        begun = self._call("begin", _BEGIN, alone, (knobs, seeds, given))[1]
        begun = jax.tree.map(alone.back, begun)
        layout = _Layout(len(units), capacity, programs.mesh_of(capacity))
        state, knobs, observers, seeds, given = layout.put(
            (begun.state, knobs, observers, seeds, given)
        )
        levels = self._given.levels(
            units, data, begun.scales, partial(self._observed, capacity)
        )
        steps = units[0].parts.cell.record_steps
        records: list[dict[str, np.ndarray]] = []
        finite, subject, stopped, done = [], None, "", 0
        try:
            for num_steps in np.diff(steps, prepend=0).tolist():
                count = (np.asarray(num_steps, np.int32),)
                own = knobs, seeds, given
                state, seen = self._call("advance", _ADVANCE, layout, own, state, count)
                own = observers, seen.subject, given
                _, observed = self._call("observe", _OBSERVE, layout, own)
                told = {
                    "loss": seen.loss,
                    "gradient_norm": seen.gradient_norm,
                    "update_norm": seen.update_norm,
                    **observed,
                }
                found = {name: layout.back(values) for name, values in told.items()}
                latest, last = jax.tree.map(
                    layout.back, (seen.subject, seen.last_finite)
                )
                done += num_steps
                records.append(found)
                finite.append(last)
                subject = latest
                on_record(Record(done, done * len(units), found["loss"], latest))
                if (last < done).all():
                    break
                if time.perf_counter() > deadline:
                    stopped = "The time limit was reached"
                    break
        except KeyboardInterrupt:
            if not records:
                raise
            stopped = "It was interrupted"
        self.was_stopped = bool(stopped)
        if len(records) == len(steps):
            stopped = ""
        return _Slice(units, records, finite, subject, data, levels, stopped)

    def _drawn(
        self,
        place: int,
        stages: Sequence[AbstractStage],
        seeds: Sequence[int],
        before: Sequence[PyTree],
    ) -> list[PyTree]:
        """What stages of one kind give to many units."""
        # On one device: what a stage calls of LAPACK can deadlock on several.
        capacity = capacity_of(len(seeds), 1)
        layout = _Layout(len(seeds), capacity, programs.mesh_of(1))
        own = np.array(seeds, np.int32), stacked(stages), stacked(before)
        draw = programs.alone(partial(programs.draw, place=place))
        found = self._call(("draw", place), draw, layout, own)[1]
        found = jax.tree.map(layout.back, found)
        if not all(isinstance(leaf, np.ndarray) for leaf in jax.tree.leaves(found)):
            raise TypeError(
                "`draw` of a stage must give arrays; got a typed key. Give "
                "`jax.random.key_data` of it."
            )
        return [jax.tree.map(lambda leaf: leaf[j], found) for j in range(len(seeds))]  # noqa: B023

    def _observed(
        self,
        capacity: int,
        units: Sequence[Unit],
        subjects: Sequence[PyTree],
        data: Sequence[PyTree],
    ) -> dict[str, np.ndarray]:
        """What is recorded of other subjects than the students, by the same program."""
        layout = _Layout(len(units), capacity, programs.mesh_of(capacity))
        observers = stacked(unit.parts.observer for unit in units)
        own = observers, stacked(subjects), stacked(data)
        found = self._call("observe", _OBSERVE, layout, layout.put(own))[1]
        return jax.tree.map(layout.back, found)

    def _call(
        self,
        name: Hashable,
        one: Callable,
        layout: "_Layout",
        own: Data,
        carried: PyTree = (),
        common: Common = (),
    ) -> tuple[PyTree, PyTree]:
        """Runs a program of one unit for many; see `programs.over_units`."""
        if not isinstance(jax.tree.leaves(own)[0], jax.Array):
            own = layout.put(own)
        compiled = self._program(name, one, layout.mesh, common, carried, own)
        shared = jax.device_put(common, programs.sharding_of(layout.mesh, common=True))
        return compiled(layout.counts, shared, carried, *own)

    def _program(
        self,
        name: Hashable,
        one: Callable,
        mesh: Mesh,
        common: Common,
        carried: PyTree,
        own: Data,
    ) -> jax.stages.Compiled:
        key = name, mesh, signature((common, carried, own))
        if key not in self._programs:
            if len(self._programs) >= _MOST_PROGRAMS:
                self.forget()
            spread = partial(_like, programs.sharding_of(mesh))
            shared = partial(_like, programs.sharding_of(mesh, common=True))
            counts = spread(jax.ShapeDtypeStruct((mesh.size,), np.int32))
            program = jax.jit(programs.over_units(one, mesh), donate_argnums=(2,))
            given = counts, shared(common), spread(carried), *map(spread, own)
            options = None if name == "advance" else programs.seldom_called()
            self._programs[key] = program.lower(*given).compile(options)
        return self._programs[key]


_ADVANCE = programs.advance
_BEGIN, _OBSERVE = programs.alone(programs.begin), programs.alone(programs.observe)


class _Layout:
    """Where units are in arrays of that capacity, spread over the devices of a mesh."""

    def __init__(self, num_units: int, capacity: int, mesh: Mesh) -> None:
        self.mesh, self.capacity = mesh, capacity
        room = capacity // mesh.size
        on_each = np.full(mesh.size, num_units // mesh.size)
        on_each[: num_units % mesh.size] += 1
        self.places = np.concatenate(
            [np.arange(num) + device * room for device, num in enumerate(on_each)]
        )
        self.counts = jax.device_put(
            on_each.astype(np.int32), programs.sharding_of(mesh)
        )

    def put(self, tree: PyTree) -> PyTree:
        """On the devices; empty places hold copies, which nobody reads."""
        order = np.zeros(self.capacity, int)
        order[self.places] = np.arange(len(self.places))
        spread = jax.tree.map(lambda leaf: leaf[order], tree)
        return jax.device_put(spread, programs.sharding_of(self.mesh))

    def back(self, leaf: jax.Array) -> np.ndarray | jax.Array:
        """On the host, the real units only; typed keys stay where they are."""
        if jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.prng_key):
            return leaf[self.places]
        return np.asarray(leaf)[self.places]


def _wide(capacity: int, tree: PyTree) -> PyTree:
    return jax.tree.map(
        lambda leaf: jax.ShapeDtypeStruct((capacity, *leaf.shape), leaf.dtype), tree
    )


def _like(sharding: jax.sharding.Sharding, tree: PyTree) -> PyTree:
    def shape_of(leaf: Leaf) -> jax.ShapeDtypeStruct:
        kind = jax.dtypes.canonicalize_dtype(leaf.dtype, allow_extended_dtype=True)
        return jax.ShapeDtypeStruct(leaf.shape, kind, sharding=sharding)

    return jax.tree.map(shape_of, tree)


class _Slice(NamedTuple):
    """What was found of units that were computed together."""

    units: Sequence[Unit]
    records: list[dict[str, np.ndarray]]  # each (u,)
    finite: list[Int[np.ndarray, " u"]]
    subject: PyTree
    data: list[tuple[PyTree, ...]]
    levels: list[Levels]
    stopped: str


def _runs(
    batch: Batch, slices: Sequence[_Slice], seconds: float, keep_vectors: bool
) -> list[xr.Dataset | None]:
    """The data set of every cell, put together of its units."""
    places = [(each, j) for each in slices for j in range(len(each.units))]
    found: list[xr.Dataset | None] = []
    at = 0
    for work in batch.works:
        own = places[at : at + len(work.seeds)]
        at += len(work.seeds)
        found.append(_run(work, own, seconds, keep_vectors) if own else None)
    return found


def _run(
    work: Work, units: Sequence[tuple[_Slice, int]], seconds: float, keep_vectors: bool
) -> xr.Dataset:
    cell, seeds = work.cell, work.seeds[: len(units)]
    nums = [len(each.records) for each, _ in units]
    steps = cell.record_steps[: min(nums)]
    stopped = next((each.stopped for each, _ in units if each.stopped), "")
    if len(seeds) < len(work.seeds):
        stopped = stopped or "It was interrupted"
    last = np.array(
        [[each.finite[k][j] for each, j in units] for k in range(len(steps))]
    )
    lost = (last < steps[:, None]).any(axis=1)
    kept = len(steps)
    if lost.any():
        kept = int(np.argmax(lost))
        stopped = _not_finite(cell, seeds, last[kept], int(steps[kept]))
    elif stopped:
        stopped = f"{stopped} after {steps[-1]} of {cell.num_steps} steps."
    first = units[0][0]
    observer = cell.observer()
    vectors: dict[str, tuple[tuple[str, ...], np.ndarray]] = {}
    if keep_vectors and not lost.any() and min(nums) == max(nums):
        each_unit = [
            observer.vectors(jax.tree.map(lambda leaf: leaf[j], s.subject), s.data[j])  # noqa: B023
            for s, j in units
        ]
        vectors = {
            name: (axes, np.stack([one[name][1] for one in each_unit]))
            for name, (axes, _) in each_unit[0].items()
        }
    return data_set(
        cell,
        seeds,
        steps[:kept],
        {
            name: np.array([[r[name][j] for r in s.records[:kept]] for s, j in units])
            for name in first.records[0]
        },
        {
            name: np.array([s.levels[j][name] for s, j in units])
            for name in first.levels[0]
        },
        vectors,
        stopped=stopped,
        seconds=seconds,
    )


def _not_finite(
    cell: AbstractCell, seeds: Sequence[int], last: Int[np.ndarray, " s"], done: int
) -> str:
    """Which seed was lost first in order, at which step, and what to try."""
    lost = np.flatnonzero(last < done)
    what = cell.labels.get("objective", type(cell).__name__)
    rate = getattr(cell.optimiser, "learning_rate", None)
    advice = "" if rate is None else f" Try a smaller `learning_rate` than {rate:g}."
    return (
        f"the gradient of {what} is not finite at seed {seeds[lost[0]]}, step "
        f"{int(last[lost[0]]) + 1} ({lost.size} of {len(seeds)} seeds).{advice}"
    )
