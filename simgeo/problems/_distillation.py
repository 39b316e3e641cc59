"""Student networks distilled from a teacher network, layer by layer and in logits."""

from typing import Any

import equinox as eqx
import jax

from simgeo import checks, measures, objectives
from simgeo.checks import require
from simgeo.datasets import AbstractDataset, Digits, Split
from simgeo.networks import MLP, AbstractNetwork
from simgeo.objectives import AbstractObjective
from simgeo.problems._cell import AbstractCell, count
from simgeo.problems._inherit import changed, inherited
from simgeo.problems._network_losses import NetworkDistillation, Weights
from simgeo.problems._network_observer import ANSWERS, NetworkObserver, Sizes
from simgeo.problems._parts import AbstractStage
from simgeo.problems._teaching import (
    AbstractNetworkTeacher,
    ExampleRows,
    Rows,
    TrainedTeacher,
    task_of,
)

_DEFAULT_MEASURES = (
    *("fraction_student", "fraction_teacher", "matthews", "gram_error"),
    *("cosine_correlation", "cka", "cka_uncentred", "procrustes_similarity"),
    *("r2_of_teacher", "effective_rank"),
)


_MEASURED = 256  # vectors, where that many are there


def _weight(default: float) -> Any:
    return eqx.field(default=default, metadata=checks.NOT_NEGATIVE)


