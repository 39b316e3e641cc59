"""One experiment: checked on construction, run over many seeds at once."""

import inspect
import math
import os
import time
from collections.abc import Callable, Iterator
from functools import partial
from types import FunctionType
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from jaxtyping import Array, Float, Int, Key

from simgeo import (
    distill,
    limits,
    measures,
    objectives,
    settings,
    students,
    teachers,
)
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
        return np.unique(np.concatenate([[0], np.round(spaced)])).astype(int)


def prepare_host() -> None:
    """One JAX device per core, and compiled programs kept in the user's cache folder.

    For programs, not libraries: it must run before JAX looks for its devices.
    """
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    jax.config.update("jax_num_cpu_devices", os.cpu_count() or 1)
    jax.config.update("jax_compilation_cache_dir", os.path.join(cache, "simgeo", "jax"))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.2)


class Trajectory(NamedTuple):
    """What a run gives; arrays are NumPy, their first axis the seeds."""

    steps: Int[np.ndarray, " r"]
    seeds: Int[np.ndarray, " s"]
    records: dict[str, np.ndarray]  # each (s, r): `loss`, measures, `distance_*`
    references: dict[str, np.ndarray]  # each (s,): `chance_*`, `svd_*`, `optimum_*` ...
    student: Float[np.ndarray, "s n m"]
    teacher: Float[np.ndarray, "s n d"]
    complete: bool
    seconds: float


class NotFiniteError(ArithmeticError):
    """A run whose gradient stopped being finite; `trajectory` is what came before."""

    trajectory: Trajectory | None = None


class _Rule(NamedTuple):
    """What of an optimiser changes the program."""

    optimiser: str
    schedule: str


class _Rate(NamedTuple):
    """What of an optimiser can change without another compilation."""

    learning_rate: Float[Array, ""]
    num_steps: Int[Array, ""]


def run(
    experiment: Experiment,
    *,
    on_chunk: Callable[[int, float], Any] | None = None,
) -> Trajectory:
    """All seeds of an experiment, side by side.

    Args:
        on_chunk: called after every record with the steps done and the median loss.

    Ctrl-C ends the run with the records made so far, `complete` false.

    Raises:
        NotFiniteError: if a gradient is not finite; it names objective, seed and step.
    """
    begin = time.perf_counter()
    arrays = jax.tree.map(jnp.asarray, experiment)
    objective, student, epsilon = arrays.objective, arrays.student, arrays.epsilon
    rule = _Rule(experiment.optimiser, experiment.schedule)
    rate = _Rate(arrays.learning_rate, jnp.asarray(experiment.num_steps))
    mesh = _mesh(experiment.num_seeds)

    teacher = draw_teachers(experiment)
    keys = _keys(experiment.seeds, "student")
    # On one device: a start may call LAPACK, which can deadlock on several.
    alone = _mesh(1)
    own = (keys, jax.device_put(teacher, alone.devices.flat[0]))
    state = _start((objective, student, rate), own, experiment.student_dim, rule, alone)
    state = jax.device_put(state, NamedSharding(mesh, PartitionSpec("seeds")))
    references = _references(experiment, teacher, mesh)
    done, observed, stop = 0, [], None
    try:
        for num_steps in _chunks(experiment.record_steps):
            if num_steps:
                state = _advance(
                    (objective, student, rate, jnp.asarray(num_steps)),
                    (state, teacher),
                    rule,
                    mesh,
                )
            record, latest, last_finite = _record(
                (objective, student, epsilon), (state, teacher), mesh
            )
            record = jax.tree.map(np.asarray, record)
            done += num_steps
            _require_finite(experiment, np.asarray(last_finite), done)
            observed.append(record)
            vectors = latest
            if on_chunk is not None:
                on_chunk(done, float(np.median(record["loss"])))
    except (KeyboardInterrupt, NotFiniteError) as error:
        if not observed:
            raise
        stop = error
    trajectory = Trajectory(
        steps=experiment.record_steps[: len(observed)],
        seeds=experiment.seeds,
        records={
            name: np.stack([record[name] for record in observed], axis=1)
            for name in observed[0]
        },
        references=references,
        student=np.asarray(vectors),
        teacher=np.asarray(teacher),
        complete=stop is None,
        seconds=time.perf_counter() - begin,
    )
    if isinstance(stop, NotFiniteError):
        stop.trajectory = trajectory
        raise stop
    return trajectory


