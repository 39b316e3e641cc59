"""What the minimum-width theorem says, and where it is asked."""

import numpy as np

SPARSITIES = (0.80, 0.90, 0.95, 0.99)
COUNTS = (10, 20, 40)
TEACHER_WIDTHS = (3, 5, 8, 10)
WIDTHS = (1, 2, 3, 5, 8, 10)  # of students, up to the teacher's
DECAYS = (1.0, 0.0)  # importances i^-decay; the first is drawn
CRITERIA = {"explained": (0.3, 0.5, 0.7, 0.9), "norm": (0.3, 0.5, 0.7, 0.9)}
KEPT = ("explained", 0.5)
CELL = ["decay", "num_features", "sparsity", "width"]


def features_per_dimension(sparsity: float) -> float:
    """g(a) = 1 / ((1 - a) ln(1 / (1 - a))), at least e, for 0 < a < 1."""
    density = 1 - sparsity
    return 1 / (density * np.log(1 / density))


def num_kept(num_features: int, width: int, sparsity: float) -> int:
    """What the formula says that a student keeps: m g(a), whole, and at most all."""
    return min(num_features, int(width * features_per_dimension(sparsity)))


def floor(num_features: int, kept: int, sparsity: float, decay: float) -> float:
    """The loss of keeping the most important features, and losing the others whole.

    E[x_i^2] = (1 - a) / 3 of an activation uniform in [0, 1] with probability 1 - a.
    """
    importance = np.arange(1, num_features + 1) ** -float(decay)
    return float(importance[kept:].sum() * (1 - sparsity) / 3)
