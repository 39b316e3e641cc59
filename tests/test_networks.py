"""Networks: what they give, what they may not see, and how they are refused."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from simgeo import networks
from simgeo.networks import Task

NUMBERS = Task((6, 6), 3)
TOKENS = Task((7,), 4, num_tokens=11)
NEXT = Task((7,), 11, num_tokens=11, per_position=True)
KINDS = {
    "mlp": (networks.MLP(5, depth=3), NUMBERS),
    "convolutional": (networks.ConvNet(8, depth=2), NUMBERS),
    "encoder": (networks.Encoder(8, depth=2), TOKENS),
    "causal": (networks.CausalTransformer(8, depth=2), NEXT),
    "quantised": (networks.Quantised(networks.MLP(5), bits=3), NUMBERS),
}


def inputs_of(task, key, count=4):
    shape = (count, *task.input_shape)
    if task.num_tokens:
        return jax.random.randint(key, shape, 1, task.num_tokens)
    return jax.random.normal(key, shape)


# Each network in one program, and not operation by operation.
begun = jax.jit(lambda network, key, task: network.init(key, task), static_argnums=2)


@partial(jax.jit, static_argnums=3)
def answers(network, parameters, rows, task):
    return network(parameters, rows, task)


@pytest.mark.parametrize("name", KINDS)
def test_layers_are_as_wide_as_is_said(name, key):
    network, task = KINDS[name]
    one, other = jax.random.split(key)
    given = answers(network, begun(network, one, task), inputs_of(task, other), task)
    assert tuple(layer.shape for layer in given.layers) == tuple(
        (4, width) for width in network.widths
    )
    places = (7,) if task.per_position else ()
    assert given.logits.shape == (4, *places, task.num_classes)
    assert all(bool(jnp.isfinite(leaf).all()) for leaf in jax.tree.leaves(given))


@pytest.mark.parametrize("name", KINDS)
def test_an_input_is_answered_whoever_is_beside_it(name, key):
    network, task = KINDS[name]
    one, other = jax.random.split(key)
    parameters, rows = begun(network, one, task), inputs_of(task, other)
    whole = answers(network, parameters, rows, task)
    alone = answers(network, parameters, rows[1:2], task)
    for many, few in zip(jax.tree.leaves(whole), jax.tree.leaves(alone), strict=True):
        assert np.allclose(many[1:2], few, atol=1e-5)


def test_what_is_no_token_changes_nothing(key):
    network, _ = KINDS["encoder"]
    short, long = Task((4,), 4, num_tokens=11), TOKENS
    parameters = begun(network, key, long)
    rows = inputs_of(short, key)
    padded = jnp.pad(rows, ((0, 0), (0, 3)))
    cut = {**parameters, "places": parameters["places"][:4]}
    one = answers(network, cut, rows, short)
    other = answers(network, parameters, padded, long)
    for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True):
        assert np.allclose(a, b, atol=1e-5)


def test_a_causal_network_does_not_see_what_follows(key):
    network, task = KINDS["causal"]
    parameters, rows = begun(network, key, task), np.array(inputs_of(task, key))
    changed = rows.copy()
    changed[:, 5] = rows[:, 5] % 10 + 1
    one, other = (
        answers(network, parameters, each, task).logits for each in (rows, changed)
    )
    assert np.allclose(one[:, :5], other[:, :5], atol=1e-6)
    assert not np.allclose(one[:, 5:], other[:, 5:], atol=1e-3)


@pytest.mark.parametrize("bits", [2, 4])
def test_rounded_weights_have_few_values_and_the_gradient_of_none(bits, key):
    plain = networks.MLP(5)
    rounded = networks.Quantised(plain, bits)
    parameters, rows = begun(rounded, key, NUMBERS), inputs_of(NUMBERS, key)
    weights = parameters[0].weight
    kept = rounded._rounded(weights)
    assert len(np.unique(np.round(kept, 6))) <= 2**bits - 1
    spacing = float(jnp.abs(weights).max()) / (2 ** (bits - 1) - 1)
    assert float(jnp.abs(kept - weights).max()) <= spacing / 2 + 1e-6
    assert np.array_equal(rounded._rounded(parameters[0].bias), parameters[0].bias)

    @jax.jit
    @partial(jax.grad, argnums=1)
    def slopes(network, parameters):
        return jnp.sum(network(parameters, rows, NUMBERS).logits ** 2)

    at_rounded = jax.tree.map(rounded._rounded, parameters)
    straight, own = slopes(plain, at_rounded), slopes(rounded, parameters)
    for a, b in zip(jax.tree.leaves(own), jax.tree.leaves(straight), strict=True):
        assert np.allclose(a, b, rtol=1e-4, atol=1e-5)


def test_weights_of_many_bits_are_the_weights(key):
    rounded = networks.Quantised(networks.MLP(5), bits=16)
    weights = begun(rounded, key, NUMBERS)[0].weight
    assert np.allclose(rounded._rounded(weights), weights, atol=1e-4)


@pytest.mark.parametrize(
    ("network", "task", "told"),
    [
        (networks.MLP(), TOKENS, "reads tokens"),
        (networks.ConvNet(), TOKENS, "reads tokens"),
        (networks.Encoder(), NUMBERS, "reads numbers"),
        (networks.Encoder(), NEXT, "CausalTransformer"),
        (networks.ConvNet(), Task((6,), 3), "read rows of numbers"),
    ],
)
def test_inputs_that_a_network_does_not_read_are_refused(network, task, told, key):
    with pytest.raises(ValueError, match=told):
        network.init(key, task)


def test_heads_that_do_not_divide_the_width_are_refused():
    with pytest.raises(ValueError, match="`num_heads` must divide `width`"):
        networks.Encoder(width=10, num_heads=4)
