"""Many experiments side by side: the cells of a sweep that share their programs."""

import json
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.sharding import NamedSharding, PartitionSpec
from jaxtyping import Float, Int

from simgeo.experiment import programs
from simgeo.experiment.batched import (
    advance,
    bytes_of,
    draw,
    hosted,
    placed,
    stacked,
    start,
)
from simgeo.experiment.description import Experiment
from simgeo.experiment.levels import Level, Levels
from simgeo.experiment.programs import Rate, Rule, mesh_of
from simgeo.experiment.running import NotFiniteError, Trajectory, chunks, not_finite
from simgeo.settings import describe


class Program(NamedTuple):
    """What experiments must have in common to share one compiled program.

    Not in it are the real-valued knobs, which differ within a batch, the teacher, which
    enters as an array, and steps, records and seeds.
    """

    structure: Any  # of objective and student, without their leaves
    leaves: tuple  # shape and kind of each
    num_vectors: int
    teacher_dim: int
    student_dim: int
    rule: Rule

    @property
    def unit_bytes(self) -> int:
        """A guess at the memory of one seed of one cell, in float32."""
        n, d, m = self.num_vectors, self.teacher_dim, self.student_dim
        return 4 * (3 * n * d + 8 * n * m + 8 * min(n * n, 2**22))


def program_of(experiment: Experiment) -> Program:
    """The program that runs this experiment; equal for those that can share a batch
    if their `record_steps` are equal too."""
    leaves, structure = jax.tree.flatten((experiment.objective, experiment.student))
    return Program(
        structure,
        tuple((np.shape(leaf), np.asarray(leaf).dtype.kind) for leaf in leaves),
        experiment.num_vectors,
        experiment.teacher_dim,
        experiment.student_dim,
        Rule(experiment.optimiser, experiment.schedule),
    )


class Unit(NamedTuple):
    """One seed of one experiment."""

    experiment: Experiment
    seed: int

    @property
    def teacher_seed(self) -> int:
        shared = self.experiment.shared_teacher
        return self.experiment.first_seed if shared else self.seed

    @property
    def teacher_key(self) -> str:
        """Equal for units whose teacher is the same draw."""
        shape = (self.experiment.num_vectors, self.experiment.teacher_dim)
        drawn = [describe(self.experiment.teacher), shape, self.teacher_seed]
        return json.dumps(drawn, sort_keys=True)


class Side(NamedTuple):
    """What `run_together` found of one slice of a batch, by unit."""

    records: list[dict[str, np.ndarray]]
    student: np.ndarray
    last_finite: list[np.ndarray]
    references: list[dict[str, Level]]
    teacher: np.ndarray


