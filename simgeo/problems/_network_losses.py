"""The problem of a student network: where it starts, and its losses."""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PRNGKeyArray, PyTree

from simgeo.networks import AbstractNetwork, Outputs, Task
from simgeo.objectives import AbstractObjective
from simgeo.problems._network_observer import Sizes
from simgeo.problems._parts import AbstractProblem, Data
from simgeo.problems._teaching import divergence, task_loss


class Weights(NamedTuple):
    """Of the terms of the loss, and the temperature of logits."""

    task: float
    kl: float
    geometry: float
    temperature: float


class Parameters(NamedTuple):
    """What the optimiser moves."""

    student: PyTree
    learned: tuple[PyTree, ...]  # what is the objective's, for each pair of layers


class NetworkDistillation(AbstractProblem):
    """A student network under a task, a teacher's logits and its geometry."""

    network: AbstractNetwork = eqx.field(static=True)
    objective: AbstractObjective | None
    weights: Weights
    layers: tuple[tuple[int, int], ...] = eqx.field(static=True)  # student's, teacher's
    teacher_widths: tuple[int, ...] = eqx.field(static=True)
    task: Task = eqx.field(static=True)
    sizes: Sizes = eqx.field(static=True)

    def init(self, key: PRNGKeyArray, data: Data) -> Parameters:
        student_key, *keys = jax.random.split(key, 1 + len(self.layers))
        learned = tuple(
            self.objective.init(own, self.network.widths[layer], width)
            for own, (layer, _), width in zip(
                keys, self.layers, self.teacher_widths, strict=True
            )
            if self.objective is not None
        )
        return Parameters(self.network.init(student_key, self.task), learned)

    def loss(self, parameters: Parameters, data: Data) -> Float[Array, ""]:
        first = self.sizes.num_train
        rows = jnp.arange(first, first + self.sizes.num_validation)
        return self._loss(parameters, data, rows)

    def step_loss(
        self, parameters: Parameters, data: Data, memory: PyTree, key: PRNGKeyArray
    ) -> Float[Array, ""]:
        rows = jax.random.randint(key, (self.sizes.batch,), 0, self.sizes.num_train)
        return self._loss(parameters, data, rows)

    def _loss(
        self, parameters: Parameters, data: Data, rows: Int[Array, " b"]
    ) -> Float[Array, ""]:
        examples, teacher = jax.tree.map(lambda leaf: leaf[rows], data)
        student = self.network(parameters.student, examples.inputs, self.task)
        weights = self.weights
        total = weights.task * task_loss(student.logits, examples.targets)
        kl = divergence(
            student.logits, teacher.logits, examples.targets, weights.temperature
        )
        total += weights.kl * weights.temperature**2 * kl
        if self.objective is None:
            return total
        return total + weights.geometry * self._geometry(parameters, student, teacher)

    def subject(self, parameters: Parameters) -> PyTree:
        return parameters.student

    def _geometry(
        self, parameters: Parameters, student: Outputs, teacher: Outputs
    ) -> Float[Array, ""]:
        """The objective, averaged over the pairs of layers."""
        assert self.objective is not None
        of_pairs = [
            self.objective(student.layers[own], teacher.layers[given], learned)
            for (own, given), learned in zip(
                self.layers, parameters.learned, strict=True
            )
        ]
        return sum(of_pairs) / len(of_pairs)
