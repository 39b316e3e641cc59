"""Students' vectors distilled from teachers' vectors."""

import reprlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray, PyTree, UInt32

from simgeo import checks, measures, objectives, students, teachers
from simgeo.objectives import AbstractObjective
from simgeo.problems._cell import AbstractCell, count
from simgeo.problems._inherit import changed, inherited
from simgeo.problems._parts import AbstractProblem, AbstractStage, Data, Scalars
from simgeo.problems._vector_observer import VectorObserver
from simgeo.settings import shared
from simgeo.students import AbstractStudent
from simgeo.teachers import AbstractTeacher

_UNTOUCHED = teachers.OrthogonalFraction()  # a default that may yet be replaced
_SIZES = {"num_vectors": 256, "teacher_dim": 128}  # where the teacher has none
# Said of defaults in place of their values.
_DEFAULT_MEASURES = {
    "valid": "one of many; `simgeo list measures` has all",
    "default": f"the first {len(measures.DEFAULT)} of them",
}


def _size(name: str, least: int) -> Any:
    """A field whose default is the teacher's own size, where it has one."""
    return count(least, None, {"default": f"{_SIZES[name]}, or the teacher's own"})


class Experiment(AbstractCell):
    """Students of `student_dim` distilled from teachers, one pair for every seed.

    A seed fixes the teacher's draw and the student's start, the same for every
    objective, so that objectives are compared in pairs. Malformed or impossible
    settings raise ValueError here, before anything is compiled.

    Args:
        teacher: the law from which teachers are drawn.
        objective: what is minimised.
        student: how the student's vectors are parametrised, and where they start.
        num_vectors: n, from 3; 256, or that of a teacher that has a size.
        teacher_dim: d, from 1; 128, or that of a teacher that has a size.
        student_dim: m, from 1.
        epsilon: vectors with |cosine| of at most this are orthogonal, in (0, 1). A
            teacher or an objective without an epsilon of its own takes it.
        measures: names of what is recorded, as in `simgeo.measures.MEASURES`.
        teacher_seed: the seed of one teacher for all students, from 0; None for a
            teacher for every seed.
        optimiser, num_steps, num_records, record_spacing, num_seeds, first_seed: see
            `AbstractCell`.

    >>> from simgeo.problems import Experiment
    >>> Experiment(num_seeds=0)
    Traceback (most recent call last):
    ValueError: `num_seeds` must be at least 1 and below 2^31; got 0.
    """

    teacher: AbstractTeacher = eqx.field(default_factory=lambda: _UNTOUCHED)
    objective: AbstractObjective = eqx.field(default_factory=objectives.CKA)
    student: AbstractStudent = eqx.field(default_factory=students.FreeRows)
    if TYPE_CHECKING:  # they are numbers once the cell is made
        num_vectors: int = 256
        teacher_dim: int = 128
    else:
        num_vectors: int | None = _size("num_vectors", 3)
        teacher_dim: int | None = _size("teacher_dim", 1)
    student_dim: int = count(1, default=64)
    epsilon: float = eqx.field(default=0.1, metadata=checks.BETWEEN_0_AND_1)
    measures: tuple[str, ...] = eqx.field(
        static=True, default=measures.DEFAULT, metadata=_DEFAULT_MEASURES
    )
    teacher_seed: int | None = count(0, default=None)

    def __post_init__(self) -> None:
        own = shared(_size_of, self.teacher)
        for name, size in zip(_SIZES, own or _SIZES.values(), strict=True):
            if getattr(self, name) is None:
                setattr(self, name, size)

    def __check_init__(self) -> None:
        checks.check_fields(self)
        measures.require(self.measures)
        if self.teacher is not _UNTOUCHED:
            self.check()

    def check(self) -> None:
        sizes = self.num_vectors, self.teacher_dim
        shared(_check_teacher, self.teacher, self.epsilon, *sizes)

    def resolved(self) -> "Experiment":
        teacher = shared(inherited, self.teacher, self.epsilon)
        objective = shared(inherited, self.objective, self.epsilon)
        if teacher is self.teacher and objective is self.objective:
            return self
        # Not through the constructor, which would validate a default.
        return changed(self, teacher=teacher, objective=objective)

    def stages(self) -> tuple[AbstractStage, ...]:
        whole = self.resolved()
        n, d, m = self.num_vectors, self.teacher_dim, self.student_dim
        given = (
            shared(TeacherDraw, whole.teacher, n, d, self.teacher_seed),
            shared(StudentStart, self.student, m),
            shared(RandomStudent, m),
        )
        needs_root = shared(measures.needs_root, self.measures)
        return (*given, shared(TeacherRoot)) if needs_root else given

    def problem(self) -> "VectorDistillation":
        sizes = self.num_vectors, self.teacher_dim, self.student_dim
        objective = self.resolved().objective
        return shared(VectorDistillation, objective, self.student, *sizes)

    def observer(self) -> "VectorObserver":
        about = self.epsilon, self.measures, self.student_dim
        return shared(VectorObserver, *about)

    @property
    def reported(self) -> tuple[str, ...]:
        return self.measures

    @property
    def labels(self) -> dict[str, str]:
        return {"teacher": type(self.teacher).__name__, **super().labels}

    @property
    def title(self) -> str:
        drawn = type(self.teacher).__name__
        return (
            f"{self.num_vectors} vectors in {self.student_dim} dimensions, distilled "
            f"from {drawn} teachers in {self.teacher_dim} dimensions: "
            f"{self.objective.label}, {self.num_steps} steps of "
            f"{self.optimiser.label}, epsilon {self.epsilon:g}{self._other_epsilons}."
        )

    @property
    def _other_epsilons(self) -> str:
        """What has another epsilon than the experiment, told once."""
        other = [
            f"{name} {part.epsilon:g}"
            for name in ("teacher", "objective")
            for part in [getattr(self, name)]
            if getattr(part, "epsilon", None) not in (None, self.epsilon)
        ]
        return f" ({', '.join(other)})" if other else ""

    def __repr__(self) -> str:
        seeds = f"{self.first_seed} to {self.first_seed + self.num_seeds - 1}"
        rows = {
            "teacher": self.teacher,
            "objective": self.objective,
            "student": self.student,
            "vectors": f"{self.num_vectors}, teacher in {self.teacher_dim} "
            f"dimensions, student in {self.student_dim}",
            "epsilon": f"{self.epsilon:g}{self._other_epsilons}",
            "measures": reprlib.repr(list(self.measures)),
            "optimiser": self.optimiser,
            "steps": f"{self.num_steps}, recorded at {len(self.record_steps)} of them "
            f"({self.record_spacing} spacing)",
            "seeds": seeds,
        }
        lines = [f"  {name:10s} {value}" for name, value in rows.items()]
        return "\n".join(["Experiment", *lines])


