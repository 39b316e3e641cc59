"""Readers of sparse features: what each gets from a student's vectors."""

import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd

from experiments import cells
from experiments.cells import Cell
from simgeo import readouts

READERS = ("rotated", "mapped", "fitted", "own")
SPARSITIES = (0.9, 0.8, 0.97)  # the first is the one that is drawn
RUN = ["teacher", "objective", "student_dim", "seed"]


def importance(num_features: int) -> np.ndarray:
    """1 / i, of sum one."""
    weights = 1 / np.arange(1, num_features + 1)
    return weights / weights.sum()


def read(
    chosen: tuple[Cell, ...], sparsities: tuple[float, ...], num_samples: int
) -> pd.DataFrame:
    """What every reader gets from every student: one row per run, sparsity and reader.

    `area` is weighted by importance, `area_plain` is not; `teacher_area` is what the
    same reader gets from the teacher itself. Students of one seed read one draw.
    """
    asked = [
        ((cell.labels["teacher"], int(seed), sparsity), cell, student, teacher)
        for cell, *arrays in cells.vectors(chosen)
        for seed, student, teacher in zip(*arrays, strict=True)
        for sparsity in sparsities
    ]
    teachers = {at: teacher for at, _, _, teacher in asked}

    def drawn(at: tuple[str, int, float]) -> Samples:
        _, seed, sparsity = at
        return Samples(teachers[at], seed, sparsity, num_samples)

    with ThreadPoolExecutor(os.cpu_count()) as pool:  # NumPy sorts outside of the lock
        samples = dict(zip(teachers, pool.map(drawn, teachers), strict=True))
        areas = list(pool.map(lambda one: samples[one[0]].areas(one[2]), asked))
    rows = []
    for (at, cell, student, _), area in zip(asked, areas, strict=True):
        teacher, seed, sparsity = at
        label = cell.experiment.objective.label
        run = teacher, label, student.shape[1], seed, sparsity
        for reader, limit in samples[at].limits.items():
            rows.append((*run, reader, *area[reader], limit))
    names = [*RUN, "sparsity", "reader", "area", "area_plain", "teacher_area"]
    return pd.DataFrame(rows, columns=names)


class Samples:
    """Activations of a seed, half to learn from and half to be scored on."""

    def __init__(
        self, teacher: np.ndarray, seed: int, sparsity: float, num_samples: int
    ):
        rng = np.random.default_rng([seed, round(1000 * sparsity)])
        drawn = readouts.activations(rng, 2 * num_samples, len(teacher), sparsity)
        self.learned, self.scored = drawn[:num_samples], drawn[num_samples:]
        self.teacher = teacher
        self.readout = readouts.fit(self.learned @ teacher, self.learned > 0)
        limits = self._areas(teacher, self.readout, self.readout)
        self.limits = {reader: area for reader, (area, _) in limits.items()}

    def areas(self, student: np.ndarray) -> dict[str, tuple[float, float]]:
        """The area of every reader, averaged with and without importance."""
        rotated, mapped = (
            readouts.carried(student, self.teacher, self.readout, how)
            for how in ("rotated", "mapped")
        )
        return self._areas(student, rotated, mapped)

    def _areas(self, vectors, rotated, mapped) -> dict[str, tuple[float, float]]:
        readers = {
            "rotated": rotated,
            "mapped": mapped,
            "fitted": readouts.fit(self.learned @ vectors, self.learned > 0),
            "own": readouts.matched(vectors),
        }
        seen, is_on = self.scored @ vectors, self.scored > 0
        found = {}
        for name, reader in readers.items():
            area = readouts.roc_area(reader(seen), is_on)
            known = ~np.isnan(area)  # of features that are on in some sample
            weights = importance(len(area))[known]
            weighted = np.average(area[known], weights=weights)
            found[name] = float(weighted), float(area[known].mean())
        return found
