"""Can CKA tell whether a teacher has orthogonal features? Theorem 1, drawn.

We know the abstract of arXiv 2509.25253 and a description of its first theorem, not its
proof; this is how we read it. Let n unit vectors stand in two antipodal groups of n/2:
the plain teacher, none of whose pairs is orthogonal. Turn k of them, half of each
group, along k distinct directions orthogonal to all else: the turned teacher has k
mutually orthogonal vectors, each orthogonal to all n - 1 others. The student is a copy
of the plain teacher in one dimension. Its CKA with that is 1, and with the turned
teacher

    ((n - k)^2 + k) / (n sqrt((n - k)^2 + k - 2 k / n + k^2 / n^2)),

which is about 1 - k/n: for any number k of orthogonal vectors it is as near to 1 as one
likes, if n is large. So a high CKA does not say that a student has its teacher's
orthogonal vectors, however many there are. That is what the theorem says.

It does not say that a CKA loss of zero loses them: here the loss is k/n, and descent
can lower it. It does not say that most orthogonal pairs can be lost for little: the
share of pairs that are orthogonal is about 2 k/n, and falls with the loss. It does not
single out CKA: relative to those of the zero student, the squared Procrustes and Gram
distances are about 2 k/n too; what grows is their size in the teacher's own units, 2 k
and 2 n k. And it is not about centring: both teachers have a mean of zero, and
uncentred CKA differs by less than k/n^2.

Prediction: as n grows at k = sqrt(n) all normalised distances fall together, within a
factor of about two, and with them the share of pairs; those in the teacher's units
grow.

Outcome: The prediction held. With 24 vectors and 6 turned, 123 of 276 pairs are
orthogonal in the teacher and none in the copy, at a CKA of .757. At n = 1,024 and k =
32 the CKA loss is .031, the squared Procrustes distance .062, the Gram distance .066
and the share of pairs .062.
"""

import pandas as pd

from experiments.study import Figure, Study
from experiments.theorem_one.closed_forms import distances
from experiments.theorem_one.drawing import SHOWN, draw


def data(quick: bool) -> pd.DataFrame:
    """The distances over k at the n that is drawn, and over n at k = sqrt(n)."""
    n, _ = SHOWN
    rows = [("over k", n, k) for k in range(0, n, 2)]
    rows += [("over n", 4**power, 2**power) for power in range(2, 6 if quick else 11)]
    return pd.DataFrame(
        {"what": what, "n": n, "turned": k} | distances(n, k) for what, n, k in rows
    )


STUDY = Study(
    __doc__,
    data=data,
    figures={
        "theorem_one": Figure(
            "Theorem 1, drawn. Above: two antipodal groups, the same with six vectors "
            "turned along directions of their own, and a copy of the first, with all "
            "|cosine|. Below: how far the copy is from the turned teacher, over the "
            "number of vectors turned and over that of all vectors.",
            "A copy without any orthogonal pair has a CKA near 1 with a teacher of "
            "many orthogonal vectors; but relative to the zero student Procrustes and "
            "Gram are as near, and so small a loss hides as small a share of pairs.",
            draw,
            narrow=False,
        )
    },
    note=f"Closed forms, no training; n = {SHOWN[0]} and k = {SHOWN[1]} above.",
    main=True,
    order=6,
)
