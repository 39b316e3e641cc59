import jax
import jax.numpy as jnp
import optax

from simgeo import functional

keys = jax.random.split(jax.random.key(0), 4)
inputs = jax.random.normal(keys[0], (512, 32))
target = jnp.tanh(inputs @ jax.random.normal(keys[1], (32, 48)) / 6)
parameters = {
    "first": jax.random.normal(keys[2], (32, 64)) / 6,
    "last": jax.random.normal(keys[3], (64, 16)) / 8,
}
optimiser = optax.chain(optax.clip_by_global_norm(1.0), optax.adamw(3e-3))


def loss(parameters, inputs, target):
    features = jax.nn.relu(inputs @ parameters["first"]) @ parameters["last"]
    return functional.feature_gram(features, target, unit_rows=True) / len(inputs)


@jax.jit
def step(parameters, state, inputs, target):
    value, gradients = jax.value_and_grad(loss)(parameters, inputs, target)
    updates, state = optimiser.update(gradients, state, parameters)
    return optax.apply_updates(parameters, updates), state, value


state, losses = optimiser.init(parameters), []
for rows in jnp.arange(10 * 512).reshape(-1, 64) % 512:
    parameters, state, value = step(parameters, state, inputs[rows], target[rows])
    losses.append(float(value))
