"""Which objective gets there first, in steps and in seconds, and what is a step's cost?

A loss has arrived when it has fallen by 95 % of the way from its start to its optimum;
the fairer comparison is when the pattern agreement is within 0.02 of where it ends.
Both are to stay so. All objectives run at one rate, which decays to zero at the last
step.

Prediction: where spectra are flat all arrive at their loss within 100 steps. On the
power law CKA and Gram need several times as many steps as Procrustes, and at the
preserved geometry more so than at the loss. CCA, which weighs all directions alike, is
last on flat spectra and not held up by the power law. A step of Procrustes costs twice
that of CKA, one of CCA five times, and no order in steps is turned round by seconds but
CCA's.

Outcome: all losses arrive within 36 steps, and the geometry tells the objectives apart
(medians over seeds). On the power law the losses are as quick, and CKA is the first, at
6 steps, and not the last; its pattern agreement takes 147 steps (219 uncentred), that
of Gram 114 and that of Procrustes 60. On blocks it takes centred objectives 96 to 273
steps and uncentred ones 18 to 30. CCA arrives early everywhere, at 12 steps, and ends
at an agreement of 0.00 to 0.19. A step of Procrustes costs 1.4 times that of CKA, one
of CCA 3.2 times and one of the orthogonal projection 4.3 times, which is the last at
its loss in seconds.
"""

import dataclasses
import functools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from benchmarks.rows import interleaved
from experiments import cells
from experiments.cells import OBJECTIVES, TEACHERS, Cell, crossed
from experiments.study import Figure, Sheet, Study, where
from simgeo import engine, objectives, plots, stats, teachers

CHOSEN = (
    *OBJECTIVES,
    objectives.OrthogonalProjection(),
    objectives.CosineProjection(),
    objectives.CCA(),
)
LEFT = 0.05  # of the way from the start to the optimum
AT_CHANCE = 0.1  # pattern agreement above chance that is hardly any
NEAR = 0.02  # of the pattern agreement at the end
RUN = ["teacher", "objective", "seed"]
SPECTRA = TEACHERS | {"power law": teachers.PowerLawSpectrum(exponent=1.0)}
PANELS = {
    "steps_loss": f"steps until {1 - LEFT:.0%}\nof the loss is gone",
    "steps_matthews": f"steps until agreement\nis within {NEAR:g} of its end",
    "matthews": "pattern agreement\nat the end",
}


class Arrivals(NamedTuple):
    """Where and when runs arrive, and what a step costs."""

    runs: pd.DataFrame
    timed: pd.DataFrame


def grid(quick: bool) -> list[Cell]:
    """Every teacher and objective at half the teacher's width, densely recorded."""
    size = {"num_steps": 200, "num_records": 51, "num_seeds": 4, "student_dim": 24}
    if not quick:
        size = {"num_steps": 600, "num_records": 101, "num_seeds": 8, "student_dim": 64}
    return crossed(quick, SPECTRA, CHOSEN, record_spacing="even", **size)


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


def data(quick: bool) -> Arrivals:
    """Times on one teacher, which does not change the cost; and when runs arrive."""
    asked = grid(quick)
    on_blocks = tuple(cell for cell in asked if cell.labels["teacher"] == "blocks")
    settings = {"timed": on_blocks, "rounds": 3 if quick else 15}
    timed = cells.cached(time_steps, settings)
    return Arrivals(arrivals(cells.compute(asked)), timed)


def note(quick: bool) -> str:
    """The settings that the runs share."""
    one = grid(quick)[0].experiment
    spacing = one.num_steps // (one.num_records - 1)
    return (
        f"{cells.describe(one)}\nm = {one.student_dim}; a record every {spacing} steps."
    )


def draw(runs: pd.DataFrame, sheet: Sheet) -> pd.DataFrame:
    """Steps to the loss, steps to the pattern agreement, and that agreement."""
    names = runs["teacher"].unique()
    names = names[-1:] if sheet.narrow else names
    steps = runs[["steps_loss", "steps_matthews"]].stack()
    for ax, name, measure in sheet.grid(names, PANELS, (1.75, 2.0), sharex="col"):
        part = where(runs, teacher=name)
        if measure == "steps_matthews":  # who ends at chance arrives nowhere
            above = part["matthews"] - part["chance_matthews"]
            kept = above.groupby(part["objective"]).transform("median") > AT_CHANCE
            part = part.assign(steps_matthews=part[measure].where(kept))
        plots.ends(part, measure, ax)
        ax.set_title(name)
        if measure.startswith("steps"):
            ax.set_xscale("symlog", linthresh=steps[steps > 0].min())
            ax.set_xticks([0, 10, 100], ["0", "10", "100"])
            ax.set_xlim(-0.5, 2 * steps.max())
    sheet.label(list(PANELS.values()), "")
    sheet.legend()
    return runs


STUDY = Study(
    __doc__,
    cells=grid,
    data=data,
    tables=lambda arrived: {
        "convergence_comparisons.csv": compare(arrived.runs),
        "convergence_seconds.csv": seconds(arrived.runs, arrived.timed),
    },
    figures={
        "convergence": Figure(
            "Steps until the loss is within 5 % of its way to the optimum, steps "
            "until the pattern agreement stays within 0.02 of its end, and that end. "
            "Points: seeds; bars: medians. What ends within 0.1 of chance arrives "
            "nowhere, and has no point in the middle.",
            "The loss arrives within 36 steps for all, while the geometry takes up to "
            "273, and longest for CKA: centred on blocks, uncentred on the power law.",
            draw,
            levels=("chance", "svd"),
            rows=lambda arrived: arrived.runs,
        )
    },
    note=note,
    order=4,
)
