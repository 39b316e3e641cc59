"""What does every objective of the catalogue do to every distance, below the rank?

Prediction: three groups that vanish together, uncentred (Procrustes, Gram, uncentred
CKA), centred (CKA, centred Procrustes, relations) and blind to linear maps
(projections, CCA); and of all, only the hinge preserves more of the pattern than the
first.

Outcome: the three groups are there, and on blocks the centred one ends at a pattern
agreement of about 0.45 where the uncentred one ends at 0.98. The hinge does not exceed
the uncentred group: it ends at 0.96 and 0.69, with every distance at its level by
chance. Patches and covariances preserve nothing.
"""

import math

import jax
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.colors import TwoSlopeNorm

from experiments import cells, judging
from experiments.cells import TEACHERS, Cell, crossed
from experiments.study import Figure, Sheet, Study, where
from simgeo import objectives, plots, students
from simgeo.objectives import LOSSES, AbstractObjective

NAMES = ("blocks", "common mean")
NEEDS_A_MAP = (
    objectives.CosineProjection,
    objectives.FixedProjection,
    objectives.MLPProjection,
    objectives.LogitKL,
    objectives.RelationCKA,
)
# Those with a map of their own are recorded where that has a closed form.
RECORDED = tuple(
    each
    for each in LOSSES
    if not isinstance(each, NEEDS_A_MAP) and "solved" not in each.label
)


def grid(quick: bool) -> list[Cell]:
    """Every objective, at half the teacher's width."""
    size = {"num_vectors": 96, "teacher_dim": 48, "student_dim": 24, "num_seeds": 4}
    size |= {"num_steps": 100 if quick else 600, "num_records": 10}
    chosen = LOSSES[::6] if quick else LOSSES
    return crossed(quick, {name: TEACHERS[name] for name in NAMES}, chosen, **size)


def compute(quick: bool) -> pd.DataFrame:
    """One row per teacher, optimised and recorded: medians over the seeds.

    `relative` is (value - limit) / (chance - limit): `limit` the optimum of that width
    where it is known, otherwise, `limit_known` false, the least that any row found.
    """
    levels: dict[str, dict] = {}  # of a teacher, which all objectives share
    rows = []
    for cell, _, student, teacher in cells.vectors(grid(quick)):
        one, name = cell.experiment, cell.labels["teacher"]
        if name not in levels:
            levels[name] = _levels(teacher, one.student_dim, one.epsilon)
        values = _recorded(student, teacher, one.epsilon)
        for recorded, (chance, limit) in levels[name].items():
            place = (name, one.objective.label, recorded)
            rows.append((*place, values[recorded], chance, limit))
    columns = ["teacher", "optimised", "recorded", "value", "chance", "limit"]
    table = pd.DataFrame(rows, columns=columns)
    table["limit_known"] = table["limit"].notna()
    least = table.groupby(["teacher", "recorded"])["value"].transform("min")
    table["limit"] = table["limit"].fillna(least)
    span = table["chance"] - table["limit"]
    table["relative"] = (table["value"] - table["limit"]) / span
    return table


def _recorded(student: np.ndarray, teacher: np.ndarray, epsilon: float) -> dict:
    """Every distance, and the pattern agreement: medians over the seeds."""
    found = {each.label: _values(each, student, teacher) for each in RECORDED}
    # A constant pattern has no correlation, and keeps nothing of the teacher's.
    matthews = judging.patterns(student, teacher, epsilon)["matthews"]
    found["Matthews"] = np.nan_to_num(matthews)
    return {name: float(np.median(values)) for name, values in found.items()}


def _levels(teacher: np.ndarray, width: int, epsilon: float) -> dict:
    """What chance gives, and the optimum, of all that is recorded."""
    random = students.UnitRows(students.GaussianStart())
    keys = jax.random.split(jax.random.key(1), len(teacher))
    start = jax.vmap(lambda key, each: random.init(key, each, width))
    chance = _recorded(jax.vmap(random.vectors)(start(keys, teacher)), teacher, epsilon)
    hosted = np.asarray(teacher, float)
    optima = {
        objective.label: np.median([objective.optimum(t, width) for t in hosted])
        for objective in RECORDED
    }
    return {name: (chance[name], optima.get(name, 1.0)) for name in chance}


