"""Small networks: seeds side by side, one after the other, and in a PyTorch loop."""

import dataclasses
import os
import sys

import numpy as np

from benchmarks.rows import Row, compared, interleaved, report

NUM_SEEDS, NUM_STEPS, BATCH = 20, 300, 64
TERMS = ("none", "CKA", "Procrustes")


def main(rounds: int, num_cores: int) -> None:
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:num_cores])
    cores = f"{num_cores} core" + "s" * (num_cores > 1)
    cases = {
        f"{name}, {how}": call for name in TERMS for how, call in _runs(name).items()
    }
    version = "" if num_cores > 1 else _version()
    if version:
        cases |= {f"{name}, loop": _loop(name) for name in TERMS}
    found = interleaved(cases, rounds)
    for name in TERMS:
        case = f"digits, 8 x 8 units, term {name}, {cores}"
        beside = found[f"{name}, beside"] / NUM_SEEDS / NUM_STEPS
        alone = found[f"{name}, alone"] / NUM_STEPS
        ours = (f"{NUM_SEEDS} seeds side by side", beside)
        report(compared(case, ("one after the other", alone), ours, at_least=3))
        if version:
            loop = found[f"{name}, loop"] / NUM_STEPS
            theirs = (f"PyTorch {version}", loop)
            report(compared(case, theirs, ours, at_least=2))


def _version() -> str:
    """That of PyTorch, which counts on one thread from then on; none without it."""
    try:
        import torch
    except ModuleNotFoundError:
        hint = "PyTorch is not installed: `make bench TORCH=1` installs it"
        report(Row(hint, "", "", "", "", ""))
        return ""
    torch.set_num_threads(1)
    return torch.__version__


def _cell(name: str):
    from simgeo import datasets, networks, objectives, optimisers, problems

    terms = {
        "none": None,
        "CKA": objectives.CKA(),
        "Procrustes": objectives.Procrustes(centred=True, normalised=True),
    }
    return problems.Distillation(
        dataset=datasets.Digits(),
        teacher=problems.TrainedTeacher(networks.MLP(64)),
        student=networks.MLP(8),
        objective=terms[name],
        optimiser=optimisers.Adam(0.003, "cosine"),
        batch_size=BATCH,
        num_steps=NUM_STEPS,
        num_records=2,
        num_seeds=NUM_SEEDS,
    )


def _runs(name: str):
    from simgeo import engine

    cell = _cell(name)
    one = dataclasses.replace(cell, num_seeds=1)
    return {
        "beside": lambda: engine.run(cell),
        "alone": lambda: engine.run(one),
    }


def _loop(name: str):
    """One seed of the same student, with the textbook's loss."""
    import torch

    split = _cell(name).dataset.split()
    examples = split.examples
    images = torch.from_numpy(
        np.asarray(examples.inputs, np.float32)[: split.num_train].reshape(-1, 64)
    )
    images = images / 127.5 - 1.0
    labels = torch.from_numpy(np.asarray(examples.targets, np.int64)[: len(images)])
    teacher = torch.randn(len(images), 64)

    def units(inner, outer):
        return torch.nn.Linear(inner, outer), torch.nn.GELU(approximate="tanh")

    body = torch.nn.Sequential(*units(64, 8), *units(8, 8))
    head = torch.nn.Linear(8, 10)
    optimiser = torch.optim.Adam([*body.parameters(), *head.parameters()], lr=0.003)

    def centred(features):
        return features - features.mean(0, keepdim=True)

    def cka(student, given):
        own, other = student @ student.T, given @ given.T
        return 1.0 - (own * other).sum() / (own.norm() * other.norm())

    def procrustes(student, given):
        overlap = torch.linalg.matrix_norm(student.T @ given, ord="nuc")
        return 2.0 - 2.0 * overlap / (student.norm() * given.norm())

    term = {"none": None, "CKA": cka, "Procrustes": procrustes}[name]

    def steps():
        for _ in range(NUM_STEPS):
            rows = torch.randint(len(images), (BATCH,))
            features = body(images[rows])
            loss = torch.nn.functional.cross_entropy(head(features), labels[rows])
            if term is not None:
                loss = loss + 0.1 * term(centred(features), centred(teacher[rows]))
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()

    return steps


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
