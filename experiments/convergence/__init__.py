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

from typing import NamedTuple

import pandas as pd

from experiments import cells
from experiments.cells import OBJECTIVES, TEACHERS, Cell, crossed
from experiments.convergence import arriving
from experiments.convergence.arriving import LEFT, NEAR
from experiments.study import Figure, Sheet, Study, where
from simgeo import objectives, plots, teachers

CHOSEN = (
    *OBJECTIVES,
    objectives.OrthogonalProjection(),
    objectives.CosineProjection(),
    objectives.CCA(),
)
AT_CHANCE = 0.1  # pattern agreement above chance that is hardly any
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


def data(quick: bool) -> Arrivals:
    """Times on one teacher, which does not change the cost; and when runs arrive."""
    asked = grid(quick)
    on_blocks = tuple(cell for cell in asked if cell.labels["teacher"] == "blocks")
    settings = {"timed": on_blocks, "rounds": 3 if quick else 15}
    timed = cells.cached(arriving.time_steps, settings)
    return Arrivals(arriving.arrivals(cells.compute(asked)), timed)


def draw(runs: pd.DataFrame, sheet: Sheet) -> None:
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


STUDY = Study(
    __doc__,
    cells=grid,
    data=data,
    tables=lambda arrived: {
        "convergence_comparisons.csv": arriving.compare(arrived.runs),
        "convergence_seconds.csv": arriving.seconds(arrived.runs, arrived.timed),
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
            rows=lambda arrived: arrived.runs,
            levels=("chance", "svd"),
        )
    },
    note="{shared} m = {one.student_dim}; a record every 6 steps.",
    order=4,
)