class Distillation(AbstractCell):
    """Student networks trained on a task, a teacher's logits and its geometry.

    The loss is `task_weight` times the cross-entropy, plus `kl_weight` times the
    divergence of the student's from the teacher's logits at `temperature`, times its
    square (Hinton et al., 2015), plus `weight` times the objective on the features of
    the chosen layers, averaged over these. A seed fixes the student's start and the
    order of its batches, the same for every objective and weight.

    Accuracies and measures are recorded on examples that no step sees: `accuracy` on
    those of the test, `validation_accuracy` on those on which weights are chosen.

    Args:
        dataset: what is learned, and how it is divided.
        teacher: a network that is trained here, or its answers in a file.
        student: the network that learns.
        objective: of the geometry; None for none.
        weight: of the objective, from 0.
        task_weight: of the cross-entropy with the labels, from 0.
        kl_weight: of the divergence of logits, from 0.
        temperature: by which logits are divided for that, positive.
        student_layers: layers of the student, from 0, or from -1 counted backwards.
        teacher_layers: as many of the teacher.
        measured_layers: a layer of the student and one of the teacher, whose features
            are measured; the last pair of the above if none are named.
        batch_size: examples of a step, drawn with replacement, from 1.
        num_vectors: examples of the test whose features are measured, from 3; 256, or
            all if there are fewer.
        epsilon: vectors with |cosine| of at most this are orthogonal, in (0, 1).
        measures: names of what is recorded, as in `simgeo.measures.MEASURES`.
        measure_centred: whether they are of features less their mean; else hardly any
            pair is orthogonal, since features of networks have a large mean.
        optimiser, num_steps, num_records, record_spacing, num_seeds, first_seed: see
            `AbstractCell`.

    >>> from simgeo import networks, objectives, problems
    >>> problems.Distillation(
    ...     student=networks.MLP(8), objective=objectives.Procrustes(), weight=0.1
    ... ).title
    'MLP 8 x 8 distilled from MLP 64 x 64 on Digits: task + 0.1 Procrustes at layer \
-1, 2000 steps of Adam at 0.01.'
    """

    dataset: AbstractDataset = eqx.field(default_factory=Digits)
    teacher: AbstractNetworkTeacher = eqx.field(default_factory=TrainedTeacher)
    student: AbstractNetwork = eqx.field(default_factory=lambda: MLP(8))
    objective: AbstractObjective | None = eqx.field(default_factory=objectives.CKA)
    weight: float = _weight(0.1)
    task_weight: float = _weight(1.0)
    kl_weight: float = _weight(0.0)
    temperature: float = eqx.field(default=2.0, metadata=checks.POSITIVE_AND_FINITE)
    student_layers: tuple[int, ...] = eqx.field(static=True, default=(-1,))
    teacher_layers: tuple[int, ...] = eqx.field(static=True, default=(-1,))
    measured_layers: tuple[int, ...] = eqx.field(static=True, default=())
    batch_size: int = count(1, default=64)
    num_vectors: int | None = count(3, None, {"default": "256, or all of the test"})
    epsilon: float = eqx.field(default=0.1, metadata=checks.BETWEEN_0_AND_1)
    measures: tuple[str, ...] = eqx.field(static=True, default=_DEFAULT_MEASURES)
    measure_centred: bool = eqx.field(static=True, default=True)

    def __check_init__(self) -> None:
        checks.check_fields(self)
        measures.require(self.measures)
        own, given = self.student_layers, self.teacher_layers
        rule = "name as many layers as each other, at least one"
        both = "student_layers` and `teacher_layers"
        got = f"{list(own)} and {list(given)}"
        require(len(own) == len(given) > 0, both, rule, got)
        pair = [*self.measured_layers]
        rule = "name a layer of the student and one of the teacher, or none"
        require(len(pair) in (0, 2), "measured_layers", rule, pair)
        whole = type(self.objective)
        is_plain = self.objective is None or whole.begin is AbstractObjective.begin
        rule = "be one without a memory from step to step"
        require(is_plain, "objective", rule, whole.__name__)

    def check(self) -> None:
        split = self.dataset.split()
        size, asked = split.num_test, self.num_vectors
        rule = f"not exceed {size}, the examples of the test, or `test_share` be larger"
        require(asked is None or asked <= size, "num_vectors", rule, asked)
        most = len(self.student.widths), len(self.teacher.widths(split))
        for name, layers, num in (
            ("student_layers", self.student_layers, most[0]),
            ("teacher_layers", self.teacher_layers, most[1]),
            ("measured_layers", self.measured_layers[:1], most[0]),
            ("measured_layers", self.measured_layers[1:], most[1]),
        ):
            for layer in layers:
                rule = f"lie from {-num} to {num - 1}, for {num} layers"
                require(-num <= layer < num, name, rule, layer)
        task = task_of(split)
        jax.eval_shape(lambda key: self.student.init(key, task), jax.random.key(0))

    def resolved(self) -> "Distillation":
        objective = inherited(self.objective, self.epsilon)
        if objective is self.objective:
            return self
        return changed(self, objective=objective)

    def stages(self) -> tuple[AbstractStage, ...]:
        split = self.dataset.split()
        examples = split.examples
        rows = ExampleRows(self.dataset, Rows(examples.inputs, examples.targets))
        return rows, self.teacher.stage(self.dataset)

    def problem(self) -> NetworkDistillation:
        split = self.dataset.split()
        widths = self.teacher.widths(split)
        weights = self.task_weight, self.kl_weight, self.weight, self.temperature
        return NetworkDistillation(
            network=self.student,
            objective=inherited(self.objective, self.epsilon),
            weights=Weights(*weights),
            layers=tuple(zip(self.student_layers, self.teacher_layers, strict=True)),
            teacher_widths=tuple(widths[layer] for layer in self.teacher_layers),
            task=task_of(split),
            sizes=self._sizes(split),
        )

    def observer(self) -> NetworkObserver:
        split = self.dataset.split()
        return NetworkObserver(
            network=self.student,
            temperature=self.temperature,
            epsilon=self.epsilon,
            layers=self._measured,
            task=task_of(split),
            sizes=self._sizes(split),
            measures=self.measures,
            centred=self.measure_centred,
        )

    @property
    def _measured(self) -> tuple[int, int]:
        pairs = zip(self.student_layers, self.teacher_layers, strict=True)
        own, given = self.measured_layers or [*pairs][-1]
        return own, given

    def _sizes(self, split: Split) -> Sizes:
        measured = self.num_vectors or min(_MEASURED, split.num_test)
        parts = split.num_train, split.num_validation
        return Sizes(*parts, measured, self.batch_size)

    @property
    def reported(self) -> tuple[str, ...]:
        return (*ANSWERS, *self.measures)

    @property
    def labels(self) -> dict[str, str]:
        return {"objective": "none", **super().labels}

    @property
    def title(self) -> str:
        return (
            f"{self.student.label} distilled from {self.teacher.label} on "
            f"{self.dataset.label}: {self._terms}, {self.num_steps} steps of "
            f"{self.optimiser.label}."
        )

    @property
    def _terms(self) -> str:
        """The loss in words."""
        layers = ", ".join(map(str, self.student_layers))
        where = f" at layer{'s' * (len(self.student_layers) > 1)} {layers}"
        named = [
            (self.task_weight, "task"),
            (self.kl_weight, "logits"),
            (self.weight, f"{self.objective.label}{where}" if self.objective else ""),
        ]
        return " + ".join(
            term if weight == 1 else f"{weight:g} {term}"
            for weight, term in named
            if weight and term
        )

    def __repr__(self) -> str:
        last = self.first_seed + self.num_seeds - 1
        rows = {
            "dataset": self.dataset,
            "teacher": self.teacher,
            "student": self.student,
            "loss": self._terms,
            "batches": f"{self.batch_size} examples, drawn with replacement",
            "measures": ", ".join(self.measures),
            "optimiser": self.optimiser,
            "steps": f"{self.num_steps}, recorded at {len(self.record_steps)} of them "
            f"({self.record_spacing} spacing)",
            "seeds": f"{self.first_seed} to {last}",
        }
        lines = [f"  {name:10s} {value}" for name, value in rows.items()]
        return "\n".join(["Distillation", *lines])
