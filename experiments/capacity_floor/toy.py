"""The toy model of superposition, trained many at once."""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pandas as pd
from jaxtyping import Array, Float, PRNGKeyArray

from experiments.capacity_floor.formula import COUNTS, DECAYS, SPARSITIES, WIDTHS


class Toy(NamedTuple):
    """Parameters of a toy model; unused rows of W are zero, and stay so."""

    directions: Float[Array, "m n"]
    bias: Float[Array, " n"]

    def __call__(self, inputs: Float[Array, "b n"]) -> Float[Array, "b n"]:
        hidden = inputs @ self.directions.T
        return jax.nn.relu(hidden @ self.directions + self.bias[None, :])


class Task(NamedTuple):
    """What tells the models of one batch apart."""

    sparsity: Float[Array, ""]
    decay: Float[Array, ""]
    width: Float[Array, ""]


def draw(
    key: PRNGKeyArray, sparsity: Float[Array, ""], num_samples: int, num_features: int
) -> tuple[Float[Array, "b n"], Float[Array, " b"]]:
    """Inputs with a feature on at least, and weights that make up for that.

    One feature at random is on, the others with probability q = 1 - a: a set of k
    features is then k / (n q) times as likely as among independent features, which the
    weight n q / k undoes. The empty input, of probability a^n, is left out.
    """
    on_key, first_key, size_key = jax.random.split(key, 3)
    shape = (num_samples, num_features)
    first = jax.random.randint(first_key, (num_samples, 1), 0, num_features)
    is_on = jax.random.uniform(on_key, shape) >= sparsity
    is_on |= first == jnp.arange(num_features)[None, :]
    inputs = jnp.where(is_on, jax.random.uniform(size_key, shape), 0.0)
    weights = num_features * (1 - sparsity) / jnp.sum(is_on, axis=1)
    return inputs, weights


def errors(
    toy: Toy,
    inputs: Float[Array, "b n"],
    weights: Float[Array, " b"],
    sparsity: Float[Array, ""],
) -> Float[Array, " n"]:
    """Mean squared error of every feature, over all inputs, the empty one too."""
    squared = (toy(inputs) - inputs) ** 2
    empty = sparsity ** inputs.shape[1] * jax.nn.relu(toy.bias) ** 2
    return empty + jnp.mean(weights[:, None] * squared, axis=0)


def start(key: PRNGKeyArray, task: Task, num_features: int) -> Toy:
    """Gaussian directions of expected squared length 1/2 each, no bias."""
    widest = max(WIDTHS)
    directions = jax.random.normal(key, (widest, num_features))
    used = jnp.arange(widest)[:, None] < task.width
    scale = jnp.sqrt(0.5 / task.width)
    return Toy(jnp.where(used, scale * directions, 0.0), jnp.zeros(num_features))


@partial(jax.jit, static_argnames=("num_features", "num_steps", "batch", "num_test"))
def train(
    seeds: PRNGKeyArray,
    tasks: Task,
    num_features: int,
    num_steps: int,
    batch: int,
    num_test: int,
) -> tuple[Toy, Float[Array, "s k n"]]:
    """Toy models of every seed and task, and the error of each of their features.

    All tasks of a seed see the same random numbers.
    """
    rank = jnp.arange(1.0, num_features + 1)
    rule = optax.adam(optax.cosine_decay_schedule(0.01, num_steps))

    def loss(toy: Toy, task: Task, key: PRNGKeyArray) -> Float[Array, ""]:
        inputs, weights = draw(key, task.sparsity, batch, num_features)
        each = errors(toy, inputs, weights, task.sparsity)
        return jnp.sum(rank**-task.decay * each) / (1 - task.sparsity)

    def one(key: PRNGKeyArray, task: Task) -> tuple[Toy, Float[Array, " n"]]:
        start_key, test_key, data_key = jax.random.split(key, 3)
        toy = start(start_key, task, num_features)

        def step(index, state):
            toy, moments = state
            slope = jax.grad(loss)(toy, task, jax.random.fold_in(data_key, index))
            updates, moments = rule.update(slope, moments, toy)
            return optax.apply_updates(toy, updates), moments

        toy = jax.lax.fori_loop(0, num_steps, step, (toy, rule.init(toy)))[0]
        inputs, weights = draw(test_key, task.sparsity, num_test, num_features)
        return toy, errors(toy, inputs, weights, task.sparsity)

    return jax.vmap(jax.vmap(one, (None, 0)), (0, None))(seeds, tasks)


def compute(
    num_steps: int,
    batch: int,
    num_seeds: int,
    num_test: int,
    counts: tuple[int, ...] = COUNTS,
) -> pd.DataFrame:
    """One row per model and feature: squared norm, error, share explained."""
    grid = [(d, a, m) for d in DECAYS for a in SPARSITIES for m in WIDTHS]
    decay, sparsity, width = map(jnp.asarray, np.array(grid, np.float32).T)
    tasks = Task(sparsity=sparsity, decay=decay, width=width)
    keys = jax.random.split(jax.random.key(0), num_seeds)
    tables = []
    for count in counts:
        toys, error = train(keys, tasks, count, num_steps, batch, num_test)
        norms = np.sum(np.asarray(toys.directions) ** 2, axis=2)
        axes = {"seed": range(num_seeds), "model": range(len(grid))}
        index = pd.MultiIndex.from_product(
            [*axes.values(), range(count)], names=[*axes, "feature"]
        )
        table = pd.DataFrame(
            {"norm": norms.ravel(), "error": np.asarray(error).ravel()}, index=index
        ).reset_index()
        tables.append(table.assign(num_features=count))
    whole = pd.concat(tables, ignore_index=True)
    chosen = pd.DataFrame(grid, columns=["decay", "sparsity", "width"])
    whole = whole.merge(chosen, left_on="model", right_index=True)
    density = 1 - whole["sparsity"]
    # E[x^2] - E[x]^2 of an activation uniform in [0, 1] with probability q.
    variance = density / 3 - density**2 / 4
    return whole.assign(explained=1 - whole["error"] / variance).drop(columns="model")
