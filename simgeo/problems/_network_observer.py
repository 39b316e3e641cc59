"""What is recorded of a student network, and the levels that it is read against."""

import functools
from collections.abc import Mapping
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, PyTree

from simgeo import limits, measures
from simgeo.networks import AbstractNetwork, Outputs, Task
from simgeo.problems._parts import AbstractObserver, Data, Scalars
from simgeo.problems._teaching import divergence, mean_asked, task_loss
from simgeo.problems._vector_observer import attributes_of

_BINS = 10  # of confidence
_LONG_NAMES = {
    "accuracy": "accuracy on the test",
    "validation_accuracy": "accuracy on the validation",
    "exact_match": "share of test answers that are right as a whole",
    "agreement": "share of test answers that are the teacher's",
    "calibration_error": "expected calibration error on the test",
    "task_loss": "cross-entropy on the test",
    "kl": "divergence from the teacher's logits on the test",
    "teacher_accuracy": "accuracy of the teacher on the test",
}
_HIGHER = ("accuracy", "validation_accuracy", "exact_match", "agreement")
_LOWER = ("calibration_error", "task_loss", "kl")
ANSWERS = (*_HIGHER, *_LOWER)


Features = Float[Array, "n m"] | Float[np.ndarray, "n m"]


class Sizes(NamedTuple):
    """Numbers of examples: of the parts of the split but the last, and in a batch."""

    num_train: int
    num_validation: int
    num_measured: int
    batch: int


class NetworkObserver(AbstractObserver):
    """How right a student network is, and what it preserves of a teacher's features.

    It knows nothing of the losses, so that all of them share one program. Levels:
    `teacher_accuracy`; `chance_*`, of random unit vectors of the student's width; and
    `svd_*`, of the teacher's features, truncated to that width.
    """

    network: AbstractNetwork = eqx.field(static=True)
    temperature: float  # of logits, for the divergence
    epsilon: float
    layers: tuple[int, int] = eqx.field(static=True)  # student's, teacher's
    task: Task = eqx.field(static=True)
    sizes: Sizes = eqx.field(static=True)
    measures: tuple[str, ...] = eqx.field(static=True)
    centred: bool = eqx.field(static=True)  # whether measured features are

    @property
    def _first_of_test(self) -> int:
        return self.sizes.num_train + self.sizes.num_validation

    def observe(self, subject: PyTree, data: Data) -> Scalars:
        rows, given = data
        validating, first = self.sizes.num_train, self._first_of_test
        whole = self.network(subject, rows.inputs[validating:], self.task)
        student: Outputs = jax.tree.map(lambda leaf: leaf[first - validating :], whole)
        teacher: Outputs = jax.tree.map(lambda leaf: leaf[first:], given)
        targets, asked = rows.targets[first:], rows.targets[validating:first]
        chosen = whole.logits[: len(asked)].argmax(axis=-1)
        answers = student.logits.argmax(axis=-1)
        is_right = answers == targets
        found = {
            "accuracy": mean_asked(is_right, targets),
            "validation_accuracy": mean_asked(chosen == asked, asked),
            "agreement": mean_asked(answers == teacher.logits.argmax(axis=-1), targets),
            "task_loss": task_loss(student.logits, targets),
            "kl": divergence(student.logits, teacher.logits, targets, self.temperature),
            "calibration_error": _calibration_error(student.logits, targets),
        }
        if self.task.per_position:
            whole = jnp.all(is_right | (targets < 0), axis=1)
            found["exact_match"] = whole.mean(dtype=student.logits.dtype)
        own, given = self.layers
        few = slice(self.sizes.num_measured)
        return found | measures.battery(
            self._about_mean(student.layers[own][few]),
            self._about_mean(teacher.layers[given][few]),
            self.epsilon,
            names=self.measures,
        )

    def _about_mean(self, rows: Features) -> Features:
        return rows - rows.mean(axis=0, keepdims=True) if self.centred else rows

    def levels(self, data: Data) -> Mapping[str, float]:
        first = self._first_of_test
        targets, logits = data[0].targets[first:], data[1].logits[first:]
        asked = targets >= 0
        is_right = (logits.argmax(axis=-1) == targets)[asked]
        return {
            "teacher_accuracy": float(is_right.mean()),
            **self._levels_of_measures(data),
        }

    def _levels_of_measures(self, data: Data) -> Mapping[str, float]:
        own, given = self.layers
        teacher = self._about_mean(self._measured(data[1].layers[given]))
        width = self.network.widths[own]
        key = hash((teacher.tobytes(), width, float(self.epsilon), self.measures))
        if key not in _LEVELS:
            random = np.random.default_rng(0).normal(size=(len(teacher), width))
            subjects = {
                "chance": random / np.linalg.norm(random, axis=1, keepdims=True),
                "svd": limits.optimal_student(teacher.astype(np.float64), width),
            }
            _LEVELS[key] = {
                f"{level}_{name}": float(value)
                for level, vectors in subjects.items()
                for name, value in _battery(
                    vectors.astype(teacher.dtype), teacher, self.epsilon, self.measures
                ).items()
            }
        return _LEVELS[key]

    def attributes(self, name: str) -> Mapping[str, str]:
        if name in _LONG_NAMES:
            better = "higher" if name in _HIGHER else "lower" if name in _LOWER else ""
            return {"long_name": _LONG_NAMES[name]} | (
                {"better": better} if better else {}
            )
        return attributes_of(name)

    def vectors(
        self, subject: PyTree, data: Data
    ) -> Mapping[str, tuple[tuple[str, ...], np.ndarray]]:
        own, given = self.layers
        inputs = self._measured(data[0].inputs)
        student = _outputs(self.network, subject, jnp.asarray(inputs), self.task)
        return {
            "student": (("vector", "student_axis"), np.asarray(student.layers[own])),
            "teacher": (
                ("vector", "teacher_axis"),
                self._measured(data[1].layers[given]),
            ),
        }

    def _measured(self, rows: np.ndarray) -> np.ndarray:
        """Those of the test whose features are measured."""
        first = self._first_of_test
        return rows[first : first + self.sizes.num_measured]


_LEVELS: dict[int, Mapping[str, float]] = {}
_battery = jax.jit(measures.battery, static_argnames="names")


@functools.partial(jax.jit, static_argnames=("network", "task"))
def _outputs(
    network: AbstractNetwork, parameters: PyTree, inputs: Array, task: Task
) -> Outputs:
    return network(parameters, inputs, task)


def _calibration_error(
    logits: Float[Array, "b ... c"], targets: Int[Array, "b ..."]
) -> Float[Array, ""]:
    """Confidence less accuracy, averaged over bins of confidence (Guo et al., 2017)."""
    sure = jax.nn.softmax(logits).max(axis=-1)
    is_right = logits.argmax(axis=-1) == targets
    asked = targets >= 0
    bins = jnp.minimum((sure * _BINS).astype(int), _BINS - 1)
    gap = jnp.where(asked, sure - is_right, 0.0).ravel()
    sums = jnp.zeros(_BINS, gap.dtype).at[bins.ravel()].add(gap)
    return jnp.abs(sums).sum() / jnp.maximum(asked.sum(), 1)
