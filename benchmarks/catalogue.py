"""What every objective costs, and how that grows with n, d and m."""

import sys
import time

import jax
import numpy as np

from benchmarks.rows import Row, interleaved, report
from simgeo import objectives
from simgeo.objectives import AbstractObjective

BASE = {"n": 256, "d": 64, "m": 32}
GROWN = {"n": (256, 512, 1024), "d": (64, 128, 256), "m": (32, 64, 128)}
# Powers of n that the arithmetic allows; of d and m, products of feature size have up
# to two, and none of these objectives needs a cube.
PAIRS = ("Relational, distance", "Neighbour KL", "Pattern hinge", "Similarity")
TRIPLETS = "Relational, angle"
SLACK = 0.6  # of a fitted power: n x n matrices leave the cache on the way


def power_of_n(objective: AbstractObjective) -> int:
    """One for objectives in feature space, two for pairs, three for triplets."""
    label = objective.label
    if label == TRIPLETS:
        return 3
    return 2 if label.startswith(PAIRS) or "RBF" in label or "hinge" in label else 1


class Evaluation:
    """Value and gradient of one objective at one size, compiled."""

    def __init__(self, objective: AbstractObjective, n: int, d: int, m: int):
        keys = jax.random.split(jax.random.key(0), 3)
        self.given = (
            (
                jax.random.normal(keys[0], (n, m)),
                objective.init(keys[1], m, d),
            ),
            jax.random.normal(keys[2], (n, d)),
        )
        memory = objective.begin(keys[1], self.given[1])

        def loss(parameters, teacher):
            student, learned = parameters
            return objective.at(memory)(student, teacher, learned)

        begin = time.perf_counter()
        self.program = jax.jit(jax.value_and_grad(loss)).lower(*self.given).compile()
        self.compile_seconds = time.perf_counter() - begin
        memory_used = self.program.memory_analysis()
        self.mebibytes = memory_used.temp_size_in_bytes / 2**20

    def __call__(self) -> None:
        jax.block_until_ready(self.program(*self.given))


def sizes(objective: AbstractObjective) -> dict[str, list[dict[str, int]]]:
    """The sizes to be timed along each axis; triplets cannot grow as far."""
    base = dict(BASE)
    grown = dict(GROWN)
    if objective.label == TRIPLETS:
        base["n"], grown["n"] = 64, (64, 96, 128)
    return {
        axis: [{**base, axis: value} for value in values]
        for axis, values in grown.items()
    }


def row(objective: AbstractObjective, rounds: int, scale: float | None) -> Row:
    """Time at the base size over CKA's, fitted powers, memory and compile time."""
    cases = {
        (axis, size[axis]): Evaluation(objective, **size)
        for axis, along in sizes(objective).items()
        for size in along
    }
    seconds = interleaved({str(key): call for key, call in cases.items()}, rounds)
    powers = {}
    for axis in BASE:
        along = [(key[1], seconds[str(key)].min()) for key in cases if key[0] == axis]
        logs = np.log(np.asarray(along))
        powers[axis] = np.polyfit(logs[:, 0], logs[:, 1], 1)[0]
    first = next(iter(cases))
    base = float(np.median(seconds[str(first)]))
    allowed = power_of_n(objective)
    fits = powers["n"] <= allowed + SLACK and max(powers["d"], powers["m"]) <= 2 + SLACK
    fitted = " ".join(f"{axis}^{value:.1f}" for axis, value in powers.items())
    largest = max(each.mebibytes for each in cases.values())
    built = cases[first].compile_seconds
    return Row(
        objective.label,
        f"{base * 1e3:.2f} ms, {largest:.1f} MiB, compiled in {built:.2f} s",
        fitted,
        f"{base / scale:.1f} x CKA" if scale else f"1.0 ({base * 1e3:.2f} ms)",
        f"at most n^{allowed} d^2 m^2",
        "yes" if fits else "no",
    )


def main(rounds: int) -> None:
    scale = None
    for objective in (*objectives.LOSSES, *objectives.WRAPPERS):
        found = row(objective, rounds, scale)
        if scale is None:
            scale = float(found.measured.split()[0]) / 1e3
        report(found)


if __name__ == "__main__":
    main(int(sys.argv[1]))
