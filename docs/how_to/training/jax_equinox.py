import equinox as eqx
import jax
import jax.numpy as jnp
import optax

from simgeo import functional, objectives

keys = jax.random.split(jax.random.key(0), 4)
inputs = jax.random.normal(keys[0], (512, 32))
target = jnp.tanh(inputs @ jax.random.normal(keys[1], (32, 48)) / 6)
projection = objectives.LinearProjection()  # a map, learned beside the student
student = eqx.nn.MLP(32, 16, 64, depth=1, key=keys[2])
trained = student, projection.init(keys[3], student_dim=16, teacher_dim=48)
optimiser = optax.adam(3e-3)


@eqx.filter_jit
def step(trained, state, inputs, target):
    def loss(trained):
        features = jax.vmap(trained[0])(inputs)
        geometry = functional.procrustes(features, target, normalised=True)
        return geometry + 0.1 * projection(features, target, trained[1])

    value, gradients = eqx.filter_value_and_grad(loss)(trained)
    updates, state = optimiser.update(gradients, state)
    return eqx.apply_updates(trained, updates), state, value


state, losses = optimiser.init(eqx.filter(trained, eqx.is_array)), []
for rows in jnp.arange(10 * 512).reshape(-1, 64) % 512:
    trained, state, value = step(trained, state, inputs[rows], target[rows])
    losses.append(float(value))
