"""Students that lose many epsilon-orthogonal pairs at a low CKA loss, by descent."""

import math
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from scipy.optimize import minimize

from simgeo.theory._base import Vectors, as_array
from simgeo.theory.distances import compare
from simgeo.theory.floors import balanced, lost_share

_WEIGHTS = (1.0, 30.0, 3000.0)  # of the penalties, one after the other
_SLACK = 1.003  # pairs are pushed this much further, and survive the last balancing


class Found(NamedTuple):
    """The best student of a search."""

    student: Float[np.ndarray, "n m"]  # unit rows, centred columns, to rounding
    cka_loss: float
    share: float  # of the teacher's epsilon-orthogonal pairs, lost


def losing_student(
    teacher: Vectors,
    epsilon: float,
    share: float,
    student_dim: int | None = None,
    lost_at: float | None = None,
    num_starts: int = 4,
    seed: int = 0,
) -> Found | None:
    """Least CKA loss found among balanced students that lost `share` of the pairs.

    L-BFGS on 1 - CKA + w (penalty of pairs + penalty of the mean), w rising from 1 to
    3,000, over unit rows. The pairs pushed are those of largest |cos| in the student
    at each point, as many as asked for. Starts are the teacher's leading directions,
    in turn with noise and after a map near the identity, which keeps them centred and
    gives many pairs one sign. The result is an upper bound on the least loss, beside
    `cka_floor` from below; None where no start lost enough pairs.

    Args:
        teacher: the teacher's vectors, of shape (n, d).
        epsilon: largest |cosine| of a pair that counts as orthogonal, in [0, 1].
        share: of the teacher's orthogonal pairs that are lost, in [0, 1].
        student_dim: the student's dimensions m, at least 1.
        lost_at: |cosine| from which a pair counts as lost, in [0, 1].
        num_starts: random starts of the search.
        seed: of these starts.
    """
    array = as_array(teacher, "teacher")
    lost_at = epsilon if lost_at is None else lost_at
    width = array.shape[1] if student_dim is None else student_dim
    cosines = array @ array.T
    above = np.triu_indices(len(array), 1)
    orthogonal = np.flatnonzero(np.abs(cosines[above]) <= epsilon)
    count = math.ceil(share * len(orthogonal) - 1e-9)
    pairs = above[0][orthogonal], above[1][orthogonal]
    left, values, _ = np.linalg.svd(array, full_matrices=False)
    leading = (left * values)[:, :width]
    leading = np.pad(leading, ((0, 0), (0, width - leading.shape[1])))
    rng = np.random.default_rng(seed)
    best = None
    for start in range(num_starts):
        size = 0.05 * 2.0 ** (start // 2)
        if start % 2:
            signs = rng.choice([-1.0, 1.0], width)
            rows = leading + size * np.outer(leading @ signs, signs)
        else:
            noise = rng.standard_normal(leading.shape) / math.sqrt(width)
            rows = leading + size * noise
        for weight in _WEIGHTS:
            loss = _Penalised(cosines, pairs, count, _SLACK * lost_at, weight, width)
            options = {"maxiter": 400}
            flat = minimize(
                loss, rows.ravel(), jac=True, method="L-BFGS-B", options=options
            ).x
            rows = flat.reshape(leading.shape)
        try:
            student = balanced(rows)
        except ValueError:
            continue
        reached = lost_share(student, array, epsilon, lost_at)
        cka_loss = compare(student, array, centre=True).cka_loss
        if reached >= share - 1e-9 and (best is None or cka_loss < best.cka_loss):
            best = Found(student, cka_loss, reached)
    return best


class _Penalised(NamedTuple):
    """The penalised loss of rows that are scaled to unit length, and its gradient."""

    cosines: Float[np.ndarray, "n n"]
    pairs: tuple[np.ndarray, np.ndarray]
    count: int
    goal: float
    weight: float
    width: int

    def __call__(self, flat: Float[np.ndarray, " nm"]):
        rows = flat.reshape(-1, self.width)
        lengths = np.linalg.norm(rows, axis=1, keepdims=True)
        units = rows / lengths
        own = units @ units.T
        size, other = np.linalg.norm(own), np.linalg.norm(self.cosines)
        cka = np.sum(own * self.cosines) / (size * other)
        slope = cka * own / size**2 - self.cosines / (size * other)

        values = own[self.pairs]
        chosen = np.argpartition(-np.abs(values), self.count - 1)[: self.count]
        values = values[chosen]
        short = np.maximum(1 - np.abs(values) / self.goal, 0.0)
        pushed = -2 * short * np.sign(values) / (self.goal * max(self.count, 1))
        place = self.pairs[0][chosen], self.pairs[1][chosen]
        np.add.at(slope, place, self.weight * pushed)

        offset = units.sum(axis=0, keepdims=True)
        loss = 1 - cka + self.weight * np.sum(offset**2) / len(units)
        loss += self.weight * np.sum(short**2) / max(self.count, 1)
        towards = (slope + slope.T) @ units + 2 * self.weight * offset / len(units)
        along = np.sum(towards * units, axis=1, keepdims=True)
        return float(loss), ((towards - along * units) / lengths).ravel()