def _size_of(teacher: Any) -> tuple[int, int] | None:
    return teacher.size() if isinstance(teacher, AbstractTeacher) else None


def _check_teacher(
    teacher: AbstractTeacher, epsilon: float, num_vectors: int, teacher_dim: int
) -> None:
    leaves = jax.tree.leaves((teacher, epsilon))
    if not any(isinstance(leaf, jax.core.Tracer) for leaf in leaves):
        inherited(teacher, epsilon).check(num_vectors, teacher_dim)


class Start(NamedTuple):
    """A student's parameters before the first step, and the key of its objective."""

    parameters: PyTree
    key: UInt32[Array, " k"]


class TeacherDraw(AbstractStage):
    """The teacher's vectors (n, d)."""

    teacher: AbstractTeacher
    num_vectors: int = eqx.field(static=True)
    teacher_dim: int = eqx.field(static=True)
    seed: int | None = eqx.field(static=True)

    def seed_of(self, seed: int) -> int:
        return seed if self.seed is None else self.seed

    def draw(self, key: PRNGKeyArray, *before: PyTree) -> Float[Array, "n d"]:
        return self.teacher(key, self.num_vectors, self.teacher_dim)


class StudentStart(AbstractStage):
    """Where the student is before the first step."""

    student: AbstractStudent
    student_dim: int = eqx.field(static=True)

    def draw(self, key: PRNGKeyArray, *before: PyTree) -> Start:
        student_key, objective_key = jax.random.split(key)
        start = self.student.init(student_key, before[0], self.student_dim)
        return Start(start, jax.random.key_data(objective_key))


