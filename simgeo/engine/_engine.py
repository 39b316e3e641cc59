"""One loop for one cell and for ten thousand: units, advanced record by record."""

import math
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import NamedTuple

import jax
import numpy as np
import xarray as xr
from jaxtyping import Float, PyTree

from simgeo.engine import _memory as memory
from simgeo.engine import _programs as programs
from simgeo.engine._compiled import Compiled
from simgeo.engine._given import Given
from simgeo.engine._label import refuse_taken
from simgeo.engine._lanes import Layout, num_workers
from simgeo.engine._slices import Slice, runs_of
from simgeo.engine._units import (
    Batch,
    Program,
    Unit,
    capacity_of,
    shapes_of_run,
    stacked,
)
from simgeo.problems import AbstractStage, Data

# Of a batch whose draws are made before it is known how much of it fits into memory.
_BYTES_AHEAD = 2**27


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


OnRecord = Callable[[Record], object]


class Engine:
    """Computes batches in this process, and holds what they share.

    Args:
        budget: memory in bytes that programs may use; default: half of the host's, or
            three quarters of the accelerator's.
    """

    def __init__(self, budget: int | None = None) -> None:
        self.budget = budget or memory.default_memory()
        self.compiled = Compiled()
        self._sizes: dict[tuple[Program, int], int] = {}  # of programs, in bytes
        self.was_stopped = False  # whether the last run was, be it at its last record
        self.side_by_side = 0  # units of the last run that fitted into memory at once
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
        with ThreadPoolExecutor(1) as beside:
            if len(units) * batch.program.unit_bytes <= _BYTES_AHEAD:
                beside.submit(self._prepare, units, batch.capacity)
            size = self.side_by_side = self._fit(batch)
        slices: list[Slice] = []
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
        return runs_of(batch, slices, seconds, keep_vectors)

    def needs(self, batch: Batch) -> int:
        """The memory in bytes of the largest program of a batch, as compiled."""
        return self._needs(batch, self._capacity(batch, self._fit(batch)))

    def data(self, units: Sequence[Unit]) -> list[tuple[PyTree, ...]]:
        """What units are given, as NumPy arrays."""
        return self._given.data(units)

    def forget(self) -> None:
        """Frees all compiled programs."""
        self.compiled.forget()

    def _prepare(self, units: Sequence[Unit], capacity: int) -> None:
        """Draws what units are given, and compiles what begins them.

        This is done beside the compilation of steps and records. What fails here fails
        again when it is needed, and is told then.
        """
        with suppress(Exception):
            data = self._given.data(units, capacity)
            layout = _in_one_lane(len(units), capacity)
            (own,) = layout.put(_own(units, data))
            self.compiled.find("begin", _BEGIN, layout.mesh, (), (), own)

    def _begun(
        self, units: Sequence[Unit], data: Sequence[PyTree], capacity: int
    ) -> programs.Begun:
        """Units before their first step, on the host."""
        layout = _in_one_lane(len(units), capacity)
        own = layout.put(_own(units, data))
        return layout.back(self.compiled.call("begin", _BEGIN, layout, own)[1])

    def _fit(self, batch: Batch) -> int:
        """How many of a batch's units fit into memory at once."""
        size = batch.capacity
        while True:
            needs = self._needs(batch, self._capacity(batch, size))
            if memory.on_host():  # which has what programs are given, and is given back
                needs += size * batch.program.unit_bytes
            # Only now: what compiles grows too.
            room = memory.SLACK * (self.budget - memory.held())
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
        return size if size == batch.capacity else capacity_of(size, num_workers())

    def _needs(self, batch: Batch, capacity: int) -> int:
        """Bytes of the largest program for that many units, compiled to be told."""
        if (batch.program, capacity) in self._sizes:
            return self._sizes[batch.program, capacity]
        layout = Layout(capacity, capacity)
        knobs, observer, given, begun, seen = shapes_of_run(batch.units[0].parts)
        wide = partial(_wide, layout.room)
        seeds = jax.ShapeDtypeStruct((layout.room,), np.int32)
        step = jax.ShapeDtypeStruct((), np.int32)
        steps = wide(knobs), seeds, wide(given)
        records = wide(observer), wide(seen.subject), wide(given)
        state, mesh = wide(begun.state), layout.mesh
        wanted = (
            ("observe", _OBSERVE, mesh, (), (), records),
            ("advance", _ADVANCE, mesh, (step,), state, steps),
        )
        with ThreadPoolExecutor(len(wanted)) as compilers:
            found = compilers.map(lambda each: self.compiled.find(*each), wanted)
            needs = max(map(memory.bytes_of, found)) * layout.num_lanes
        self._sizes[batch.program, capacity] = needs
        return needs

    def _slice(
        self, units: Sequence[Unit], capacity: int, on_record: OnRecord, deadline: float
    ) -> Slice:
        """All records of units that fit into memory together."""
        data = self._given.data(units, capacity)
        begun = self._begun(units, data, capacity)
        # Before the state is on the devices, which may not have room for both.
        levels = self._given.levels(
            units, data, begun.scales, partial(self._observed, capacity)
        )
        layout = Layout(len(units), capacity)
        state = layout.put(begun.state)
        own = layout.put(_own(units, data))
        del begun
        observers = layout.put(stacked(unit.parts.observer for unit in units))
        call, steps = self.compiled.call, units[0].parts.cell.record_steps
        records: list[dict[str, np.ndarray]] = []
        finite, subject, stopped, done = [], None, "", 0
        try:
            for num_steps in np.diff(steps, prepend=0).tolist():
                count = (np.asarray(num_steps, np.int32),)
                state, seen = call("advance", _ADVANCE, layout, own, state, count)
                looked_at = [
                    (observer, each.subject, units_data)
                    for observer, (_, _, units_data), each in zip(
                        observers, own, seen, strict=True
                    )
                ]
                _, observed = call("observe", _OBSERVE, layout, looked_at)
                told = [
                    OrderedDict(  # an ordinary one would come back sorted
                        loss=each.loss,
                        gradient_norm=each.gradient_norm,
                        update_norm=each.update_norm,
                        **measures,
                    )
                    for each, measures in zip(seen, observed, strict=True)
                ]
                found = dict(layout.back(told))
                if not records:  # so that no run is computed in vain
                    kinds = {type(unit.parts.cell): unit.parts.cell for unit in units}
                    for cell in kinds.values():
                        refuse_taken([*found, *levels[0]], cell)
                subject, last = layout.back(
                    [(each.subject, each.last_finite) for each in seen]
                )
                done += num_steps
                records.append(found)
                finite.append(last)
                on_record(Record(done, done * len(units), found["loss"], subject))
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
        return Slice(units, records, finite, subject, data, levels, stopped)

    def _drawn(
        self,
        place: int,
        stages: Sequence[AbstractStage],
        seeds: Sequence[int],
        before: Sequence[PyTree],
        capacity: int,
    ) -> list[PyTree]:
        """What stages of one kind give to many units."""
        layout = _in_one_lane(len(seeds), capacity)
        own = layout.put((np.array(seeds, np.int32), stacked(stages), stacked(before)))
        draw = programs.alone(partial(programs.draw, place=place))
        found = layout.back(self.compiled.call(("draw", place), draw, layout, own)[1])
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
        layout = Layout(len(units), capacity)
        observers = stacked(unit.parts.observer for unit in units)
        own = layout.put((observers, stacked(subjects), stacked(data)))
        return layout.back(self.compiled.call("observe", _OBSERVE, layout, own)[1])


_ADVANCE = programs.advance
_BEGIN, _OBSERVE = programs.alone(programs.begin), programs.alone(programs.observe)


def _own(units: Sequence[Unit], data: Sequence[PyTree]) -> Data:
    """What of each unit enters its programs."""
    knobs = stacked(unit.parts.knobs for unit in units)
    seeds = np.array([unit.seed for unit in units], np.int32)
    return knobs, seeds, stacked(data)


def _in_one_lane(num_units: int, capacity: int) -> Layout:
    """For what is called once for every unit.

    In several lanes, what stages and objectives call of LAPACK can deadlock. On a CPU
    there is room for a whole batch, so that one program is compiled for all numbers.
    """
    on_cpu = jax.default_backend() == "cpu"
    room = capacity_of(max(num_units, capacity) if on_cpu else num_units, 1)
    return Layout(num_units, room, num_lanes=1)


def _wide(capacity: int, tree: PyTree) -> PyTree:
    return jax.tree.map(
        lambda leaf: jax.ShapeDtypeStruct((capacity, *leaf.shape), leaf.dtype), tree
    )
