"""Theorem 1 as vectors, as cosines and as curves."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import SubFigure

from experiments.study import Sheet, where
from experiments.theorem_one.closed_forms import distances, plain, turned
from simgeo import plots

SHOWN = 24, 6  # n and k of the cosines that are drawn
SMALL = plots.SMALLEST
_CKA, _PROCRUSTES, _GRAM = (
    plots.STYLES[name].colour for name in ("CKA", "Procrustes", "Gram")
)
CURVES = {  # column: colour, line, width, label and where it stands on the left
    "pairs": ("0.1", "-", 2.4, "orthogonal pairs", (15.4, 1.04)),
    "procrustes": (_PROCRUSTES, "-", 1.2, "Procrustes", (11.6, 1.34)),
    "gram": (_GRAM, "-", 1.2, "Gram", (4.3, 1.3)),
    "cka": (_CKA, "-", 1.2, "CKA, centred\nand uncentred", (11.5, 0.2)),
    "cka_uncentred": ("0.1", ":", 0.9, "", (0, 0)),
}
GROWING = {  # the same, on the right
    "gram_size": (_GRAM, "-", 1.2, "Gram, 2 n k", (40, 3e6)),
    "procrustes_size": (_PROCRUSTES, "-", 1.2, "Procrustes, 2 k", (1e2, 4e2)),
    "turned": ("0.1", "-", 2.4, "orthogonal vectors, k", (2e3, 4)),
}


def draw(frame: pd.DataFrame, sheet: Sheet) -> None:
    """The vectors and their cosines; how far the copy is from the turned teacher."""
    sheet.figure = plt.figure(figsize=(plots.PAGE, 4.0))
    upper, lower = sheet.figure.subfigures(2, 1, height_ratios=(1.5, 2.3))
    _vectors(upper)
    left, middle, right = lower.subplots(1, 3)
    n, _ = SHOWN
    one, many = where(frame, what="over k"), where(frame, what="over n")
    _curves(one, "turned", CURVES, left)
    _curves(many, "n", CURVES, middle, labels=False)
    _curves(many, "n", GROWING, right)
    left.set(xlim=(0, n - 2), ylim=(0, 1.6))
    left.set_xlabel(f"k, vectors turned, of {n}", fontsize=7)
    left.set_title("The more are turned,\nthe larger is every distance", fontsize=7)
    for ax in (middle, right):
        ax.set(xscale="log", yscale="log")
        ax.set_xlabel("n vectors, k = $\\sqrt{n}$ of them turned", fontsize=7)
        ax.minorticks_off()
    middle.set_title("Of many vectors, all vanish\nwith the share of pairs", fontsize=7)
    right.set_title("In the teacher's own units,\ndistances grow", fontsize=7)
    left.set_ylabel("share of the zero student's,\nor of all pairs", fontsize=7)
    right.set_ylabel("squared distance, or number", fontsize=7)


def _curves(
    frame: pd.DataFrame, x: str, curves: dict, ax: Axes, labels: bool = True
) -> None:
    for name, (colour, line, width, label, place) in curves.items():
        ax.plot(frame[x], frame[name], line, color=colour, lw=width)
        if labels:
            ax.text(*place, label, color=colour, fontsize=SMALL, linespacing=1.0)
    ax.tick_params(labelsize=SMALL)


def _vectors(part: SubFigure) -> None:
    """Arrows and cosines of both teachers and the copy."""
    n, k = SHOWN
    rest = (n - k) // 2
    shown = {
        "plain teacher": (plain(n), n // 2, 0, "CKA with the copy: 1"),
        "turned teacher": (turned(n, k), rest, k, _cka_of_copy(n, k)),
        "copy, in one dimension": (plain(n), n // 2, 0, ""),
    }
    axes = part.subplots(1, 6)
    for place, (name, (vectors, many, fan, says)) in enumerate(shown.items()):
        arrows, cosines = axes[2 * place : 2 * place + 2]
        _arrows(many, fan, arrows)
        arrows.set_title(name, fontsize=7)
        arrows.text(0, -0.75, says, ha="center", fontsize=SMALL)
        found = np.abs(vectors @ vectors.T)
        cosines.imshow(found, cmap="Greys", vmin=0, vmax=1.1, interpolation="none")
        pairs = int((found[np.triu_indices(n, 1)] < 0.1).sum())
        cosines.set(xticks=[], yticks=[])
        cosines.set_title("|cosine|", fontsize=SMALL)
        total = n * (n - 1) // 2
        cosines.set_xlabel(f"{pairs} of {total} pairs\northogonal", fontsize=SMALL)


def _cka_of_copy(n: int, k: int) -> str:
    return f"CKA with the copy: {1 - distances(n, k)['cka']:.2f}"


def _arrows(many: int, fan: int, ax: Axes) -> None:
    """Two thick arrows for groups, thin ones for vectors with a direction each."""
    for tip in (-1, 1):
        style = {"arrowstyle": "simple,tail_width=0.35", "color": "0.2", "lw": 0}
        ax.annotate("", (tip, 0), (0, 0), arrowprops=style | {"shrinkA": 0})
        ax.text(0.6 * tip, -0.3, f"{many} vectors", ha="center", fontsize=SMALL)
    for angle in np.radians(np.linspace(60, 120, fan)):
        style = {"arrowstyle": "-|>,head_width=0.12", "color": "0.2", "lw": 0.8}
        tip = np.cos(angle), np.sin(angle)
        ax.annotate("", tip, (0, 0), arrowprops=style | {"shrinkA": 0})
    if fan:
        text = f"{fan}, each at 90° to all others"
        ax.text(0, 1.1, text, ha="center", fontsize=SMALL)
    ax.set(xlim=(-1.15, 1.15), ylim=(-0.85, 1.3), aspect="equal")
    ax.set_axis_off()