class RandomStudent(AbstractStage):
    """Random unit vectors of the student's width (n, m), for the chance level."""

    student_dim: int = eqx.field(static=True)

    def draw(self, key: PRNGKeyArray, *before: PyTree) -> Float[Array, "n m"]:
        random = students.UnitRows(students.GaussianStart())
        return random.vectors(random.init(key, before[0], self.student_dim))


class TeacherRoot(AbstractStage):
    """The inverse root of the teacher's covariance (d, d), which R2 needs."""

    def draw(self, key: PRNGKeyArray, *before: PyTree) -> Float[Array, "d d"]:
        return measures.root_of(before[0])


class Parameters(NamedTuple):
    """What the optimiser moves."""

    student: PyTree
    learned: PyTree  # what belongs to the objective


class VectorDistillation(AbstractProblem):
    """A student's vectors, free or parametrised, under one objective."""

    objective: AbstractObjective
    student: AbstractStudent
    num_vectors: int = eqx.field(static=True)
    teacher_dim: int = eqx.field(static=True)
    student_dim: int = eqx.field(static=True)

    def init(self, key: PRNGKeyArray, data: Data) -> Parameters:
        start: Start = data[1]
        own = jax.random.wrap_key_data(start.key)
        learned = self.objective.init(own, self.student_dim, self.teacher_dim)
        return Parameters(start.parameters, learned)

    def begin(self, key: PRNGKeyArray, data: Data) -> PyTree:
        own = jax.random.wrap_key_data(data[1].key)
        return self.objective.begin(jax.random.fold_in(own, 1), data[0])

    def loss(self, parameters: Parameters, data: Data) -> Float[Array, ""]:
        vectors = self.student.vectors(parameters.student)
        return self.objective(vectors, data[0], parameters.learned)

    def step_loss(
        self, parameters: Parameters, data: Data, memory: PyTree, key: PRNGKeyArray
    ) -> Float[Array, ""]:
        vectors = self.student.vectors(parameters.student)
        return self.objective.at(memory)(vectors, data[0], parameters.learned)

    def remember(self, memory: PyTree, parameters: Parameters, data: Data) -> PyTree:
        vectors = self.student.vectors(parameters.student)
        return self.objective.remember(memory, vectors, data[0], parameters.learned)

    def subject(self, parameters: Parameters) -> Float[Array, "n m"]:
        return self.student.vectors(parameters.student)

    def scales(self, data: Data) -> Scalars:
        zero = jnp.zeros((self.num_vectors, self.student_dim), data[0].dtype)
        learned = self.objective.init(
            jax.random.key(0), self.student_dim, self.teacher_dim
        )
        return {"zero_student_loss": self.objective(zero, data[0], learned)}

    def optima(self, data: Data) -> Mapping[str, float]:
        teacher = np.asarray(data[0], np.float64)
        return {"optimum_loss": self.objective.optimum(teacher, self.student_dim)}

    def derived(
        self, records: Mapping[str, np.ndarray], levels: Mapping[str, np.ndarray]
    ) -> tuple[Mapping[str, np.ndarray], Mapping[str, np.ndarray]]:
        loss = records["loss"]
        scale, optimum = levels["zero_student_loss"], levels["optimum_loss"]
        with np.errstate(divide="ignore", invalid="ignore"):  # where a scale is zero
            more = {
                "relative_loss": loss / scale[:, None],
                "excess_loss": (loss - optimum[:, None]) / scale[:, None],
            }
            return more, {"relative_optimum": optimum / scale}
