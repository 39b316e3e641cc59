"""Which objective breaks when columns are not centred, or rows not of unit length?

The theorems on what a distance of zero implies assume both, on either side. Three dials
lead away: a common mean of the teacher, an offset of the student's start, and a spread
of the lengths of the teacher's rows; with free rows of the student and with unit rows.

Prediction: the divide is between centred and not, not between CKA and Procrustes.
Centred objectives lose half of the pattern at a mean cosine of 0.1 and all of it at an
offset of 0.5, uncentred ones nothing, with free rows at m = d. Unit rows bring the
centred ones back at m = d, where a translation would change the rows' lengths, and not
at half of it. Lengths do nothing to free rows at m = d; at half of it, long rows take
the directions and all distances fall with the truncated SVD; unit rows cannot follow,
and Gram falls first, which weighs long rows most. The projection is low throughout.

Outcome: the divide is between centred and uncentred objectives, as predicted (medians
of pattern agreement). Centring costs 0.01 to 0.95. The choice between CKA and
Procrustes changes 0.07 at most in the paired median over both centrings; where rows are
of unit length and lengths are uneven that hides a difference, since both centred
distances are at 0.00 there while uncentred CKA is at 0.88 (m = d) and 0.80 (m = d / 2),
and uncentred Procrustes at 1.00 and 0.97. With free rows at m = d CKA reaches 0.83,
0.51 and 0.07 at a mean cosine of 0, 0.05 and 0.1, which is a sooner loss than
predicted, and at 0.2 it has the wrong pairs, -0.48. An offset of the start of 0.5 costs
CKA nothing (0.85), one of 1 costs half (0.39) and one of 2 everything; centred Gram
loses most at 0.5 (0.17). Procrustes stays at 1.00 everywhere, and Gram falls to 0.79 at
offset 2, where its loss has not arrived. Unit rows at m = d undo an offset up to 1
(0.96 and more) for every centred objective. They undo a mean of the teacher for centred
Gram alone (0.93 to 0.99): CKA, which is blind to scale, can stretch what is centred
until rows have unit length, and ends at 0.10. At half of d that turns round, since
centred Gram fills what length is missing with a mean (0.19 on blocks). Uneven lengths
break centred objectives with free rows too, which was not foreseen (0.77 to 0.04 for
CKA), as short rows turn most when all are moved; and unit rows cost uncentred CKA as
much as Gram (0.62 and 0.58 at spread 1) and Procrustes nothing. The truncated SVD does
not fall at half of d, nor do uncentred free rows. The projection ends at 0.4 at most.
"""

from experiments.assumptions.dials import CHOSEN, data, effects, grid, of_square
from experiments.assumptions.drawing import draw, draw_square
from experiments.study import Figure, Study

_LABELS = [objective.label for objective in CHOSEN]


STUDY = Study(
    __doc__,
    cells=grid,
    data=data,
    tables=lambda last: {"assumptions_effects.csv": effects(last)},
    figures={
        "assumptions": Figure(
            "Pattern agreement at the end over three dials away from the theorems' "
            "assumptions, of a teacher with a common mean and, for the two others, of "
            "blocks. Points: seeds; lines: medians. Zero where a student has no "
            "epsilon-orthogonal pair.",
            "Uncentred Procrustes stays at 1.00 at the teacher's width under every "
            "dial, and centred objectives with free rows lose the pattern under each. "
            "Unit rows at that width save all of these from an offset of the start up "
            "to 1, and only centred Gram from a mean of the teacher (0.97 at a mean "
            "cosine of 0.1, where CKA ends at 0.10).",
            draw,
            rows=lambda last: last[last["objective"].isin(_LABELS)],
            columns="dial rows value objective seed matthews kept loss optimum_loss "
            "chance_matthews svd_matthews",
            levels=("chance", "svd"),
        ),
        "assumptions_square": Figure(
            "Pattern agreement of CKA and of normalised Procrustes, uncentred and "
            "centred, at one place of every dial: the mean of the teacher's cosines, "
            "the offset of the start, the spread of the teacher's lengths. Small: "
            "seeds; large: medians. Both are blind to scale.",
            "Centring decides what is preserved. The distance matters where rows are "
            "of unit length and the teacher's lengths are uneven: there uncentred CKA "
            "ends at 0.88 (m = d) and 0.80 (half of d), and uncentred Procrustes at "
            "1.00 and 0.97.",
            draw_square,
            rows=of_square,
            columns="dial rows value distance centring seed kept chance_kept",
            levels=("chance",),
        ),
    },
    note="n = {one.num_vectors}, d = {one.teacher_dim}, epsilon = {one.epsilon:g}, "
    "{one.num_seeds} seeds, {one.num_steps} steps of {one.optimiser.label}; from a "
    "Gaussian start.",
    order=14,
)
