"""Networks that read numbers: fully connected, and convolutional."""

import itertools
import math

import equinox as eqx
import jax
from jaxtyping import Array, Num, PRNGKeyArray

from simgeo import checks
from simgeo.checks import require
from simgeo.networks._described import (
    PLACES,
    AbstractNetwork,
    Outputs,
    Parameters,
    Task,
    as_real,
    require_numbers,
    require_one_answer,
)

_KERNEL, _STRIDE = 3, 2


class MLP(AbstractNetwork):
    """A multilayer perceptron with GELU.

    Args:
        width: features of each hidden layer, from 1.
        depth: hidden layers, from 1.
    """

    width: int = eqx.field(static=True, default=64, metadata=checks.at_least(1))
    depth: int = eqx.field(static=True, default=2, metadata=checks.at_least(1))

    @property
    def widths(self) -> tuple[int, ...]:
        return (self.width,) * self.depth

    def init(self, key: PRNGKeyArray, task: Task) -> Parameters:
        require_numbers(task, self)
        require_one_answer(task, self)
        sizes = (math.prod(task.input_shape), *self.widths, task.num_classes)
        keys = jax.random.split(key, len(sizes) - 1)
        return [
            eqx.nn.Linear(fan_in, fan_out, key=own)
            for own, (fan_in, fan_out) in zip(
                keys, itertools.pairwise(sizes), strict=True
            )
        ]

    def __call__(
        self, parameters: Parameters, inputs: Num[Array, "b ..."], task: Task
    ) -> Outputs:
        *hidden, last = parameters
        rows = as_real(inputs).reshape(len(inputs), -1)
        layers = []
        for linear in hidden:
            rows = jax.nn.gelu(jax.vmap(linear)(rows))
            layers.append(rows)
        return Outputs(tuple(layers), jax.vmap(last)(rows))


class ConvNet(AbstractNetwork):
    """A small convolutional network: 3 x 3 kernels, each layer at half the size.

    The features of a layer are its channels, each averaged over the image.

    Args:
        width: channels of the last layer, from 1; each layer before has half of those
            after it, but at least 4.
        depth: layers, from 1.
    """

    width: int = eqx.field(static=True, default=32, metadata=checks.at_least(1))
    depth: int = eqx.field(static=True, default=3, metadata=checks.at_least(1))

    @property
    def widths(self) -> tuple[int, ...]:
        powers = reversed(range(self.depth))
        return tuple(max(self.width // 2**at, min(4, self.width)) for at in powers)

    def init(self, key: PRNGKeyArray, task: Task) -> Parameters:
        require_numbers(task, self)
        require_one_answer(task, self)
        shape = "x".join(map(str, task.input_shape))
        is_image = len(task.input_shape) == 2
        require(is_image, PLACES, "read rows of numbers, which `MLP` does", shape)
        sizes = (1, *self.widths)
        keys = jax.random.split(key, len(sizes))
        convolutions = [
            eqx.nn.Conv2d(fan_in, fan_out, _KERNEL, _STRIDE, padding=1, key=own)
            for own, (fan_in, fan_out) in zip(
                keys[1:], itertools.pairwise(sizes), strict=True
            )
        ]
        return convolutions, eqx.nn.Linear(sizes[-1], task.num_classes, key=keys[0])

    def __call__(
        self, parameters: Parameters, inputs: Num[Array, "b ..."], task: Task
    ) -> Outputs:
        convolutions, last = parameters
        images = as_real(inputs)[:, None]
        layers = []
        for convolution in convolutions:
            images = jax.nn.gelu(jax.vmap(convolution)(images))
            layers.append(images.mean(axis=(2, 3)))
        return Outputs(tuple(layers), jax.vmap(last)(layers[-1]))
