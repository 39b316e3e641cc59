"""What studies of texts share: settings x what is learned from x terms."""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from experiments import cells, distilling
from experiments.cells import Cell
from experiments.distilling import NONE
from experiments.study import Sheet, where
from simgeo import plots, stats
from simgeo.objectives import AbstractObjective
from simgeo.problems import Distillation

SAID = {"task": "labels", "logits": "teacher's logits", "both": "labels and logits"}
COLUMNS = (
    "setting learned_from objective seed relative_weight accuracy gain "
    "validation_accuracy agreement calibration_error cosine_correlation"
)


def grid(
    bases: Mapping[str, Distillation],
    losses: Sequence[AbstractObjective],
    quick: bool,
) -> list[Cell]:
    """Every setting, learned from each source, with every term and weight.

    Args:
        bases: students without a term, by the names of their settings.
        losses: the geometry terms.
        quick: whether the source that joins the others is left out.
    """
    sources = [*SAID][: 2 if quick else None]
    return [
        cell
        for source in sources
        for cell in distilling.weighted(bases, source, losses)
    ]


def ends(cells_of: Sequence[Cell]) -> pd.DataFrame:
    """The ends at the weights that do best on validation, with their gains."""
    found = distilling.with_gains(distilling.chosen(cells.compute(cells_of)))
    return found.assign(learned_from=found["terms"].map(SAID))


def with_costs(
    rows: pd.DataFrame,
    base: Distillation,
    losses: Sequence[AbstractObjective],
    quick: bool,
) -> pd.DataFrame:
    """The rows with the microseconds of a step with each term, and with none.

    Args:
        rows: the ends.
        base: a student without a term, whose steps are timed.
        losses: the geometry terms.
        quick: leaves them out: compilation would be most of it.
    """
    if quick:
        return rows.assign(microseconds=np.nan)
    found = cells.cached(costs, {"base": base, "losses": losses})
    return rows.merge(found, on="objective")


def costs(base: Distillation, losses: Sequence[AbstractObjective]) -> pd.DataFrame:
    """What a step takes with every term, and with none."""
    changed = [
        dataclasses.replace(base, objective=one, weight=0.01) for one in (None, *losses)
    ]
    return distilling.step_costs([Cell(each, {}) for each in changed])


def tables(rows: pd.DataFrame, stem: str) -> dict[str, pd.DataFrame]:
    """Accuracies in the paper's form, and the comparisons, under the names of files.

    Args:
        rows: as above.
        stem: with which the names begin.
    """
    compared = distilling.gains(rows, ["setting", "learned_from"])
    alone = where(rows, objective=NONE)
    logits = stats.paired_comparisons(
        alone,
        "accuracy",
        "learned_from",
        within=["setting", "objective"],
        baseline=SAID["task"],
    )
    logits = logits.rename(
        columns={"condition": "learned_from", "objective": "condition"}
    )
    both = pd.concat([compared, logits], ignore_index=True)
    table = distilling.table(rows, compared, ["setting", "learned_from"])
    return {f"{stem}_accuracy.csv": table, f"{stem}_compared.csv": both}


def draw(rows: pd.DataFrame, sheet: Sheet) -> None:
    """Gains, seed by seed: a row for a setting, a column for what is learned from."""
    places, sources = rows["setting"].unique(), rows["learned_from"].unique()
    shared = {"sharex": False, "sharey": "row"}
    for ax, place, source in sheet.grid(places, sources, 1.3, **shared):
        terms = rows[(rows["setting"] == place) & (rows["objective"] != NONE)]
        names = [*terms["objective"].unique()]
        part = where(rows, setting=place, learned_from=source)
        values = [where(part, objective=name)["gain"].to_numpy() for name in names]
        plots.strip(values, names, ax)
        ax.axvline(0, color="0.6", lw=0.8, zorder=-1)
        ax.set_title(f"{place}:\n{source}")
        alone = 100 * np.median(where(part, objective=NONE)["accuracy"])
        ax.set_xlabel(f"points over none ({alone:.1f} %)")
