"""The front of the engine: one cell, or many."""

import functools
import math
import os
import time
import warnings
from collections.abc import Sequence
from pathlib import Path

import jax
import jaxlib
import numpy as np
import xarray as xr
from jaxtyping import PyTree
from packaging.version import Version

from simgeo.checks import require
from simgeo.engine import _kept
from simgeo.engine._engine import Engine, NotFiniteError, OnRecord
from simgeo.engine._units import batches_of, units_of, work_of
from simgeo.problems import AbstractCell


def keep_programs() -> None:
    """Compiled programs are kept in the user's cache folder, for the next process.

    So are draws that take long, such as trained teachers. For programs, not for
    libraries: it is a setting of all that JAX does. JAX keeps them by its version and
    by the processor, so that none is read where it cannot run.

    jaxlib before 0.10.2 prints screens of text for every program that it reads. There
    programs are kept only where TF_CPP_MIN_LOG_LEVEL, which it reads at its import, is
    3: for the commands and for the workers of a sweep it is.
    """
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    own = Path(cache, "simgeo")
    _kept.keep_in(own / "draws")
    is_silent = os.environ.get("TF_CPP_MIN_LOG_LEVEL") == "3"
    if not is_silent and Version(jaxlib.__version__) < Version("0.10.2"):
        return
    jax.config.update("jax_compilation_cache_dir", str(own / "jax"))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.2)


@functools.cache
def shared_engine() -> Engine:
    """The engine of this process, whose programs later runs find compiled."""
    return Engine()


def run(
    cell: AbstractCell,
    *,
    on_record: OnRecord | None = None,
    time_limit: float = math.inf,
) -> xr.Dataset:
    """All seeds of one cell, as one labelled data set.

    It is what `run_many([cell])` gives, but for the error. Ctrl-C and the time limit
    end the run with the records made so far, its attribute `complete` 0.

    Args:
        cell: an `Experiment`, or another description of a run.
        on_record: called after every record, with a `Record`.
        time_limit: seconds after which no further record is made.

    Returns:
        Records by (seed, step), levels by (seed,), the vectors of student and teacher,
        and in the attributes all that is needed to run it again.

    Raises:
        NotFiniteError: if a gradient is not finite; it names objective, seed and step,
            and its `run` holds the records before.
        ValueError: if the cell's settings exclude one another.
        MemoryError: if not even one seed fits into memory.

    >>> from simgeo import engine, objectives, problems, teachers
    >>> cell = problems.Experiment(
    ...     teacher=teachers.OrthogonalBlocks(num_blocks=2),
    ...     objective=objectives.Procrustes(),
    ...     num_vectors=12,
    ...     teacher_dim=6,
    ...     student_dim=4,
    ...     num_steps=50,
    ...     num_records=3,
    ...     num_seeds=2,
    ... )
    >>> found = engine.run(cell)
    >>> found["step"].values.tolist(), dict(found["loss"].sizes)
    ([0, 1, 50], {'seed': 2, 'step': 3})
    >>> bool((found["loss"].isel(step=-1) >= found["optimum_loss"]).all())
    True
    """
    (found,) = run_many([cell], on_record=on_record, time_limit=time_limit)
    if "not finite" in found.attrs["stopped"]:
        error = NotFiniteError(found.attrs["stopped"])
        error.run = found
        raise error
    return found


def run_many(
    cells: Sequence[AbstractCell],
    *,
    seeds: Sequence[Sequence[int]] | None = None,
    on_record: OnRecord | None = None,
    time_limit: float = math.inf,
    memory: int | None = None,
) -> list[xr.Dataset]:
    """All seeds of many cells, as one labelled data set for each, in their order.

    Cells that share their programs are computed side by side. What a unit gives does
    not depend on that. A cell that is lost, interrupted or out of time has `complete` 0
    and says why in `stopped`; those that were not begun are left out, with a warning.

    Args:
        cells: of any kinds.
        seeds: those wanted of each cell; default: `cell.seeds`.
        on_record: called after every record of a batch, with a `Record`.
        time_limit: seconds after which no further record is made.
        memory: in bytes, for programs; default: half of the host's, or three quarters
            of the accelerator's.

    Raises:
        ValueError: if the settings of a cell exclude one another.
        MemoryError: if not even one seed fits into memory.
        KeyboardInterrupt: if it came before the first record.
    """
    for cell in cells:
        is_cell = isinstance(cell, AbstractCell)
        require(is_cell, "cell", "be an `Experiment` or another cell", repr(cell))
        cell.check()
    machine = shared_engine() if memory is None else Engine(memory)
    deadline = time.perf_counter() + time_limit
    chosen = [None] * len(cells) if seeds is None else seeds
    works = [work_of(cell, own) for cell, own in zip(cells, chosen, strict=True)]
    order = {id(work): at for at, work in enumerate(works)}
    found: dict[int, xr.Dataset] = {}
    for batch in batches_of(works):
        try:
            runs = machine.run(batch, on_record, deadline)
        except KeyboardInterrupt:
            if not found:
                raise
            break
        pairs = zip(batch.works, runs, strict=True)
        found |= {order[id(work)]: one for work, one in pairs if one is not None}
        if machine.was_stopped:
            break
    if len(found) < len(works):
        warnings.warn(
            f"{len(works) - len(found)} of {len(works)} cells were not begun, and are "
            f"left out.",
            stacklevel=2,
        )
    return [found[at] for at in sorted(found)]


def is_cut_short(run: xr.Dataset) -> bool:
    """Whether a run was ended from outside, by Ctrl-C or the time limit."""
    stopped = run.attrs["stopped"]
    return bool(stopped) and "not finite" not in stopped


def draw(cell: AbstractCell, place: int = 0) -> PyTree:
    """What a stage of the cell gives to every seed: by default, the teachers (s, n, d).

    Args:
        place: of the stage, from 0.
    """
    cell.check()
    data = shared_engine().data(units_of(cell, cell.seeds.tolist()))
    return jax.tree.map(lambda *leaves: np.stack(leaves), *(own[place] for own in data))
