"""Which cells a sweep is made of, and which of them are computed side by side."""

import hashlib
from collections.abc import Collection, Hashable, Mapping, Sequence
from typing import NamedTuple

import jax

from simgeo.engine import Batch, Work, batches_of, work_of
from simgeo.problems import AbstractCell, precision


class Plan(NamedTuple):
    """All cells of a sweep, by their fingerprints.

    Cells that differ in nothing but their seeds are one, with the seeds of all.
    """

    works: dict[str, Work]
    precision: str
    num_devices: int | None
    batch_bytes: int | None

    @property
    def name(self) -> str:
        """The same for sweeps of the same cells."""
        joined = "".join(sorted(self.works))
        return hashlib.sha256(joined.encode()).hexdigest()[:16]

    @property
    def costs(self) -> dict[str, float]:
        """What every cell costs, in a unit of its own."""
        return {name: work.cost for name, work in self.works.items()}

    def batches(
        self, wanted: Mapping[str, Collection[int]] | None = None
    ) -> list["Part"]:
        """The work of a sweep in batches, the largest first.

        Args:
            wanted: seeds by cell; all of them, if None.
        """
        works = {
            name: work if wanted is None else work._replace(seeds=tuple(wanted[name]))
            for name, work in self.works.items()
            if wanted is None or wanted.get(name)
        }
        names = {id(work): name for name, work in works.items()}
        found = batches_of([*works.values()], self.num_devices, self.batch_bytes)
        return [
            Part(tuple(names[id(work)] for work in batch.works), batch)
            for batch in found
        ]


class Part(NamedTuple):
    """A batch, and the fingerprints of its cells."""

    fingerprints: tuple[str, ...]
    batch: Batch

    @property
    def name(self) -> str:
        """Other than that of every other batch."""
        seeds = [work.seeds for work in self.batch.works]
        joined = repr((self.fingerprints, seeds))
        return hashlib.sha256(joined.encode()).hexdigest()[:16]


def plan(
    cells: Sequence[AbstractCell],
    num_devices: int | None = None,
    batch_bytes: int | None = None,
) -> Plan:
    """The cells of a sweep, each once.

    Args:
        cells: of any kinds.
        num_devices: that a batch is spread over; default: those of this process.
        batch_bytes: of the arrays of one batch, about; default: 64 MiB on a CPU, 2 GiB
            elsewhere. More is kept when a process dies if it is less.

    Raises:
        ValueError: if the settings of a cell exclude one another, or cannot be
            described.
    """
    works: dict[str, Work] = {}
    kinds: dict[str, Hashable] = {}
    for cell in cells:
        cell.check()
        name, seeds = cell.fingerprint, set(cell.seeds.tolist())
        kind = jax.tree.structure((cell.problem(), cell.observer(), cell.stages()))
        if kinds.setdefault(name, kind) != kind:
            raise ValueError(
                "`cells` must not hold different classes of one name, which results "
                "are kept under; rename one of them."
            )
        if name in works:
            seeds |= {*works[name].seeds}
        works[name] = work_of(cell, sorted(seeds))
    return Plan(works, precision(), num_devices, batch_bytes)
