import jax
import jax.numpy as jnp
import optax
from flax import nnx

from simgeo import functional


class Student(nnx.Module):
    def __init__(self, rngs):
        self.first = nnx.Linear(32, 64, rngs=rngs)
        self.last = nnx.Linear(64, 16, rngs=rngs)

    def __call__(self, inputs):
        return self.last(nnx.relu(self.first(inputs)))


@nnx.jit
def step(student, optimiser, inputs, target):
    def loss(student):
        return functional.cka(student(inputs), target)

    value, gradients = nnx.value_and_grad(loss)(student)
    optimiser.update(student, gradients)
    return value


keys = jax.random.split(jax.random.key(0))
inputs = jax.random.normal(keys[0], (512, 32))
target = jnp.tanh(inputs @ jax.random.normal(keys[1], (32, 48)) / 6)
student = Student(nnx.Rngs(0))
optimiser = nnx.Optimizer(student, optax.adam(3e-3), wrt=nnx.Param)
batches = [slice(at, at + 64) for at in range(0, 512, 64)] * 10
losses = [float(step(student, optimiser, inputs[b], target[b])) for b in batches]
