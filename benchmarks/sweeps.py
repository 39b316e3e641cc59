"""A sweep of small cells against running them one after the other.

    python -m benchmarks.sweeps [--root 10] [--alone 30] [--memory MIB]

root^3 cells of 8 seeds over learning rate, fraction and hybrid weight; `--alone` of
them run one by one by `engine.run` and are kept as `simgeo run` keeps them.
"""

import argparse
import random
import resource
import tempfile
import time
from pathlib import Path

import jax

from simgeo import engine, objectives, problems, results, sweep, teachers


def cells(
    first: int, second: int, third: int, num_seeds: int = 8
) -> list[problems.Experiment]:
    """The grid."""
    base = problems.Experiment(
        teacher=teachers.OrthogonalFraction(fraction=0.5),
        objective=objectives.Hybrid(
            (objectives.CKA(), objectives.Procrustes()), (1.0, 1.0)
        ),
        num_vectors=64,
        teacher_dim=32,
        student_dim=16,
        num_steps=500,
        num_seeds=num_seeds,
    )
    return sweep.grid(
        base,
        optimiser__learning_rate=sweep.log_span(1e-3, 1e-1, first),
        teacher__fraction=sweep.span(0.1, 0.8, second),
        objective__weights__1=sweep.log_span(1e-3, 1.0, third),
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sweeps")
    parser.add_argument("--root", type=int, default=10)
    parser.add_argument("--alone", type=int, default=30)
    parser.add_argument("--memory", type=int, default=4096, help="MiB")
    asked = parser.parse_args()
    compiled = []
    jax.monitoring.register_event_duration_secs_listener(
        lambda name, seconds, **_: (
            compiled.append(seconds) if name.endswith("backend_compile_duration") else 0
        )
    )
    engine.keep_programs()
    jax.config.update("jax_enable_compilation_cache", False)  # so that all are seen
    grid = cells(*[asked.root] * 3)
    with tempfile.TemporaryDirectory() as place:
        whole = sweep.plan(grid)
        report = sweep.run(whole, Path(place) / "swept", memory=asked.memory * 2**20)
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        each = report.seconds / report.done
        num_programs = len(whole.room)
        large = [seconds for seconds in compiled if seconds > 0.2]
        print(
            f"sweep: {report.done} cells, {len(report.failed)} failed, "
            f"{report.seconds:.0f} s, {1e3 * each:.0f} ms a cell; {num_programs} "
            f"programs, {len(large)} compilations of more than 0.2 s; at most "
            f"{most:.0f} MiB of {asked.memory}",
            flush=True,
        )
        chosen = random.Random(0).sample(grid, asked.alone + 1)
        _alone(chosen[0], place)  # the first one waits for the compiler
        begin = time.perf_counter()
        for one in chosen[1:]:
            _alone(one, place)
        alone = (time.perf_counter() - begin) / asked.alone
        print(f"alone: {1e3 * alone:.0f} ms a cell, {alone / each:.1f} times as long")


def _alone(one: problems.Experiment, place: str) -> None:
    results.save(engine.run(one), Path(place) / "alone")


if __name__ == "__main__":
    main()
