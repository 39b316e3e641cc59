"""The seams of the engine: what a problem of any kind offers, for one unit.

A unit is one cell and one seed. All here are frozen modules whose leaves may differ
from unit to unit, while their static fields decide which units share a program.
"""

import abc
from collections.abc import Mapping

import equinox as eqx
import numpy as np
from jaxtyping import Array, Float, Num, PRNGKeyArray, PyTree

Data = tuple[PyTree, ...]
"""What each stage drew."""
Scalars = Mapping[str, Num[Array, ""]]


class AbstractStage(eqx.Module):
    """Something that is given to a unit before the descent, such as its teacher.

    Units whose stages are equal share the draw and its program.
    """

    @abc.abstractmethod
    def draw(self, key: PRNGKeyArray, *before: PyTree) -> PyTree:
        """What is given, from a key of the unit and what the stages before drew."""

    def seed_of(self, seed: int) -> int:
        """The seed that decides the draw; the unit's own unless this says otherwise."""
        return seed

    @property
    def is_kept(self) -> bool:
        """Whether the draw takes so long that the next process should find it."""
        return False


class AbstractObserver(eqx.Module):
    """What is recorded along a run, and the levels that it is read against."""

    @abc.abstractmethod
    def observe(self, subject: PyTree, data: Data) -> Scalars:
        """Named numbers of what `AbstractProblem.subject` gives."""

    def baselines(self, data: Data) -> Mapping[str, PyTree]:
        """Other subjects to be observed, by the first word of their levels' names.

        Called once for every unit, outside of any program, with NumPy arrays.
        """
        return {}

    def has_level(self, baseline: str, name: str) -> bool:
        """Whether the level `<baseline>_<name>` says anything."""
        return True

    def levels(self, data: Data) -> Mapping[str, float]:
        """Levels that are computed on the host, called as `baselines` is."""
        return {}

    def attributes(self, name: str) -> Mapping[str, str]:
        """What a variable of the data set says of itself, such as its `long_name`."""
        return {}

    def vectors(
        self, subject: PyTree, data: Data
    ) -> Mapping[str, tuple[tuple[str, ...], np.ndarray]]:
        """Arrays of a unit that are worth keeping, with the names of their axes."""
        return {}


class AbstractProblem(AbstractObserver):
    """What is optimised. `init`, `loss` and `observe` are all that it must have."""

    @abc.abstractmethod
    def init(self, key: PRNGKeyArray, data: Data) -> PyTree:
        """The parameters before the first step."""

    @abc.abstractmethod
    def loss(self, parameters: PyTree, data: Data) -> Float[Array, ""]:
        """The loss that is recorded."""

    def step_loss(
        self, parameters: PyTree, data: Data, memory: PyTree, key: PRNGKeyArray
    ) -> Float[Array, ""]:
        """The loss that one step descends; its key is another at every step."""
        return self.loss(parameters, data)

    def begin(self, key: PRNGKeyArray, data: Data) -> PyTree:
        """What is carried from step to step beside the parameters."""
        return None

    def remember(self, memory: PyTree, parameters: PyTree, data: Data) -> PyTree:
        """The same after a step that led to these parameters."""
        return memory

    def subject(self, parameters: PyTree) -> PyTree:
        """What is observed of the parameters."""
        return parameters

    def observe(self, subject: PyTree, data: Data) -> Scalars:
        """Named numbers; none where another module observes."""
        return {}

    def scales(self, data: Data) -> Scalars:
        """Levels of the loss that are computed in a program."""
        return {}

    def optima(self, data: Data) -> Mapping[str, float]:
        """Levels of the loss that are computed on the host, with NumPy arrays."""
        return {}

    def derived(
        self, records: Mapping[str, np.ndarray], levels: Mapping[str, np.ndarray]
    ) -> tuple[Mapping[str, np.ndarray], Mapping[str, np.ndarray]]:
        """More records (seed, step) and levels (seed,), from those that there are."""
        return {}, {}
