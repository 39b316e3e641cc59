"""Claims C1 to C7 of arXiv 2509.25253 against our runs, by variant and cell.

A cell holds a claim, fails it, or does not judge it: where the SVD baseline itself is
below the bar, a student as good as that says nothing about its objective.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd

from experiments.cells import RATE
from experiments.study import ends, where
from simgeo import stats

KEPT = 0.95  # pattern agreement from which we call the pattern preserved
NEAR = 0.05  # of the SVD baseline, within which a student is as good as that
LOW = 1e-3  # excess over the optimum, relative to the zero student's loss, that is low
MORE = 1e-3  # of the teacher's orthogonal pairs, below which a lead is none
LITTLE = 0.05  # gain in the fraction of orthogonal pairs that we call little
SPIKE = 2.0  # rise of 1 - CKA between two records that we call a spike
RESOLUTION = 1e-5  # of relative distances in float32

CELL = ["teacher", "student_dim"]
IN_CELLS = ("C1", "C2", "C3", "C4", "C5")  # claims judged by teacher and width
HELD, FAILED, BASELINE = "held", "failed", "baseline below the bar"

CENTRED = {
    "CKA": ("CKA", "CKA, uncentred"),
    "Procrustes": ("Procrustes, centred, normalised", "Procrustes"),
    "Gram": ("Gram, centred", "Gram"),
}  # the two variants of each, by their labels


# In the sense of the paper.
SAYS = {
    "C1": "CKA reaches a low loss and still does not preserve feature geometry",
    "C2": "A learned linear projection reaches a low loss and does not preserve "
    "feature geometry",
    "C3": "Procrustes stays stable in preserving geometric relations",
    "C4": "The Gram distance preserves geometric relations, and the most orthogonal "
    "vectors",
    "C5": "From a random start, CKA and a projection gain little orthogonality",
    "C6": "Procrustes is zero exactly when Gram is; CKA or projection implies neither",
    "C7": "While Procrustes is optimised, CKA shows spikes",
}


class Claim(NamedTuple):
    """What the paper says, and what every cell of our runs says to it."""

    name: str
    reading: str  # what the estimate is, and when a cell holds the claim
    cells: pd.DataFrame  # variant, teacher, student_dim, estimate, low, high, state

    @property
    def says(self) -> str:
        """The claim in the paper's sense."""
        return SAYS[self.name]

    @property
    def verdicts(self) -> pd.DataFrame:
        """One row for each variant: its verdict, and how many cells are in which state.

        Held if all cells that judge it hold it, failed if none does, otherwise in part;
        not judged if the baseline is below the bar in all.
        """
        rows = []
        for variant, cells in self.cells.groupby("variant", sort=False):
            counts = cells["state"].value_counts().reindex([HELD, FAILED, BASELINE])
            held, failed, baseline = counts.fillna(0).astype(int)
            verdict = "in part" if held and failed else HELD if held else FAILED
            verdict = verdict if held or failed else "not judged"
            rows.append((self.name, variant, verdict, held, failed, baseline))
        columns = ["claim", "variant", "verdict", HELD, FAILED, BASELINE]
        return pd.DataFrame(rows, columns=columns)


