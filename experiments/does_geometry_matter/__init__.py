"""Does any measure of preserved geometry predict what a reader of the features gets?

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
rank, which for unit rows is one over the mean squared cosine, hence the interference;
here the count comes second. Less sparse features make all readers worse and change no
ranking.

Outcome: which measure predicts depends on the reader, as predicted, and for three of
the four readers it is the measure that was named; the exception is the rotated one.
Numbers are partial rank correlations given width and teacher, with 95 % intervals. The
fitted reader gets the same from all teachers and objectives at one width, within 0.04
(0.72 to 0.76, 0.80 to 0.83, 0.88 to 0.90); no measure exceeds 0.17 in size, and none
has skill for a teacher left out. The mapped reader is predicted by R2 of the teacher,
0.77 (0.29 to 0.90). The rotated reader is predicted by the same R2, 0.78, and by
Procrustes similarity, 0.77; uncentred CKA reaches 0.68, and the Procrustes distance
only -0.52, since it sees the scale, which no reader does. The own reader is predicted
by the effective rank, 0.96 (0.73 to 0.99), far better than by the count, 0.64 (0.20 to
0.91), which for the three others is -0.36, -0.42 and -0.05, with zero in every
interval. Pattern agreement, by which other studies say what is preserved, predicts none
of the four (0.17, 0.01, 0.12, -0.20). Being like the teacher tells against the own
reader (CKA -0.50), which was not foreseen: students that spread out beat teachers that
do not. On the power law the teacher itself gets 0.68 and the hinge's student of half
its width 0.81. At other sparsities the same measures lead, and the order hardly moves
except for the fitted reader, which has none.
"""

from experiments import cells
from experiments.cells import OBJECTIVES, TEACHERS, Cell, crossed
from experiments.does_geometry_matter.measured import Ranked, draw, draw_ranking, rows
from experiments.does_geometry_matter.predicting import last, ranking
from experiments.does_geometry_matter.readers import RUN, SPARSITIES, read
from experiments.study import Figure, Study
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
    size |= {"num_records": 2, "record_spacing": "even"}
    ratios, chosen, drawn = (1, 2, 4), CHOSEN, DRAWN
    if quick:
        ratios, chosen = (2,), (OBJECTIVES[0], OBJECTIVES[3])
        drawn = {name: DRAWN[name] for name in ("blocks", "common mean", "Gaussian")}
    return [
        cell
        for objective in chosen
        for ratio in ratios
        for cell in crossed(
            quick, drawn, [objective], student_dim=size["teacher_dim"] // ratio, **size
        )
    ]


def settings(quick: bool) -> dict:
    """What is read, and how."""
    return {
        "chosen": tuple(grid(quick)),
        "sparsities": SPARSITIES[:1] if quick else SPARSITIES,
        "num_samples": 256 if quick else 1024,
    }


def data(quick: bool) -> Ranked:
    """Every run with its measures, one row per sparsity and reader; and the ranking."""
    asked = settings(quick)
    frame = cells.compute(asked["chosen"], keep_vectors=True)
    runs = cells.cached(read, asked).merge(last(frame), on=RUN)
    return Ranked(runs, ranking(runs, 100 if quick else 500))


STUDY = Study(
    __doc__,
    cells=grid,
    data=data,
    figures={
        "does_geometry_matter": Figure(
            "Area under the ROC curve of the reader that takes the product with the "
            "student's own directions, every run, against the count of "
            "epsilon-orthogonal pairs and the effective rank. Dotted: chance. The csv "
            "has all readers and measures.",
            "A readout that is fitted sees the width and nothing else; one that is "
            "carried over from the teacher needs the teacher's span; only products "
            "with the student's own directions need few overlaps, and the effective "
            "rank says how few better than the count of epsilon-orthogonal pairs.",
            draw,
            rows=rows,
        ),
        "does_geometry_matter_ranking": Figure(
            "How well each measure (rows) predicts each reader (columns): rank "
            "correlation given width and teacher, in order of its mean size; a star: "
            "zero is outside of its 95 % interval, from resampled teachers and "
            "objectives. The csv has the intervals, other sparsities, and the skill at "
            "a teacher left out.",
            "No measure predicts all four readers, and the pattern agreement predicts "
            "none.",
            draw_ranking,
            rows=lambda ranked: ranked.table,
        ),
    },
    note="{shared} Features on with probability 0.1, uniform in size; "
    "{asked[num_samples]:,} samples to fit and as many to score; area weighted by "
    "importance 1 / i.",
    asked=settings,
    order=11,
)
