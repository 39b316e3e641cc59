"""Distances and similarities in float64 on the host, accurate where they vanish.

The objectives and measures compute the same numbers from products of features, whose
difference cancels near zero; here the difference is formed first.
"""

import math
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from simgeo.theory._base import Vectors, as_pair, centred, range_basis, singular_values


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


def gram_distance(student: Vectors, teacher: Vectors) -> float:
    """|S S' - T T'| in Frobenius norm: D_FG, the root of `objectives.FeatureGram`."""
    own, target = as_pair(student, teacher)
    return float(np.linalg.norm(own @ own.T - target @ target.T))


def procrustes_distance(student: Vectors, teacher: Vectors) -> float:
    """min |T - S Q| over orthogonal Q, the narrower side padded by zeros: D_P."""
    own, target, rotation = _aligned(*as_pair(student, teacher))
    return float(np.linalg.norm(target - own @ rotation))


class Comparison(NamedTuple):
    """What the inequalities speak of; squares are of Frobenius norms.

    NaN where one side is zero, or constant for what is centred.
    """

    projection: float  # least |T - S W|^2 over W
    procrustes: float  # D_P
    gram: float  # D_FG
    nbs: float  # |S'T|_* / (|S| |T|)
    cka: float  # |S'T|^2 / (|S'S| |T'T|)
    cka_loss: float  # 1 - cka, without cancellation
    nbs_loss: float  # 1 - nbs, without cancellation
    size: float  # |T|^2
    gram_size: float  # |T T'|^2
    ranks: tuple[float, float]  # participation ratios |X|^4 / |X X'|^2
    common_rank: int  # of S'T
    constants: Constants


def compare(student: Vectors, teacher: Vectors, centre: bool = False) -> Comparison:
    """Every quantity for one pair; with `centre`, of the centred columns.

    Args:
        student: vectors, of shape (n, m).
        teacher: the teacher's vectors, of shape (n, d).
        centre: whether the mean of the rows is removed from both sides first.
    """
    own, target = as_pair(student, teacher)
    if centre:
        own, target = _without_rounding(own), _without_rounding(target)
    sizes = [float(np.sum(each**2)) for each in (own, target)]
    grams = [each @ each.T for each in (own, target)]
    gram_sizes = [float(np.linalg.norm(each)) for each in grams]
    basis = range_basis(own) if sizes[0] else np.zeros((len(own), 0))
    nbs = cka = nbs_loss = cka_loss = np.nan
    ranks = (np.nan, np.nan)
    common = 0
    if min(sizes) > 0:
        units = own / sizes[0] ** 0.5, target / sizes[1] ** 0.5
        left, right, rotation = _aligned(*units)
        nbs_loss = float(np.sum((right - left @ rotation) ** 2)) / 2
        nbs = 1 - nbs_loss
        difference = grams[0] / gram_sizes[0] - grams[1] / gram_sizes[1]
        cka_loss = float(np.sum(difference**2)) / 2
        cka = 1 - cka_loss
        ranks = tuple(
            size**2 / gram**2 for size, gram in zip(sizes, gram_sizes, strict=True)
        )
        common = int(np.linalg.matrix_rank(units[0].T @ units[1], tol=1e-14))
    return Comparison(
        projection=float(np.sum((target - basis @ (basis.T @ target)) ** 2)),
        procrustes=procrustes_distance(own, target),
        gram=float(np.linalg.norm(grams[0] - grams[1])),
        nbs=nbs,
        cka=cka,
        cka_loss=cka_loss,
        nbs_loss=nbs_loss,
        size=sizes[1],
        gram_size=gram_sizes[1] ** 2,
        ranks=ranks,
        common_rank=common,
        constants=constants(own, target),
    )


def _without_rounding(vectors: Float[np.ndarray, "n k"]) -> Float[np.ndarray, "n k"]:
    """Centred columns; zero where nothing but rounding is left of a constant."""
    array = centred(vectors)
    scale = np.abs(vectors).max()
    left = np.abs(array).max() > 1e-14 * scale * len(vectors)
    return array if left else np.zeros_like(array)


def _aligned(
    own: Float[np.ndarray, "n m"], target: Float[np.ndarray, "n d"]
) -> tuple[
    Float[np.ndarray, "n w"], Float[np.ndarray, "n w"], Float[np.ndarray, "w w"]
]:
    """Both padded to one width, and the rotation of the first towards the second."""
    width = max(own.shape[1], target.shape[1])
    own, target = (
        np.pad(each, ((0, 0), (0, width - each.shape[1]))) for each in (own, target)
    )
    left, _, right = np.linalg.svd(own.T @ target)
    return own, target, left @ right
