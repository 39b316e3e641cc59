"""Descent of one student: any parameters, any loss, any optax optimiser."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Int

Parameters = Any
Memory = Any  # what the loss carries from step to step


class State(NamedTuple):
    """All that a run needs to go on."""

    parameters: Parameters
    optimiser: optax.OptState
    step: Int[Array, ""]
    last_finite: Int[Array, ""]  # steps done before a gradient was not finite
    memory: Memory


def init(
    parameters: Parameters,
    optimiser: optax.GradientTransformation,
    memory: Memory = None,
) -> State:
    """The state before the first step."""
    zero = jnp.zeros((), jnp.int32)
    return State(parameters, optimiser.init(parameters), zero, zero, memory)


def advance(
    state: State,
    loss: Callable[[Parameters, Memory], Float[Array, ""]],
    optimiser: optax.GradientTransformation,
    num_steps: Int[Array, ""],
    remember: Callable[[Memory, Parameters], Memory] = lambda memory, _: memory,
) -> State:
    """The state `num_steps` steps later.

    The number of steps is traced, so chunks of any length share one compiled program.

    Args:
        remember: the memory after a step that led to these parameters.
    """

    def step(_, state: State) -> State:
        gradient = jax.grad(loss)(state.parameters, state.memory)
        updates, moments = optimiser.update(gradient, state.optimiser, state.parameters)
        done = state.step + 1
        # Once lost is lost: the sign of infinity is a step, and the next may be finite.
        finite = jnp.isfinite(optax.tree.sum(gradient))
        finite &= state.last_finite == state.step
        parameters = optax.apply_updates(state.parameters, updates)
        return State(
            parameters,
            moments,
            done,
            jnp.where(finite, done, state.last_finite),
            remember(state.memory, parameters),
        )

    return jax.lax.fori_loop(0, num_steps, step, state)
