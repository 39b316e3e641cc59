"""The engine against a plain PyTorch loop, one seed at a time, both on one thread."""

import os
import sys

os.environ["XLA_FLAGS"] = (
    os.environ.get("XLA_FLAGS", "")
    + " --xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
)

import numpy as np  # noqa: E402

from benchmarks.rows import Row, compared, interleaved, report  # noqa: E402

STUDENT_DIM = 64
NUM_STEPS = 20
AT_LEAST = {"CKA": 8.0, "Gram": 2.0, "projection": 2.0, "Procrustes": 2.0}


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
    from benchmarks.programs import NUM_SEEDS, NUM_VECTORS, OBJECTIVES, Engine

    engines = {
        name: Engine(objective, STUDENT_DIM, NUM_STEPS)
        for name, objective in OBJECTIVES.items()
    }
    teacher = torch.from_numpy(np.array(engines["CKA"].teacher[0]))
    loops = {
        f"{name} loop": _loop(torch, loss, teacher, learns)
        for name, (loss, learns) in _textbook(torch, teacher).items()
    }
    seconds = {
        name: each / (NUM_STEPS if name in loops else NUM_STEPS * NUM_SEEDS)
        for name, each in interleaved(engines | loops, rounds).items()
    }
    shape = f"{NUM_VECTORS} x {teacher.shape[1]} -> {STUDENT_DIM}"
    for loop in loops:
        name = loop.split()[0].rstrip(",")
        row = compared(
            f"{loop.removesuffix(' loop')}, {shape}, one thread",
            (f"PyTorch {torch.__version__}", seconds[loop]),
            ("engine", seconds[name]),
            at_least=AT_LEAST[name] if loop == f"{name} loop" else 0.0,
        )
        report(row)


def _textbook(torch, teacher):
    """Losses by n x n Gram matrices: {name: (loss, whether it learns a map)}."""
    num_vectors = teacher.shape[0]
    centring = torch.eye(num_vectors) - 1.0 / num_vectors
    kernel = teacher @ teacher.T
    centred = centring @ kernel @ centring

    def alignment(own):
        return 1.0 - (centred * own).sum() / (centred.norm() * own.norm())

    def cka(student):
        return alignment(centring @ (student @ student.T) @ centring)

    def cka_by_means(student):
        own = student @ student.T
        own = own - own.mean(0, keepdim=True)
        return alignment(own - own.mean(1, keepdim=True))

    def gram(student):
        return ((kernel - student @ student.T) ** 2).sum()

    def procrustes(student):
        overlap = torch.linalg.matrix_norm(student.T @ teacher, ord="nuc")
        return (teacher**2).sum() + (student**2).sum() - 2.0 * overlap

    def projection(student, weights):
        return ((teacher - student @ weights) ** 2).sum() / num_vectors

    return {
        "CKA": (cka, False),
        "CKA, centred by means": (cka_by_means, False),
        "Gram": (gram, False),
        "projection": (projection, True),
        "Procrustes": (procrustes, False),
    }


def _loop(torch, loss, teacher, learns):
    num_vectors, teacher_dim = teacher.shape
    parameters = [torch.randn(num_vectors, STUDENT_DIM) / STUDENT_DIM**0.5]
    if learns:
        parameters.append(torch.randn(STUDENT_DIM, teacher_dim) / STUDENT_DIM**0.5)
    for each in parameters:
        each.requires_grad_()
    optimiser = torch.optim.Adam(parameters, lr=0.01)

    def steps():
        for _ in range(NUM_STEPS):
            optimiser.zero_grad()
            loss(*parameters).backward()
            optimiser.step()

    return steps


if __name__ == "__main__":
    main(int(sys.argv[1]))
