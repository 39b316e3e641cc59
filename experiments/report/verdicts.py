"""Claims C1 to C7, judged by runs and by students in closed form."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from experiments.cells import RATE
from experiments.claims import BASELINE, CELL, CENTRED, FAILED, HELD, KEPT, RESOLUTION
from experiments.claims import Claim as Claim
from experiments.study import ends, where
from simgeo import stats

NEAR = 0.05  # of the SVD baseline, within which a student is as good as that
LOW = 1e-3  # excess over the optimum, relative to the zero student's loss, that is low
MORE = 1e-3  # of the teacher's orthogonal pairs, below which a lead is none
LITTLE = 0.05  # gain in the fraction of orthogonal pairs that we call little
SPIKE = 2.0  # rise of 1 - CKA between two records that we call a spike


class Judged(NamedTuple):
    """The claims, the runs of the main grid, and their settings in words."""

    claims: list[Claim]
    frame: pd.DataFrame
    preset: str


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


def _summaries(
    runs: pd.DataFrame, value: str, objectives: tuple[str, ...], **others: str
) -> pd.DataFrame:
    """The same of several objectives, with the medians of other columns beside it."""
    tables = []
    for label in objectives:
        beside = {
            name: _summary(runs, column, label)["estimate"]
            for name, column in others.items()
        }
        tables.append(_summary(runs, value, label).assign(**beside))
    return pd.concat(tables, ignore_index=True)


def _agreements(objectives: tuple[str, ...], last: pd.DataFrame) -> pd.DataFrame:
    """Pattern agreement of these objectives, and that of the SVD baseline."""
    others = {"baseline": "svd_matthews", "excess": "excess_loss"}
    cells = _summaries(last, "matthews", objectives, **others)
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
    names = {"fraction_student": "gain", "svd_fraction_student": "svd_gain"}
    runs = last.set_index(keys)[[*names]].sub(first, axis=0).rename(columns=names)
    chosen = (*CENTRED["CKA"], "Projection")
    cells = _summaries(runs.reset_index(), "gain", chosen, baseline="svd_gain")
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
    late = spikes[spikes["step"] > spikes["step"].max() / 4]
    late = late.rename(columns={"objective": "variant", RATE: "rate"})
    keys = ["variant", "rate", *CELL]
    shown = late.set_index([*keys, "seed"])["distance_cka"].clip(lower=RESOLUTION)
    runs = [*shown.index.names]
    rises = shown / shown.groupby(runs, sort=False).shift()
    rises = rises.groupby(runs, sort=False).max().rename("rise").reset_index()
    cells = stats.summarise(rises, keys, ["rise"])
    squared = cells["variant"].replace("Procrustes", "Procrustes, squared")
    reading = (
        f"Largest rise of 1 - CKA from one record to the next in the last three "
        f"quarters, at a fixed rate, median [95 %]; held if it is above {SPIKE:g}. "
        f"Values below {RESOLUTION:g}, float32's resolution, count as that."
    )
    cells = cells.assign(variant=squared, state=_states(cells["low"] > SPIKE))
    return Claim("C7", reading, cells)
