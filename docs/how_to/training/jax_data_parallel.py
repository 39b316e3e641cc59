import jax
import jax.numpy as jnp
import optax
from jax.sharding import NamedSharding
from jax.sharding import PartitionSpec as Spec

from simgeo import functional

keys = jax.random.split(jax.random.key(0), 3)
inputs = jax.random.normal(keys[0], (512, 32))
target = jnp.tanh(inputs @ jax.random.normal(keys[1], (32, 48)) / 6)
weights = jax.random.normal(keys[2], (32, 16)) / 6
mesh = jax.make_mesh((len(jax.devices()),), ("batch",))
rows = NamedSharding(mesh, Spec("batch"))
inputs, target = jax.device_put((inputs, target), rows)
optimiser = optax.adam(3e-3)
specs = {"in_specs": (Spec(), Spec("batch"), Spec("batch")), "out_specs": Spec()}


@jax.shard_map(mesh=mesh, **specs)
def loss(weights, inputs, target):  # the loss of all rows, not the mean of parts
    return functional.cka(jnp.tanh(inputs @ weights), target, axis_name="batch")


@jax.jit
def step(weights, state):
    value, gradient = jax.value_and_grad(loss)(weights, inputs, target)
    updates, state = optimiser.update(gradient, state)
    return optax.apply_updates(weights, updates), state, value


state, losses = optimiser.init(weights), []
for _ in range(40):
    weights, state, value = step(weights, state)
    losses.append(float(value))
