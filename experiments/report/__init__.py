"""Which claims of the paper hold in our runs? claims.md and the csv files beside it.

Every variant has a verdict of its own: centring decides more than the name of the
distance, and pooling would hide it.

Prediction: the paper's claims themselves.
"""

import pandas as pd

from experiments import cells, cka_spikes, claims, zero_loss_students
from experiments.report import drawing
from experiments.report.page import COLUMNS, tables
from experiments.report.verdicts import Judged, judge
from experiments.study import Figure, Study


def data(quick: bool) -> Judged:
    """The claims, judged by the runs of the other studies, and the main of these."""
    frame, spikes = cells.main_frame(quick), cka_spikes.data(quick)
    _, made = zero_loss_students.compute()
    preset = cells.describe(cells.main_grid(quick)[0].experiment)
    return Judged(judge(frame, spikes, made), frame, preset)


def rows(judged: Judged) -> pd.DataFrame:
    """The cells of all claims."""
    of_claims = [each.cells.assign(claim=each.name) for each in judged.claims]
    drawn = ["claim", "variant", *claims.CELL, "estimate", "low", "high", "state"]
    return pd.concat(of_claims, ignore_index=True)[[*drawn, *COLUMNS]]


STUDY = Study(
    __doc__,
    cells=cells.main_grid,
    data=data,
    tables=tables,
    figures={
        "claims": Figure(
            "Claims of the paper by variants (rows) in teachers and widths (columns). "
            "C1 to C3 and the upper half of C4: pattern agreement, of that of the SVD "
            "baseline where this is below .95. Most pairs: recall of the teacher's "
            "orthogonal pairs less that of the best other objective. C5: gain in the "
            "fraction of orthogonal pairs, of that of the SVD baseline. C6: students "
            "in closed form. C7: largest rise of 1 - CKA between two records, high "
            "fraction, at two fixed rates.",
            "Uncentred Procrustes and Gram preserve whatever their width allows, and "
            "so does uncentred CKA; centred, all three fail in the same cells. The "
            "projection loses everywhere, and CKA spikes under the unsquared "
            "Procrustes distance alone.",
            drawing.draw,
            narrow=False,
            rows=rows,
        )
    },
    main=True,
    order=9,
)
