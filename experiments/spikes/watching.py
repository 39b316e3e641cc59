"""Runs that record every step, and how often 1 - CKA rises in them."""

from typing import NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Float

from experiments import cells
from experiments.cells import RATE, TEACHERS, Cell, preset
from simgeo import objectives, students

SPIKE = 2.0
RESOLUTION = 1e-6  # of 1 - CKA in float32, which comes in steps of 6e-8
RATES = {"adam": (0.01, 0.03, 0.1), "sgd": (0.03, 0.1, 0.3)}
NAMES = {
    "distance_cka": "one_minus_cka",
    "gradient_norm": "gradient",
    "update_norm": "step_length",
}


class Condition(NamedTuple):
    """What differs from the condition that is expected to spike, the first."""

    title: str
    optimiser: str = "adam"
    schedule: str = "constant"
    ratio: int = 1  # the teacher's width over the student's
    moved: float = 0.0  # by what share of itself the start is moved, to look for chaos


CONDITIONS = (
    Condition("Adam, fixed rate, m = d"),
    Condition("Adam, fixed, m = d / 2", ratio=2),
    Condition("Adam, decaying, m = d", schedule="cosine"),
    Condition("SGD, fixed rate, m = d", optimiser="sgd"),
)
# About one unit in the last place of float32.
TWIN = Condition("Adam, fixed rate, m = d, moved by rounding", moved=1.2e-7)
RUN = ["condition", "objective", RATE, "seed"]


class Watched(NamedTuple):
    """Every record of every run, and one row per run."""

    steps: pd.DataFrame
    runs: pd.DataFrame


def grid(quick: bool) -> list[Cell]:
    """Every condition, distance and rate, with a record at every step."""
    num_steps = 150 if quick else 400
    size = {"num_vectors": 96, "teacher_dim": 48, "num_seeds": 4 if quick else 16}
    size |= {"num_steps": num_steps, "num_records": num_steps + 1}
    return [
        Cell(
            preset(
                quick,
                rate=rate,
                schedule=condition.schedule,
                optimiser=condition.optimiser,
                teacher=TEACHERS["high fraction"],
                objective=objectives.Procrustes(squared=squared),
                student=students.FreeRows(
                    students.GaussianStart(scale=1.0 + condition.moved)
                ),
                student_dim=48 // condition.ratio,
                record_spacing="even",
                **size,
            ),
            {"condition": condition.title},
        )
        for squared in (True, False)
        for condition in (*CONDITIONS, TWIN)
        for rate in RATES[condition.optimiser]
    ]


def data(quick: bool) -> Watched:
    """Watches every step of every run."""
    steps = cells.compute(grid(quick)).rename(columns=NAMES)
    columns = [*RUN, "step", "loss", *NAMES.values()]
    return Watched(steps[columns], runs(steps))


def rises(
    one_minus_cka: Float[np.ndarray, "... steps"], every: int = 1
) -> Float[np.ndarray, "... late"]:
    """Ratios from one record to the next in the last three quarters."""
    late = np.maximum(_late(one_minus_cka)[..., ::every], RESOLUTION)
    return late[..., 1:] / late[..., :-1]


def _late(values: Float[np.ndarray, "... steps"]) -> Float[np.ndarray, "... late"]:
    return values[..., values.shape[-1] // 4 :]


def runs(steps: pd.DataFrame) -> pd.DataFrame:
    """One row per run: how often it spikes, and where it stays.

    `agreement` is the correlation of late log(1 - CKA) with that of the run of the
    first condition, which for the twin is the run that was not moved.
    """
    keys = [RATE, "seed"]
    first = {}  # 1 - CKA of the first condition, which comes before its twin
    tables = []
    for place, part in steps.groupby(["condition", "objective"], sort=False):
        condition, objective = place
        by_run = part.groupby(keys, sort=False)
        seen = {
            name: np.stack([run.to_numpy() for _, run in by_run[name]])
            for name in ("loss", *NAMES.values())
        }
        cka = seen["one_minus_cka"]
        one, fourth = rises(cka), rises(cka, every=4)
        table = {
            "spikes_per_100": 100 * np.mean(one >= SPIKE, axis=-1),
            "spikes_per_100_fourth": 100 * np.mean(fourth >= SPIKE, axis=-1),
            "largest_rise": one.max(axis=-1),
            "largest_rise_fourth": fourth.max(axis=-1),
            "largest_jump": np.diff(_late(cka)).max(axis=-1),
        }
        for name, values in seen.items():
            table[f"late_{name}"] = np.median(_late(values), axis=-1)
        if condition in (CONDITIONS[0].title, TWIN.title):
            table["agreement"] = agreement(cka, first.setdefault(objective, cka))
        index = pd.MultiIndex.from_tuples(list(by_run.groups), names=keys)
        names = {"condition": condition, "objective": objective}
        tables.append(pd.DataFrame(table, index).reset_index().assign(**names))
    return pd.concat(tables, ignore_index=True)


def agreement(
    one: Float[np.ndarray, "runs steps"], other: Float[np.ndarray, "runs steps"]
) -> Float[np.ndarray, " runs"]:
    """Correlation of late log(1 - CKA), NaN where it stays below what is resolved."""
    logs = (np.log(np.maximum(_late(values), RESOLUTION)) for values in (one, other))
    one, other = (values - values.mean(axis=-1, keepdims=True) for values in logs)
    norms = np.sqrt((one**2).sum(-1) * (other**2).sum(-1))
    return (one * other).sum(-1) / np.where(norms > 0, norms, np.nan)
