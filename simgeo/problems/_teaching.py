"""Networks that teach: trained here, or their answers in a file."""

import abc
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Bool, Float, Int, Num, PRNGKeyArray

from simgeo import checks, descent, optimisers
from simgeo.checks import require
from simgeo.datasets import AbstractDataset, Split
from simgeo.networks import MLP, AbstractNetwork, Outputs, Task
from simgeo.problems._parts import AbstractStage

_AT_ONCE = 256  # inputs of which outputs are held in memory together


class Rows(NamedTuple):
    """Examples in the order of their split: training, validation, test."""

    inputs: Num[Array, "n ..."]
    targets: Int[Array, "n ..."]


def task_of(split: Split, of_teacher: bool = False) -> Task:
    """What is asked of a network that is trained on these examples."""
    examples = split.examples
    inputs = examples.inputs
    if of_teacher and examples.teacher_inputs is not None:
        inputs = examples.teacher_inputs
    return Task(
        inputs.shape[1:],
        examples.num_classes,
        examples.num_tokens,
        examples.targets.ndim > 1,
    )


def mean_asked(
    values: Float[Array, "b ..."] | Bool[Array, "b ..."],
    targets: Int[Array, "b ..."],
) -> Float[Array, ""]:
    """The mean over what is asked for, that is where targets are not negative."""
    asked = targets >= 0
    return jnp.sum(jnp.where(asked, values, 0.0)) / jnp.maximum(asked.sum(), 1)


def task_loss(
    logits: Float[Array, "b ... c"], targets: Int[Array, "b ..."]
) -> Float[Array, ""]:
    """Cross-entropy, averaged over what is asked for."""
    each = optax.softmax_cross_entropy_with_integer_labels(
        logits, jnp.maximum(targets, 0)
    )
    return mean_asked(each, targets)


def divergence(
    student: Float[Array, "b ... c"],
    teacher: Float[Array, "b ... c"],
    targets: Int[Array, "b ..."],
    temperature: Float[Array, ""] | float,
) -> Float[Array, ""]:
    """That of the student's answers from the teacher's, averaged as the task's loss.

    Args:
        student: logits.
        teacher: logits.
        targets: below 0 where nothing is asked for.
        temperature: by which logits are divided, positive.
    """
    own, given = (
        jax.nn.log_softmax(logits / temperature) for logits in (student, teacher)
    )
    each = optax.losses.kl_divergence_with_log_targets(own, given)
    return mean_asked(each, targets)


class AbstractNetworkTeacher(eqx.Module):
    """Where a teacher's features and logits come from."""

    def __check_init__(self) -> None:
        checks.check_fields(self)

    @abc.abstractmethod
    def widths(self, split: Split) -> tuple[int, ...]:
        """How many features each layer has.

        Raises:
            ValueError: if there is no teacher for these examples.
        """

    @abc.abstractmethod
    def stage(self, dataset: AbstractDataset) -> AbstractStage:
        """The stage that gives its `Outputs` for all examples."""

    @property
    def label(self) -> str:
        """Short name for tables and figures."""
        return type(self).__name__


class TrainedTeacher(AbstractNetworkTeacher):
    """A network that is trained here, on the task alone, once for all students.

    Args:
        network: its kind and sizes.
        optimiser: one of `simgeo.optimisers`.
        num_steps: of its training, from 1.
        batch_size: examples of a step, drawn with replacement, from 1.
        seed: of its start and its batches, from 0.
    """

    network: AbstractNetwork = eqx.field(default_factory=MLP)
    optimiser: optimisers.AbstractOptimiser = eqx.field(
        default_factory=lambda: optimisers.Adam(1e-3, "cosine"),
        converter=optimisers.optimiser_of,
    )
    num_steps: int = eqx.field(static=True, default=2000, metadata=checks.at_least(1))
    batch_size: int = eqx.field(static=True, default=64, metadata=checks.at_least(1))
    seed: int = eqx.field(static=True, default=0, metadata=checks.at_least(0))

    @property
    def label(self) -> str:
        return self.network.label

    def widths(self, split: Split) -> tuple[int, ...]:
        return self.network.widths

    def stage(self, dataset: AbstractDataset) -> AbstractStage:
        split = dataset.split()
        examples = split.examples
        inputs = examples.teacher_inputs
        return TeacherTraining(
            self,
            dataset,
            task_of(split, of_teacher=True),
            split.num_train,
            examples.inputs if inputs is None else inputs,
            examples.targets,
        )


class GivenTeacher(AbstractNetworkTeacher):
    """A teacher whose features and logits the file of the examples holds."""

    def widths(self, split: Split) -> tuple[int, ...]:
        layers, logits = split.examples.layers, split.examples.logits
        rule = "be `trained-teacher` unless the dataset holds a teacher's `layer_0` "
        rule += "and `logits`"
        is_given = bool(layers) and logits is not None
        require(is_given, "teacher", rule, "examples without them")
        return tuple(layer.shape[1] for layer in layers)

    def stage(self, dataset: AbstractDataset) -> AbstractStage:
        examples = dataset.split().examples
        return GivenOutputs(dataset, Outputs(examples.layers, examples.logits))


_NOT_DESCRIBED = {"describe": False}  # it follows from the rest


class ExampleRows(AbstractStage):
    """The examples, equal for all seeds."""

    dataset: AbstractDataset
    rows: Rows = eqx.field(metadata=_NOT_DESCRIBED)

    def seed_of(self, seed: int) -> int:
        return 0

    def draw(self, key: PRNGKeyArray, *before: object) -> Rows:
        return self.rows


class GivenOutputs(AbstractStage):
    """A teacher's outputs from a file."""

    dataset: AbstractDataset
    outputs: Outputs = eqx.field(metadata=_NOT_DESCRIBED)

    def seed_of(self, seed: int) -> int:
        return 0

    def draw(self, key: PRNGKeyArray, *before: object) -> Outputs:
        return self.outputs


class TeacherTraining(AbstractStage):
    """The training of a teacher, and what it makes of all examples."""

    teacher: TrainedTeacher = eqx.field(static=True)
    dataset: AbstractDataset
    task: Task = eqx.field(static=True, metadata=_NOT_DESCRIBED)
    num_train: int = eqx.field(static=True, metadata=_NOT_DESCRIBED)
    inputs: np.ndarray = eqx.field(metadata=_NOT_DESCRIBED)
    targets: np.ndarray = eqx.field(metadata=_NOT_DESCRIBED)

    @property
    def is_kept(self) -> bool:
        return True

    def seed_of(self, seed: int) -> int:
        return self.teacher.seed

    def draw(self, key: PRNGKeyArray, *before: object) -> Outputs:
        teacher, task = self.teacher, self.task
        network = teacher.network
        start_key, batch_key = jax.random.split(key)

        def loss(parameters: object, _: object, step: Int[Array, ""]) -> Array:
            own = jax.random.fold_in(batch_key, step)
            rows = jax.random.randint(own, (teacher.batch_size,), 0, self.num_train)
            logits = network(parameters, self.inputs[rows], task).logits
            return task_loss(logits, self.targets[rows])

        rule = teacher.optimiser.transformation(teacher.num_steps)
        start = descent.init(network.init(start_key, task), rule)
        count = jnp.asarray(teacher.num_steps)
        end = descent.advance(start, loss, rule, count).parameters

        def of_one(one: Num[Array, "..."]) -> Outputs:
            return jax.tree.map(lambda leaf: leaf[0], network(end, one[None], task))

        return jax.lax.map(of_one, jnp.asarray(self.inputs), batch_size=_AT_ONCE)
