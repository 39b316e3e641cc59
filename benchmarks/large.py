"""One hundred thousand vectors: time and memory of every objective and measure."""

import sys
import time

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.rows import compared, interleaved, peak_memory, report
from simgeo import linalg, measures, objectives

NUM_VECTORS, TEACHER_DIM, STUDENT_DIM, EPSILON = 100_000, 64, 32, 0.1
AT_MOST_GIB = 4.0
_TILE = 500  # divides NUM_VECTORS


def main(rounds: int) -> None:
    keys = jax.random.split(jax.random.key(0))
    student = jax.random.normal(keys[0], (NUM_VECTORS, STUDENT_DIM))
    teacher = jax.random.normal(keys[1], (NUM_VECTORS, TEACHER_DIM))

    def compiled(function):
        program = jax.jit(function).lower(student, teacher).compile()
        return lambda: jax.block_until_ready(program(student, teacher))

    objective_calls = {
        name: compiled(jax.value_and_grad(objective))
        for name, objective in objectives.STANDARD.items()
    }
    calls = objective_calls | {"products": compiled(_products)}
    seconds = interleaved(calls, rounds)
    products = ("products", seconds.pop("products"))
    for name, each in seconds.items():
        report(compared(f"{name}, value and gradient", ("engine", each), products))

    cosines = ("all cosines", _once(compiled(_sum_of_cosines)))
    battery = compiled(lambda s, t: measures.battery(s, t, EPSILON))
    once = ("once", _once(battery))
    report(compared("measures.battery", once, cosines, at_most=1.0))

    def count():
        measures.count_pairs(student, teacher, EPSILON)

    case = "measures.count_pairs, with its compilation"
    report(compared(case, ("once", _once(count)), cosines, at_most=0.7))
    report(peak_memory("peak memory of all of these", AT_MOST_GIB))


def _products(student, teacher):
    """S'T and S'S forward, T(T'S) and S(S'S) backward."""
    return teacher @ (teacher.T @ student) + student @ (student.T @ student)


def _sum_of_cosines(student, teacher):
    """Every cosine of both sides, and no more done with them than a sum."""
    both = [
        linalg.unit_rows(vectors).reshape(-1, _TILE, vectors.shape[1])
        for vectors in (student, teacher)
    ]
    steps = jnp.arange(NUM_VECTORS // _TILE)

    def row(i):
        def tile(j):
            return jnp.stack([jnp.sum(units[i] @ units[j].T) for units in both])

        return jnp.sum(jax.lax.map(tile, steps), axis=0)

    return jax.lax.map(row, steps)


def _once(call) -> np.ndarray:
    begin = time.perf_counter()
    call()
    return np.asarray([time.perf_counter() - begin])


if __name__ == "__main__":
    main(int(sys.argv[1]))