@jax.jit
def _values(objective: AbstractObjective, student: jax.Array, teacher: jax.Array):
    return jax.vmap(objective)(student, teacher)


def draw(table: pd.DataFrame, sheet: Sheet, name: str) -> pd.DataFrame:
    """A page for a teacher: all distances, and the pattern agreement."""
    part = where(table, teacher=name)
    size = (plots.PAGE, 8.0)
    sheet.figure, axes = plt.subplots(
        1, 2, figsize=size, width_ratios=(32, 1), sharey=True
    )
    _heat(part[part["recorded"] != "Matthews"], axes[0], name)
    _kept(where(part, recorded="Matthews"), axes[1])
    sheet.legend(remark=f"\n{_READING}")
    return part


_READING = (
    "0: the optimum at this width, or, with a star, the least found by any row. "
    "1: random unit vectors. Medians over seeds.\nRight: Matthews correlation of the "
    "epsilon-orthogonality pattern (0: chance).\nFree rows: scale is free where the "
    "objective leaves it so."
)


def _heat(part: pd.DataFrame, ax, name) -> None:
    values = part.pivot(index="optimised", columns="recorded", values="relative")
    order = part["optimised"].unique(), part["recorded"].unique()
    values = values.reindex(index=order[0], columns=order[1])
    known = part.groupby("recorded")["limit_known"].all()
    sns.heatmap(
        values.clip(0, 9.99),
        ax=ax,
        norm=TwoSlopeNorm(vcenter=1.0, vmin=0.0, vmax=3.0),
        cmap="vlag",
        annot=values.map(_short),
        fmt="",
        annot_kws={"size": 4},
        cbar_kws={"location": "top", "shrink": 0.4, "pad": 0.01, "extend": "max"},
        xticklabels=[each + ("" if known[each] else " *") for each in order[1]],
        yticklabels=True,
    )
    ax.figure.axes[-1].set_xlabel("(value - limit) / (chance - limit)", fontsize=7)
    ax.tick_params(labelsize=6, length=0)
    ax.set(xlabel="recorded", ylabel="optimised", title=f"teacher: {name}")


def _kept(part: pd.DataFrame, ax) -> None:
    values = part.set_index("optimised")[["value"]]
    sns.heatmap(
        values,
        ax=ax,
        vmin=0,
        vmax=1,
        cmap="cividis",
        annot=True,
        fmt=".2f",
        annot_kws={"size": 4},
        cbar=False,
        xticklabels=["pattern kept"],
    )
    ax.tick_params(labelsize=6, length=0)
    ax.tick_params(axis="x", rotation=90)
    ax.set(xlabel="", ylabel="")


def _short(value: float) -> str:
    if math.isnan(value):
        return ""
    if value >= 9.95:
        return f"{value:.0f}" if value < 99.5 else ">99"
    return f"{abs(value):.1f}" if abs(value) >= 0.05 else "0"


STUDY = Study(
    __doc__,
    cells=grid,
    data=compute,
    figures={
        "cross_catalogue_blocks": Figure(
            "Every objective of the catalogue (rows) against every distance "
            "(columns), teacher of blocks at half its width; 0 is the optimum, 1 "
            "random vectors; right, the pattern agreement.",
            "Three groups of distances vanish together: uncentred, centred, and blind "
            "to linear maps. Centring costs half of the pattern of blocks.",
            lambda table, sheet: draw(table, sheet, "blocks"),
            narrow=False,
        ),
        "cross_catalogue_common_mean": Figure(
            "Every objective of the catalogue (rows) against every distance "
            "(columns), teacher of a common mean at half its width; 0 is the optimum, "
            "1 random vectors; right, the pattern agreement.",
            "On a common mean only uncentred distances preserve the pattern; patches "
            "and covariances preserve nothing.",
            lambda table, sheet: draw(table, sheet, "common mean"),
            narrow=False,
        ),
    },
    order=9,
)