def judge(frame: pd.DataFrame, spikes: pd.DataFrame, made: pd.DataFrame) -> list[Claim]:
    """The claims, from the runs, the runs at a fixed rate, and the made students."""
    last = ends(frame)
    return [
        _loses("C1", CENTRED["CKA"], last),
        _loses("C2", ("Projection",), last),
        _keeps("C3", CENTRED["Procrustes"], last),
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
    return stats.summarise(own, CELL, [value]).assign(variant=label)


def _agreements(objectives: tuple[str, ...], last: pd.DataFrame) -> pd.DataFrame:
    """Pattern agreement of these objectives, and that of the SVD baseline."""
    tables = []
    for label in objectives:
        baseline = _summary(last, "svd_matthews", label)["estimate"]
        excess = _summary(last, "excess_loss", label)["estimate"]
        cells = _summary(last, "matthews", label)
        tables.append(cells.assign(baseline=baseline, excess=excess))
    cells = pd.concat(tables, ignore_index=True)
    # As good as the baseline, which is below the bar.
    cells["bound"] = cells["high"] >= cells["baseline"] - NEAR
    cells["bound"] &= cells["baseline"] < KEPT
    return cells


def _states(held: pd.Series, bound: pd.Series | bool = False) -> np.ndarray:
    return np.select([bound, held], [BASELINE, HELD], FAILED)


_BASELINE = (
    f"Where the SVD baseline is below {KEPT} and the objective within {NEAR} of it, "
    "the width loses the pattern, not the objective: such a cell judges nothing."
)


def _loses(name: str, objectives: tuple, last: pd.DataFrame) -> Claim:
    cells = _agreements(objectives, last)
    reading = (
        f"Pattern agreement at the end, median [95 %]; held if it is below {KEPT} "
        f"while the loss is within {LOW:g} of its optimum. {_BASELINE}"
    )
    held = (cells["high"] < KEPT) & (cells["excess"] <= LOW)
    return Claim(name, reading, cells.assign(state=_states(held, cells["bound"])))


def _keeps(name: str, objectives: tuple, last: pd.DataFrame) -> Claim:
    cells = _agreements(objectives, last)
    reading = (
        f"Pattern agreement at the end, median [95 %]; held if it is above {KEPT}. "
        f"{_BASELINE}"
    )
    states = _states(cells["low"] > KEPT, cells["bound"])
    return Claim(name, reading, cells.assign(state=states))


def _keeps_most(last: pd.DataFrame) -> Claim:
    """C4: as C3, and the pairs that teacher and student both have."""
    kept = _keeps("C4", CENTRED["Gram"], last)
    tables = [kept.cells]
    for label in CENTRED["Gram"]:
        pairs = stats.paired_comparisons(
            last, "pattern_recall", "objective", within=CELL, baseline=label
        )
        best = pairs.loc[pairs.groupby(CELL, sort=False)["difference"].idxmax()]
        held = ~((best["difference"] > MORE) & (best["p_adjusted"] < 0.05))
        most = best[CELL].assign(
            variant=f"{label}, most pairs",
            rival=best["condition"],
            estimate=-best["difference"],
            low=-best["high"],
            high=-best["low"],
            state=_states(held),
        )
        tables.append(most)
    reading = (
        f"{kept.reading} Most pairs: recall of the teacher's orthogonal pairs, less "
        f"that of the best other objective, in pairs of seeds; held if no other has "
        f"significantly more, by {MORE:g} or more."
    )
    return Claim("C4", reading, pd.concat(tables, ignore_index=True))


def _gains(frame: pd.DataFrame, last: pd.DataFrame) -> Claim:
    keys = ["objective", *CELL, "seed"]
    first = where(frame, step=0).set_index(keys)["fraction_student"]
    ends_of = last.set_index(keys)
    runs = pd.DataFrame(
        {
            "gain": ends_of["fraction_student"] - first,
            "svd_gain": ends_of["svd_fraction_student"] - first,
        }
    ).reset_index()
    tables = []
    for label in (*CENTRED["CKA"], "Projection"):
        baseline = _summary(runs, "svd_gain", label)["estimate"]
        tables.append(_summary(runs, "gain", label).assign(baseline=baseline))
    cells = pd.concat(tables, ignore_index=True)
    states = _states(cells["high"] < LITTLE, cells["baseline"] < LITTLE)
    reading = (
        f"Change of the fraction of epsilon-orthogonal pairs from start to end, median "
        f"[95 %]; held if it is below {LITTLE}. Where the SVD baseline itself has not "
        f"{LITTLE} more than the start there is nothing to gain, and the cell judges "
        f"nothing."
    )
    return Claim("C5", reading, cells.assign(state=states))


def _zeros(made: pd.DataFrame) -> Claim:
    by = made.set_index("student").drop("teacher")
    zero = by.drop(columns="matthews") < RESOLUTION
    gap = (by.procrustes - by.gram).where(zero.procrustes).abs().max()
    together = (zero.procrustes == zero.gram).all()
    rows = [("Procrustes zero if and only if Gram", together, gap)]
    for distance, name, student in (
        ("cka", "CKA", "translated"),
        ("projection", "projection", "mapped"),
    ):
        held = zero[distance][student] and not zero.procrustes[student]
        rows.append((f"{name} zero, Procrustes not", held, by.procrustes[student]))
    cells = pd.DataFrame(rows, columns=["variant", "held", "estimate"])
    cells = cells.assign(teacher="", student_dim=0, low=np.nan, high=np.nan)
    cells["state"] = _states(cells.pop("held"))
    reading = (
        "Students built in closed form, for a translation and an invertible map of the "
        "teacher; the Procrustes distance relative to the zero student's (first row: "
        "how far it is from Gram's where both are zero)."
    )
    return Claim("C6", reading, cells)


def _spikes(spikes: pd.DataFrame) -> Claim:
    late = spikes[spikes["step"] > spikes["step"].max() / 4].copy()
    late["shown"] = late["distance_cka"].clip(lower=RESOLUTION)
    keys = ["objective", RATE, *CELL]
    runs = late.groupby([*keys, "seed"], sort=False)
    late["rise"] = late["shown"] / runs["shown"].shift()
    rises = late.groupby([*keys, "seed"], sort=False)["rise"].max().reset_index()
    cells = stats.summarise(rises, keys, ["rise"])
    cells = cells.rename(columns={"objective": "variant", RATE: "rate"})
    squared = cells["variant"].replace("Procrustes", "Procrustes, squared")
    reading = (
        f"Largest rise of 1 - CKA from one record to the next in the last three "
        f"quarters, at a fixed rate, median [95 %]; held if it is above {SPIKE:g}. "
        f"Values below {RESOLUTION:g}, float32's resolution, count as that."
    )
    cells = cells.assign(variant=squared, state=_states(cells["low"] > SPIKE))
    return Claim("C7", reading, cells)
