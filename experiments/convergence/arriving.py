"""When runs arrive at their loss and at their geometry, and what a step costs."""

import dataclasses
import functools
from collections.abc import Sequence

import numpy as np
import pandas as pd

from benchmarks.rows import interleaved
from experiments.cells import Cell
from simgeo import engine, stats

LEFT = 0.05  # of the way from the start to the optimum
NEAR = 0.02  # of the pattern agreement at the end
RUN = ["teacher", "objective", "seed"]


def arrivals(frame: pd.DataFrame) -> pd.DataFrame:
    """One row per run: the first record from which on loss and geometry have arrived.

    `steps_loss` and `steps_matthews` are NaN where never. Where no optimum is known,
    the least loss of the run stands for it.
    """
    runs = frame.groupby(RUN, sort=False)
    best = frame["optimum_loss"].fillna(runs["loss"].transform("min"))
    first, last = runs["loss"].transform("first"), runs["matthews"].transform("last")
    gaps = frame[[*RUN, "step"]].assign(
        loss=(frame["loss"] - best) / (first - best),
        matthews=(frame["matthews"] - last).abs(),
    )
    kept = ["matthews", "chance_matthews", "svd_matthews"]
    ends = frame.loc[runs["step"].idxmax(), [*RUN, *kept]]
    for name, threshold in (("loss", LEFT), ("matthews", NEAR)):
        gaps["worst"] = gaps[::-1].groupby(RUN)[name].cummax()[::-1]
        steps = stats.steps_to(gaps, "worst", threshold, RUN)
        ends = ends.merge(steps.rename(columns={"steps": f"steps_{name}"}), on=RUN)
    return ends


def compare(arrived: pd.DataFrame) -> pd.DataFrame:
    """Steps of every objective less those of CKA, seed by seed."""
    long = arrived.melt(RUN, ["steps_loss", "steps_matthews"], "measure", "steps")
    return stats.paired_comparisons(
        long, "steps", "objective", within=["measure", "teacher"], baseline="CKA"
    ).drop(columns="value")


def time_steps(timed: Sequence[Cell], rounds: int) -> pd.DataFrame:
    """Seconds of a step of all seeds: a run of many, less one of one, by turns."""
    many, labels = 100, [cell.experiment.objective.label for cell in timed]
    runs = {
        (label, num): functools.partial(
            engine.run,
            dataclasses.replace(cell.experiment, num_steps=num, num_records=2),
        )
        for label, cell in zip(labels, timed, strict=True)
        for num in (1, 1 + many)
    }
    took = interleaved(runs, rounds)
    steps = {each: (took[each, 1 + many] - took[each, 1]) / many for each in labels}
    return pd.DataFrame(
        {
            "objective": label,
            "seconds_per_step": float(np.median(seconds)),
            "least": float(np.min(seconds)),
            "rounds": rounds,
            "num_seeds": timed[0].experiment.num_seeds,
            "devices": engine.num_workers(),
        }
        for label, seconds in steps.items()
    )


def seconds(arrived: pd.DataFrame, timed: pd.DataFrame) -> pd.DataFrame:
    """What arriving takes on this machine: median steps times the seconds of one."""
    middle = arrived.groupby(["teacher", "objective"], sort=False)[
        ["steps_loss", "steps_matthews"]
    ].median()
    table = middle.reset_index().merge(timed, on="objective")
    for name in ("loss", "matthews"):
        table[f"seconds_{name}"] = table[f"steps_{name}"] * table["seconds_per_step"]
    return table
