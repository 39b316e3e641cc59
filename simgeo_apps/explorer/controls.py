"""What the controls say, and the experiment that this is."""

import math
from collections.abc import Callable
from typing import NamedTuple

from simgeo import objectives, optimisers, teachers
from simgeo.objectives import AbstractObjective
from simgeo.problems import Experiment
from simgeo.teachers import AbstractTeacher

NOTHING = "nothing"
# The measures that the page shows; others would only take longer to compile.
NUMBERS = ("matthews", "pattern_recall", "fraction_student", "fraction_teacher",
           "cosine_correlation", "gram_error", "cka", "cka_uncentred",
           "procrustes_similarity", "coherence", "effective_rank")  # fmt: skip


class Range(NamedTuple):
    """A slider: what it is called, from where to where, and where it starts."""

    label: str
    least: float
    most: float
    start: float
    step: float = 1
    values: tuple[int, ...] = ()  # where it stops, if not at every step


def _sizes(label: str, values: tuple[int, ...], start: int) -> Range:
    """A size, of which there are few, so that programs can be compiled ahead."""
    return Range(label, values[0], values[-1], start, values=values)


class Choice(NamedTuple):
    """A kind of teacher, and the one setting that the page moves, if any."""

    make: Callable[[float], AbstractTeacher]  # of that setting
    knob: Range | None = None


TEACHERS: dict[str, Choice] = {
    "orthogonal fraction": Choice(
        lambda knob: teachers.OrthogonalFraction(knob),
        Range("fraction of epsilon-orthogonal pairs", 0, 1, 0.8, 0.01),
    ),
    "Gaussian": Choice(lambda knob: teachers.Gaussian()),
    "common mean": Choice(
        lambda knob: teachers.CommonMean(cosine=knob),
        Range("mean cosine", 0, 0.99, 0.3, 0.01),
    ),
    "orthogonal blocks": Choice(
        lambda knob: teachers.OrthogonalBlocks(4, knob),
        Range("mean cosine inside each of 4 blocks", 0, 0.99, 0.5, 0.01),
    ),
    "power-law spectrum": Choice(
        lambda knob: teachers.PowerLawSpectrum(exponent=knob),
        Range("exponent of the decay", 0, 3, 0.75, 0.05),
    ),
    "superposition": Choice(
        lambda knob: teachers.Superposition(128, knob),
        Range("density of 128 features", 0.01, 1, 0.05, 0.01),
    ),
}
OBJECTIVES: dict[str, AbstractObjective] = {
    objective.label: objective for objective in objectives.LOSSES
}
RANGES = {
    "num_vectors": _sizes("n, vectors", (8, 16, 32, 64, 128), 32),
    "teacher_dim": _sizes("d, teacher's dimensions", (4, 8, 16, 32, 64), 16),
    "student_dim": _sizes("m, student's dimensions", (2, 4, 8, 16, 32, 64), 8),
    "epsilon": Range(
        "epsilon, largest |cos| of an orthogonal pair", 0.01, 0.99, 0.1, 0.01
    ),  # fmt: skip
    "weight": Range("weight of what is added", 0, 10, 1, 0.05),
    "log_rate": Range("rate, log10", -4, 0, -2, 0.1),
    "num_steps": Range("steps", 10, 2000, 300, 10),
    "num_seeds": _sizes("seeds", (1, 2, 4, 8, 16), 4),
}
_WHOLE = ("num_vectors", "teacher_dim", "student_dim", "num_steps", "num_seeds")


class Wish(NamedTuple):
    """What the controls say."""

    teacher: str = "orthogonal fraction"
    knob: float | None = 0.8
    objective: str = "CKA"
    added: str = NOTHING
    weight: float = 1
    num_vectors: int = 32
    teacher_dim: int = 16
    student_dim: int = 8
    epsilon: float = 0.1
    log_rate: float = -2
    num_steps: int = 300
    num_seeds: int = 4


def experiment_of(wish: Wish) -> Experiment:
    """The experiment that is wished for.

    Raises:
        ValueError: in one line, if a control is out of its range or the settings do
            not go together.
    """
    for name, range_ in RANGES.items():
        _check(name, getattr(wish, name), range_, whole=name in _WHOLE)
    choice = _known("teacher", wish.teacher, TEACHERS)
    if choice.knob is not None:
        _check(choice.knob.label, wish.knob, choice.knob)
    objective = _known("objective", wish.objective, OBJECTIVES)
    if wish.added != NOTHING:
        other = _known("added", wish.added, OBJECTIVES)
        objective = objectives.Hybrid((objective, other), (1.0, float(wish.weight)))
    return Experiment(
        teacher=choice.make(float(wish.knob or 0)),
        objective=objective,
        num_vectors=int(wish.num_vectors),
        teacher_dim=int(wish.teacher_dim),
        student_dim=int(wish.student_dim),
        epsilon=float(wish.epsilon),
        measures=(*NUMBERS, "pairs_student", "pairs_teacher", "pairs_both"),
        optimiser=optimisers.Adam(float(f"{10**wish.log_rate:.3g}")),
        num_steps=int(wish.num_steps),
        num_records=30,
        num_seeds=int(wish.num_seeds),
    )


def _check(name: str, value: object, range_: Range, whole: bool = False) -> None:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not (number and math.isfinite(value) and range_.least <= value <= range_.most):
        raise ValueError(
            f"`{name}` must be from {range_.least:g} to {range_.most:g} here; got "
            f"{value!r}."
        )
    if range_.values and value not in range_.values:
        *most, last = range_.values
        choices = f"{', '.join(map(str, most))} or {last}"
        raise ValueError(f"`{name}` must be {choices} here; got {value!r}.")
    if whole and value != int(value):
        raise ValueError(f"`{name}` must be a whole number; got {value!r}.")


def _known(name: str, value: object, choices: dict):
    if value not in choices:
        raise ValueError(f"`{name}` must be one of the list; got {value!r}.")
    return choices[value]
