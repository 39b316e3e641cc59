"""Inequalities between distances of any student and any teacher."""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from simgeo.theory._base import Vectors
from simgeo.theory.distances import Comparison, compare
from simgeo.theory.pairs import Pair

Sides = Callable[[Comparison, Comparison], tuple[float, float]]


class Inequality(NamedTuple):
    """The first of `sides` is at most the second, for every student and teacher."""

    says: str
    because: str  # the paragraph of docs/theory.md
    sides: Sides  # of the comparisons as they are and centred; NaN where undefined
    attained: Pair | None  # sides equal and not zero; None where only in the limit

    def __call__(self, student: Vectors, teacher: Vectors) -> tuple[float, float]:
        return self.sides(*both(student, teacher))


def both(student: Vectors, teacher: Vectors) -> tuple[Comparison, Comparison]:
    """The comparison of a pair as it is, and of its centred columns."""
    return compare(student, teacher), compare(student, teacher, centre=True)


def doubled(*entries: float | int) -> Float[np.ndarray, "n k"]:
    """Rows +-a_i e_i: centred, with S S' of eigenvalues 2 a_i^2."""
    rows = np.diag(np.asarray(entries, dtype=np.float64))
    return np.vstack([rows, -rows])


def root_of_ranks(found: Comparison) -> float:
    """sqrt(R_S R_T), by which CKA and the overlap of K / tr K and L / tr L differ."""
    return math.sqrt(math.prod(found.ranks))


def _over(distance: float, constant: float) -> float:
    return distance / constant if constant > 0 else math.nan


def _lost(found: Comparison) -> float:
    """1 - NBS^2, without cancellation."""
    return found.nbs_loss * (1 + found.nbs)


def _nbs_loss_from_cka(found: Comparison) -> float:
    """sqrt(r) |K / tr K - L / tr L| / 2."""
    own, target = (1 / math.sqrt(rank) for rank in found.ranks)
    squared = (own - target) ** 2 + 2 * own * target * found.cka_loss
    return math.sqrt(found.constants.joint_rank * squared) / 2


def _superfidelity(found: Comparison) -> float:
    mixed = math.prod(max(1 - 1 / rank, 0.0) for rank in found.ranks)
    return found.cka / root_of_ranks(found) + math.sqrt(mixed)


def _arc(found: Comparison) -> float:
    return 2 * math.asin(min(math.sqrt(found.nbs_loss / 2), 1.0))


_COPY = 2 * np.eye(3), np.eye(3)
_ORTHOGONAL = np.diag([1.0, 0.0]), np.diag([0.0, 1.0])
_PART = np.diag([1.0, 0.0]), np.diag([1.0, 1.0])
# (b^2 + 1) / (b + 1) is least at b = sqrt(2) - 1.
_ONE_SIDED = np.diag([0.0, math.sqrt(math.sqrt(2) - 1)]), np.diag([1.0, 0.0])
_SWAPPED = doubled(1, 2), doubled(2, 1)
_APART = doubled(1, 0), doubled(0, 1)
_HALF = doubled(1, 0), doubled(1, 1)

