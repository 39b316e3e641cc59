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

import jax
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns

from experiments import cells, judging
from experiments.cells import TEACHERS, Cell, crossed
from experiments.study import Figure, Sheet, Study, where
from simgeo import objectives, plots, students
from simgeo.objectives import LOSSES, AbstractObjective

NAMES = ("blocks", "common mean")
AGREEMENT = "pattern agreement"
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

    `relative` is (value - optimum) / (chance - optimum): where the optimum of that
    width is not known, `optimum_known` is false and it is the least that any row found.
    """
    levels: dict[str, dict] = {}  # of a teacher, which all objectives share
    rows = []
    for cell, _, student, teacher in cells.vectors(grid(quick)):
        one, name = cell.experiment, cell.labels["teacher"]
        if name not in levels:
            levels[name] = _levels(teacher, one.student_dim, one.epsilon)
        values = _recorded(student, teacher, one.epsilon)
        for recorded, (chance, best) in levels[name].items():
            place = (name, one.objective.label, recorded)
            rows.append((*place, values[recorded], chance, best))
    columns = ["teacher", "optimised", "recorded", "value", "chance", "optimum"]
    table = pd.DataFrame(rows, columns=columns)
    table["optimum_known"] = table["optimum"].notna()
    least = table.groupby(["teacher", "recorded"])["value"].transform("min")
    table["optimum"] = table["optimum"].fillna(least)
    span = table["chance"] - table["optimum"]
    table["relative"] = (table["value"] - table["optimum"]) / span
    return table


def _recorded(student: np.ndarray, teacher: np.ndarray, epsilon: float) -> dict:
    """Every distance, and the pattern agreement: medians over the seeds."""
    found = {each.label: _values(each, student, teacher) for each in RECORDED}
    # A constant pattern has no correlation, and keeps nothing of the teacher's.
    matthews = judging.patterns(student, teacher, epsilon)["matthews"]
    found[AGREEMENT] = np.nan_to_num(matthews)
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


_OTHERS = ("Wasserstein of covariances", "Neighbour KL", "Pattern hinge", "Logit KL")


def group_of(label: str) -> str:
    """What an objective does with a mean or a linear map."""
    parts = label.split(", ")
    if parts[0] in ("Projection", "CCA", "SVCCA"):
        return "with a map"
    if label in _OTHERS or "patches" in parts:
        return "others"
    if "uncentred" not in parts and ("centred" in parts or parts[0] in _CENTRING):
        return "centred"
    return "uncentred"


_CENTRING = ("CKA", "Relational")
_GROUPS = ("uncentred", "centred", "with a map", "others")


def draw(table: pd.DataFrame, sheet: Sheet, name: str) -> pd.DataFrame:
    """All distances of a teacher, in groups, and the pattern agreement."""
    part = where(table, teacher=name)
    size = (plots.PAGE, 6.2)
    sheet.figure, (left, right) = plt.subplots(1, 2, figsize=size, width_ratios=(30, 2))
    values = part.pivot(index="optimised", columns="recorded", values="relative")
    rows, columns = (
        sorted(part[one].unique(), key=lambda each: _GROUPS.index(group_of(each)))
        for one in ("optimised", "recorded")
    )
    columns.remove(AGREEMENT)
    known = part.groupby("recorded")["optimum_known"].all()
    bar = {"location": "top", "shrink": 0.4, "pad": 0.01, "extend": "max"}
    bar["label"] = "0: optimum; 1: random unit vectors"
    options = {"vmin": 0, "vmax": 1, "yticklabels": True}
    shown = values.loc[rows, columns]
    stars = [each + ("" if known[each] else " *") for each in columns]
    scale = {"cmap": "cividis", "cbar_kws": bar, "xticklabels": stars}
    sns.heatmap(shown, ax=left, **scale, **options)
    kept = where(part, recorded=AGREEMENT).set_index("optimised")[["value"]].loc[rows]
    numbers = {"annot": True, "fmt": ".2f", "annot_kws": {"size": plots.SMALLEST}}
    options |= {"yticklabels": False, "xticklabels": [AGREEMENT]}
    sns.heatmap(kept, ax=right, cmap="cividis_r", cbar=False, **numbers, **options)
    for ax in (left, right):
        ax.tick_params(labelsize=plots.SMALLEST, length=0)
        ax.tick_params(axis="x", rotation=90)
        ax.set(xlabel="", ylabel="")
    left.set(xlabel="recorded", ylabel="optimised")
    left.yaxis.labelpad = 14
    groups = [group_of(each) for each in rows]
    for group in _GROUPS:
        first = groups.index(group)
        last = first + groups.count(group)
        plots.bracket(left, group, first + 0.2, last - 0.2, 124)
        for ax in (left, right):
            ax.axhline(last, color="white", lw=1.5)
    for at in np.cumsum([sum(group_of(c) == g for c in columns) for g in _GROUPS]):
        left.axvline(at, color="white", lw=1.5)
    return part


STUDY = Study(
    __doc__,
    cells=grid,
    data=compute,
    figures={
        "cross_catalogue_blocks": Figure(
            "Every objective of the catalogue (rows) against every distance "
            "(columns), in groups, teacher of blocks at half its width. Shades: 0 is "
            "the optimum, or with a star the least that any row found, and 1 what "
            "random unit vectors have; medians. Right: the pattern agreement.",
            "Three groups of distances vanish together: uncentred, centred, and blind "
            "to linear maps. Centring costs half of the pattern of blocks.",
            lambda table, sheet: draw(table, sheet, "blocks"),
            narrow=False,
        ),
        "cross_catalogue_common_mean": Figure(
            "Every objective of the catalogue (rows) against every distance "
            "(columns), in groups, teacher of a common mean at half its width. Shades: "
            "0 is the optimum, or with a star the least that any row found, and 1 what "
            "random unit vectors have; medians. Right: the pattern agreement.",
            "On a common mean only uncentred distances preserve the pattern; patches "
            "and covariances preserve nothing.",
            lambda table, sheet: draw(table, sheet, "common mean"),
            narrow=False,
        ),
    },
    order=9,
)
