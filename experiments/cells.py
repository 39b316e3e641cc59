"""The runs behind the figures: computed once, then read from `results/`."""

import warnings
from collections.abc import Iterable
from pathlib import Path

import jax
import xarray as xr
from tqdm import tqdm

from simgeo import experiment, objectives, results, settings, teachers
from simgeo.experiment import Experiment
from simgeo.objectives import AbstractObjective

RESULTS = Path("results")

TEACHERS = {
    "high fraction": teachers.OrthogonalFraction(fraction=0.95, epsilon=0.1),
    "blocks": teachers.OrthogonalBlocks(num_blocks=8, cosine=0.5),
    "common mean": teachers.CommonMean(cosine=0.1),
}
OBJECTIVES: tuple[AbstractObjective, ...] = (
    objectives.CKA(),
    objectives.CKA(centred=False),
    objectives.LinearProjection(),
    objectives.Procrustes(),
    objectives.Procrustes(centred=True, normalised=True),
    objectives.FeatureGram(),
    objectives.FeatureGram(centred=True),
)


def preset(quick: bool, **changes) -> Experiment:
    """Our own preset: the paper's text does not give every value."""
    size = (
        {"num_vectors": 96, "teacher_dim": 48, "num_steps": 500}
        if quick
        else {"num_vectors": 256, "teacher_dim": 128, "num_steps": 1000}
    )
    common = {
        "epsilon": 0.1,
        "learning_rate": 0.03,
        "schedule": "cosine",
        "num_records": 30,
        "num_seeds": 16,
    }
    return Experiment(**{**size, **common, **changes})


def main_grid(quick: bool) -> dict[tuple[str, str, int], Experiment]:
    """Every teacher, objective and width, keyed by them."""
    dim = preset(quick, student_dim=1).teacher_dim
    return {
        (name, objective.label, width): preset(
            quick, teacher=teacher, objective=objective, student_dim=width
        )
        for width in (dim, dim // 2)
        for objective in OBJECTIVES
        for name, teacher in TEACHERS.items()
    }


def spike_grid(quick: bool) -> dict[tuple[str, str, int], Experiment]:
    """Squared and unsquared Procrustes at a fixed rate, for claim C7."""
    dim = preset(quick, student_dim=1).teacher_dim
    return {
        ("high fraction", objective.label, dim): preset(
            quick,
            teacher=TEACHERS["high fraction"],
            objective=objective,
            student_dim=dim,
            schedule="constant",
            learning_rate=0.01,
            num_records=60,
        )
        for objective in (
            objectives.Procrustes(),
            objectives.Procrustes(squared=False),
        )
    }


def compute(cells: Iterable[Experiment], title: str) -> list[xr.Dataset]:
    """The results of all cells, those found finished read instead of run."""
    cells = list(cells)
    precision = "float64" if jax.config.read("jax_enable_x64") else "float32"
    found = []
    with tqdm(total=sum(cell.num_steps for cell in cells), unit="step") as bar:
        for cell in cells:
            bar.set_description(f"{title}: {cell.objective.label}")
            done = 0
            key = settings.fingerprint(cell, {"precision": precision})
            with warnings.catch_warnings(action="default"):
                kept = results.find(RESULTS, key)
            if kept is None:

                def on_chunk(steps: int, loss: float) -> None:
                    nonlocal done
                    bar.update(steps - done)
                    bar.set_postfix_str(f"loss {loss:.2e}", refresh=False)
                    done = steps

                trajectory = experiment.run(cell, on_chunk=on_chunk)
                kept = results.dataset(
                    settings=settings.describe(cell),
                    precision=precision,
                    **trajectory._asdict(),
                )
                results.save(kept, RESULTS)
                if not trajectory.complete:
                    raise KeyboardInterrupt
            bar.update(cell.num_steps - done)
            found.append(kept)
    return found