# Of both comparisons, p of the vectors as they are and c of their centred columns.
INEQUALITIES: dict[str, Inequality] = {
    "gram_above": Inequality(
        r"$D_{FG} \le (\sigma_1(S) + \sigma_1(T))\, D_P$",
        "B1",
        lambda p, _: (p.gram, p.constants.largest * p.procrustes),
        _COPY,
    ),
    "procrustes_by_rank": Inequality(
        r"$D_P^2 \le \sqrt r\, D_{FG}$",
        "B2",
        lambda p, _: (p.procrustes**2, math.sqrt(p.constants.joint_rank) * p.gram),
        _ORTHOGONAL,
    ),
    "procrustes_one_sided": Inequality(
        r"$D_P \le D_{FG} / \sqrt{2 (\sqrt 2 - 1)}\, \sigma$",
        "B3",
        lambda p, _: (p.procrustes, _over(p.gram, p.constants.one_sided)),
        _ONE_SIDED,
    ),
    "procrustes_joint": Inequality(
        r"$D_P \le D_{FG} / (\sigma_r(S) + \sigma_r(T))$",
        "B4",
        lambda p, _: (p.procrustes, _over(p.gram, p.constants.joint)),
        _COPY,
    ),
    "projection_nbs": Inequality(
        r"$n L_{proj} \le \Vert T \Vert^2 (1 - \mathrm{NBS}_u^2)$",
        "C1",
        lambda p, _: (p.projection, p.size * _lost(p)),
        _ORTHOGONAL,
    ),
    "nbs_procrustes": Inequality(
        r"$\Vert T \Vert^2 (1 - \mathrm{NBS}_u^2) \le D_P^2$",
        "C1",
        lambda p, _: (p.size * _lost(p), p.procrustes**2),
        _PART,
    ),
    "cka_gram": Inequality(
        r"$\Vert K \Vert^2 (1 - \mathrm{CKA}_u^2) \le D_{FG}^2$",
        "C1",
        lambda p, _: (p.gram_size * p.cka_loss * (1 + p.cka), p.gram**2),
        _PART,
    ),
    "nbs_r2": Inequality(
        r"$\mathrm{NBS}^2 \le R^2$ (teacher from student)",
        "C1",
        lambda _, c: (c.nbs**2, 1 - _over(c.projection, c.size)),
        _HALF,
    ),
    "procrustes_centred": Inequality(
        r"$D_P(S_c, T_c) \le D_P(S, T)$",
        "C2",
        lambda p, c: (c.procrustes, p.procrustes),
        _SWAPPED,
    ),
    "gram_centred": Inequality(
        r"$D_{FG}(S_c, T_c) \le D_{FG}(S, T)$",
        "C2",
        lambda p, c: (c.gram, p.gram),
        _SWAPPED,
    ),
    "projection_centred": Inequality(
        r"$L_{proj}(S_c, T_c) \le L_{proj}(S, T)$",
        "C2",
        lambda p, c: (c.projection, p.projection),
        _HALF,
    ),
    "cka_from_nbs": Inequality(
        r"$1 - \mathrm{CKA} \le \sqrt{R_S R_T}\,(1 - \mathrm{NBS}^2)$",
        "C3",
        lambda _, c: (c.cka_loss, root_of_ranks(c) * _lost(c)),
        _APART,
    ),
    "nbs_from_cka": Inequality(
        r"$1 - \mathrm{NBS} \le \frac12 \sqrt{r\,(1/R_S + 1/R_T"
        r" - 2\,\mathrm{CKA} / \sqrt{R_S R_T})}$",
        "C3",
        lambda _, c: (c.nbs_loss, _nbs_loss_from_cka(c)),
        _APART,
    ),
    "nbs_from_below": Inequality(
        r"$\mathrm{CKA} / \sqrt{R_S R_T} \le \mathrm{NBS}^2$",
        "C4",
        lambda _, c: (c.cka / root_of_ranks(c), c.nbs**2),
        _HALF,
    ),
    "nbs_by_rank": Inequality(
        r"$\mathrm{NBS}^2 \le \mathrm{rank}(S_c'T_c)\, \mathrm{CKA} / \sqrt{R_S R_T}$",
        "C4",
        lambda _, c: (c.nbs**2, c.common_rank * c.cka / root_of_ranks(c)),
        (doubled(1, 1), doubled(1, 1)),
    ),
    "nbs_from_above": Inequality(
        r"$\mathrm{NBS}^2 \le \mathrm{CKA} / \sqrt{R_S R_T}"
        r" + \sqrt{(1 - 1/R_S)(1 - 1/R_T)}$",
        "C4",
        lambda _, c: (c.nbs**2, _superfidelity(c)),
        _SWAPPED,
    ),
    "chord": Inequality(
        r"$\sqrt{2 - 2\,\mathrm{NBS}} \le \arccos \mathrm{NBS}$",
        "C5",
        lambda _, c: (math.sqrt(2 * c.nbs_loss), _arc(c)),
        None,
    ),
    "arc": Inequality(
        r"$\arccos \mathrm{NBS} \le \frac{\pi}{\sqrt 8} \sqrt{2 - 2\,\mathrm{NBS}}$",
        "C5",
        lambda _, c: (_arc(c), math.pi / 2 * math.sqrt(c.nbs_loss)),
        _APART,
    ),
}
