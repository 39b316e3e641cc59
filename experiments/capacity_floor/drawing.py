"""Kept features and losses over the width, beside what the formula says of them."""

import pandas as pd
from matplotlib.axes import Axes

from experiments.capacity_floor.formula import (
    COUNTS,
    DECAYS,
    KEPT,
    SPARSITIES,
    WIDTHS,
    features_per_dimension,
)
from experiments.study import Sheet, where

# Shades, as hues are families of objectives.
_SHADES = dict(zip(COUNTS, (("0.65", "o"), ("0.4", "s"), ("0.0", "^")), strict=True))


def draw(table: pd.DataFrame, sheet: Sheet) -> None:
    """Kept features and losses over the width, a column for every sparsity.

    A narrow figure has the kept features alone.
    """
    rows = ["kept"] if sheet.narrow else ["kept", "loss"]
    for ax, what, sparsity in sheet.grid(rows, SPARSITIES, (1.7, 1.4), sharey="row"):
        part = where(table, decay=DECAYS[0], sparsity=sparsity)
        if what == "kept":
            _over_width(part, f"kept_{KEPT[0]}_{KEPT[1]:g}", what, ax)
            options = {"color": "0.3", "lw": 0.9, "zorder": 0}
            ax.plot(WIDTHS, WIDTHS, ":", label="one per dimension", **options)
            g = features_per_dimension(sparsity)
            ax.set(title=f"sparsity {sparsity:g}, g = {g:.1f}", ylim=(0, 42))
        else:
            _over_width(part, what, what, ax)
            ax.set(yscale="log", ylim=(7e-4, 1.5))
        ax.set_xticks(WIDTHS)
    labels = ["features kept", "loss / that\nof keeping none"]
    sheet.label("width m", labels[: len(rows)])
    sheet.names()


def _over_width(part: pd.DataFrame, measured: str, what: str, ax: Axes) -> None:
    for count, one in part.groupby("num_features"):
        colour, marker = _SHADES[count]
        options = {"color": colour, "marker": marker}
        ax.plot(one["width"], one[measured], ls="", ms=2, alpha=0.5, mew=0, **options)
        middle = one.groupby("width").median(numeric_only=True)
        options |= {"lw": 1.2, "ms": 3, "label": f"n = {count}"}
        ax.plot(middle.index, middle[measured], "-", **options)
        formula = middle[f"{what}_formula"]
        formula = formula.where(formula > 0)
        options = {"color": colour, "marker": "_", "lw": 0.9, "ms": 4}
        said = f"n = {count}, formula" if what == "kept" else ""
        ax.plot(formula.index, formula, "--", label=said or "_", **options)
