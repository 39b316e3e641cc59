"""Every run, and the measures in their order."""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from experiments.does_geometry_matter.predicting import (
    ALWAYS,
    CANDIDATES,
    MEASURES,
    leader,
)
from experiments.does_geometry_matter.readers import READERS, RUN, SPARSITIES
from simgeo import measures, objectives, plots

LABELS = {"student_dim": "width m"} | {
    name: measures.MEASURES[name].label for name in MEASURES
}
LABELS["fraction_student"] = "fraction of pairs (count)"
LABELS |= {
    f"distance_{name}": f"distance: {each.label}"
    for name, each in objectives.STANDARD.items()
}
SAYS = {
    "rotated": "teacher's readout,\nstudent rotated",
    "mapped": "teacher's readout,\nstudent mapped",
    "fitted": "readout fitted\nto the student",
    "own": "student's own\ndirections",
}
MARKERS = "o^s"
# For objectives without a colour of their own elsewhere.
MORE = ("#8c2d04", "#d4b106", "#7cb342", "#ff1493", "#1a237e")


def colours(names: list[str]) -> dict[str, object]:
    """Those that objectives have everywhere, and more for the others."""
    others = [name for name in names if name not in plots.STYLES]
    more = dict(zip(others, MORE, strict=False))
    return {name: more.get(name) or plots.STYLES[name][0] for name in names}


def draw(
    runs: pd.DataFrame,
    table: pd.DataFrame,
    folder: Path,
    note: str,
    narrow: bool = False,
) -> None:
    """Every run: the area of every reader against the measures.

    A narrow figure has the first and the last reader, the count and the leader.
    """
    readers = (READERS[0], READERS[-1]) if narrow else READERS
    always = ALWAYS[:1] if narrow else ALWAYS
    drawn = runs[runs["sparsity"] == SPARSITIES[0]]
    colour = colours(list(drawn["objective"].unique()))
    widths = sorted(drawn["student_dim"].unique(), reverse=True)
    marker = dict(zip(widths, MARKERS, strict=False))
    with plots.style(narrow):
        figure, axes = plots.panels(
            len(readers), len(always) + 1, 2.1 if narrow else 1.6, narrow, sharey=True
        )
        for row, reader in zip(axes, readers, strict=True):
            part = drawn[drawn["reader"] == reader].sample(frac=1, random_state=0)
            ranks = table[
                (table["reader"] == reader) & (table["sparsity"] == SPARSITIES[0])
            ].set_index("measure")
            for ax, name in zip(row, (*always, leader(table, reader)), strict=True):
                for width, shape in marker.items():
                    one = part[part["student_dim"] == width]
                    ax.scatter(
                        one[name],
                        one["area"],
                        s=4,
                        marker=shape,
                        c=list(one["objective"].map(colour)),
                        alpha=0.6,
                        lw=0,
                        rasterized=True,
                    )
                _limits(part, ax)
                if name not in always or reader == READERS[-1]:
                    ax.set_xlabel(LABELS[name], fontsize=7)
                pooled, given = ranks.loc[name, ["pooled", "given_both"]]
                ax.set_title(f"{pooled:.2f}; given m, T {given:.2f}", fontsize=7)
            row[0].set_ylabel(f"{SAYS[reader]}\narea under ROC")
        others = [
            Line2D([], [], color=each, marker="o", ls="", ms=4, label=name)
            for name, each in colour.items()
        ]
        others += [
            Line2D([], [], color="0.4", marker=shape, ls="", ms=4, label=f"m = {width}")
            for width, shape in marker.items()
        ]
        others += [
            Line2D([], [], color="0.3", ls=dashes, lw=0.8, label=text)
            for text, dashes in (
                ("chance", plots.LEVELS["chance"][1]),
                ("a teacher itself", plots.LEVELS["ceiling"][1]),
            )
        ]
        plots.legend(figure, levels=(), note=f"{note}\n{_READING}", others=others)
        names = [*RUN, "reader", "area", "area_plain", "teacher_area", *CANDIDATES[1:]]
        plots.save(figure, folder, "does_geometry_matter", drawn[names], narrow)
        plt.close(figure)


_READING = (
    "Above the panels: Spearman's correlation over cells, pooled; and given the width "
    "m and the teacher T.\nLast column: the best of the other measures, given both."
)


def _limits(part: pd.DataFrame, ax: Axes) -> None:
    ax.axhline(0.5, color="0.3", ls=plots.LEVELS["chance"][1], lw=0.8, zorder=0)
    for level in part.groupby("teacher")["teacher_area"].median():
        ax.axhline(level, color="0.3", ls=plots.LEVELS["ceiling"][1], lw=0.5, zorder=0)


def draw_ranking(
    table: pd.DataFrame, folder: Path, note: str, narrow: bool = False
) -> None:
    """The measures in order, for every reader: rank correlation, and skill.

    A narrow figure has the rank correlation of the first and the last reader.
    """
    readers = (READERS[0], READERS[-1]) if narrow else READERS
    values = ("given_both",) if narrow else ("given_both", "skill")
    drawn = table[table["sparsity"] == SPARSITIES[0]]
    sizes = drawn.groupby("measure")["given_both"].apply(lambda x: x.abs().mean())
    # But the width, and what is the same for all students.
    order = ["student_dim", *sizes.dropna().sort_values().index]
    with plots.style(narrow):
        figure, axes = plots.panels(
            len(values),
            len(readers),
            2.8 if narrow else 3.6,
            narrow,
            sharex="row",
            sharey=True,
        )
        for column, reader in zip(axes.T, readers, strict=True):
            part = table[table["reader"] == reader]
            main = part[part["sparsity"] == SPARSITIES[0]].set_index("measure")
            for ax, name in zip(column, values, strict=True):
                _interval(main.loc[order], name, ax)
                ax.set_xlim(-1.05, 1.05)
            for sparsity, (shape, shift) in _OTHERS.items():
                other = part[part["sparsity"] == sparsity].set_index("measure")
                for ax, name in zip(column, values, strict=True):
                    if len(other):
                        places = np.arange(len(order)) + shift
                        ax.plot(other.loc[order, name], places, shape, **_SMALL)
            column[0].plot(
                main.loc[order, "pooled"], range(len(order)), "x", color="0.6", ms=3
            )
            column[0].set_title(SAYS[reader])
        for row, text in zip(axes, ("rank correlation", "skill"), strict=False):
            for ax in row:
                ax.set_xlabel(text)
        others = [
            Line2D([], [], ls="", label=text, **options)
            for text, options in (
                (
                    f"given width and teacher; skill (sparsity {SPARSITIES[0]:g})",
                    {"marker": "o", "color": "black", "ms": 3},
                ),
                ("pooled", {"marker": "x", "color": "0.6", "ms": 3}),
                *(
                    (f"sparsity {sparsity:g}", {"marker": shape} | _SMALL)
                    for sparsity, (shape, _) in _OTHERS.items()
                ),
            )
        ]
        ncols, told = 2 if narrow else 4, f"{note}\n{_RANKING}"
        plots.legend(figure, levels=(), note=told, ncols=ncols, others=others)
        plots.save(figure, folder, "does_geometry_matter_ranking", table, narrow)
        plt.close(figure)


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
