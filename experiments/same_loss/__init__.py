"""Can students of the same loss have different geometry? In one picture.

Few vectors, so that every pair is seen: three teachers, students as wide as their
teacher under seven objectives, and which of the teacher's orthogonal pairs each has
preserved.

Prediction: all seven reach a loss of zero. Uncentred CKA, Procrustes and Gram then have
every pair; the centred three and the learned projection do not, for any teacher, since
the mean of a random start, which they cannot see, stays.

Outcome: The prediction held. All runs end below 3e-6 of the zero student's loss.
Uncentred CKA, Procrustes and Gram then have a pattern agreement of 1 with every teacher
(median of seeds; one seed of Gram has .96). Centred CKA has .23 where nearly all pairs
are orthogonal, -.12 on the groups, of whose 194 orthogonal pairs the first seed's
student preserves 3, and .05 on the shared direction; centred Procrustes has .23, 0 and
.06, centred Gram .24, .23 and .31, and the projection .09, .29 and .09. With 24 vectors
the mean of a random start is long, and so is the harm: of 256 vectors centred CKA
preserves nearly all of the groups' pattern at full width (`loss_against_geometry`).
"""

import numpy as np
import pandas as pd

from experiments import cells
from experiments.cells import Cell, crossed
from experiments.same_loss import drawing
from experiments.study import Figure, Sheet, Study, ends
from simgeo import plots, teachers

DIM = 24  # n, d and m
EPSILON = 0.1
TEACHERS = {
    "nearly all pairs orthogonal": teachers.Noisy(
        teachers.OrthogonalBlocks(num_blocks=DIM // 2), noise=0.15
    ),
    "orthogonal groups": teachers.OrthogonalBlocks(num_blocks=3, cosine=0.5),
    "a shared direction": teachers.CommonMean(cosine=0.1),
}
MAPPED = cells.OBJECTIVES[:2]  # CKA, centred and not: those whose pairs are shown
MEASURES = ("matthews", "pairs_both", "pairs_student", "pairs_teacher")


def grid(quick: bool) -> list[Cell]:
    """Every objective and teacher, at the teacher's width."""
    return crossed(
        quick,
        TEACHERS,
        MAPPED if quick else cells.OBJECTIVES,
        num_vectors=DIM,
        teacher_dim=DIM,
        student_dim=DIM,
        epsilon=EPSILON,
        measures=MEASURES,
        num_steps=100 if quick else 2000,
        num_records=2,
        num_seeds=4 if quick else 16,
    )


def data(quick: bool) -> pd.DataFrame:
    """The end of every run, and every pair of the first seed's students under CKA."""
    whole = grid(quick)
    mapped = [cell for cell in whole if cell.experiment.objective in MAPPED]
    pairs = [
        pairs_of(students[0], drawn[0]).assign(
            teacher=cell.labels["teacher"],
            objective=cell.experiment.objective.label,
            seed=seeds[0],
        )
        for cell, seeds, students, drawn in cells.vectors(mapped)
    ]
    runs = ends(cells.compute(whole))
    names = ["teacher", "objective", "seed", "relative_loss", *MEASURES]
    runs = runs[[*names, "chance_matthews", "svd_matthews"]]
    return pd.concat([runs, *pairs], ignore_index=True)


def pairs_of(student: np.ndarray, teacher: np.ndarray) -> pd.DataFrame:
    """The cosines of every pair on both sides, in an order that shows the teacher's.

    `first` and `second` are places in that order, in which vectors of like cosines
    stand side by side.
    """
    order = plots.order_of(_cosines(teacher))
    first, second = np.triu_indices(len(order), 1)
    return pd.DataFrame(
        {
            "first": first,
            "second": second,
            "student_cosine": _cosines(student)[order[first], order[second]],
            "teacher_cosine": _cosines(teacher)[order[first], order[second]],
        }
    )


def _cosines(vectors: np.ndarray) -> np.ndarray:
    units = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return units @ units.T


def draw(frame: pd.DataFrame, sheet: Sheet) -> None:
    """Arrows, teachers with two students each, and the strip of all objectives."""
    sheet.figure = drawing.picture(frame, EPSILON)


STUDY = Study(
    __doc__,
    cells=grid,
    data=data,
    figures={
        "same_loss": Figure(
            "Same loss, different geometry. Left: three orthogonal groups, before and "
            "after one common vector, as long as they are, is added to all. Middle: a "
            "teacher in each row, and its students under centred and uncentred CKA; "
            "above the diagonal |cosine| of every pair, below it which orthogonal "
            "pairs are preserved, lost and gained, for the first seed. Right: pattern "
            "agreement (Matthews correlation) of all seeds; bars: medians.",
            "At a loss of zero the centred student of CKA has lost up to 191 of 194 "
            "orthogonal pairs, and the uncentred one none: centring decides what is "
            "preserved, not the name of the distance.",
            draw,
            levels=("chance", "svd"),
            narrow=False,
        )
    },
    main=True,
    order=0,
)
