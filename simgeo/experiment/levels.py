"""Reference levels of many cells: each is computed once and shared."""

import json
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float

from simgeo import limits
from simgeo.experiment.description import Experiment
from simgeo.experiment.references import KNOWN_OPTIMA
from simgeo.settings import describe

_MOST_BYTES = 2**28  # of teachers kept for later batches
_MOST_LEVELS = 2**16

Level = float | np.number  # in the precision of what it was computed in
Observe = Callable[[Float[np.ndarray, "b n m"]], dict[str, np.ndarray]]


class Levels:
    """What cells of equal teachers have in common: the draw, and what does not depend
    on the objective. `references.references` says what each level is."""

    def __init__(self) -> None:
        self.teachers: dict[str, Float[np.ndarray, "n d"]] = {}
        self.shared: dict[str, dict[str, Level]] = {}
        self.optima: dict[str, float] = {}
        self.observers: dict[tuple, Any] = {}  # compiled, by shape

    def find(
        self,
        cells: Sequence[Experiment],
        teacher_keys: Sequence[str],
        teachers: Float[np.ndarray, "b n d"],
        chance: Float[np.ndarray, "b n m"],
        zero_loss: Float[np.ndarray, " b"],
        observe: Observe,
    ) -> list[dict[str, Level]]:
        """The references of every unit of a batch.

        Args:
            chance: a random student for each.
            zero_loss: the loss of a student of zero rows.
            observe: the measures of students of these teachers.
        """
        names = [
            json.dumps([key, cell.student_dim, float(cell.epsilon)])
            for cell, key in zip(cells, teacher_keys, strict=True)
        ]
        first = {name: at for at, name in reversed([*enumerate(names)])}
        missing = {name: at for name, at in first.items() if name not in self.shared}
        if missing:
            self._observe(missing, cells, teachers, chance, observe)
        return [
            self.shared[name]
            | {
                "scale_loss": zero_loss[at],
                "optimum_loss": self._optimum(cell, key, teacher),
            }
            for at, (name, cell, key, teacher) in enumerate(
                zip(names, cells, teacher_keys, teachers, strict=True)
            )
        ]

    def trim(self) -> None:
        """Forgets what is oldest, where too much is kept."""
        while sum(each.nbytes for each in self.teachers.values()) > _MOST_BYTES:
            self.teachers.pop(next(iter(self.teachers)))
        for kept in (self.shared, self.optima):
            while len(kept) > _MOST_LEVELS:
                kept.pop(next(iter(kept)))

    def _observe(
        self,
        missing: dict[str, int],
        cells: Sequence[Experiment],
        teachers: Float[np.ndarray, "b n d"],
        chance: Float[np.ndarray, "b n m"],
        observe: Observe,
    ) -> None:
        best = np.zeros_like(chance)
        for at in missing.values():
            best[at] = limits.optimal_student(teachers[at], chance.shape[2])
        students = {"chance": chance, "svd": best, "scale": np.zeros_like(chance)}
        observed = {kind: observe(vectors) for kind, vectors in students.items()}
        for name, at in missing.items():
            cell = cells[at]
            found = {
                f"{kind}_{measure}": values[at]
                for kind, measures in observed.items()
                for measure, values in measures.items()
                if kind != "scale" or measure.startswith("distance_")
            }
            n, width = cell.num_vectors, cell.student_dim
            most = limits.max_orthogonal_pairs(cell.epsilon, n, width)
            found["ceiling_fraction_student"] = most / (n * (n - 1) / 2)
            hosted = np.asarray(teachers[at], np.float64)
            for label, standard in KNOWN_OPTIMA.items():
                found[label] = standard.optimum(hosted, width)
            self.shared[name] = found

    def _optimum(self, cell: Experiment, key: str, teacher: Any) -> float:
        name = json.dumps([describe(cell.objective), cell.student_dim, key])
        if name not in self.optima:
            hosted = np.asarray(teacher, np.float64)
            self.optima[name] = cell.objective.optimum(hosted, cell.student_dim)
        return self.optima[name]
