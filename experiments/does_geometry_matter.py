"""Does any measure of kept geometry predict what a reader of the features gets?

The teacher's vectors t_i are the directions of sparse features: it represents a draw of
activations a as sum_i a_i t_i, its student as sum_i a_i s_i. A reader tells which
features are on, scored by the area under the ROC curve, 1/2 by chance, averaged over
features with importance 1 / i. Four readers, each blind to more than the one before:
"rotated" turns the student onto the teacher (Procrustes) and "mapped" maps it there
(least squares), and both then use the readout fitted to the teacher; "fitted" is
ridge regression on the student's own samples; "own" takes the product with s_i itself.

Prediction: what predicts depends on the reader, and the count on none the best. The
fitted reader sees a linear map of the student as it sees the student: its R2 sums to
the rank over features, so that the width predicts nearly all, and given the width no
measure has a partial rank correlation above 0.5. Mapped: R2 of the teacher from the
student. Rotated: uncentred Procrustes distance, then uncentred CKA. Own: the effective
rank, which for unit rows is the mean squared cosine, hence the interference; here the
count comes second. Less sparse features make all readers worse and change no ranking.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import scipy.optimize
import scipy.stats
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from experiments import cells
from experiments.cells import OBJECTIVES, TEACHERS, Cell, preset
from experiments.gallery import Shown
from simgeo import measures, objectives, plots, readouts, teachers
from simgeo.objectives import AbstractObjective

CHOSEN: tuple[AbstractObjective, ...] = (
    *OBJECTIVES,
    objectives.CCA(),
    objectives.RelationalDistance(),
    objectives.NeighbourKL(),
    objectives.PatternHinge(),
    objectives.Hybrid((objectives.CKA(), objectives.Procrustes()), (0.9, 0.001)),
    objectives.Hybrid(
        (objectives.LinearProjection(), objectives.PatternHinge()), (0.7, 6.0)
    ),
)
DRAWN = TEACHERS | {
    "Gaussian": teachers.Gaussian(),
    "power law": teachers.PowerLawSpectrum(exponent=1.0),
    "hierarchy": teachers.Hierarchy(),
}


def grid(quick: bool) -> list[Cell]:
    """Every teacher and objective, at the teacher's width, its half and its quarter."""
    size = {"num_vectors": 96, "teacher_dim": 48, "num_steps": 400, "num_seeds": 8}
    if quick:
        size = {"num_vectors": 48, "teacher_dim": 24, "num_steps": 100, "num_seeds": 3}
    ends = {"num_records": 2, "record_spacing": "even"}
    ratios, chosen, drawn = (1, 2, 4), CHOSEN, DRAWN
    if quick:
        ratios, chosen = (2,), (*OBJECTIVES[:4], CHOSEN[-3])
        drawn = {name: DRAWN[name] for name in ("blocks", "common mean", "Gaussian")}
    return [
        Cell(
            "readers",
            name,
            preset(
                quick,
                teacher=teacher,
                objective=objective,
                student_dim=size["teacher_dim"] // ratio,
                **size,
                **ends,
            ),
        )
        for objective in chosen
        for ratio in ratios
        for name, teacher in drawn.items()
    ]


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
    samples: dict = {}
    rows = []
    for cell, kept in zip(chosen, cells.datasets(chosen), strict=True):
        keys = cell.teacher, cell.experiment.objective.label
        for seed, student, teacher in zip(
            kept["seed"].values.tolist(),
            kept["student"].values,
            kept["teacher"].values,
            strict=True,
        ):
            for sparsity in sparsities:
                drawn = cell.teacher, seed, sparsity
                if drawn not in samples:
                    samples[drawn] = Samples(teacher, seed, sparsity, num_samples)
                found = samples[drawn].areas(student)
                for reader, limit in samples[drawn].limits.items():
                    weighted, plain = found[reader]
                    row = (*keys, student.shape[1], seed, sparsity, reader)
                    rows.append((*row, weighted, plain, limit))
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
        """Of every reader, averaged over features with and without importance."""
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