def draw_teachers(experiment: Experiment) -> Float[Array, "s n d"]:
    """The teacher of every seed."""
    teacher = jax.tree.map(jnp.asarray, experiment.teacher)
    seeds = experiment.seeds
    if experiment.shared_teacher:
        seeds = np.full_like(seeds, experiment.first_seed)
    shape = (experiment.num_vectors, experiment.teacher_dim)
    return _draw((teacher,), (_keys(seeds, "teacher"),), shape, _mesh(len(seeds)))


# The programs. Each maps one seed's mathematics over all seeds; what is common to
# them comes first, what each has for itself second, what sets the program last.


def _over_seeds(
    one: Callable, mesh: Mesh, common: tuple, own: tuple, in_turn: bool = False
) -> Any:
    def on_a_device(common: tuple, own: tuple) -> Any:
        if in_turn:
            return jax.lax.map(lambda each: one(*common, *each), own)
        return jax.vmap(partial(one, *common))(*own)

    # Not left to the compiler: it would join the devices at every test of a loop.
    common_spec, own_spec = PartitionSpec(), PartitionSpec("seeds")
    return jax.shard_map(
        on_a_device,
        mesh=mesh,
        in_specs=(common_spec, own_spec),
        out_specs=own_spec,
        check_vma=False,
    )(common, own)


@partial(jax.jit, static_argnums=(2, 3))
def _draw(common: tuple, own: tuple, shape: tuple[int, int], mesh: Mesh) -> Any:
    def one(teacher, key):
        return teacher(key, *shape)

    return _over_seeds(one, mesh, common, own)


@partial(jax.jit, static_argnums=(2, 3, 4))
def _start(common: tuple, own: tuple, student_dim: int, rule: _Rule, mesh: Mesh) -> Any:
    def one(objective, student, rate, key, teacher):
        student_key, objective_key = jax.random.split(key)
        parameters = (
            student.init(student_key, teacher, student_dim),
            objective.init(objective_key, student_dim, teacher.shape[1]),
        )
        return distill.init(parameters, _optimiser(rule, rate))

    return _over_seeds(one, mesh, common, own)


def _advance(common: tuple, own: tuple, rule: _Rule, mesh: Mesh) -> distill.State:
    state, teacher = own
    return _advance_program(common, state, teacher, rule, mesh)


@partial(jax.jit, static_argnums=(3, 4), donate_argnums=(1,))
def _advance_program(
    common: tuple, state: distill.State, teacher: Array, rule: _Rule, mesh: Mesh
) -> Any:
    def one(objective, student, rate, num_steps, state, teacher):
        def loss(parameters):
            vectors, learned = parameters
            return objective(student.vectors(vectors), teacher, learned)

        return distill.advance(state, loss, _optimiser(rule, rate), num_steps)

    # With a CPU device per core, one seed after the other: what a step touches stays in
    # the core's cache, and no seed waits for another's polar factor.
    in_turn = mesh.size > 1 and mesh.devices.flat[0].platform == "cpu"
    return _over_seeds(one, mesh, common, (state, teacher), in_turn)


def _record(common: tuple, own: tuple, mesh: Mesh) -> tuple[dict, Array, Array]:
    objective, student, epsilon = common
    state, teacher = own
    vectors, loss = _judge((objective, student), (state.parameters, teacher), mesh)
    observed = _observe((epsilon,), (vectors, teacher), mesh)
    return {"loss": loss, **observed}, vectors, state.last_finite


@partial(jax.jit, static_argnums=(2,))
def _judge(common: tuple, own: tuple, mesh: Mesh) -> Any:
    def one(objective, student, parameters, teacher):
        vectors = student.vectors(parameters[0])
        return vectors, objective(vectors, teacher, parameters[1])

    return _over_seeds(one, mesh, common, own)


@partial(jax.jit, static_argnums=(2,))
def _observe(common: tuple, own: tuple, mesh: Mesh) -> Any:
    def one(epsilon, vectors, teacher):
        distances = {
            f"distance_{name}": objective(vectors, teacher)
            for name, objective in objectives.STANDARD.items()
        }
        return measures.battery(vectors, teacher, epsilon) | distances

    return _over_seeds(one, mesh, common, own)


