"""Descent of one student: any parameters, any loss, any optax optimiser."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Int

Parameters = Any


class State(NamedTuple):
    """All that a run needs to go on."""

    parameters: Parameters
    optimiser: optax.OptState
    step: Int[Array, ""]
    last_finite: Int[Array, ""]  # steps done before a gradient was not finite


def init(parameters: Parameters, optimiser: optax.GradientTransformation) -> State:
    """The state before the first step."""
    zero = jnp.zeros((), jnp.int32)
    return State(parameters, optimiser.init(parameters), zero, zero)


def advance(
    state: State,
    loss: Callable[[Parameters], Float[Array, ""]],
    optimiser: optax.GradientTransformation,
    num_steps: Int[Array, ""],
) -> State:
    """The state `num_steps` steps later.

    The number of steps is traced, so chunks of any length share one compiled program.
    """

    def step(_, state: State) -> State:
        gradient = jax.grad(loss)(state.parameters)
        updates, moments = optimiser.update(gradient, state.optimiser, state.parameters)
        done = state.step + 1
        # Once lost is lost: the sign of infinity is a step, and the next may be finite.
        finite = jnp.isfinite(optax.tree.sum(gradient))
        finite &= state.last_finite == state.step
        return State(
            optax.apply_updates(state.parameters, updates),
            moments,
            done,
            jnp.where(finite, done, state.last_finite),
        )

    return jax.lax.fori_loop(0, num_steps, step, state)
