"""What the minimum-width theorem says of toy models, and how far it is right."""

import itertools

import numpy as np
import pandas as pd

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


def models(features: pd.DataFrame) -> pd.DataFrame:
    """One row per model: features kept by every criterion, loss, and the formula's.

    `kept_<criterion>_<threshold>`; losses in units of `everything`, that of keeping
    nothing; `formula` what the theorem says, `linear` for one feature per dimension,
    and `full` for all features, of which none is lost.
    """
    importance = (features["feature"] + 1.0) ** -features["decay"]
    columns = {"loss": features["error"] * importance}
    for name, thresholds in CRITERIA.items():
        for threshold in thresholds:
            columns[f"kept_{name}_{threshold:g}"] = features[name] > threshold
    keys = [*CELL, "seed"]
    sums = features[keys].assign(**columns).groupby(keys, sort=False).sum()
    table = sums.reset_index()
    place = table[["num_features", "width", "sparsity"]].itertuples(index=False)
    table["kept_formula"] = [num_kept(*each) for each in place]
    table["kept_linear"] = table[["width", "num_features"]].min(axis=1)
    table["kept_full"] = table["num_features"]
    table["everything"] = _floors(table, 0)
    table["loss"] /= table["everything"]
    for name in ("formula", "linear", "full"):
        lost = _floors(table, table[f"kept_{name}"])
        table[f"loss_{name}"] = lost / table["everything"]
    return table


def _floors(table: pd.DataFrame, kept: pd.Series | int) -> np.ndarray:
    """The loss of losing whole what is not kept."""
    place = table[["num_features", "sparsity", "decay"]].assign(kept=kept)
    rows = place.itertuples(index=False)
    return np.array([floor(n, int(kept), a, d) for n, a, d, kept in rows])


def right(table: pd.DataFrame, tolerance: float = 0.1) -> pd.DataFrame:
    """For every criterion and importance, the share of cells that the formula gets.

    A cell is a count, width and sparsity; what is kept there the median over seeds.
    `right`: within 10 % of min(n, m g(a)); `bounded`: no more than 10 % above; of all
    cells, and, `right_partly`, of those where the formula does not say all.
    """
    rows = []
    middle = table.groupby(CELL, sort=False).median(numeric_only=True).reset_index()
    for name, thresholds in CRITERIA.items():
        for threshold, (decay, cell) in itertools.product(
            thresholds, middle.groupby("decay", sort=False)
        ):
            kept, said = cell[f"kept_{name}_{threshold:g}"], cell["kept_formula"]
            is_right = (kept - said).abs() <= tolerance * said
            partly = said < cell["num_features"]
            rows.append(
                {
                    "criterion": name,
                    "threshold": threshold,
                    "decay": decay,
                    "right": is_right.mean(),
                    "right_partly": is_right[partly].mean(),
                    "bounded": (kept <= (1 + tolerance) * said).mean(),
                    "num": len(cell),
                    "num_partly": int(partly.sum()),
                }
            )
    return pd.DataFrame(rows)


def accuracies(table: pd.DataFrame) -> pd.DataFrame:
    """Accuracy of predicted floors, one row per configuration and way to count it.

    A configuration is a count, teacher width and sparsity; its accuracy the median over
    students no wider than the teacher. With L found and P predicted: `of everything`
    1 - |L - P| / L_0, L_0 the loss of keeping nothing; `of the larger` 1 - |L - P| /
    max(L, P); `of the found` 1 - |L - P| / L, at least 0.
    """
    names = ["loss", "loss_formula", "loss_linear", "loss_full"]
    middle = table.groupby(CELL, sort=False)[names].median().reset_index()
    place = ["decay", "num_features", "sparsity"]
    ways = ["of everything", "of the larger", "of the found"]
    tables = []
    for teacher, predictor in itertools.product(
        TEACHER_WIDTHS, ("formula", "linear", "full")
    ):
        students = middle[middle["width"] <= teacher]
        found, said = students["loss"], students[f"loss_{predictor}"]
        gap = (found - said).abs()
        counted = [
            1 - gap,
            1 - gap / np.maximum(found, said),
            (1 - gap / found).clip(0),
        ]
        one = students[place].assign(
            teacher_width=teacher,
            predictor=predictor,
            **dict(zip(ways, counted, strict=True)),
        )
        keys = [*place, "teacher_width", "predictor"]
        long = one.melt(keys, ways, "relative", "accuracy")
        tables.append(long.groupby([*keys, "relative"], sort=False).median())
    return pd.concat(tables).reset_index()
