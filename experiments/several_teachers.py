"""What does one student preserve of several teachers at once?

The teachers have widths of their own, and the student minimises the weighted sum of a
distance to each. For Gram distances that is the distance to the mean Gram matrix, of
Procrustes the generalised Procrustes problem. Blocks agree if all have the same four,
and conflict if their numbers are coprime: then the patterns are independent, a student
of both can have the pairs that are orthogonal in both, and that intersection has a
pattern agreement with each teacher that follows from counting.

Prediction: teachers that agree are preserved as well as alone, whatever their number
and weights. With those that conflict every distance preserves the intersection, to
within 0.05, at equal weights and at most others, and one teacher alone only when the
other's weight is below 0.15. So conflict costs 0.4 for two teachers and grows with
their number. The wider teacher does not dominate: the narrower has the larger cosines,
and of Gaussian teachers of 32 and 16 dimensions Gram at equal weights preserves the
narrower better, by 0.2; Procrustes and CKA, less so. A projection for each teacher lets
all be read, with R2 of 1 where m reaches their rank, and preserves no pattern.

Outcome: teachers that agree are preserved as well as alone, at any number and weight
(medians of pattern agreement). When two teachers conflict, Gram and uncentred CKA
preserve just the intersection at equal weights, 0.57 with the wider and 0.70 with the
narrower, at m = d and d / 2, and one teacher alone (0.96 and more) at a weight of 0.9.
Generalised Procrustes preserves half of the intersection, against the prediction: 0.30
and 0.37, and 0.14 of four teachers in conflict where the others reach 0.39. Less can be
read from its student as well: R2 is 0.78 for four teachers in conflict and 0.88 for
four that agree, where that of Gram is 1.00. The reason is that the consensus mixes
roots of Gram matrices, which moves pairs that are orthogonal in both. The wider teacher
does not dominate: of two Gaussian teachers at m = d Gram reaches 0.12 with the wider
and 0.30 with the narrower, Procrustes 0.09 and 0.21, and uncentred CKA, which divides
by their norms, 0.20 with each. All of these are far below the intersection (0.44 and
0.58), so that two Gaussian teachers leave the student neither. The projection lets all
teachers be read, with R2 of 1 where m reaches their rank, and ends at 0.41 to 0.49 with
teachers that agree, which is not nothing, and at 0.26 with two in conflict.
"""

from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np
import pandas as pd
from jaxtyping import Float
from matplotlib.axes import Axes

from experiments import cells, judging
from experiments.cells import Cell, preset
from experiments.study import Figure, Sheet, Study, where
from simgeo import linalg, objectives, plots, stats, teachers
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


def note(quick: bool) -> str:
    """The settings that the runs share."""
    text = cells.describe(grid(quick)[0].experiment)
    return text.replace("d = 48", "d = 32 and 16")


def draw(frame: pd.DataFrame, sheet: Sheet) -> pd.DataFrame:
    """A column per kind, a row per width: one teacher against the other."""
    pairs = where(frame, study="weights")
    widths = sorted(pairs["student_dim"].unique())[::-1]
    for ax, width, kind in sheet.grid(widths, PAIRS, (2.4, 1.7)):
        _fronts(where(pairs, kind=kind, student_dim=width), ax)
        ax.set_title(f"{kind}, m = {width}")
    sheet.label(
        "pattern agreement\nwith 32 dimensions", "pattern agreement\nwith 16 dimensions"
    )
    sheet.legend(PARTS, markers=False)
    return pairs


def _fronts(part: pd.DataFrame, ax: Axes) -> None:
    keys = ["objective", "weight", "seed"]
    kept = part.fillna({"matthews": 0.0}).set_index([*keys, "place"])["matthews"]
    seeds = kept.unstack("place")
    for objective in part["objective"].unique():
        colour, line, *_ = plots.STYLES[objective]
        own = seeds.loc[objective]
        ax.plot(own[0], own[1], "o", color=colour, ms=1.5, alpha=0.3, mew=0)
        middle = own.groupby("weight").median()
        ax.plot(middle[0], middle[1], line, color=colour, lw=1)
        for weight, at in middle.iterrows():
            marker = "s" if weight == 0.5 else "o"
            face = "white" if weight == 0.0 else colour
            ax.plot(at[0], at[1], marker, color=colour, mfc=face, ms=4)
    both = part.groupby("place")["both_matthews"].median()
    ax.plot(both[0], both[1], "x", color="0.0", ms=7, zorder=5)
    ax.set(xlim=(-0.12, 1.08), ylim=(-0.12, 1.08))


def draw_number(frame: pd.DataFrame, sheet: Sheet) -> pd.DataFrame:
    """A column per kind: what is kept and what can be read, over the number."""
    labels = {"matthews": "pattern agreement", "r2": "R2, teacher from student"}
    number = where(frame, study="number").fillna({"matthews": 0.0})
    for ax, measure, kind in sheet.grid(labels, MANY, (2.0, 1.5), sharey="row"):
        part = where(number, kind=kind)
        plots.over_setting(part, "number", measure, ax)
        ax.set_xticks(range(1, 5))
        if measure == "matthews":
            both = part.groupby("number")["both_matthews"].median()
            ax.plot(both.index, both, "x", color="0.0", ms=7, zorder=5)
            ax.set_title(f"teachers that {kind}")
    sheet.label("number of teachers", list(labels.values()))
    sheet.legend(PARTS)
    return number


STUDY = Study(
    __doc__,
    cells=grid,
    data=data,
    tables=lambda frame: {"several_teachers_alone.csv": compare(frame)},
    figures={
        "several_teachers": Figure(
            "Pattern agreement with a teacher of 32 dimensions against that with one "
            "of 16, over the weight of the first. Small: seeds; large: medians, from "
            "the weight 0 (open) to 1; square: 1/2; cross: the pairs that are "
            "orthogonal in both. Where teachers agree, Gram hides Procrustes and CKA.",
            "Teachers that agree are preserved as if alone. When teachers of blocks "
            "conflict, Gram and uncentred CKA preserve the pairs that are orthogonal "
            "in both (0.57 and 0.70) and generalised Procrustes about half (0.30 and "
            "0.37). With two Gaussian teachers every distance stays at 0.30 or less, "
            "far below the pairs in both (0.44 and 0.58).",
            draw,
        ),
        "several_teachers_number": Figure(
            "Pattern agreement with each teacher and R2 of it over their number, at "
            "equal weights. Points: seeds and teachers; lines: medians; cross: the "
            "pairs that are orthogonal in all.",
            "Conflict costs every objective its pattern, and Procrustes most. "
            "Procrustes also makes four teachers that agree harder to read, with an "
            "R2 of 0.88 where Gram has 1.00.",
            draw_number,
            levels=("chance",),
            note=lambda quick: note(quick).replace(
                "d = 32 and 16", f"d = {EACH} each and m their sum"
            ),
        ),
    },
    note=note,
    order=16,
)
