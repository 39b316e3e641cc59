"""Can a loss that asks for the orthogonal pairs keep more of them than a distance?

Below the teacher's rank every distance ends near the truncated SVD, although vectors
with far more orthogonal pairs exist. The pattern hinge asks for those pairs, and for
nothing else; hybrids give half of the weight to a distance. The hinge knows epsilon =
0.1, at which it would be judged too kindly: half and twice of it are judged as well.

Prediction: the hinge comes within 0.02 of the ceiling of the count at every width. On
the high fraction that is the pattern: a pattern agreement above 0.8 down to d / 2,
where distances preserve 0.3. On Gaussian teachers and blocks it is not, as it makes
orthogonal what should not be: below all distances at every width. Hybrids are best
everywhere below d, for a tenth more of the Procrustes distance. At half of epsilon the
hinge preserves nothing, since it leaves pairs where its loss ends, at 0.1; at twice of
it, half.

Outcome: Procrustes with the hinge preserves more of the pattern than Procrustes, at the
epsilon that the hinge asks for; at others it does so in part. The gain is 0.18 to 0.32
on the high fraction at every width below d and 0.09 to 0.23 on Gaussian teachers, for
1.02 to 1.37 times the distance of unit rows; on blocks, which distances preserve, it is
0.01 at most. At twice that epsilon there is a gain on the high fraction alone, 0.08 to
0.26; at half of it there is none, and a loss of up to 0.25. The hinge alone stays 0.03
to 0.08 below the ceiling on the high fraction, against the prediction, and its pattern
agreement is 0.94 at m = 36 but 0.49 at d / 2. On Gaussian teachers it is above all
distances up to d / 2 (0.73 against 0.67 there) and below them from m = 36 on. It is
better than the hybrids on the high fraction at 36 and on Gaussian teachers at 12 and
18. At half of epsilon its agreement is 0.04 at most on the high fraction, 0.06 to 0.27
on Gaussian teachers and 0.4 on blocks, and its distance is 1.3 to 18 times the least
below d.
"""

from experiments.asking_for_orthogonality.drawing import draw, draw_judged
from experiments.asking_for_orthogonality.runs import compare, data, grid
from experiments.study import Figure, Study

STUDY = Study(
    __doc__,
    cells=grid,
    data=data,
    tables=lambda judged: {"asking_comparisons.csv": compare(judged.patterns)},
    figures={
        "asking_for_orthogonality": Figure(
            "Pattern agreement, fraction of orthogonal pairs, and Procrustes distance "
            "of the unit rows, at the best scale and relative to the zero student's, "
            "over the student's width. Points: seeds; lines: medians.",
            "Below the teacher's rank Procrustes with a hinge on the pattern "
            "preserves more of it than any distance does, for little more of the "
            "Procrustes distance.",
            draw,
            rows=lambda judged: judged.last,
            columns="teacher objective student_dim seed matthews fraction_student "
            "price chance_matthews chance_fraction_student svd_matthews "
            "svd_fraction_student svd_price ceiling_fraction_student",
            levels=("chance", "svd", "ceiling"),
        ),
        "asking_judged": Figure(
            "Pattern agreement over the epsilon at which it is judged; the hinge was "
            "trained at 0.1, the grey line. Points: seeds; lines: medians; zero where "
            "student or teacher has all pairs or none.",
            "What the hinge gains is mostly gained at its own epsilon: at half of it, "
            "it and its hybrids preserve less than a distance does.",
            draw_judged,
            rows=lambda judged: judged.patterns.fillna({"matthews": 0.0}),
            columns="objective teacher student_dim seed epsilon matthews "
            "fraction_student svd_matthews chance_matthews",
            levels=("chance", "svd"),
        ),
    },
    order=15,
)
