"""Procrustes and Gram distance, each bounded by the other.

D_P = min_Q |T - S Q| and D_FG = |S S' - T T'|; widths m and d may differ. With s_i the
singular values, r = rank [S, T], and s the least nonzero singular value of the side of
greater rank (the larger of the two where ranks are equal):

    D_FG <= (s_1(S) + s_1(T)) D_P
    D_FG >= D_P^2 / sqrt(r)
    D_FG >= sqrt(2 (sqrt 2 - 1)) s D_P
    D_FG >= (s_r(S) + s_r(T)) D_P

All are sharp; docs/theory.md has the proofs. Hence D_P = 0 if and only if D_FG = 0.
"""

import math
from typing import NamedTuple

from simgeo.theory._base import Vectors
from simgeo.theory.distances import constants, gram_distance, procrustes_distance


class Bounds(NamedTuple):
    """An interval that contains a distance."""

    lower: float
    upper: float


def procrustes_bounds(student: Vectors, teacher: Vectors) -> Bounds:
    """Interval of D_P that follows from D_FG and the singular values."""
    found = constants(student, teacher)
    distance = gram_distance(student, teacher)
    if distance == 0 or found.largest == 0:
        return Bounds(0.0, 0.0)
    upper = math.sqrt(math.sqrt(found.joint_rank) * distance)
    for constant in (found.one_sided, found.joint):
        upper = min(upper, distance / constant) if constant else upper
    return Bounds(distance / found.largest, upper)


def gram_bounds(student: Vectors, teacher: Vectors) -> Bounds:
    """Interval of D_FG that follows from D_P and the singular values."""
    found = constants(student, teacher)
    distance = procrustes_distance(student, teacher)
    lower = max(found.one_sided, found.joint) * distance
    if found.joint_rank:
        lower = max(lower, distance**2 / math.sqrt(found.joint_rank))
    return Bounds(lower, found.largest * distance)
