"""The worst students that descent finds for one small deviation."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pandas as pd
from jaxtyping import Array, Float

from simgeo import functional, linalg, theory

EPSILON, FRAME, DIM = 0.1, 0.25, 8
TARGETS = (1e-4, 1e-3, 1e-2, 0.05, 0.2, 0.5)
_SOFT = 0.02  # of |cos| at the edge of the pattern, in the search


def worst(teacher: list[list[float]], quick: bool, frame: float) -> pd.DataFrame:
    """Students that nothing found beats in some pair of quantities.

    Descent from several starts on -log(y) with a penalty where x exceeds a target, for
    every pair of quantities x and y and every target, all in one program.
    """
    vectors = np.array(teacher)
    size, targets = (1, TARGETS[::3]) if quick else (3, TARGETS)
    asked = np.array([pair for pair in np.ndindex(7, 7) if pair[0] != pair[1]])
    asked = np.repeat(asked, len(targets) * size, axis=0)
    target = np.tile(np.repeat(targets, size), 42)
    keys = jax.random.split(jax.random.key(0), len(asked))
    steps = 50 if quick else 400
    given = jnp.asarray(vectors, jnp.float32)
    students = np.asarray(_search(given, asked, target, keys, steps))
    found = [
        theory.deviations(each, vectors, EPSILON, frame)
        for each in students.reshape(-1, *vectors.shape)
        if np.isfinite(each).all()
    ]
    values = np.array([[*each.values()] for each in found])
    kept: set[int] = set()
    for given, of in {*map(tuple, asked.tolist())}:
        order = np.lexsort((-values[:, of], values[:, given]))
        highest = np.maximum.accumulate(values[order, of])
        kept |= {*order[np.flatnonzero(np.diff(highest, prepend=-1) > 0)].tolist()}
    return pd.DataFrame([found[place] for place in sorted(kept)])


@functools.partial(jax.jit, static_argnums=4)
def _search(
    teacher: Float[Array, "n d"], asked: Array, target: Array, keys: Array, steps: int
) -> Float[Array, "s k n d"]:
    """Students at a few moments of every search."""
    optimiser = optax.adam(optax.cosine_decay_schedule(0.03, steps))
    others = ~np.eye(len(teacher), dtype=bool)
    cosines = jnp.abs(linalg.cosines(teacher))
    size = jnp.sum(teacher**2)

    def logs(student: Float[Array, "n d"]) -> Float[Array, " 7"]:
        framed = [functional.framed(each, FRAME) for each in (student, teacher)]
        turned = functional.procrustes(student, teacher, normalised=True) / 2
        aligned = functional.cka(student, teacher, centred=False)
        inner = student.T @ student
        ridge = 1e-6 * jnp.trace(inner) * jnp.eye(len(inner))
        rest = teacher - student @ jnp.linalg.solve(inner + ridge, student.T @ teacher)
        power = rest.T @ rest
        fourth = power @ power @ power @ power
        out = jnp.abs(linalg.cosines(student)) - EPSILON
        changed = jax.nn.sigmoid(jnp.where(cosines <= EPSILON, out, -out) / _SOFT)
        values = (
            functional.cka(student, teacher),
            functional.cka(*framed, centred=False),
            turned * (2 - turned),
            aligned * (2 - aligned),
            jnp.trace(power) / size,
            jnp.trace(fourth) ** 0.25 / size * len(inner),
            jnp.mean(changed, where=others),
        )
        return jnp.log(jnp.maximum(jnp.stack(values), 0.0) + 1e-7)

    def one(pair: Array, target: Array, key: Array) -> Float[Array, "k n d"]:
        def loss(student: Float[Array, "n d"]) -> Float[Array, ""]:
            found = logs(student)
            over = jnp.maximum(found[pair[0]] - jnp.log(target), 0.0)
            return 10 * over**2 - found[pair[1]]

        def step(carry: tuple, _: None) -> tuple[tuple, None]:
            student, state = carry
            slopes, state = optimiser.update(jax.grad(loss)(student), state)
            return (optax.apply_updates(student, slopes), state), None

        noise, move, scale = jax.random.split(key, 3)
        start = teacher + jax.random.uniform(scale, maxval=0.5) * (
            jax.random.normal(noise, teacher.shape) / DIM**0.5
            + jax.random.normal(move, (1, DIM)) / DIM**0.5
        )
        carry, ends = (start, optimiser.init(start)), []
        for _ in range(2):
            carry, _ = jax.lax.scan(step, carry, length=steps // 2)
            ends.append(carry[0])
        return jnp.stack(ends)

    return jax.lax.map(lambda each: one(*each), (asked, target, keys), batch_size=256)
