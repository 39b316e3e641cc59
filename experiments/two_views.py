"""Does a network that sees one view learn from one that sees two, and through what?

The teacher sees spikes and field potentials of one generated latent process, and the
student, with two layers of eight units, field potentials alone; it learns the direction
of a reach from labels, from the teacher's logits, or from both, each with and without
one term for the geometry of the last layers. As a control the teacher sees the field
potentials alone, too. The noise of the field is twice or four times its signal.

Prediction: the second view is what helps. From the teacher that sees both views the
centred Procrustes distance gains at least one point more with labels than from the one
that sees the field alone, and logits gain at least one point over labels, where those
of the control gain nothing. The more noise, the more both gain. Beside logits no term
gains more than one point, and a learned projection gains nothing.

Outcome: the second view is what helps, and geometry carries it where logits do not.
From the teacher of both the centred Procrustes distance gains two to three points with
all three sources, each told from zero, and from the teacher of the field none that a
test tells from zero. Held against each other, the teacher of both is better with labels
at the higher noise, as predicted, and not surely at the lower. The rest failed: logits
gain about one point over labels from either teacher, so that the second view does not
come through them; terms gain as much beside logits as beside labels; and with labels
alone more noise means more, with logits hardly. No projection was run.
"""

import dataclasses

import pandas as pd

from experiments import distilling, terms
from experiments.study import Figure, Study
from simgeo import datasets, networks, stats
from simgeo.problems import Distillation

_NOISES = (2.0, 4.0)
COMPARED = distilling.LOSSES[1:3]  # CKA, centred Procrustes
BOTH, ALONE = "teacher of both", "teacher of the field"


class FieldAlone(datasets.TwoViews):
    """The same recordings, of which the teacher sees no spikes either."""

    def load(self) -> datasets.Examples:
        return super().load()._replace(teacher_inputs=None)


def bases(quick: bool) -> dict[str, Distillation]:
    """Students without a term, by what their teachers see and by the noise."""
    kinds = {BOTH: datasets.TwoViews, ALONE: FieldAlone}
    wide, narrow = networks.MLP(64), networks.MLP(8)
    return {
        f"{said}, noise {noise:g}": dataclasses.replace(
            distilling.plain(quick, kind(noise=noise), wide, narrow), num_records=2
        )
        for noise in _NOISES[: 1 if quick else None]
        for said, kind in kinds.items()
    }


def data(quick: bool) -> pd.DataFrame:
    """The ends at the weights that do best on validation, with their gains."""
    losses = COMPARED[1:] if quick else COMPARED
    rows = terms.ends(terms.grid(bases(quick), losses, quick))
    return terms.with_costs(rows, next(iter(bases(quick).values())), COMPARED, quick)


def tables(rows: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The tables of all such studies, and what the teacher's second view brings."""
    # A student that learns from labels alone has no teacher.
    is_taught = (rows["objective"] != distilling.NONE) | (
        rows["learned_from"] != terms.SAID["task"]
    )
    taught = rows[is_taught]
    parts = taught["setting"].str.split(", noise ", expand=True)
    views = stats.paired_comparisons(
        taught.assign(teacher=parts[0], noise=parts[1]),
        "accuracy",
        "teacher",
        within=["noise", "learned_from", "objective"],
        baseline=ALONE,
    )
    found = terms.tables(rows, "two_views")
    return found | {"two_views_second_view.csv": views}


STUDY = Study(
    __doc__,
    data=data,
    tables=tables,
    figures={
        "two_views": Figure(
            "What a geometry term brings to the accuracy of networks that see field "
            "potentials, by what else they learn from, from teachers that see spikes "
            "as well and from teachers that do not. Points: seeds, paired with the "
            "same seed without a term, whose median accuracy stands under the panel; "
            "bars: medians.",
            "From a teacher that sees both views the centred Procrustes distance "
            "gains 1.75, 1.88 and 1.75 points beside labels, logits and both at the "
            "lower noise, and 3.12, 2.12 and 2.12 at the higher; from one that sees "
            "the field alone 1.12, 1.62 and 0.62, and 0.38, 0.25 and 1.00, of which no "
            "test tells one from zero (signed-rank tests, adjusted, five percent).",
            terms.draw,
            columns=terms.COLUMNS + " microseconds",
            narrow=False,
        )
    },
    note=distilling.NOTE + " The csv has microseconds of the processor, a step and "
    "seed.",
    real=True,
    order=47,
)