def _mesh(num_seeds: int) -> Mesh:
    devices = jax.devices()
    num_used = max(k for k in range(1, len(devices) + 1) if num_seeds % k == 0)
    return Mesh(np.asarray(devices[:num_used]), ("seeds",))


def _keys(seeds: Int[np.ndarray, " s"], use: str) -> Key[Array, " s"]:
    """One key per seed for one use, the same on any number of devices."""
    index = ("teacher", "student", "chance").index(use)
    roots = jax.vmap(jax.random.key)(jnp.asarray(seeds))
    return jax.vmap(jax.random.fold_in, in_axes=(0, None))(roots, index)


def _chunks(record_steps: Int[np.ndarray, " r"]) -> Iterator[int]:
    return iter(np.diff(record_steps, prepend=0).tolist())


def _optimiser(rule: _Rule, rate: _Rate) -> optax.GradientTransformation:
    if rule.schedule == "constant":
        return getattr(optax, rule.optimiser)(rate.learning_rate)

    def cosine(step):
        done = jnp.minimum(step / rate.num_steps, 1.0)
        return rate.learning_rate * 0.5 * (1.0 + jnp.cos(jnp.pi * done))

    return getattr(optax, rule.optimiser)(cosine)


def _require_finite(
    experiment: Experiment, last_finite: Int[np.ndarray, " s"], done: int
) -> None:
    lost = np.flatnonzero(last_finite < done)
    if lost.size:
        seed = int(experiment.seeds[lost[0]])
        raise NotFiniteError(
            f"the gradient of {experiment.objective.label} is not finite at seed "
            f"{seed}, step {int(last_finite[lost[0]]) + 1} ({lost.size} of "
            f"{experiment.num_seeds} seeds). Try a smaller `learning_rate` than "
            f"{experiment.learning_rate:g}."
        )


def _references(
    experiment: Experiment, teacher: Float[Array, "s n d"], mesh: Mesh
) -> dict[str, np.ndarray]:
    """What every number is read against, per seed.

    `chance_*`: a student of random unit rows. `svd_*`: the truncated SVD of the
    teacher, which is the optimum of Procrustes and Gram. `scale_*`: a student of zero
    rows. `optimum_*`: the least value of each distance at that width. `ceiling_*`: no
    vectors of that width can have more epsilon-orthogonal pairs.
    """
    shape, width = teacher.shape[:2], experiment.student_dim
    gaussian = students.UnitRows(students.GaussianStart())
    random = jax.vmap(partial(gaussian.init, student_dim=width))(
        _keys(experiment.seeds, "chance"), teacher
    )
    hosted = np.asarray(teacher, np.float64)
    best = np.stack([limits.optimal_student(each, width) for each in hosted])
    candidates = {
        "chance": jax.vmap(gaussian.vectors)(random),
        "svd": jnp.asarray(best, teacher.dtype),
        "scale": jnp.zeros((*shape, width), teacher.dtype),
    }
    found = {
        f"{kind}_{name}": np.asarray(value)
        for kind, vectors in candidates.items()
        for name, value in _observe(
            (jnp.asarray(experiment.epsilon),), (vectors, teacher), mesh
        ).items()
        if kind != "scale" or name.startswith("distance_")
    }
    num_vectors = experiment.num_vectors
    most = limits.max_orthogonal_pairs(experiment.epsilon, num_vectors, width)
    most /= num_vectors * (num_vectors - 1) / 2
    found["ceiling_fraction_student"] = np.full(experiment.num_seeds, most)
    zero, objective = candidates["scale"], experiment.objective
    learned = objective.init(jax.random.key(0), width, teacher.shape[2])
    found["scale_loss"] = np.asarray(
        jax.vmap(lambda vectors, each: objective(vectors, each, learned))(zero, teacher)
    )
    known = {
        f"optimum_distance_{name}": standard
        for name, standard in objectives.STANDARD.items()
        if name != "gram_unit_rows"  # its bound takes seconds for every seed
    }
    for name, known_objective in (known | {"optimum_loss": objective}).items():
        found[name] = np.asarray([known_objective.optimum(t, width) for t in hosted])
    return found
