"""Descent against a plain loop, in one go and in parts."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from simgeo import distill

TARGET = jnp.asarray([[1.0, -2.0, 0.5], [0.3, 0.0, 4.0]])
START = {"vectors": jnp.ones((2, 3)), "map": jnp.full((3,), 0.5)}


def loss(parameters, _=None):
    """Smooth, not quadratic, and of two arrays, as with a learned projection."""
    moved = parameters["vectors"] * parameters["map"][None, :]
    return jnp.sum((moved - TARGET) ** 2) + 0.1 * jnp.sum(parameters["map"] ** 4)


OPTIMISERS = {
    "sgd": optax.sgd(0.02),
    "momentum": optax.sgd(0.02, momentum=0.9),
    "adam with a schedule": optax.adam(optax.cosine_decay_schedule(0.1, 25)),
    "adamw": optax.adamw(0.05, weight_decay=0.1),  # needs the parameters
}


@pytest.mark.parametrize("name", OPTIMISERS)
def test_steps_are_those_of_a_plain_loop_in_one_go_or_in_parts(name):
    optimiser = OPTIMISERS[name]

    @jax.jit
    def advance(state, num_steps):
        return distill.advance(state, loss, optimiser, num_steps)

    @jax.jit
    def plain_step(parameters, moments):
        gradient = jax.grad(loss)(parameters)
        updates, moments = optimiser.update(gradient, moments, parameters)
        return optax.apply_updates(parameters, updates), moments

    start = distill.init(START, optimiser)
    assert (start.step, start.last_finite) == (0, 0)
    whole = advance(start, 20)
    parts = advance(advance(advance(start, 7), 0), 13)
    for one, other in zip(jax.tree.leaves(whole), jax.tree.leaves(parts), strict=True):
        assert np.array_equal(one, other)
    assert (whole.step, whole.last_finite) == (20, 20)

    parameters, moments = START, optimiser.init(START)
    for _ in range(20):
        parameters, moments = plain_step(parameters, moments)
    assert loss(parameters) < 0.9 * loss(START)
    for leaf, expected in parameters.items():
        # Adam divides by roots near zero, which magnify rounding.
        assert np.allclose(whole.parameters[leaf], expected, rtol=1e-4, atol=1e-5)


def test_last_finite_is_the_step_before_the_gradient_was_lost():
    def lost_at_three(x, _):
        """Slope of -1 until a root of a negative number joins in at x > 2.5."""
        return -x + 0.0 * jnp.sqrt(2.5 - x)

    optimiser = optax.sgd(1.0)
    start = distill.init(jnp.zeros(()), optimiser)
    finite = distill.advance(start, lost_at_three, optimiser, jnp.asarray(3))
    assert (finite.step, finite.last_finite, finite.parameters) == (3, 3, 3.0)
    lost = distill.advance(finite, lost_at_three, optimiser, jnp.asarray(5))
    assert (lost.step, lost.last_finite) == (8, 3)


def test_a_gradient_that_is_finite_again_is_lost_all_the_same():
    def infinite_at_two(x, _):
        return jnp.where(x == 2.0, jnp.inf, -1.0) * x

    optimiser = optax.sign_sgd(1.0)  # the sign of infinity is a step like any other
    start = distill.init(jnp.zeros(()), optimiser)
    end = distill.advance(start, infinite_at_two, optimiser, jnp.asarray(6))
    assert np.isfinite(end.parameters)
    assert (end.step, end.last_finite) == (6, 2)
