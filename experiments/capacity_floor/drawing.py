"""Kept features and floors, beside what the formula says of them."""

import itertools

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from experiments.capacity_floor.formula import (
    COUNTS,
    DECAYS,
    KEPT,
    SPARSITIES,
    WIDTHS,
    accuracies,
    features_per_dimension,
    right,
)
from experiments.study import Sheet, where
from simgeo import plots


def draw(table: pd.DataFrame, sheet: Sheet) -> pd.DataFrame:
    """Kept features and floors over the width, and how often the formula is right.

    A narrow figure has the kept features alone.
    """
    drawn = where(table, decay=DECAYS[0])
    if sheet.narrow:
        axes = sheet.panels(2, 2, 1.5)
        for ax, sparsity in zip(axes.flat, SPARSITIES, strict=True):
            _kept(where(drawn, sparsity=sparsity), sparsity, ax)
            ax.set_xticks(WIDTHS)
        sheet.label("width m", "features kept")
        remark = "\nImportances 1 / i; points are seeds, lines their medians."
        sheet.legend(remark=remark, others=_handles())
        return table
    sheet.figure = plt.figure(figsize=(plots.PAGE, 8.2))
    above, under = sheet.figure.subfigures(2, 1, height_ratios=(1.9, 1))
    axes = above.subplots(2, 4, sharex=True, sharey="row")
    for (top, below), sparsity in zip(axes.T, SPARSITIES, strict=True):
        part = where(drawn, sparsity=sparsity)
        _kept(part, sparsity, top)
        _over_width(part, "loss", "loss", below)
        below.set(yscale="log", ylim=(7e-4, 1.5), xlabel="width m", xticks=WIDTHS)
    axes[0, 0].set_ylabel("features kept")
    axes[1, 0].set_ylabel("loss / that of keeping none")
    left, beside = under.subplots(1, 2)
    _shares(right(table), left)
    _accuracy(accuracies(table), beside)
    plots.legend(above, levels=(), ncols=5, others=_handles())
    plots.legend(under, levels=(), note=f"{sheet.settings}\n{_READING}")
    return table


def _kept(part: pd.DataFrame, sparsity: float, ax: Axes) -> None:
    _over_width(part, f"kept_{KEPT[0]}_{KEPT[1]:g}", "kept", ax)
    ax.plot(WIDTHS, WIDTHS, ":", color="0.3", lw=0.9, zorder=0)
    g = features_per_dimension(sparsity)
    ax.set(title=f"sparsity {sparsity:g}, g = {g:.1f}", ylim=(0, 42))


def _handles() -> list[Line2D]:
    counts = [
        Line2D([], [], color=colour, marker=marker, ms=3, label=f"n = {count}")
        for count, (colour, marker) in _SHADES.items()
    ]
    return counts + [
        Line2D([], [], color="0.3", ls=line, lw=1, label=text)
        for text, line in (("the formula", "--"), ("one per dimension", ":"))
    ]


_READING = (
    "Above: importances 1 / i; points are seeds, lines their medians; the formula's "
    "floor is not drawn where it is zero: there all are\nsaid to be kept; at m = n the "
    "loss is below the axis. Below: m g is cut at n. A cell is a count, width and "
    "sparsity; crosses,\nonly those where m g < n. Accuracy: relative to the loss of "
    "keeping nothing (of everything), or to the floor, found or\nsaid (of the larger)."
)
# Shades, as colours are those of objectives.
_SHADES = dict(zip(COUNTS, (("0.65", "o"), ("0.4", "s"), ("0.0", "^")), strict=True))


def _over_width(part: pd.DataFrame, measured: str, said: str, ax: Axes) -> None:
    for count, one in part.groupby("num_features"):
        colour, marker = _SHADES[count]
        options = {"color": colour, "marker": marker}
        ax.plot(one["width"], one[measured], ls="", ms=2, alpha=0.5, mew=0, **options)
        middle = one.groupby("width").median(numeric_only=True)
        ax.plot(middle.index, middle[measured], "-", lw=1.2, ms=3, **options)
        formula = middle[f"{said}_formula"]
        formula = formula.where(formula > 0)
        ax.plot(formula.index, formula, "--", marker="_", color=colour, lw=0.9, ms=4)


def _shares(shares: pd.DataFrame, ax: Axes) -> None:
    """How the share of right cells depends on what is called kept."""
    for (name, decay), part in shares.groupby(["criterion", "decay"], sort=False):
        line = "-" if decay == DECAYS[0] else "--"
        colour = "0.0" if name == "explained" else "0.55"
        law = "1 / i" if decay else "equal"
        options = {"color": colour, "ls": line, "ms": 3.5, "lw": 1.1}
        label = f"{_CRITERION[str(name)]}, {law}"
        ax.plot(part["threshold"], part["right"], marker="o", label=label, **options)
        ax.plot(part["threshold"], part["right_partly"], marker="x", **options)
    ax.set(
        ylim=(-0.03, 1), xlabel="threshold", ylabel="share of cells within 10 %\nof m g"
    )
    ax.legend(frameon=False, fontsize=6, loc="upper right", handlelength=3.5)


_CRITERION = {"explained": "variance explained", "norm": "squared norm"}


def _accuracy(accuracy: pd.DataFrame, ax: Axes) -> None:
    """Median accuracy of the floor over configurations, by sparsity."""
    drawn = accuracy[accuracy["decay"] == DECAYS[0]]
    keys = ["relative", "predictor", "sparsity"]
    middle = drawn.groupby(keys)["accuracy"].median()
    for (way, line), (predictor, (colour, marker)) in itertools.product(
        _WAYS.items(), _PREDICTORS.items()
    ):
        one = middle[way, predictor]
        options = {"color": colour, "marker": marker, "ls": line, "ms": 3.5, "lw": 1}
        ax.plot(range(len(one)), one, **options)
    ax.axhline(0.93, color="0.0", lw=0.8, ls="-.")
    ax.set_xticks(range(len(SPARSITIES)), [f"{each:g}" for each in SPARSITIES])
    ax.set(ylim=(-0.03, 1.4), xlabel="sparsity", ylabel="median accuracy of the floor")
    ax.set_yticks([0, 0.25, 0.5, 0.75, 1])
    handles = [
        Line2D([], [], color=colour, marker=marker, ms=3.5, lw=1, label=_SAYS[name])
        for name, (colour, marker) in _PREDICTORS.items()
    ]
    handles += [
        Line2D([], [], color="0.3", ls=line, lw=1, label=way)
        for way, line in _WAYS.items()
    ]
    handles.append(
        Line2D([], [], color="0.0", lw=0.8, ls="-.", label="93 %, the text's")
    )
    options = {"frameon": False, "fontsize": 6, "ncols": 2, "handlelength": 3}
    ax.legend(handles=handles, loc="upper center", **options)


_WAYS = {"of everything": "-", "of the larger": "--"}
_PREDICTORS = {"formula": ("black", "o"), "linear": ("0.5", "s"), "full": ("0.75", "^")}
_SAYS = {"formula": "formula", "linear": "one per dimension", "full": "none lost"}
