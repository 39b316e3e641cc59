"""Claims C1 to C7 of arXiv 2509.25253 against our runs, cell by cell."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from experiments.cells import RATE
from experiments.study import ends, where
from simgeo import stats

KEPT = 0.95  # Matthews correlation from which we call the pattern kept
LOW = 1e-3  # excess over the optimum, relative to the zero student's loss, that is low
LITTLE = 0.05  # gain in the fraction of orthogonal pairs that we call little
SPIKE = 2.0  # rise of 1 - CKA between two records that we call a spike
RESOLUTION = 1e-5  # of relative distances in float32

CELL = ["teacher", "student_dim"]


class Claim(NamedTuple):
    """What the paper says, and each cell in which our runs say yes or no."""

    name: str
    says: str
    reading: str  # what the estimate is, and when the claim is held by a cell
    cells: pd.DataFrame  # case, teacher, student_dim, estimate, low, high, held

    @property
    def verdict(self) -> str:
        held = self.cells["held"]
        return "held" if held.all() else "held in part" if held.any() else "not held"

    @property
    def fails(self) -> str:
        places = []
        for case, rows in self.cells[~self.cells["held"]].groupby("case", sort=False):
            where = (f"{row.teacher} {row.student_dim}" for row in rows.itertuples())
            named = rows["teacher"].any()
            places.append(f"{case} ({', '.join(where)})" if named else str(case))
        return "; ".join(places) or "nowhere"


def judge(frame: pd.DataFrame, spikes: pd.DataFrame, made: pd.DataFrame) -> list[Claim]:
    """The claims, from the runs, the runs at a fixed rate, and the made students."""
    last = ends(frame)
    return [
        _loses(
            "C1", "CKA reaches a low loss and still loses the geometry", "CKA", last
        ),
        _loses(
            "C2",
            "A learned projection reaches a low loss and loses the geometry",
            "Projection",
            last,
        ),
        _keeps("C3", "Procrustes keeps geometric relations", "Procrustes", last),
        _keeps_most(last),
        _gains(frame, last),
        _zeros(made),
        _spikes(spikes),
    ]


def compare(frame: pd.DataFrame) -> pd.DataFrame:
    """Kept geometry of every objective against CKA, seed by seed."""
    return stats.paired_comparisons(
        ends(frame), "matthews", "objective", within=CELL, baseline="CKA"
    )


def excess_over_optimum(frame: pd.DataFrame) -> pd.DataFrame:
    """(loss - optimum) / optimum at half the teacher's width, the worst seed."""
    half = ends(where(frame, student_dim=frame["student_dim"].min()))
    half["excess"] = half["loss"] / half["optimum_loss"] - 1.0
    worst = half.groupby(["objective", "teacher"], sort=False)["excess"].max()
    return worst.reset_index()


def _summary(runs: pd.DataFrame, value: str, label: str) -> pd.DataFrame:
    """Medians and their intervals of the runs of one objective, cell by cell."""
    own = where(runs, objective=label)
    return stats.summarise(own, CELL, [value]).assign(case=label)


def _loses(name: str, says: str, objective: str, last: pd.DataFrame) -> Claim:
    cells = _summary(last, "matthews", objective)
    excess = _summary(last, "excess_loss", objective)["estimate"]
    reading = (
        f"Matthews correlation at the end, median [95 %]; held if it is below {KEPT} "
        f"while the loss is within {LOW:g} of its optimum."
    )
    held = (cells["high"] < KEPT) & (excess <= LOW)
    return Claim(name, says, reading, cells.assign(held=held, excess=excess))


def _keeps(name: str, says: str, distance: str, last: pd.DataFrame) -> Claim:
    tables = []
    for label in last["objective"].unique():
        if distance in label:
            cells = _summary(last, "matthews", label)
            limit = _summary(last, "svd_matthews", label)["estimate"]
            tables.append(cells.assign(limit=limit, held=cells["low"] > KEPT))
    reading = (
        f"Matthews correlation at the end, median [95 %]; held if it is above {KEPT}. "
        f"Limit: that of the teacher's truncated SVD."
    )
    return Claim(name, says, reading, pd.concat(tables))


