"""What does the weight w of a geometry term do in (1 - w) L1 / s1 + w L2 / s2?

s is the loss of the student of zero rows, which knows nothing, so that w = 1/2 weighs
both parts alike; the pattern hinge is zero there, and its s is the loss of random rows.
Medians over the seeds, to three digits, for every teacher and width.

Prediction: CKA and Procrustes or Gram share a minimiser at m = d, and hardly compete at
half of it, so w = 0.001 buys nine tenths of what any weight buys, and CKA does not
rise. The task reads 32 directions of 128, preserves little by itself and needs w near
0.1. The hinge helps the projection, but alone it makes every pair orthogonal: best
inside.

Outcome: the prediction is right in kind and wrong in size (medians of pattern
agreement). At m = d Procrustes takes CKA from 0.91 to 1.00 on the high fraction with a
weight of 0.003, and from -0.01 to 1.00 on the common mean with 0.01, at no price in
CKA; a weight of 0.001 buys a quarter of that on the common mean. At half of d this
takes 0.003 on blocks and 0.3 on the common mean (with Gram 0.01 and 0.03), and CKA
rises by less than 0.001. On the high fraction no weight buys anything, since all
distances end at the 0.32 of the SVD baseline. The task alone reaches 0.03 to 0.19 and
needs w = 0.1 to 0.3; by then its loss has grown 3- to 26-fold, while w = 0.01 lowers
it. The hinge takes the projection from 0.19 to 0.83 on the common mean and from 0.41 to
0.99 on blocks at w = 0.3, while its loss hardly moves. On the high fraction the hinge
is best alone: it reaches 0.90, far above the SVD baseline, for a projection loss that
more than doubles. But it asks for just what is measured here, at the same epsilon.
"""

from experiments import cells
from experiments.hybrid_weight.bought import tables
from experiments.hybrid_weight.fronts import draw_front, draw_weights
from experiments.hybrid_weight.pairs import common, data, grid
from experiments.study import Figure, Study

_COLUMNS = (
    "hybrid teacher student_dim weight seed first_loss matthews chance_matthews "
    "svd_matthews first_scale second_scale"
)

STUDY = Study(
    __doc__,
    cells=grid,
    data=data,
    tables=tables,
    figures={
        "hybrid_weight": Figure(
            "CKA against pattern agreement as Procrustes gains weight w in a hybrid, "
            "common mean, m = d / 2. Grey: seeds; black: medians. The csv has all "
            "hybrids, teachers and widths.",
            "A weight of 0.003 to 0.01 on Procrustes gives CKA the whole pattern at "
            "the teacher's width, at no price in CKA.",
            draw_front,
            columns=_COLUMNS,
            levels=("chance", "svd"),
        ),
        "hybrid_weight_geometry": Figure(
            "Pattern agreement over the weight of the second term, for four hybrids "
            "at m = d / 2. Small: seeds; lines: medians.",
            "Most of what a geometry term can buy is bought with a weight far below "
            "one half. A pattern hinge takes the projection from 0.41 to 0.99 on "
            "blocks; alone it reaches 0.90 on the high fraction at half the width, "
            "where every distance ends at 0.32.",
            draw_weights,
            columns=_COLUMNS,
            levels=("chance", "svd"),
        ),
    },
    note=cells.describe(common(False)),  # as cells need a run
    order=8,
)
