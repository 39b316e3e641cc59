"""Seed-steps per second on an accelerator: python -m benchmarks.gpu [SECONDS]

For sizes and numbers of seeds that grow until time or memory ends: how long the program
of steps takes to compile, how many steps of a seed it makes in a second, and at what
rate it does the products of CKA. On a machine without an accelerator it says so.
"""

import sys
import time

import jax

from benchmarks.programs import Engine
from simgeo import objectives

SIZES = ((256, 128, 64), (1024, 256, 128), (4096, 512, 256), (8192, 1024, 512))
SEEDS = (16, 128, 1024)
OBJECTIVES = {"CKA": objectives.CKA(), "Procrustes": objectives.Procrustes()}
NUM_STEPS = 50
MOST_BYTES = 2**35  # of the arrays of all seeds


def main(most_seconds: float = 200.0) -> int:
    device = jax.devices()[0]
    if device.platform == "cpu":
        print("No accelerator: nothing was measured.")
        return 0
    print(f"{device.device_kind}, JAX {jax.__version__}\n")
    print("| objective | n, d, m | seeds | compile, s | seed-steps per s | TFLOP/s |")
    print("| --- | --- | --- | --- | --- | --- |")
    begin = time.perf_counter()
    for n, d, m in SIZES:
        for seeds in SEEDS:
            # Teacher, student, its moments, gradient and update, twice.
            if 4 * seeds * n * (d + 10 * m) > MOST_BYTES:
                continue
            for name, objective in OBJECTIVES.items():
                if time.perf_counter() - begin > most_seconds:
                    print(f"\nThe {most_seconds:g} seconds are over.")
                    return 0
                start = time.perf_counter()
                steps = Engine(objective, m, NUM_STEPS, n, d, seeds)
                steps()
                compiled = time.perf_counter() - start
                start = time.perf_counter()
                steps()
                rate = NUM_STEPS * seeds / (time.perf_counter() - start)
                # Of CKA S'T, S'S, T(T'S) and S(S'S); those of Procrustes vary.
                work = rate * 4 * n * m * (d + m) / 1e12
                told = f"{work:.2f}" if name == "CKA" else ""
                print(
                    f"| {name} | {n}, {d}, {m} | {seeds} | {compiled:.1f} | "
                    f"{rate:,.0f} | {told} |",
                    flush=True,
                )
    return 0


if __name__ == "__main__":
    sys.exit(main(*map(float, sys.argv[1:])))
