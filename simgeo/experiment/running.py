"""All seeds of an experiment, side by side, record by record."""

import os
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import NamedSharding, PartitionSpec
from jaxtyping import Array, Float, Int

from simgeo.experiment import programs
from simgeo.experiment.description import Experiment
from simgeo.experiment.programs import Rate, Rule, keys_of, mesh_of
from simgeo.experiment.references import references


def prepare_host() -> None:
    """One JAX device per core, and compiled programs kept in the user's cache folder.

    For programs, not libraries: it must run before JAX looks for its devices.
    """
    jax.config.update("jax_num_cpu_devices", os.cpu_count() or 1)
    keep_programs()


def keep_programs() -> None:
    """Compiled programs are kept in the user's cache folder, for the next process."""
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
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


def run(
    experiment: Experiment,
    *,
    on_chunk: Callable[[int, float], Any] | None = None,
    on_students: Callable[[Float[np.ndarray, "s n m"]], Any] | None = None,
) -> Trajectory:
    """All seeds of an experiment, side by side.

    Args:
        on_chunk: called after every record with the steps done and the median loss.
        on_students: called after every record with the students of all seeds, which
            are kept nowhere else but for the last.

    Ctrl-C ends the run with the records made so far, `complete` false.

    Raises:
        NotFiniteError: if a gradient is not finite; it names objective, seed and step.

    >>> from simgeo import experiment, objectives, teachers
    >>> cell = experiment.Experiment(
    ...     teacher=teachers.OrthogonalBlocks(num_blocks=2),
    ...     objective=objectives.Procrustes(),
    ...     num_vectors=12,
    ...     teacher_dim=6,
    ...     student_dim=4,
    ...     num_steps=50,
    ...     num_records=3,
    ...     num_seeds=2,
    ... )
    >>> found = experiment.run(cell)
    >>> found.steps.tolist(), found.records["loss"].shape  # seeds, records
    ([0, 1, 50], (2, 3))
    >>> bool((found.records["loss"][:, -1] >= found.references["optimum_loss"]).all())
    True
    """
    begin = time.perf_counter()
    arrays = jax.tree.map(jnp.asarray, experiment)
    objective, student, epsilon = arrays.objective, arrays.student, arrays.epsilon
    rule = Rule(experiment.optimiser, experiment.schedule)
    rate = Rate(arrays.learning_rate, jnp.asarray(experiment.num_steps))
    mesh = mesh_of(experiment.num_seeds)

    teacher = draw_teachers(experiment)
    keys = keys_of(experiment.seeds, "student")
    # On one device: a start may call LAPACK, which can deadlock on several.
    alone = mesh_of(1)
    own = (keys, jax.device_put(teacher, alone.devices.flat[0]))
    state = programs.start(
        (objective, student, rate), own, experiment.student_dim, rule, alone
    )
    state = jax.device_put(state, NamedSharding(mesh, PartitionSpec("seeds")))
    root = programs.prepare(teacher, mesh)
    levels = references(experiment, teacher, root, mesh)
    done, observed, stop = 0, [], None
    try:
        for num_steps in chunks(experiment.record_steps):
            if num_steps:
                common = (jnp.asarray(num_steps), objective, student, rate)
                state = programs.advance(common, (), state, teacher, rule, mesh)
            record, latest, last_finite = programs.record(
                (objective, student, epsilon), (state, teacher, root), mesh
            )
            record = jax.tree.map(np.asarray, record)
            done += num_steps
            lost = not_finite(experiment, np.asarray(last_finite), done)
            if lost is not None:
                raise lost
            observed.append(record)
            vectors = latest
            if on_students is not None:
                on_students(np.asarray(latest))
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
        references=levels,
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
    return programs.draw(
        (teacher,), (keys_of(seeds, "teacher"),), shape, mesh_of(len(seeds))
    )


def chunks(record_steps: Int[np.ndarray, " r"]) -> Iterator[int]:
    """The steps to do before each record."""
    return iter(np.diff(record_steps, prepend=0).tolist())


def not_finite(
    experiment: Experiment, last_finite: Int[np.ndarray, " s"], done: int
) -> NotFiniteError | None:
    """The error that names the first seed that was lost, if one was."""
    lost = np.flatnonzero(last_finite < done)
    if not lost.size:
        return None
    seed = int(experiment.seeds[lost[0]])
    return NotFiniteError(
        f"the gradient of {experiment.objective.label} is not finite at seed "
        f"{seed}, step {int(last_finite[lost[0]]) + 1} ({lost.size} of "
        f"{experiment.num_seeds} seeds). Try a smaller `learning_rate` than "
        f"{experiment.learning_rate:g}."
    )
