"""The measures in their order, for every reader."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from experiments.does_geometry_matter.measured import LABELS, SAYS, Ranked
from experiments.does_geometry_matter.readers import READERS, SPARSITIES
from experiments.study import Sheet, where
from simgeo import plots

VALUES = {"given_both": "rank correlation", "skill": "skill"}


def draw_ranking(ranked: Ranked, sheet: Sheet) -> pd.DataFrame:
    """The measures in order, for every reader: rank correlation, and skill.

    A narrow figure has the rank correlation of the first and the last reader.
    """
    table = ranked.table
    readers = (READERS[0], READERS[-1]) if sheet.narrow else READERS
    values = list(VALUES)[:1] if sheet.narrow else list(VALUES)
    drawn = where(table, sparsity=SPARSITIES[0])
    sizes = drawn.groupby("measure")["given_both"].apply(lambda x: x.abs().mean())
    # But the width, and what is the same for all students.
    order = ["student_dim", *sizes.dropna().sort_values().index]
    places = np.arange(len(order))
    for ax, value, reader in sheet.grid(values, readers, (3.6, 2.8), sharex="row"):
        first = where(drawn, reader=reader).set_index("measure").loc[order]
        _interval(first, value, ax)
        ax.set(xlim=(-1.05, 1.05), xlabel=VALUES[value])
        for sparsity, (shape, shift) in _OTHERS.items():
            other = where(table, reader=reader, sparsity=sparsity).set_index("measure")
            if len(other):
                ax.plot(other.loc[order, value], places + shift, shape, **_SMALL)
        if value == values[0]:
            ax.plot(first["pooled"], places, "x", color="0.6", ms=3)
            ax.set_title(SAYS[reader])
    first = f"given width and teacher; skill (sparsity {SPARSITIES[0]:g})"
    others = {
        first: {"marker": "o", "color": "black", "ms": 3},
        "pooled": {"marker": "x", "color": "0.6", "ms": 3},
    }
    others |= {
        f"sparsity {sparsity:g}": {"marker": shape} | _SMALL
        for sparsity, (shape, _) in _OTHERS.items()
    }
    sheet.legend(
        remark=f"\n{_RANKING}",
        ncols=2 if sheet.narrow else 4,
        others=[
            Line2D([], [], ls="", label=text, **options)
            for text, options in others.items()
        ],
    )
    return table


_RANKING = (
    "Cells are medians over seeds. Skill: one minus the mean error at a teacher left "
    "out, of a monotone function of the measure at every width,\nover that of the mean "
    "at every width; cut at -1. Bars: 95 %, resampling teachers and objectives. In "
    "order of the mean size over readers. Not shown: vectors\northogonal to all "
    "others, of which no student has any."
)
_OTHERS = dict(zip(SPARSITIES[1:], (("v", 0.3), ("^", -0.3)), strict=True))
_SMALL = {"color": "0.45", "ms": 3, "mew": 0}


def _interval(part: pd.DataFrame, name: str, ax: Axes) -> None:
    places = range(len(part))
    ax.hlines(places, part[f"{name}_low"], part[f"{name}_high"], color="0.2", lw=0.9)
    ax.plot(part[name], places, "o", color="black", ms=3)
    ax.axvline(0, color="0.3", ls=plots.LEVELS["chance"][1], lw=0.8, zorder=0)
    ax.set_yticks(places, [LABELS[str(each)] for each in part.index])
