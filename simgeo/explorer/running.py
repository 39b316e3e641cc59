"""Runs that end when nobody waits for them any more."""

import threading
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from simgeo import engine
from simgeo.problems import Experiment, NotFiniteError, Trajectory

# Two at once would only take the cores from one another.
_ONE_AT_A_TIME = threading.Lock()


class Outcome(NamedTuple):
    """What came of a run: all of it, what was done when it ended, or why nothing."""

    experiment: Experiment
    trajectory: Trajectory | None
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
            begin, told = time.perf_counter(), 0.0

            def on_chunk(steps: int, loss: float) -> None:
                nonlocal told
                if is_superseded() or self._stop.is_set():
                    raise KeyboardInterrupt  # which `run` takes as its end
                if time.perf_counter() - told > 0.3:
                    told = time.perf_counter()
                    on_progress(steps)

            found, message = None, ""
            try:
                found = engine.run(self.cell, on_chunk=on_chunk)
                if not found.complete:
                    message = (
                        f"Stopped after {found.steps[-1]} of {self.cell.num_steps} "
                        f"steps."
                    )
            except NotFiniteError as error:
                found, message = error.trajectory, str(error)
            except Exception as error:  # a page shows it; nobody sees a traceback
                first = str(error).partition("\n")[0]
                message = first or f"{type(error).__name__}."
        if is_superseded():
            return None
        return Outcome(self.cell, found, message, time.perf_counter() - begin)
