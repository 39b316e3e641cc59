"""Descent against a plain loop, in one go and in parts."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from simgeo import descent

TARGET = jnp.asarray([[1.0, -2.0, 0.5], [0.3, 0.0, 4.0]])
START = {"vectors": jnp.ones((2, 3)), "map": jnp.full((3,), 0.5)}


def loss(parameters, memory=None, step=None):
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
        return descent.advance(state, loss, optimiser, num_steps)

    @jax.jit
    def plain_step(parameters, moments):
        gradient = jax.grad(loss)(parameters)
        updates, moments = optimiser.update(gradient, moments, parameters)
        return optax.apply_updates(parameters, updates), moments

    start = descent.init(START, optimiser)
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
    def lost_at_three(x, memory, step):
        """Slope of -1 until a root of a negative number joins in at x > 2.5."""
        return -x + 0.0 * jnp.sqrt(2.5 - x)

    optimiser = optax.sgd(1.0)
    start = descent.init(jnp.zeros(()), optimiser)
    finite = descent.advance(start, lost_at_three, optimiser, jnp.asarray(3))
    assert (finite.step, finite.last_finite, finite.parameters) == (3, 3, 3.0)
    lost = descent.advance(finite, lost_at_three, optimiser, jnp.asarray(5))
    assert (lost.step, lost.last_finite) == (8, 3)


def test_a_gradient_that_is_finite_again_is_lost_all_the_same():
    def infinite_at_two(x, memory, step):
        return jnp.where(x == 2.0, jnp.inf, -1.0) * x

    optimiser = optax.sign_sgd(1.0)  # the sign of infinity is a step like any other
    start = descent.init(jnp.zeros(()), optimiser)
    end = descent.advance(start, infinite_at_two, optimiser, jnp.asarray(6))
    assert np.isfinite(end.parameters)
    assert (end.step, end.last_finite) == (6, 2)


def test_the_last_step_is_remembered():
    optimiser = optax.sgd(0.02)
    before = descent.advance(
        descent.init(START, optimiser), loss, optimiser, jnp.asarray(4)
    )
    after = descent.advance(before, loss, optimiser, jnp.asarray(1))
    gradient = jax.grad(loss)(before.parameters)
    for name in START:
        assert np.allclose(after.gradient[name], gradient[name], rtol=1e-5)
        change = after.parameters[name] - before.parameters[name]
        assert np.allclose(after.update[name], change, rtol=1e-4, atol=1e-6)


def test_an_optimiser_may_ask_for_the_value_and_the_loss_itself():
    for optimiser in (optax.lbfgs(), optax.polyak_sgd(max_learning_rate=0.05)):
        start = descent.init(START, optimiser)
        advance = jax.jit(lambda s, n, o=optimiser: descent.advance(s, loss, o, n))
        end = advance(start, 30)
        assert loss(end.parameters) < 0.5 * loss(START)


def test_the_loss_is_told_the_number_of_the_step():
    def of_the_step(x, memory, step):
        return jnp.where(step == 2, 5.0, 1.0) * x

    optimiser = optax.sgd(1.0)
    end = descent.advance(
        descent.init(jnp.zeros(()), optimiser), of_the_step, optimiser, jnp.asarray(4)
    )
    assert end.parameters == -8.0
