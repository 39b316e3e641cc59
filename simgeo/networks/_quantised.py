"""A network whose weights are rounded to few bits."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Num, PRNGKeyArray

from simgeo import checks
from simgeo.networks._described import AbstractNetwork, Outputs, Parameters, Task

_BITS = checks.rule(
    "be from 2 to 16", lambda value: 2 <= value <= 16, minimum=2, maximum=16
)


class Quantised(AbstractNetwork):
    """Another network with weights of few bits, trained straight through the rounding.

    Every array of weights is rounded to 2^bits - 1 equally spaced values around zero,
    up to its largest entry; arrays with one axis, such as biases, are kept. The
    gradient is that of the weights before rounding (Bengio et al., 2013).

    Args:
        network: whose weights are rounded.
        bits: of each weight, from 2 to 16.
    """

    network: AbstractNetwork
    bits: int = eqx.field(static=True, default=4, metadata=_BITS)

    @property
    def widths(self) -> tuple[int, ...]:
        return self.network.widths

    @property
    def label(self) -> str:
        return f"{self.network.label}, {self.bits} bits"

    def init(self, key: PRNGKeyArray, task: Task) -> Parameters:
        return self.network.init(key, task)

    def __call__(
        self, parameters: Parameters, inputs: Num[Array, "b ..."], task: Task
    ) -> Outputs:
        return self.network(jax.tree.map(self._rounded, parameters), inputs, task)

    def _rounded(self, weights: Float[Array, "..."]) -> Float[Array, "..."]:
        if weights.ndim < 2:
            return weights
        levels = 2 ** (self.bits - 1) - 1
        tiny = jnp.finfo(weights.dtype).tiny
        spacing = jnp.maximum(jnp.max(jnp.abs(weights)) / levels, tiny)
        rounded = jnp.round(weights / spacing) * spacing
        return weights + jax.lax.stop_gradient(rounded - weights)
