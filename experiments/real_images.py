"""Does a term for the geometry make a small network better, and which one?

Networks of 8 and 16 units a layer learn to read digits from labels, from the logits of
a teacher of 64 units, or from both, each with and without one term for the geometry of
the last hidden layer, at the weight that does best on validation.

Prediction: with labels alone every term helps by about one point, the distances that
remove the mean as much as those that keep it; beside the teacher's logits none helps by
more than half a point, since logits carry what the task needs. With a fifth of the
examples the terms help more.

Outcome: not written yet.
"""

import dataclasses

import pandas as pd

from experiments import cells, distilling
from experiments.distilling import LOSSES, NONE, TERMS
from experiments.study import Figure, Sheet, Study, columns, where
from simgeo import plots
from simgeo.problems import Distillation

_SAID = {"task": "labels", "logits": "teacher's logits", "both": "both"}


def bases(quick: bool) -> dict[str, Distillation]:
    """The settings with images, with all examples and with a fifth of them."""
    found = distilling.settings(quick)
    images = {k: v for k, v in found.items() if k.startswith(("digits", "MNIST"))}
    digits = images["digits, m = 8"]
    few = dataclasses.replace(digits.dataset, train_share=0.2)
    less = dataclasses.replace(digits, dataset=few)
    return images | ({} if quick else {"a fifth of the digits, m = 8": less})


def data(quick: bool) -> pd.DataFrame:
    """Rows of every loss at its weight, by setting and by what else is learned from."""
    terms = ["task"] if quick else [*TERMS]
    frame = cells.compute(distilling.weighted(bases(quick), terms=terms))
    rows = distilling.chosen(frame)
    by = ["setting", "terms", "seed"]
    alone = where(rows, objective=NONE).set_index(by)["accuracy"]
    keys = pd.MultiIndex.from_frame(rows[by])
    rows["gain"] = 100 * (rows["accuracy"] - alone.reindex(keys).to_numpy())
    kept = "setting terms objective seed relative_weight accuracy gain agreement"
    return columns(rows, f"{kept} calibration_error cosine_correlation")


def tables(rows: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Accuracies in the paper's form, and the comparisons behind the stars."""
    compared = distilling.gains(rows)
    return {
        "real_images_accuracy.csv": distilling.table(rows, compared),
        "real_images_compared.csv": compared,
    }


def draw(rows: pd.DataFrame, sheet: Sheet) -> pd.DataFrame:
    """Gains in accuracy, seed by seed: a row for every setting, a column for terms."""
    names = [loss.label for loss in LOSSES]
    terms = [term for term in TERMS if term in rows["terms"].unique()]
    for ax, setting, term in sheet.grid(
        rows["setting"].unique(), terms, (1.6, 1.5), sharex="row"
    ):
        part = where(rows, setting=setting, terms=term)
        values = [where(part, objective=name)["gain"].to_numpy() for name in names]
        plots.strip(values, names, ax)
        ax.axvline(0, color="0.6", lw=0.8, zorder=-1)
        ax.set_title(f"{setting}: {_SAID[term]}")
    sheet.label("points of accuracy over no geometry term", "")
    return rows


STUDY = Study(
    __doc__,
    data=data,
    tables=tables,
    figures={
        "real_images": Figure(
            "What a geometry term brings to the accuracy on the test. Points: seeds, "
            "paired; bars: medians.",
            "Not written yet.",
            draw,
            narrow=False,
        )
    },
    note=distilling.note,
    order=41,
)
