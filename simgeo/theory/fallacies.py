"""Inequalities that one might expect, each with a pair that breaks it."""

from typing import NamedTuple

import numpy as np

from simgeo.theory.inequalities import Sides, both, doubled
from simgeo.theory.pairs import Pair


class Fallacy(NamedTuple):
    """The first of `sides` exceeds the second for the pair `breaks`."""

    says: str
    sides: Sides
    breaks: Pair

    def broken(self) -> tuple[float, float]:
        """Both sides for that pair."""
        return self.sides(*both(*self.breaks))


# One strong direction that both share, and many weak ones that only the teacher has.
_SHARED = doubled(1, *[0.0] * 25), doubled(1, *[0.2] * 25)
# Much the same mean, and around it directions of their own.
_OFFSET = (
    np.array([[3.0, 1, 0], [3, -1, 0], [3, 0, 0]]),
    np.array([[3.0, 0, 1], [3, 0, -1], [3, 2, 0]]),
)

FALLACIES: dict[str, Fallacy] = {
    "cka_nbs": Fallacy(
        r"$\mathrm{CKA} \le \mathrm{NBS}$", lambda _, c: (c.cka, c.nbs), _SHARED
    ),
    "nbs_cka": Fallacy(
        r"$\mathrm{NBS} \le \mathrm{CKA}$",
        lambda _, c: (c.nbs, c.cka),
        (doubled(0, 1), doubled(2, 1)),
    ),
    "without_ranks": Fallacy(
        r"$1 - \mathrm{CKA} \le 1 - \mathrm{NBS}^2$",
        lambda _, c: (c.cka_loss, c.nbs_loss * (1 + c.nbs)),
        (doubled(1, 2), doubled(2, 1)),
    ),
    "cka_r2": Fallacy(
        r"$\mathrm{CKA} \le R^2$ (teacher from student)",
        lambda _, c: (c.cka, 1 - c.projection / c.size),
        _SHARED,
    ),
    "centred_cka": Fallacy(
        r"$1 - \mathrm{CKA} \le 1 - \mathrm{CKA}_u$",
        lambda p, c: (c.cka_loss, p.cka_loss),
        _OFFSET,
    ),
    "uncentred_cka": Fallacy(
        r"$1 - \mathrm{CKA}_u \le 1 - \mathrm{CKA}$",
        lambda p, c: (p.cka_loss, c.cka_loss),
        (doubled(1, 2) + 3.0, doubled(1, 2)),
    ),
    "centred_nbs": Fallacy(
        r"$1 - \mathrm{NBS} \le 1 - \mathrm{NBS}_u$",
        lambda p, c: (c.nbs_loss, p.nbs_loss),
        _OFFSET,
    ),
    "uncentred_nbs": Fallacy(
        r"$1 - \mathrm{NBS}_u \le 1 - \mathrm{NBS}$",
        lambda p, c: (p.nbs_loss, c.nbs_loss),
        (doubled(1, 2) + 3.0, doubled(1, 2)),
    ),
    "procrustes_gram": Fallacy(
        r"$D_P \le D_{FG}$",
        lambda p, _: (p.procrustes, p.gram),
        (0.1 * np.eye(2), 0.2 * np.eye(2)),
    ),
    "gram_procrustes": Fallacy(
        r"$D_{FG} \le D_P$",
        lambda p, _: (p.gram, p.procrustes),
        (10 * np.eye(2), 20 * np.eye(2)),
    ),
}
