"""The grid of claims and variants, coloured by what became of each."""

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Patch, Rectangle

from experiments import claims
from experiments.claims import BASELINE, FAILED, HELD
from experiments.study import Sheet, where
from simgeo import plots

_FILLS = {HELD: "0.3", FAILED: "0.88", BASELINE: "white"}
_SMALL = plots.SMALLEST
_TITLES = {
    "C1": "CKA: low loss,\ngeometry lost",
    "C2": "Projection: low loss,\ngeometry lost",
    "C3": "Procrustes preserves\nthe geometry",
    "C4": "Gram preserves it,\nand the most pairs",
    "C5": "From a random start\nlittle is gained",
    "C6": "Zero losses",
    "C7": "CKA spikes under\nProcrustes",
}


def draw(rows: pd.DataFrame, sheet: Sheet) -> None:
    """A grid of claims and variants by cells, coloured by the state of each."""
    sheet.figure, ax = plt.subplots(figsize=(plots.PAGE, 5.6))
    places = where(rows, claim="C1")[claims.CELL].drop_duplicates()
    columns = {tuple(place): at for at, place in enumerate(places.to_numpy())}
    widest = places["student_dim"].max()
    for at, (name, width) in enumerate(columns):
        wide = "full width" if width == widest else "half width"
        ax.text(at + 0.5, -0.12, f"{name}\n{wide}", ha="center", fontsize=7)
    high = 0.0
    for name, cells_of in rows.groupby("claim", sort=False):
        top = high
        for variant, states in cells_of.groupby("variant", sort=False):
            _row(ax, name, variant, states, columns, high)
            high += 1
        ax.text(
            -3.55, (top + high) / 2, f"{name}", fontsize=9, weight="bold", va="center"
        )
        ax.text(-3.15, (top + high) / 2, _TITLES[name], fontsize=_SMALL, va="center")
        high += 0.35
    ax.set(xlim=(-3.6, len(columns)), ylim=(high - 0.3, -0.7))
    ax.set_axis_off()
    handles = [
        Patch(fc=_FILLS[state], hatch="////" if state == BASELINE else "", ec="0.6")
        for state in _FILLS
    ]
    labels = [HELD, FAILED, "not judged: the SVD baseline is itself below the bar"]
    options = {"ncols": 3, "frameon": False, "fontsize": 7}
    sheet.figure.legend(handles, labels, loc="outside lower center", **options)


def _row(
    ax: Axes, name: str, variant: str, states: pd.DataFrame, columns: dict, top: float
) -> None:
    """The cells of one variant, at the places of their teacher and width.

    What has no such cells goes over the whole row.
    """
    ax.text(-0.1, top + 0.5, _said(variant), ha="right", va="center", fontsize=_SMALL)
    wide = 1 if name in claims.IN_CELLS else len(columns) / len(states)
    for at, row in enumerate(states.itertuples()):
        is_bound = row.state == BASELINE
        left = columns[row.teacher, row.student_dim] if wide == 1 else at * wide
        box = {"fc": _FILLS[row.state], "ec": "0.6" if is_bound else "white"}
        box |= {"lw": 0.6, "hatch": "////" if is_bound else ""}
        ax.add_patch(Rectangle((left + 0.03, top + 0.04), wide - 0.06, 0.92, **box))
        options = {"ha": "center", "va": "center", "fontsize": _SMALL}
        options |= {"color": "white" if row.state == HELD else "black"}
        if is_bound:
            options["bbox"] = {"fc": "white", "ec": "none", "pad": 0.6}
        ax.text(left + wide / 2, top + 0.5, _written(name, row), **options)


def _said(variant: str) -> str:
    centred = {one: "centred" for one, _ in claims.CENTRED.values()}
    uncentred = {other: "uncentred" for _, other in claims.CENTRED.values()}
    for label, word in (centred | uncentred).items():
        if variant == f"{label}, most pairs":
            return f"{word}, most pairs"
    return (centred | uncentred).get(variant, variant.removeprefix("Procrustes, "))


def _written(name: str, row) -> str:
    """The estimate of a cell; the baseline's too, where that says more."""
    estimate = f"{round(row.estimate, 2) + 0.0:.2f}"  # and no minus zero
    if name == "C7":
        return f"{estimate}-fold at rate {row.rate:g}"
    if "most pairs" in row.variant:
        return f"{round(row.estimate, 3) + 0.0:.3f}"
    if name == "C6":
        return "yes, in closed form" if row.state == HELD else "no"
    if pd.isna(row.baseline) or name != "C5" and row.baseline >= claims.KEPT:
        return estimate
    return f"{estimate} of {row.baseline:.2f}"
