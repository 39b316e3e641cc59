"""Runs that end when nobody waits for them any more."""

import dataclasses
import threading
import time
from collections.abc import Callable, Hashable, Mapping
from typing import Any, NamedTuple

import jax
import xarray as xr
from jaxtyping import Array

from simgeo import engine
from simgeo.problems import Experiment, VectorObserver

# Two at once would only take the cores from one another.
_ONE_AT_A_TIME = threading.Lock()
_KNOWN: set[Hashable] = set()  # the programs that are in memory
# Seconds that a choice has to stand before programs are compiled for it, which cannot
# be cut short: a slider that moves on by keys is not followed to every place.
_SETTLED = 0.1


def prepare() -> None:
    """How this process compiles: for a page on which somebody waits."""
    engine.keep_programs()
    engine.compile_sooner()


class _ShownObserver(VectorObserver):
    """Records what the page shows: no distances, which take long to compile."""

    def distances(
        self, student: Array, teacher: Array, seen: Mapping[str, Array]
    ) -> dict[str, Array]:
        return {}


class _ShownCell(Experiment):
    def observer(self) -> VectorObserver:
        return _ShownObserver(self.epsilon, self.measures, self.student_dim)


def _shown(cell: Experiment) -> Experiment:
    fields = (each.name for each in dataclasses.fields(cell))
    return _ShownCell(**{name: getattr(cell, name) for name in fields})


class Outcome(NamedTuple):
    """What came of a run: all of it, what was done when it ended, or why nothing."""

    experiment: Experiment
    data: xr.Dataset | None
    message: str  # empty where all went well
    seconds: float


class Job:
    """One run, which `stop` ends at its next record, from any thread."""

    def __init__(self, cell: Experiment) -> None:
        self.cell = cell
        self._stop = threading.Event()

    def stop(self) -> None:
        self._stop.set()

    def run(
        self,
        on_progress: Callable[[int], Any] = lambda steps: None,
        is_superseded: Callable[[], bool] = lambda: False,
    ) -> Outcome | None:
        """What came of it; None if it was superseded, whatever was done by then.

        Args:
            on_progress: called with the steps done, a few times a second at most.
            is_superseded: whether another run is wanted instead.
        """
        with _ONE_AT_A_TIME:
            if is_superseded():
                return None
            programs = _programs(self.cell)
            if programs not in _KNOWN:
                time.sleep(_SETTLED)
                if is_superseded():
                    return None
            begin, last_told = time.perf_counter(), 0.0

            def on_record(record: engine.Record) -> None:
                nonlocal last_told
                if is_superseded() or self._stop.is_set():
                    raise KeyboardInterrupt  # which the engine takes as the run's end
                if time.perf_counter() - last_told > 0.3:
                    last_told = time.perf_counter()
                    on_progress(record.step)

            data, message = None, ""
            try:
                data = engine.run(_shown(self.cell), on_record=on_record)
                _KNOWN.add(programs)
                if not data.attrs["complete"]:
                    message = (
                        f"Stopped after {int(data['step'][-1])} of "
                        f"{self.cell.num_steps} steps."
                    )
            except engine.NotFiniteError as error:
                data, message = error.run, str(error)
            except Exception as error:  # a page shows it; nobody sees a traceback
                first = str(error).partition("\n")[0]
                message = first or f"{type(error).__name__}."
        if is_superseded():
            return None
        return Outcome(self.cell, data, message, time.perf_counter() - begin)


def is_known(cell: Experiment) -> bool:
    """Whether the programs that run a cell are in memory."""
    return _programs(cell) in _KNOWN


def _programs(cell: Experiment) -> Hashable:
    """Equal for cells that the same programs run."""
    sizes = cell.num_vectors, cell.teacher_dim, cell.student_dim, cell.num_seeds
    return sizes, jax.tree.structure((cell.teacher, cell.objective))
