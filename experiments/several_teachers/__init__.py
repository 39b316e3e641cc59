"""What does one student preserve of several teachers at once?

The teachers have widths of their own, and the student minimises the weighted sum of a
distance to each. For Gram distances that is the distance to the mean Gram matrix, of
Procrustes the generalised Procrustes problem. Blocks agree if all have the same four,
and conflict if their numbers are coprime: then the patterns are independent, a student
of both can have the pairs that are orthogonal in both, and that intersection has a
pattern agreement with each teacher that follows from counting.

Prediction: teachers that agree are preserved as well as alone, whatever their number
and weights. With those that conflict every distance preserves the intersection, to
within 0.05, at equal weights and at most others, and one teacher alone only when the
other's weight is below 0.15. So conflict costs 0.4 for two teachers and grows with
their number. The wider teacher does not dominate: the narrower has the larger cosines,
and of Gaussian teachers of 32 and 16 dimensions Gram at equal weights preserves the
narrower better, by 0.2; Procrustes and CKA, less so. A projection for each teacher lets
all be read, with R2 of 1 where m reaches their rank, and preserves no pattern.

Outcome: teachers that agree are preserved as well as alone, at any number and weight
(medians of pattern agreement). When two teachers conflict, Gram and uncentred CKA
preserve just the intersection at equal weights, 0.57 with the wider and 0.70 with the
narrower, at m = d and d / 2, and one teacher alone (0.96 and more) at a weight of 0.9.
Generalised Procrustes preserves half of the intersection, against the prediction: 0.30
and 0.37, and 0.14 of four teachers in conflict where the others reach 0.39. Less can be
read from its student as well: R2 is 0.78 for four teachers in conflict and 0.88 for
four that agree, where that of Gram is 1.00. The reason is that the consensus mixes
roots of Gram matrices, which moves pairs that are orthogonal in both. The wider teacher
does not dominate: of two Gaussian teachers at m = d Gram reaches 0.12 with the wider
and 0.30 with the narrower, Procrustes 0.09 and 0.21, and uncentred CKA, which divides
by their norms, 0.20 with each. All of these are far below the intersection (0.44 and
0.58), so that two Gaussian teachers leave the student neither. The projection lets all
teachers be read, with R2 of 1 where m reaches their rank, and ends at 0.41 to 0.49 with
teachers that agree, which is not nothing, and at 0.26 with two in conflict.
"""

import functools

from experiments.several_teachers.drawing import draw, draw_number
from experiments.several_teachers.runs import EACH, compare, data, grid
from experiments.study import Figure, Study, where

_NOTE = (
    "n = {{one.num_vectors}}, d = {}, epsilon = {{one.epsilon:g}}, {{one.num_seeds}} "
    "seeds, {{one.num_steps}} steps of {{one.optimiser.label}}; free rows from a "
    "Gaussian start."
)

STUDY = Study(
    __doc__,
    cells=grid,
    data=data,
    tables=lambda frame: {"several_teachers_alone.csv": compare(frame)},
    figures={
        "several_teachers": Figure(
            "Pattern agreement with a teacher of 32 dimensions against that with one "
            "of 16, over the weight of the first. Small: seeds; large: medians, from "
            "the weight 0 (open) to 1; square: 1/2; cross: the pairs that are "
            "orthogonal in both. Where teachers agree, Gram hides Procrustes and CKA.",
            "Teachers that agree are preserved as if alone. When teachers of blocks "
            "conflict, Gram and uncentred CKA preserve the pairs that are orthogonal "
            "in both (0.57 and 0.70) and generalised Procrustes about half (0.30 and "
            "0.37). With two Gaussian teachers every distance stays at 0.30 or less, "
            "far below the pairs in both (0.44 and 0.58).",
            draw,
            rows=functools.partial(where, study="weights"),
        ),
        "several_teachers_number": Figure(
            "Pattern agreement with each teacher and R2 of it over their number, at "
            "equal weights. Points: seeds and teachers; lines: medians; cross: the "
            "pairs that are orthogonal in all.",
            "Conflict costs every objective its pattern, and Procrustes most. "
            "Procrustes also makes four teachers that agree harder to read, with an "
            "R2 of 0.88 where Gram has 1.00.",
            draw_number,
            rows=lambda frame: where(frame, study="number").fillna({"matthews": 0.0}),
            levels=("chance",),
            note=_NOTE.format(f"{EACH} each and m their sum"),
        ),
    },
    note=_NOTE.format("32 and 16"),
    order=16,
)
