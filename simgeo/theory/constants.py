"""Singular values and ranks that relate Procrustes and Gram distance."""

import math
from typing import NamedTuple

import numpy as np

from simgeo.theory._base import Vectors, as_pair, singular_values


class Constants(NamedTuple):
    """What the bounds of one pair are made of."""

    largest: float  # s_1(S) + s_1(T)
    joint_rank: int  # r, at most m + d and at most n
    one_sided: float  # sqrt(2 (sqrt 2 - 1)) s
    joint: float  # s_r(S) + s_r(T), zero unless one side has rank r


def constants(student: Vectors, teacher: Vectors) -> Constants:
    """The constants of `procrustes_bounds` and `gram_bounds`, from singular values."""
    own, target = as_pair(student, teacher)
    spectra = [singular_values(each) for each in (own, target)]
    units = [
        each / values[0]
        for each, values in zip((own, target), spectra, strict=True)
        if len(values)
    ]
    rank = len(singular_values(np.hstack(units))) if units else 0
    greatest = max(map(len, spectra))
    least = [values[-1] for values in spectra if 0 < len(values) == greatest]
    return Constants(
        largest=float(sum(values[0] for values in spectra if len(values))),
        joint_rank=rank,
        one_sided=math.sqrt(2 * (math.sqrt(2) - 1)) * float(max(least, default=0.0)),
        joint=float(sum(values[-1] for values in spectra if 0 < len(values) == rank)),
    )
