"""Every run: the area of every reader against the measures; and these in order."""

from typing import NamedTuple

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
from experiments.study import Sheet, where
from simgeo import measures, objectives, plots


class Ranked(NamedTuple):
    """Every run, sparsity and reader; and how well measures predict readers."""

    runs: pd.DataFrame
    table: pd.DataFrame


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


def draw(ranked: Ranked, sheet: Sheet) -> pd.DataFrame:
    """Every run: the area of every reader against the measures.

    A narrow figure has the first and the last reader, the count and the leader.
    """
    readers = (READERS[0], READERS[-1]) if sheet.narrow else READERS
    always = ALWAYS[:1] if sheet.narrow else ALWAYS
    drawn = where(ranked.runs, sparsity=SPARSITIES[0])
    table = where(ranked.table, sparsity=SPARSITIES[0])
    colour = colours(list(drawn["objective"].unique()))
    widths = sorted(drawn["student_dim"].unique(), reverse=True)
    marker = dict(zip(widths, MARKERS, strict=False))
    names: list[str | None] = [*always, None]  # the last is the leader of each reader
    for ax, reader, name in sheet.grid(readers, names, (1.6, 2.1), sharex=False):
        measure = name or leader(ranked.table, reader)
        part = where(drawn, reader=reader).sample(frac=1, random_state=0)
        for width, shape in marker.items():
            runs = where(part, student_dim=width)
            options = {"s": 4, "alpha": 0.6, "lw": 0, "rasterized": True}
            options |= {"marker": shape, "c": list(runs["objective"].map(colour))}
            ax.scatter(runs[measure], runs["area"], **options)
        _limits(part, ax)
        if name is None or reader == READERS[-1]:
            ax.set_xlabel(LABELS[measure], fontsize=7)
        if name == always[0]:
            ax.set_ylabel(f"{SAYS[reader]}\narea under ROC")
        ranks = where(table, reader=reader, measure=measure).iloc[0]
        pooled, given = ranks["pooled"], ranks["given_both"]
        ax.set_title(f"{pooled:.2f}; given m, T {given:.2f}", fontsize=7)
    sheet.legend(remark=f"\n{_READING}", others=_handles(colour, marker))
    columns = [*RUN, "reader", "area", "area_plain", "teacher_area", *CANDIDATES[1:]]
    return drawn[columns]


def _handles(colour: dict, marker: dict) -> list[Line2D]:
    """Lines of the legend."""
    said = [
        (name, {"color": each, "marker": "o", "ls": "", "ms": 4})
        for name, each in colour.items()
    ]
    said += [
        (f"m = {width}", {"color": "0.4", "marker": shape, "ls": "", "ms": 4})
        for width, shape in marker.items()
    ]
    levels = {"chance": "chance", "a teacher itself": "ceiling"}
    said += [
        (text, {"color": "0.3", "ls": plots.LEVELS[kind][1], "lw": 0.8})
        for text, kind in levels.items()
    ]
    return [Line2D([], [], label=text, **options) for text, options in said]


_READING = (
    "Above the panels: Spearman's correlation over cells, pooled; and given the width "
    "m and the teacher T.\nLast column: the best of the other measures, given both."
)


def _limits(part: pd.DataFrame, ax: Axes) -> None:
    ax.axhline(0.5, color="0.3", ls=plots.LEVELS["chance"][1], lw=0.8, zorder=0)
    for level in part.groupby("teacher")["teacher_area"].median():
        ax.axhline(level, color="0.3", ls=plots.LEVELS["ceiling"][1], lw=0.5, zorder=0)


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
