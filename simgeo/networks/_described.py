"""What every network offers: parameters, features layer by layer, and logits."""

import abc
from typing import Any, NamedTuple

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, Num, PRNGKeyArray

from simgeo.checks import check_fields, require

Parameters = Any  # a pytree of arrays
PLACES = "student` and `teacher.network"  # where a network is chosen


class Task(NamedTuple):
    """What a network is for: the shape of one input, and what is asked.

    Args:
        input_shape: of one input, without the axis of examples.
        num_classes: how many there are.
        num_tokens: how many tokens there are, or 0 where inputs are numbers.
        per_position: whether a class is asked for at every position.
    """

    input_shape: tuple[int, ...]
    num_classes: int
    num_tokens: int = 0
    per_position: bool = False


class Outputs(NamedTuple):
    """What a network makes of a batch of inputs.

    Args:
        layers: features of each layer, one row an input.
        logits: one for each class, and for each position where one is asked for there.
    """

    layers: tuple[Float[Array, "b _"], ...]
    logits: Float[Array, "b ... c"]


class AbstractNetwork(eqx.Module):
    """A network, described: its sizes, from which parameters are drawn.

    One of your own defines `init`, `__call__`, which gives `Outputs`, and the property
    `widths`. Two networks of equal settings share their programs.
    """

    def __check_init__(self) -> None:
        check_fields(self)

    @abc.abstractmethod
    def init(self, key: PRNGKeyArray, task: Task) -> Parameters:
        """Parameters before training.

        Raises:
            ValueError: if the network is not made for such inputs.
        """

    @abc.abstractmethod
    def __call__(
        self, parameters: Parameters, inputs: Num[Array, "b ..."], task: Task
    ) -> Outputs:
        """Features of all layers, and logits.

        Args:
            parameters: as `init` gives them.
            inputs: a batch, its rows shaped as `task` says.
            task: that for which the parameters were drawn.
        """

    @property
    @abc.abstractmethod
    def widths(self) -> tuple[int, ...]:
        """How many features each layer has, the first one first."""

    @property
    def label(self) -> str:
        """Short name for tables and figures."""
        return f"{type(self).__name__} {' x '.join(map(str, self.widths))}"


def as_real(inputs: Num[Array, "b ..."]) -> Float[Array, "b ..."]:
    """Inputs as real numbers, grey levels from -1 to 1."""
    if inputs.dtype == jnp.uint8:
        return inputs / 127.5 - 1.0
    return jnp.asarray(inputs, float)


def require_numbers(task: Task, network: AbstractNetwork) -> None:
    """Raises ValueError if the inputs are tokens."""
    rule = "be one that reads tokens, such as `Encoder`, for such a dataset"
    require(not task.num_tokens, PLACES, rule, type(network).__name__)


def require_one_answer(task: Task, network: AbstractNetwork) -> None:
    """Raises ValueError if a class is asked for at every position."""
    rule = "be `CausalTransformer` where the next token is asked for"
    require(not task.per_position, PLACES, rule, type(network).__name__)
