"""What is run: a description, checked on construction."""

import inspect
import math
from functools import partial
from types import FunctionType

import equinox as eqx
import jax
import numpy as np
import optax
from jaxtyping import Int

from simgeo import objectives, settings, students, teachers
from simgeo.objectives import AbstractObjective
from simgeo.students import AbstractStudent
from simgeo.teachers import AbstractTeacher


def _needs_only_a_rate(name: str) -> bool:
    function = getattr(optax, name)
    if not isinstance(function, FunctionType | partial) or "scale_by" in name:
        return False
    parameters = inspect.signature(function).parameters.values()
    needed = [each.name for each in parameters if each.default is each.empty]
    return needed == ["learning_rate"]


OPTIMISERS = tuple(sorted(filter(_needs_only_a_rate, dir(optax))))
SCHEDULES = ("constant", "cosine")
SPACINGS = ("log", "even")


class Experiment(eqx.Module):
    """Students of `student_dim` distilled from teachers, one pair for every seed.

    A seed fixes the teacher's draw and the student's start, the same for every
    objective, so that objectives are compared in pairs. Malformed or impossible
    settings raise ValueError here, before anything is compiled.

    >>> from simgeo import experiment
    >>> experiment.Experiment(num_seeds=0)
    Traceback (most recent call last):
    ValueError: `num_seeds` must be at least 1 and below 2^31; got 0.
    """

    teacher: AbstractTeacher = eqx.field(default_factory=teachers.OrthogonalFraction)
    objective: AbstractObjective = eqx.field(default_factory=objectives.CKA)
    student: AbstractStudent = eqx.field(default_factory=students.FreeRows)
    num_vectors: int = eqx.field(static=True, default=256)
    teacher_dim: int = eqx.field(static=True, default=128)
    student_dim: int = eqx.field(static=True, default=64)
    epsilon: float = 0.1
    optimiser: str = eqx.field(static=True, default="adam")
    learning_rate: float = 0.01
    schedule: str = eqx.field(static=True, default="constant")
    num_steps: int = eqx.field(static=True, default=2000)
    num_records: int = eqx.field(static=True, default=40)
    record_spacing: str = eqx.field(static=True, default="log")
    num_seeds: int = eqx.field(static=True, default=16)
    first_seed: int = eqx.field(static=True, default=0)
    shared_teacher: bool = eqx.field(static=True, default=False)

    def __check_init__(self) -> None:
        for name, least in (
            ("num_vectors", 3),
            ("teacher_dim", 1),
            ("student_dim", 1),
            ("num_steps", 1),
            ("num_records", 2),
            ("num_seeds", 1),
            ("first_seed", 0),
        ):
            value = getattr(self, name)
            if not least <= value < 2**31:
                raise ValueError(
                    f"`{name}` must be at least {least} and below 2^31; got {value}."
                )
        for name, choices in (
            ("optimiser", OPTIMISERS),
            ("schedule", SCHEDULES),
            ("record_spacing", SPACINGS),
        ):
            value = getattr(self, name)
            if value not in choices:
                raise ValueError(
                    f"`{name}` must be a known name; got {value!r}."
                    f"{settings.suggest(value, list(choices))}"
                )
        if any(isinstance(leaf, jax.core.Tracer) for leaf in jax.tree.leaves(self)):
            return
        if not 0 < self.epsilon < 1:
            raise ValueError(
                f"`epsilon` must lie between 0 and 1, both excluded; got "
                f"{self.epsilon}."
            )
        if not 0 < self.learning_rate < math.inf:
            raise ValueError(
                f"`learning_rate` must be positive and finite; got "
                f"{self.learning_rate}."
            )
        self.teacher.check(self.num_vectors, self.teacher_dim)

    @property
    def seeds(self) -> Int[np.ndarray, " s"]:
        """The seeds, counted up from the first."""
        return np.arange(self.first_seed, self.first_seed + self.num_seeds)

    @property
    def record_steps(self) -> Int[np.ndarray, " r"]:
        """Steps done at each record: none first, all last, spaced as asked between."""
        if self.record_spacing == "even":
            spaced = np.linspace(0, self.num_steps, self.num_records)
        else:
            spaced = np.geomspace(1, self.num_steps, self.num_records - 1)
            spaced[-1] = self.num_steps  # of one value, `geomspace` gives the first
        return np.unique(np.concatenate([[0], np.round(spaced)])).astype(int)
