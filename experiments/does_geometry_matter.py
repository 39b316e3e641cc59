"""Does any measure of kept geometry predict what a reader of the features gets?

The teacher's vectors t_i are the directions of sparse features: it represents a draw of
activations a as sum_i a_i t_i, its student as sum_i a_i s_i. A reader tells which
features are on, scored by the area under the ROC curve, 1/2 by chance, averaged over
features with importance 1 / i. Four readers, each blind to more than the one before:
"rotated" turns the student onto the teacher (Procrustes) and "mapped" maps it there
(least squares), and both then use the readout fitted to the teacher; "fitted" is
ridge regression on the student's own samples; "own" takes the product with s_i itself.

Prediction: what predicts depends on the reader, and the count on none the best. The
fitted reader sees a linear map of the student as it sees the student: its R2 sums to
the rank over features, so that the width predicts nearly all, and given the width no
measure has a partial rank correlation above 0.5. Mapped: R2 of the teacher from the
student. Rotated: uncentred Procrustes distance, then uncentred CKA. Own: the effective
rank, which for unit rows is the mean squared cosine, hence the interference; here the
count comes second. Less sparse features make all readers worse and change no ranking.
"""

from experiments import cells
from experiments.cells import OBJECTIVES, TEACHERS, Cell, preset
from simgeo import objectives, teachers
from simgeo.objectives import AbstractObjective

CHOSEN: tuple[AbstractObjective, ...] = (
    *OBJECTIVES,
    objectives.CCA(),
    objectives.RelationalDistance(),
    objectives.NeighbourKL(),
    objectives.PatternHinge(),
    objectives.Hybrid((objectives.CKA(), objectives.Procrustes()), (0.9, 0.001)),
    objectives.Hybrid(
        (objectives.LinearProjection(), objectives.PatternHinge()), (0.7, 6.0)
    ),
)
DRAWN = TEACHERS | {
    "Gaussian": teachers.Gaussian(),
    "power law": teachers.PowerLawSpectrum(exponent=1.0),
    "hierarchy": teachers.Hierarchy(),
}


def grid(quick: bool) -> list[Cell]:
    """Every teacher and objective, at the teacher's width, its half and its quarter."""
    size = {"num_vectors": 96, "teacher_dim": 48, "num_steps": 400, "num_seeds": 8}
    if quick:
        size = {"num_vectors": 48, "teacher_dim": 24, "num_steps": 100, "num_seeds": 3}
    ends = {"num_records": 2, "record_spacing": "even"}
    ratios, chosen, drawn = (1, 2, 4), CHOSEN, DRAWN
    if quick:
        ratios, chosen = (2,), (*OBJECTIVES[:4], CHOSEN[-3])
        drawn = {name: DRAWN[name] for name in ("blocks", "common mean", "Gaussian")}
    return [
        Cell(
            "readers",
            name,
            preset(
                quick,
                teacher=teacher,
                objective=objective,
                student_dim=size["teacher_dim"] // ratio,
                **size,
                **ends,
            ),
        )
        for objective in chosen
        for ratio in ratios
        for name, teacher in drawn.items()
    ]
