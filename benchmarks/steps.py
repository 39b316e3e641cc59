"""The cost of a step against that of its products, on some number of cores."""

import os
import sys

import numpy as np

from benchmarks.programs import (
    NUM_SEEDS,
    NUM_VECTORS,
    OBJECTIVES,
    PRODUCTS,
    TEACHER_DIM,
    Engine,
    bare_products,
)
from benchmarks.rows import compared, interleaved, peak_memory, report

STUDENT_DIMS = (64, TEACHER_DIM)
NUM_STEPS = 20
AT_MOST = {"CKA": 1.6, "Gram": 1.6, "projection": 1.6, "Procrustes": 3.0}


def main(rounds: int, num_cores: int) -> None:
    cores = f"{num_cores} core" + "s" * (num_cores > 1)
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:num_cores])
    for student_dim in STUDENT_DIMS:
        engines = {
            name: Engine(objective, student_dim, NUM_STEPS)
            for name, objective in OBJECTIVES.items()
        }
        bare = bare_products(student_dim, NUM_STEPS)
        seconds = {
            name: each / (NUM_STEPS * NUM_SEEDS)
            for name, each in interleaved(engines | bare, rounds).items()
        }
        for name, forms in PRODUCTS.items():
            names = [each for each in bare if each.split()[0] in forms]
            fastest = min(names, key=lambda each: np.median(seconds[each]))
            case = f"{name}, {NUM_VECTORS} x {TEACHER_DIM} -> {student_dim}, {cores}"
            engine, products = seconds[name], seconds[fastest]
            report(
                compared(
                    case,
                    ("engine", engine),
                    ("products", products),
                    at_most=AT_MOST[name],
                )
            )
    report(peak_memory(f"peak memory of the above, {cores}"))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
