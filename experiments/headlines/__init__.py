"""What came out, in five pictures?

Each picture is one finding, drawn from the csv of the study that found it; nothing is
run again. All other figures show the same at more teachers, widths and objectives.

Prediction: those of the studies, some of which failed.

Outcome: centring decides what is preserved. Width binds every distance, but not a loss
that asks for the pattern. Centred losses leave the outcome to the optimiser, a little
Procrustes repairs CKA, and counting pairs misleads.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from experiments.headlines import drawing
from experiments.study import Figure, Sheet, Study

FIGURES = Path(__file__).parents[2] / "figures"
Drawing = Callable[[pd.DataFrame, Sheet], None]


def _figure(
    caption: str, finding: str, draw: Drawing, note: str, stem: str, **values
) -> Figure:
    """A picture of the rows of a study's csv that have one of these values each."""

    def rows(folder: Path) -> pd.DataFrame:
        frame = pd.read_csv(folder / f"{stem}.csv")
        has = [frame[name].isin(some) for name, some in values.items()]
        return frame[np.logical_and.reduce(has)]

    caption = f"{caption} Points: seeds; lines or bars: medians."
    return Figure(caption, finding, draw, note=f"{note}; from `{stem}`.", rows=rows)


STUDY = Study(
    __doc__,
    data=lambda quick: FIGURES,
    figures={
        "headline_centring": _figure(
            "Pattern agreement at the end for three teachers. Dotted: chance; "
            "dash-dotted: SVD baseline.",
            "When the vectors share a direction, centred CKA, Procrustes and Gram end "
            "at a pattern agreement of -0.01, 0.00 and 0.04, and uncentred they end at "
            "1.00, 1.00 and 1.00.",
            drawing.centring,
            "n = 256, d = m = 128",
            "kept_geometry",
            student_dim=[128],
        ),
        "headline_width": _figure(
            "Pattern agreement over the student's width for two teachers, and the "
            "Procrustes distance of unit rows that it costs.",
            "At half the width of a teacher whose pairs are nearly all orthogonal, "
            "Procrustes and Gram end at a pattern agreement of 0.26 and 0.27, as the "
            "SVD baseline does (0.27), and Procrustes with a hinge on the pattern at "
            "0.52, for a Procrustes distance of 0.41 in place of 0.36.",
            drawing.width,
            "n = 96, d = 48",
            "asking_for_orthogonality",
            teacher=["high fraction", "Gaussian"],
            objective=["Procrustes", "Gram", "Pattern hinge", "Procrustes + hinge"],
        ),
        "headline_optimiser": _figure(
            "Pattern agreement and loss at the end over the rate of Adam, when nearly "
            "all pairs are orthogonal.",
            "Centred Gram reaches the same zero loss at two rates of Adam, 0.1 and 1, "
            "and a pattern agreement of 0.54 at the one and 0.21 at the other; "
            "uncentred Gram ends at 1.00 and 1.00.",
            drawing.optimiser,
            "n = 96, d = m = 48",
            "optimiser_sensitivity",
            study=["adam"],
            teacher=["high fraction"],
        ),
        "headline_repair": _figure(
            "Pattern agreement and CKA loss, over the zero student's, over the weight "
            "of Procrustes beside CKA, when the vectors share a direction.",
            "At the teacher's width a weight of 0.001 raises the pattern agreement "
            "from -0.01 to 0.23 and one of 0.01 to 1.00; at half of it, one of 0.01 "
            "raises it from -0.01 to 0.66, and CKA stays at its optimum.",
            drawing.repair,
            "n = 256, d = 128",
            "hybrid_weight",
            hybrid=["CKA + Procrustes"],
            teacher=["common mean"],
        ),
        "headline_counting": _figure(
            "Epsilon-orthogonal pairs over the run when the vectors share a direction: "
            "how many there are, and whether they are the teacher's.",
            "CKA's student ends with more orthogonal pairs than its teacher, 0.74 of "
            "all against 0.49, and a pattern agreement of -0.01; that of uncentred CKA "
            "has 0.49 and 1.00.",
            drawing.counting,
            "n = 256, d = m = 128",
            "orthogonal_vectors",
            teacher=["common mean"],
            student_dim=[128],
            objective=["CKA", "CKA, uncentred"],
        ),
    },
    main=True,
    order=1,
)
