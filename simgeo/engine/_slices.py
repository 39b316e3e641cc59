"""Cells put together again of units that were computed in slices."""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import numpy as np
import xarray as xr
from jaxtyping import Int, PyTree

from simgeo.engine._given import Levels
from simgeo.engine._label import data_set
from simgeo.engine._units import Batch, Unit, Work
from simgeo.problems import AbstractCell


class Slice(NamedTuple):
    """What was found of units that were computed together."""

    units: Sequence[Unit]
    records: list[dict[str, np.ndarray]]  # each (u,)
    finite: list[Int[np.ndarray, " u"]]
    subject: PyTree
    data: list[tuple[PyTree, ...]]
    levels: list[Levels]
    stopped: str


def runs_of(
    batch: Batch, slices: Sequence[Slice], seconds: float, keep_vectors: bool
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
    work: Work, units: Sequence[tuple[Slice, int]], seconds: float, keep_vectors: bool
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