class Together:
    """Programs for `size` units at once, compiled when they are first needed."""

    def __init__(
        self,
        program: Program,
        size: int,
        like: Experiment,
        levels: Levels | None = None,
    ) -> None:
        self.program, self.size, self.like = program, size, like
        self.mesh = mesh_of(size)
        self.levels = Levels() if levels is None else levels
        self._programs: tuple[Any, Any] | None = None

    def num_bytes(self) -> int:
        """The memory of the largest program, as compiled: all it holds and works in."""
        advance, observe = self._compiled()
        host = jax.devices()[0].platform == "cpu"  # whose devices share one memory
        return max(map(bytes_of, (advance, observe))) * (self.mesh.size if host else 1)

    def run(
        self,
        units: Sequence[Unit],
        record_steps: Int[np.ndarray, " r"],
        on_record: Callable[[int], Any] | None = None,
    ) -> Side:
        """All records of up to `size` units."""
        filled = [*units, *[units[-1]] * (self.size - len(units))]
        own = self._leaves(filled)
        keys = [unit.teacher_key for unit in filled]
        teacher = self._teachers(filled, keys)
        seeds = np.array([unit.seed for unit in filled])
        state, chance, zero_loss = start(
            own, seeds, teacher, self.program.student_dim, self.program.rule, mesh_of(1)
        )
        state, own, teacher_on = self._spread((hosted(state), own, teacher))
        advance, observe = self._compiled()
        epsilon = self._spread(self._epsilon(filled))
        root = programs.prepare(teacher_on, self.mesh)

        def observed(vectors: Any) -> dict[str, np.ndarray]:
            vectors = self._spread(vectors)
            seen = (epsilon, vectors, teacher_on, root)
            return jax.tree.map(np.asarray, observe((), seen))

        references = self.levels.find(
            [unit.experiment for unit in filled],
            keys,
            teacher,
            np.asarray(chance),
            np.asarray(zero_loss),
            observed,
        )
        done, records, finite, vectors = 0, [], [], None
        for num_steps in chunks(record_steps):
            count = self._common(np.asarray(num_steps))
            state, vectors, loss, last = advance((count,), own, state, teacher_on)
            done += num_steps
            records.append({"loss": np.asarray(loss)} | observed(vectors))
            finite.append(np.asarray(last))
            if on_record is not None:
                on_record(done)
            if (finite[-1] < done).all():
                break
        num = len(units)
        return Side(
            [{name: each[:num] for name, each in one.items()} for one in records],
            np.asarray(vectors)[:num],
            [each[:num] for each in finite],
            references[:num],
            teacher[:num],
        )

    def _compiled(self) -> tuple[Any, Any]:
        if self._programs is None:
            n, d, m = self.program[2:5]
            unit = Unit(self.like, self.like.first_seed)
            like = [unit] * self.size
            real = jax.dtypes.canonicalize_dtype(float)
            teacher = jax.ShapeDtypeStruct((self.size, n, d), real)
            vectors = jax.ShapeDtypeStruct((self.size, n, m), real)
            root = jax.ShapeDtypeStruct((self.size, d, d), real)
            own, epsilon = self._leaves(like), self._epsilon(like)
            state, _, _ = jax.eval_shape(
                lambda own, seeds, teacher: start(
                    own, seeds, teacher, m, self.program.rule, mesh_of(1)
                ),
                own,
                np.zeros(self.size, int),
                teacher,
            )
            count = self._common(np.asarray(1), like=True)
            put = partial(self._spread, like=True)
            rule, mesh = self.program.rule, self.mesh
            given = (put(own), put(state), put(teacher), rule, mesh)
            step = advance.lower((count,), *given).compile()
            key = (self.size, n, d, m, real, mesh)
            if key not in self.levels.observers:
                seen = put((epsilon, vectors, teacher, root))
                lowered = programs.observe.lower((), seen, mesh)
                self.levels.observers[key] = lowered.compile()
            self._programs = step, self.levels.observers[key]
        return self._programs

    def _spread(self, tree: Any, like: bool = False) -> Any:
        sharding = NamedSharding(self.mesh, PartitionSpec("seeds"))
        return placed(tree, sharding, like)

    def _common(self, tree: Any, like: bool = False) -> Any:
        return placed(tree, NamedSharding(self.mesh, PartitionSpec()), like)

    def _leaves(self, units: Sequence[Unit]) -> tuple:
        """Objective, student and rate of every unit, each leaf stacked."""
        return stacked(
            (
                unit.experiment.objective,
                unit.experiment.student,
                Rate(unit.experiment.learning_rate, unit.experiment.num_steps),
            )
            for unit in units
        )

    def _epsilon(self, units: Sequence[Unit]) -> Any:
        return stacked(unit.experiment.epsilon for unit in units)

    def _teachers(
        self, units: Sequence[Unit], keys: Sequence[str]
    ) -> Float[np.ndarray, "b n d"]:
        """The teacher of every unit; each is drawn once, and kept for later batches."""
        shape = (self.program.num_vectors, self.program.teacher_dim)
        missing: dict[Any, dict[str, Unit]] = {}
        for unit, key in zip(units, keys, strict=True):
            if key not in self.levels.teachers:
                kind = jax.tree.structure(unit.experiment.teacher)
                missing.setdefault(kind, {})[key] = unit
        for wanted in missing.values():
            names, firsts = list(wanted), list(wanted.values())
            for at in range(0, len(names), self.size):
                part = firsts[at : at + self.size]
                part += [part[-1]] * (self.size - len(part))
                laws = stacked(unit.experiment.teacher for unit in part)
                seeds = np.array([unit.teacher_seed for unit in part])
                drawn = np.asarray(draw(laws, seeds, shape, self.mesh))
                for name, each in zip(names[at : at + self.size], drawn, strict=False):
                    self.levels.teachers[name] = each.copy()
        return np.stack([self.levels.teachers[key] for key in keys])


def run_together(
    experiments: Sequence[Experiment],
    together: Together,
    on_record: Callable[[int], Any] | None = None,
) -> list[Trajectory | NotFiniteError]:
    """All seeds of experiments that share a program and their `record_steps`.

    A cell whose gradient is not finite gets its error, and the others go on. Numbers
    agree with those of `run` to rounding, which grows along a run.

    Args:
        on_record: called after every record with the seed-steps done.
    """
    begin = time.perf_counter()
    steps = experiments[0].record_steps
    units = [Unit(cell, int(seed)) for cell in experiments for seed in cell.seeds]
    sides = []
    for at in range(0, len(units), together.size):
        part = units[at : at + together.size]

        def tell(done: int, at: int = at, num: int = len(part)) -> None:
            if on_record is not None:
                on_record(int(at * steps[-1] + num * done))

        sides.append(together.run(part, steps, tell))
        together.levels.trim()
    seconds = (time.perf_counter() - begin) / len(experiments)
    found, at = [], 0
    for cell in experiments:
        found.append(_trajectory(cell, sides, at, together.size, seconds))
        at += cell.num_seeds
    return found


def _trajectory(
    cell: Experiment, sides: list[Side], at: int, size: int, seconds: float
) -> Trajectory | NotFiniteError:
    places = [divmod(index, size) for index in range(at, at + cell.num_seeds)]
    steps = cell.record_steps
    for k, done in enumerate(steps):
        # A slice ends early where all of it is lost.
        finite = [sides[i].last_finite[: k + 1][-1][j] for i, j in places]
        lost = not_finite(cell, np.array(finite), int(done))
        if lost is not None:
            return lost

    def of_seeds(pick: Callable[[Side, int], Any]) -> np.ndarray:
        return np.array([pick(sides[i], j) for i, j in places])

    def trajectory(name: str) -> np.ndarray:
        return of_seeds(lambda side, j: [one[name][j] for one in side.records])

    def level(name: str) -> np.ndarray:
        return of_seeds(lambda side, j: side.references[j][name])

    first = sides[places[0][0]]
    return Trajectory(
        steps=steps,
        seeds=cell.seeds,
        records={name: trajectory(name) for name in first.records[0]},
        references={name: level(name) for name in first.references[0]},
        student=of_seeds(lambda side, j: side.student[j]),
        teacher=of_seeds(lambda side, j: side.teacher[j]),
        complete=True,
        seconds=seconds,
    )
