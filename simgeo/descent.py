"""The descent of one unit: any parameters, any loss, any optax optimiser."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Int, PyTree


class State(NamedTuple):
    """All that a descent needs to go on, and the last step that it made."""

    parameters: PyTree
    moments: optax.OptState
    memory: PyTree  # what the loss carries from step to step
    gradient: PyTree  # of the last step, shaped as the parameters
    update: PyTree  # by which it changed the parameters
    step: Int[Array, ""]
    last_finite: Int[Array, ""]  # steps done before a gradient was not finite


def init(
    parameters: PyTree, optimiser: optax.GradientTransformation, memory: PyTree = None
) -> State:
    """The state before the first step.

    Args:
        parameters: any pytree of arrays.
        optimiser: any optax transformation.
        memory: what the loss carries from step to step, or None.
    """
    none = jax.tree.map(jnp.zeros_like, parameters)
    zero = jnp.zeros((), jnp.int32)
    moments = optimiser.init(parameters)
    return State(parameters, moments, memory, none, none, zero, zero)


def advance(
    state: State,
    loss: Callable[[PyTree, PyTree, Int[Array, ""]], Float[Array, ""]],
    optimiser: optax.GradientTransformation,
    num_steps: Int[Array, ""],
    remember: Callable[[PyTree, PyTree], PyTree] = lambda memory, _: memory,
) -> State:
    """The state `num_steps` steps later.

    The number of steps is traced, so that chunks of any length share one program.

    Args:
        state: where the descent is.
        loss: of the parameters, the memory and the steps done before.
        optimiser: any optax transformation, also one that asks for value and gradient.
        num_steps: from 0.
        remember: the memory after a step, from that before and the new parameters.
    """
    rule = optax.with_extra_args_support(optimiser)

    def step(_: Int[Array, ""], state: State) -> State:
        def of(parameters: PyTree) -> Float[Array, ""]:
            return loss(parameters, state.memory, state.step)

        value, gradient = jax.value_and_grad(of)(state.parameters)
        update, moments = rule.update(
            gradient,
            state.moments,
            state.parameters,
            value=value,
            grad=gradient,
            value_fn=of,
        )
        done = state.step + 1
        # Once lost is lost: the sign of infinity is a step, and the next may be finite.
        finite = jnp.isfinite(optax.tree.sum(gradient))
        finite &= state.last_finite == state.step
        parameters = optax.apply_updates(state.parameters, update)
        return State(
            parameters,
            moments,
            remember(state.memory, parameters),
            gradient,
            update,
            done,
            jnp.where(finite, done, state.last_finite),
        )

    return jax.lax.fori_loop(0, num_steps, step, state)
