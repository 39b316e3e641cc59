"""Does geometry help a student whose weights have few bits?

A network with two layers of 16 units learns digits with weights of 2, 3, 4 or 8 bits,
or unrounded: from labels alone, beside the teacher's logits, or beside the centred
Procrustes distance of the last layers. The weight of either term is the one of five
that does best on validation.

Prediction: two bits cost at least ten points of accuracy, three bits about three and
eight bits nothing. The geometry gains more the fewer the bits: less than half a point
at full precision and at eight bits, and at least two points at two bits, where the gain
is larger than at full precision, seed by seed. Logits gain at most one point at any
number of bits.
"""

import dataclasses

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from experiments import cells, distilling
from experiments.cells import Cell
from experiments.distilling import NONE, RELATIVE
from experiments.study import Figure, Sheet, Study, where
from simgeo import datasets, networks, objectives, plots, stats
from simgeo.problems import Distillation

GEOMETRY = objectives.Procrustes(centred=True, normalised=True)
LOGITS = "Logits"
FULL = 32  # bits of what is not rounded


def bases(quick: bool) -> dict[str, Distillation]:
    """The student without a term, by its bits."""
    mlp = networks.MLP
    whole = distilling.plain(quick, datasets.Digits(), mlp(64), mlp(16))
    few = {
        f"{bits}": dataclasses.replace(
            whole, student=networks.Quantised(mlp(16), bits=bits)
        )
        for bits in ((2,) if quick else (2, 3, 4, 8))
    }
    return few | {f"{FULL}": whole}


def with_logits(students: dict[str, Distillation]) -> list[Cell]:
    """Every student beside the teacher's logits, at weights over the start's value."""
    starts = [
        dataclasses.replace(
            base, task_weight=0.0, kl_weight=1.0, num_steps=1, num_records=2
        )
        for base in students.values()
    ]
    frame = cells.compute(
        [
            Cell(one, {"setting": name})
            for name, one in zip(students, starts, strict=True)
        ]
    )
    scale = where(frame, step=0).groupby("setting")["loss"].median()
    return [
        Cell(
            dataclasses.replace(base, kl_weight=each / float(scale[name])),
            {
                "setting": name,
                "terms": "task",
                "objective": LOGITS,
                "relative_weight": each,
            },
        )
        for name, base in students.items()
        for each in RELATIVE
    ]


def data(quick: bool) -> pd.DataFrame:
    """The ends at the weights that do best on validation, with gains and seconds."""
    students = bases(quick)
    grid = distilling.weighted(students, losses=[GEOMETRY]) + with_logits(students)
    rows = distilling.with_gains(distilling.chosen(cells.compute(grid)))
    rows = rows.assign(bits=rows["setting"].astype(int))
    return distilling.with_seconds(rows, grid)


def compared(rows: pd.DataFrame) -> pd.DataFrame:
    """Both terms against none at every number of bits, and gains against all bits."""
    of_terms = distilling.gains(rows, ["bits"])
    gained = rows[rows["objective"] != NONE]
    of_bits = stats.paired_comparisons(
        gained, "gain", "bits", within=["objective"], baseline=FULL
    )
    of_terms = of_terms.rename(columns={"condition": "objective"})
    of_bits = of_bits.rename(columns={"condition": "bits"})
    return pd.concat([of_terms, of_bits], ignore_index=True)


_MARKS = {
    NONE: {"color": plots.INK, "marker": ".", "ls": "-"},
    LOGITS: {"color": plots.COLOURS[4], "marker": "D", "ls": "-."},
    GEOMETRY.label: plots.style_of(GEOMETRY.label).marks | {"ls": "--"},
}
_SAID = {NONE: "labels alone", LOGITS: "logits", GEOMETRY.label: "centred Procrustes"}


def draw(rows: pd.DataFrame, sheet: Sheet) -> None:
    """Accuracy over the bits, and what either term gains."""
    shared = {"sharex": False, "sharey": False}
    left, right = (ax for ax, _ in sheet.line(["accuracy", "gain"], 2.1, **shared))
    percent = rows.assign(accuracy=100 * rows["accuracy"])
    _over_bits(percent, "accuracy", [*_MARKS], left)
    left.set(ylabel="accuracy in percent")
    _over_bits(rows, "gain", [LOGITS, GEOMETRY.label], right)
    right.axhline(0, color="0.6", lw=0.8, zorder=-1)
    right.set(ylabel="points of accuracy over labels alone")
    plots.name_ends([left, right])


def _over_bits(rows: pd.DataFrame, value: str, names: list[str], ax: Axes) -> None:
    """Medians with their intervals; points: seeds."""
    bits = sorted(rows["bits"].unique())
    middle = stats.summarise(rows, ["objective", "bits"], [value])
    for at, name in enumerate(names):
        part = where(middle, objective=name).set_index("bits").reindex(bits)
        gaps = np.abs(part[["low", "high"]].to_numpy().T - part["estimate"].to_numpy())
        places = np.arange(len(bits)) + 0.1 * (at - (len(names) - 1) / 2)
        marks = _MARKS[name] | {"ms": 4, "lw": 1.1, "elinewidth": 0.8}
        line = ax.errorbar(places, part["estimate"], gaps, **marks)
        line.lines[0].set_label(_SAID[name])
        seeds = where(rows, objective=name).pivot(
            index="seed", columns="bits", values=value
        )
        for place, each in zip(places, bits, strict=True):
            dots = {"color": _MARKS[name]["color"], "alpha": 0.3, "mew": 0}
            ax.plot([place + 0.04] * len(seeds), seeds[each], ".", ms=2.5, **dots)
    ax.set_xticks(range(len(bits)), ["not\nrounded" if b == FULL else b for b in bits])
    ax.set_xlabel("bits of a weight")


STUDY = Study(
    __doc__,
    data=data,
    tables=lambda rows: {"quantised_student_compared.csv": compared(rows)},
    figures={
        "quantised_student": Figure(
            "Accuracy over the bits of the student's weights, and what the teacher's "
            "logits and the centred Procrustes distance bring. Points: seeds; lines: "
            "medians, with intervals over seeds.",
            "Not run yet.",
            draw,
            columns="bits objective seed relative_weight accuracy gain "
            "validation_accuracy cosine_correlation seconds",
        )
    },
    note="Digits; two layers of 16 units, the teacher's of 64. " + distilling.NOTE,
    real=True,
    order=44,
)
