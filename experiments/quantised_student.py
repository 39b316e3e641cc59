"""Does geometry help a student whose weights have few bits?

A network with two layers of 16 or 8 units learns digits with weights of 2, 3, 4 or 8
bits, or unrounded: from labels alone, beside the teacher's logits, or beside the
centred Procrustes distance of the last layers. The weight of either term is the one of
five that does best on validation.

Prediction: two bits cost at least ten points of accuracy, three bits about three and
eight bits nothing. The geometry gains more the fewer the bits: less than half a point
at full precision and at eight bits, and at least two points at two bits, where the gain
is larger than at full precision, seed by seed. Logits gain at most one point at any
number of bits.

Outcome: with 16 units the prediction failed. Two bits cost four points and three bits
less than one, and neither term gains anything that a test tells from zero at any number
of bits; nor does a gain differ from that at full precision.

Prediction: students of 8 units were added after that, since geometry helps them at
full precision. Two bits cost them at least five points, and there the geometry gains
more than the two points that it gains at full precision; logits gain nothing.

Outcome: with 8 units two bits cost 22 points, and what the geometry gains there differs
so much from seed to seed that no test tells it from zero. From three bits on it gains
about what it gains at full precision. Logits gain nothing, as predicted. So geometry
helps a student that is short of units, and not one that is short of bits.
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
    """The student without a term, by its units and its bits."""
    mlp, found = networks.MLP, {}
    for units in (16,) if quick else (16, 8):
        whole = distilling.plain(quick, datasets.Digits(), mlp(64), mlp(units))
        for bits in (2,) if quick else (2, 3, 4, 8):
            few = networks.Quantised(mlp(units), bits=bits)
            rounded = dataclasses.replace(whole, student=few)
            found[f"{units} units, {bits} bits"] = rounded
        found[f"{units} units, {FULL} bits"] = whole
    return found


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
    """The ends at the weights that do best on validation, with their gains."""
    students = bases(quick)
    grid = distilling.weighted(students, losses=[GEOMETRY]) + with_logits(students)
    rows = distilling.with_gains(distilling.chosen(cells.compute(grid)))
    sizes = rows["setting"].str.extract(r"(?P<units>\d+) units, (?P<bits>\d+) bits")
    return rows.join(sizes.astype(int))


def compared(rows: pd.DataFrame) -> pd.DataFrame:
    """Both terms against none at every number of bits, and gains against all bits."""
    of_terms = distilling.gains(rows, ["units", "bits"])
    gained = rows[rows["objective"] != NONE]
    of_bits = stats.paired_comparisons(
        gained, "gain", "bits", within=["units", "objective"], baseline=FULL
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
    across, shared = ["accuracy", "gain"], {"sharex": False, "sharey": False}
    widths = [*rows["units"].unique()]
    shape = (2 * len(widths), 1) if sheet.narrow else (len(widths), 2)
    axes = sheet.panels(*shape, 1.7, **shared).reshape(len(widths), 2)
    for units, (left, right) in zip(widths, axes, strict=True):
        part = where(rows, units=units)
        percent = part.assign(accuracy=100 * part["accuracy"])
        _over_bits(percent, "accuracy", [*_MARKS], left)
        left.set(ylabel="accuracy in percent")
        _over_bits(part, "gain", [LOGITS, GEOMETRY.label], right)
        right.axhline(0, color="0.6", lw=0.8, zorder=-1)
        right.set(ylabel="points over labels alone")
        for ax, said in zip((left, right), across, strict=True):
            ax.set_title(f"{said}, m = {units}")
    plots.name_ends(axes.flat)


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
            "With eight units the centred Procrustes distance gains 2.51 points with "
            "three bits, 1.95 with four, 2.23 with eight and 2.23 unrounded. No test "
            "tells another gain from zero: of geometry with two bits, which cost 22.1 "
            "points, of geometry with sixteen units, or of logits (signed-rank tests, "
            "adjusted, five percent).",
            draw,
            columns="units bits objective seed relative_weight accuracy gain "
            "validation_accuracy cosine_correlation",
        )
    },
    note="Digits; two layers, the teacher's of 64 units. " + distilling.NOTE,
    real=True,
    order=44,
)