def _keeps_most(last: pd.DataFrame) -> Claim:
    """C4: as C3, and the pairs that teacher and student both have."""
    kept = _keeps("C4", "", "Gram", last)
    pairs = stats.paired_comparisons(
        last, "pattern_recall", "objective", within=CELL, baseline="Gram"
    )
    best = pairs.loc[pairs.groupby(CELL, sort=False)["difference"].idxmax()]
    most = best[CELL].assign(
        case="Gram less " + best["condition"],
        estimate=-best["difference"],
        low=-best["high"],
        high=-best["low"],
        held=~((best["difference"] > 0) & (best["p_adjusted"] < 0.05)),
    )
    reading = (
        f"{kept.reading} Last rows: recall of the teacher's orthogonal pairs, Gram "
        f"less the best of the others, in pairs; held if no other has significantly "
        f"more."
    )
    says = (
        "The Gram distance keeps geometric relations, and the most orthogonal vectors"
    )
    return Claim("C4", says, reading, pd.concat([kept.cells, most]))


def _gains(frame: pd.DataFrame, last: pd.DataFrame) -> Claim:
    keys = ["objective", *CELL, "seed"]
    first = where(frame, step=0).set_index(keys)["fraction_student"]
    gain = (last.set_index(keys)["fraction_student"] - first).rename("gain")
    runs = gain.reset_index()
    cells = pd.concat([_summary(runs, "gain", each) for each in ("CKA", "Projection")])
    reading = (
        f"Change of the fraction of epsilon-orthogonal pairs from start to end, median "
        f"[95 %]; held if it is below {LITTLE}."
    )
    says = "From a random start, CKA and a projection gain little orthogonality"
    return Claim("C5", says, reading, cells.assign(held=cells["high"] < LITTLE))


def _zeros(made: pd.DataFrame) -> Claim:
    by = made.set_index("student").drop("teacher")
    zero = by.drop(columns="matthews") < RESOLUTION
    gap = (by.procrustes - by.gram).where(zero.procrustes).abs().max()
    rows = [
        (
            "Procrustes and Gram are zero together",
            (zero.procrustes == zero.gram).all(),
            gap,
        )
    ]
    for distance, name, student in (
        ("cka", "CKA", "translated"),
        ("projection", "projection", "mapped"),
    ):
        held = zero[distance][student] and not zero.procrustes[student]
        case = f"{name} zero, Procrustes not ({student})"
        rows.append((case, held, by.procrustes[student]))
    cells = pd.DataFrame(rows, columns=["case", "held", "estimate"])
    cells = cells.assign(teacher="", student_dim=0, low=np.nan, high=np.nan)
    reading = (
        "Students built in closed form; the Procrustes distance relative to the zero "
        "student's (first row: how far it is from Gram's where both are zero)."
    )
    says = "Procrustes is zero exactly when Gram is; CKA or projection implies neither"
    return Claim("C6", says, reading, cells)


def _spikes(spikes: pd.DataFrame) -> Claim:
    late = spikes[spikes["step"] > spikes["step"].max() / 4].copy()
    late["shown"] = late["distance_cka"].clip(lower=RESOLUTION)
    keys = ["objective", RATE, *CELL]
    runs = late.groupby([*keys, "seed"], sort=False)
    late["rise"] = late["shown"] / runs["shown"].shift()
    rises = late.groupby([*keys, "seed"], sort=False)["rise"].max().reset_index()
    cells = stats.summarise(rises, keys, ["rise"])
    case = cells["objective"] + " at rate " + cells[RATE].map("{:g}".format)
    reading = (
        f"Largest rise of 1 - CKA from one record to the next in the last three "
        f"quarters, at a fixed rate, median [95 %]; held if it is above {SPIKE:g}. "
        f"Values below {RESOLUTION:g} count as that."
    )
    says = "While Procrustes is optimised, CKA shows spikes"
    cells = cells.assign(case=case, held=cells["low"] > SPIKE)
    return Claim("C7", says, reading, cells)
