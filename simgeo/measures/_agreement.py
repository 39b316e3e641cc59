"""Which pairs are epsilon-orthogonal: how many, and whether they are the same ones."""

from typing import NamedTuple

from jaxtyping import Array, Float

from simgeo.linalg import safe_sqrt
from simgeo.measures._battery import measure
from simgeo.measures._ratio import ratio
from simgeo.measures._tiles import PairSums


class Pattern(NamedTuple):
    """Agreement of two epsilon-orthogonality patterns."""

    recall: Float[Array, ""]
    precision: Float[Array, ""]
    matthews: Float[Array, ""]


def pattern_agreement(
    student: Float[Array, ""], teacher: Float[Array, ""], both: Float[Array, ""]
) -> Pattern:
    """Recall, precision and Matthews correlation from fractions of all pairs.

    NaN where undefined: recall when the teacher has no such pair, precision when the
    student has none, the correlation when a pattern is constant.

    Args:
        student: fraction of pairs that are epsilon-orthogonal in the student.
        teacher: the same of the teacher.
        both: fraction of pairs that are epsilon-orthogonal in both.
    """
    spread = safe_sqrt(student * (1.0 - student)) * safe_sqrt(teacher * (1.0 - teacher))
    return Pattern(
        recall=ratio(both, teacher),
        precision=ratio(both, student),
        matthews=ratio(both - student * teacher, spread),
    )


def _agreement(pairs: PairSums) -> Pattern:
    counts = pairs.student, pairs.teacher, pairs.both
    return pattern_agreement(*(count / pairs.total for count in counts))


@measure(
    label="epsilon-orthogonal pairs, student",
    bounds="[0, n (n - 1) / 2]",
    better="",
    chance="closed form",
)
def pairs_student(pairs: PairSums) -> Array:
    """The number of epsilon-orthogonal pairs of the student.

    NaN, as is all that is made of cosines, if a vector is zero, for it has none.
    Chance: `limits.random_pairs`.
    """
    return pairs.student


@measure(
    label="epsilon-orthogonal pairs, teacher",
    bounds="[0, n (n - 1) / 2]",
    better="",
    chance="closed form",
)
def pairs_teacher(pairs: PairSums) -> Array:
    """The number of epsilon-orthogonal pairs of the teacher."""
    return pairs.teacher


@measure(
    label="pairs epsilon-orthogonal in both",
    bounds="[0, n (n - 1) / 2]",
    better="higher",
    chance="closed form",
)
def pairs_both(pairs: PairSums) -> Array:
    """The number of pairs that are epsilon-orthogonal in student and teacher."""
    return pairs.both


@measure(
    label="fraction of epsilon-orthogonal pairs, student",
    bounds="[0, 1]",
    better="",
    chance="closed form",
)
def fraction_student(pairs: PairSums) -> Float[Array, ""]:
    """The fraction of the student's pairs that are epsilon-orthogonal.

    It does not see which pairs these are. Chance: `limits.random_fraction`.
    """
    return pairs.student / pairs.total


@measure(
    label="fraction of epsilon-orthogonal pairs, teacher",
    bounds="[0, 1]",
    better="",
    chance="closed form",
)
def fraction_teacher(pairs: PairSums) -> Float[Array, ""]:
    """The fraction of the teacher's pairs that are epsilon-orthogonal."""
    return pairs.teacher / pairs.total


@measure(
    label="recall of the orthogonality pattern",
    bounds="[0, 1]",
    better="higher",
    chance="student's fraction",
)
def pattern_recall(pairs: PairSums) -> Float[Array, ""]:
    """The fraction of the teacher's epsilon-orthogonal pairs that the student has too.

    NaN if the teacher has none. A student in which all pairs are orthogonal has 1.
    """
    return _agreement(pairs).recall


@measure(
    label="precision of the orthogonality pattern",
    bounds="[0, 1]",
    better="higher",
    chance="teacher's fraction",
)
def pattern_precision(pairs: PairSums) -> Float[Array, ""]:
    """The fraction of the student's epsilon-orthogonal pairs that the teacher has too.

    NaN if the student has none.
    """
    return _agreement(pairs).precision


@measure(label="pattern agreement", bounds="[-1, 1]", better="higher", chance="0")
def matthews(pairs: PairSums) -> Float[Array, ""]:
    """The Matthews correlation of the two epsilon-orthogonality patterns.

    1 if they are identical, 0 on average if they are independent. With the fractions s
    and t of epsilon-orthogonal pairs in student and teacher, and b of those in both:

        (b - s t) / sqrt(s (1 - s) t (1 - t))

    NaN if a pattern is constant. It does not see how far a cosine is from epsilon.
    Matthews (1975), as the Pearson correlation of two binary variables.
    """
    return _agreement(pairs).matthews


@measure(
    label="vectors orthogonal to all others, student",
    bounds="[0, n]",
    better="",
    chance="random student",
)
def isolated_student(pairs: PairSums) -> Array:
    """The number of the student's vectors that are epsilon-orthogonal to all others."""
    return pairs.isolated_student


@measure(
    label="vectors orthogonal to all others, teacher",
    bounds="[0, n]",
    better="",
    chance="random student",
)
def isolated_teacher(pairs: PairSums) -> Array:
    """The number of the teacher's vectors that are epsilon-orthogonal to all others."""
    return pairs.isolated_teacher
