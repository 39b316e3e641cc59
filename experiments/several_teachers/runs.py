"""Students of several teachers at once, and what they preserve of each."""

from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np
import pandas as pd
from jaxtyping import Float

from experiments import cells, judging
from experiments.cells import Cell, preset
from simgeo import linalg, objectives, stats, teachers
from simgeo.objectives import AbstractObjective
from simgeo.teachers import AbstractTeacher

N, EPSILON = 96, 0.1
WEIGHTS = (0.0, 0.1, 0.5, 0.9, 1.0)
PARTS: dict[str, AbstractObjective] = {
    "CKA, uncentred": objectives.CKA(centred=False),
    "Procrustes": objectives.Procrustes(),
    "Gram": objectives.FeatureGram(),
    "Projection": objectives.LinearProjection(),
}


def blocks(number: int) -> AbstractTeacher:
    """Cosines of 0.4 and more inside, in any dimensions, and zero between."""
    return teachers.OrthogonalBlocks(number, cosine=0.7)


PAIRS: dict[str, tuple[AbstractTeacher, ...]] = {
    "agree": (blocks(4), blocks(4)),
    "conflict": (blocks(4), blocks(3)),
    "Gaussian": (teachers.Gaussian(), teachers.Gaussian()),
}
MANY = {"agree": (4, 4, 4, 4), "conflict": (4, 3, 5, 7)}  # numbers of blocks
WIDE, NARROW, EACH = 32, 16, 16


def grid(quick: bool) -> list[Cell]:
    """Pairs over their weights, and equally weighted teachers over their number."""
    asked = []
    for name, part in PARTS.items():
        for kind, pair in PAIRS.items():
            labels = {"study": "weights", "kind": kind, "objective": name}
            for weight in (0.0, 0.5, 1.0) if quick else WEIGHTS:
                for ratio in (1,) if quick else (1, 2):
                    objective = objectives.SeveralTeachers(
                        part, (WIDE, NARROW), (weight, 1 - weight)
                    )
                    asked.append(_cell(quick, labels, pair, objective, ratio))
        for kind, numbers in MANY.items():
            labels = {"study": "number", "kind": kind, "objective": name}
            for count in (2,) if quick else range(1, len(numbers) + 1):
                some = tuple(map(blocks, numbers[:count]))
                objective = objectives.SeveralTeachers(
                    part, (EACH,) * count, (1 / count,) * count
                )
                asked.append(_cell(quick, labels, some, objective))
    return asked


def _cell(quick, labels, parts, objective, ratio=1) -> Cell:
    """A run; `weight` is that of the first teacher."""
    widths = objective.shares
    size = {"num_vectors": N, "num_records": 2}
    size |= {"num_steps": 100 if quick else 300, "num_seeds": 3 if quick else 8}
    one = preset(
        quick,
        teacher=teachers.Concatenated(parts, "dimensions", shares=widths),
        objective=objective,
        teacher_dim=sum(widths),
        student_dim=sum(widths) // ratio,
        epsilon=EPSILON,
        **size,
    )
    return Cell(one, labels | {"weight": objective.weights[0]})


def data(quick: bool) -> pd.DataFrame:
    """One row per run, seed and teacher: what is kept of it at the end."""
    tables = []
    for cell, seeds, student, together in cells.vectors(grid(quick)):
        widths, m = cell.experiment.objective.shares, student.shape[2]
        parts = np.split(together, np.cumsum(widths)[:-1], axis=2)
        random = judging.random_students(seeds, N, m)
        own = list(zip(*parts, strict=True))  # of every seed
        for place, teacher in enumerate(parts):
            columns = {"number": len(parts), "student_dim": m, "seed": seeds}
            columns |= cell.labels | {"place": place}
            for prefix, vectors in (("", student), ("chance_", random)):
                found = judging.patterns(vectors, teacher, EPSILON)["matthews"]
                columns[f"{prefix}matthews"] = found
            columns["both_matthews"] = [intersection(each, place) for each in own]
            columns["r2"] = judging.readable(student, teacher)
            tables.append(pd.DataFrame(columns))
    frame = pd.concat(tables, ignore_index=True)
    order = ["study", "kind", "objective", "weight", "number", "student_dim", "seed"]
    return frame[[*order, *(name for name in frame if name not in order)]]


def intersection(parts: Sequence[Float[np.ndarray, "n d_k"]], place: int) -> float:
    """Pattern agreement with one teacher of the pairs orthogonal in all of them."""
    pairs = np.triu_indices(len(parts[0]), 1)
    patterns = [
        np.abs(linalg.cosines(jnp.asarray(part, float)))[pairs] <= EPSILON
        for part in parts
    ]
    return float(np.corrcoef(np.all(patterns, axis=0), patterns[place])[0, 1])


def compare(frame: pd.DataFrame) -> pd.DataFrame:
    """Each of two teachers at equal weights against that teacher alone, by seed."""
    pairs = frame[frame["study"] == "weights"].copy()
    alone = pairs["weight"] == np.where(pairs["place"] == 0, 1.0, 0.0)
    pairs["with"] = np.where(alone, "alone", "both")
    pairs = pairs[alone | (pairs["weight"] == 0.5)].fillna({"matthews": 0.0})
    within = ["kind", "student_dim", "objective", "place"]
    return stats.paired_comparisons(
        pairs, "matthews", "with", within=within, baseline="alone"
    )
