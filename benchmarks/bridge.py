"""A loss on torch tensors, against JAX alone and a textbook, in processor time.

Keeps `bridge.csv` beside itself, which docs/how_to/train_in_pytorch.md shows.
"""

import csv
import os
import sys
import time
from pathlib import Path

os.environ["XLA_FLAGS"] = (
    os.environ.get("XLA_FLAGS", "")
    + " --xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
)

import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402
import numpy as np  # noqa: E402

from benchmarks.rows import (  # noqa: E402
    Row,
    Seconds,
    compared,
    duration,
    interleaved,
    report,
)
from simgeo import functional  # noqa: E402

NAMES = ("cka", "procrustes", "feature_gram", "linear_projection")
SHAPES = (
    (8, 8, 4),
    (64, 768, 384),
    (4096, 768, 384),
)  # vectors, teacher's width, student's


def main(rounds: int) -> None:
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    try:
        import torch
    except ModuleNotFoundError:
        hint = "PyTorch is not installed: `make bench TORCH=1` installs it"
        report(Row(hint, "", "", "", "", ""))
        return
    torch.set_num_threads(1)
    lines = []
    for name in NAMES:
        for n, d, m in SHAPES:
            times = interleaved(_cases(torch, name, n, d, m), rounds, time.process_time)
            for row in _rows(f"{name}, {n:,} x {d} -> {m}", times):
                report(row)
            lines.append((name, f"{n:,} x {d} to {m}", *_milliseconds(times)))
    header = ("loss", "vectors", *times, "simgeo.torch less JAX, of the least")
    with open(Path(__file__).with_suffix(".csv"), "w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([header, *lines])


def _cases(torch, name: str, n: int, d: int, m: int):
    """Value and gradient by the student, and by a map where there is one."""
    import simgeo.torch
    from benchmarks import textbook

    torch.manual_seed(0)
    teacher, student = torch.randn(n, d), torch.randn(n, m).requires_grad_()
    parameters = [student]
    if name == "linear_projection":
        parameters.append((torch.randn(m, d) / m**0.5).requires_grad_())

    def by_autograd(loss):
        def step():
            value = loss(student, teacher, *parameters[1:])
            torch.autograd.grad(value, parameters)

        return step

    arrays = [jnp.asarray(each.detach().numpy()) for each in parameters]
    target = jnp.asarray(teacher.numpy())

    @jax.jit
    def by_jax(given, target):  # a constant would be folded, for minutes
        def loss(given):
            return getattr(functional, name)(given[0], target, *given[1:])

        return jax.value_and_grad(loss)(given)

    return {
        "simgeo.torch": by_autograd(getattr(simgeo.torch, name)),
        "JAX alone": lambda: jax.block_until_ready(by_jax(arrays, target)),
        "textbook PyTorch": by_autograd(getattr(textbook, name)),
    }


def _milliseconds(times: dict[str, Seconds]) -> list[str]:
    """Medians of all, and what the bridge adds to JAX in their least times."""
    least = [float(times[name].min()) for name in ("simgeo.torch", "JAX alone")]
    medians = [float(np.median(each)) for each in times.values()]
    found = (1e3 * each for each in (*medians, max(0.0, least[0] - least[1])))
    return [f"{each:,.0f}" if each >= 100 else f"{each:.3g}" for each in found]


def _rows(case: str, times: dict[str, Seconds]) -> list[Row]:
    ours, jax_alone = times["simgeo.torch"], times["JAX alone"]
    more = duration(max(0.0, float(ours.min() - jax_alone.min())))
    return [
        compared(
            f"{case}, {more} more", ("simgeo.torch", ours), ("JAX alone", jax_alone)
        ),
        compared(case, ("textbook", times["textbook PyTorch"]), ("simgeo.torch", ours)),
    ]


if __name__ == "__main__":
    main(int(sys.argv[1]))
