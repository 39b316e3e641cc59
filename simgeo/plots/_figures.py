"""Figures of studies and of one run."""

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from simgeo.plots import _grammar
from simgeo.plots._grammar import FLOOR, LEVELS, in_order, level_handles, style_of
from simgeo.plots._legend import inches


def loss_against_geometry(frame: pd.DataFrame, measure: str, ax: Axes) -> Axes:
    """One curve per seed in the (relative loss, measure) plane.

    `frame` has `objective`, `seed`, `relative_loss`, `relative_optimum`, the measure
    and its `chance_` and `svd_` levels, in the order of the steps. A marker is the end
    of a run, a tick on the axis the optimum of that objective.

    Args:
        frame: rows of runs, one for each seed and step, as `results.open(...).frame`
            gives.
        measure: the column that is drawn.
        ax: of matplotlib, to draw into.
    """
    for objective, runs in frame.groupby("objective", sort=False):
        style = style_of(str(objective))
        colour, line = style.colour, style.line
        for _, run in runs.groupby("seed"):
            loss = np.maximum(run["relative_loss"], FLOOR)
            ax.plot(loss, run[measure], ls=line, color=colour, lw=0.5, alpha=0.4)
            ax.plot(loss.iloc[-1:], run[measure].iloc[-1:], ms=3.5, **style.marks)
        optimum = runs["relative_optimum"].median()
        if optimum > FLOOR:
            ax.axvline(optimum, ymax=0.06, color=colour, lw=1.4)
    _grammar.levels(frame, measure, ax)
    ax.set(xscale="log", xlim=(FLOOR / 3, 30), ylim=(-0.15, 1.08))
    _grammar.rounding(ax)
    return ax


def over_steps(frame: pd.DataFrame, measure: str, ax: Axes) -> Axes:
    """Every seed thin and the median thick, over the steps.

    Args:
        frame: rows of runs, one for each seed and step, as `results.open(...).frame`
            gives; or of `joined`.
        measure: the column that is drawn.
        ax: of matplotlib, to draw into.
    """
    run_of = [name for name in ("member", "seed") if name in frame]
    for place, (objective, runs) in enumerate(frame.groupby("objective", sort=False)):
        style = style_of(str(objective))
        for _, run in runs.groupby(run_of):
            options = {"ls": style.line, "color": style.colour, "lw": 0.4}
            ax.plot(run["step"], run[measure], alpha=0.25, **options)
        middle = runs.groupby("step")[measure].median()
        every = max(1, len(middle) // 6)
        options = {"ms": 3.5, "markevery": (place % every, every), "lw": 1.3}
        _median(ax, middle, str(objective), **options)
    _grammar.levels(frame, measure, ax)
    ax.set_xscale("symlog", linthresh=1)
    ax.set_xlim(0, frame["step"].max())
    return ax


def ends(frame: pd.DataFrame, measure: str, ax: Axes) -> Axes:
    """One row per objective, in groups: every seed's value, and the median as a bar.

    `frame` has one row per objective and seed.

    Args:
        frame: rows at the end of runs, one for each seed.
        measure: the column that is drawn.
        ax: of matplotlib, to draw into.
    """
    present = in_order(frame["objective"])
    runs = frame.groupby("objective")[measure]
    _grammar.strip([runs.get_group(name).to_numpy() for name in present], present, ax)
    _grammar.levels(frame, measure, ax, upright=True)
    return ax


def over_setting(frame: pd.DataFrame, setting: str, measure: str, ax: Axes) -> Axes:
    """Every seed as a point, the median as a line.

    `frame` has one row per objective, setting and seed, and levels that may depend on
    the setting. Of lines that coincide those beneath are wider, so that all are seen.

    Args:
        frame: rows at the end of runs, one for each seed; or of `joined`.
        setting: the column along x.
        measure: the column that is drawn.
        ax: of matplotlib, to draw into.
    """
    frame = frame.assign(_at=frame[setting].round(6))
    above = _num_above(frame, measure) if ax.get_yscale() == "linear" else {}
    for objective, runs in frame.groupby("objective", sort=False):
        colour = style_of(str(objective)).colour
        ax.plot(
            runs[setting], runs[measure], ".", color=colour, ms=2.5, alpha=0.3, mew=0
        )
        middle = runs.groupby("_at")[measure].median()
        wider = above.get(objective, 0)
        _median(ax, middle, str(objective), lw=1.2 + wider, ms=3.5 + 1.2 * wider)
    levels_over(frame, frame["_at"], measure, ax)
    return ax


def _num_above(frame: pd.DataFrame, measure: str) -> dict[str, int]:
    """How many lines that coincide with that of an objective are drawn over it."""
    drawn = [*frame["objective"].unique()]
    return {
        name: sum(drawn.index(other) > drawn.index(name) for other in others)
        for others in _grammar.coinciding(frame, measure, ["_at"], in_groups=False)
        for name in others
    }


def _median(ax: Axes, middle: pd.Series, objective: str, **options) -> None:
    style = style_of(objective)
    options |= {"ls": style.line, "label": objective} | style.marks
    ax.plot(middle.index, middle, **options)


def levels_over(frame: pd.DataFrame, at: pd.Series, measure: str, ax: Axes) -> None:
    """The medians of the levels that the frame has, over these places."""
    for kind, (label, line) in LEVELS.items():
        if f"{kind}_{measure}" in frame:
            level = frame.groupby(at)[f"{kind}_{measure}"].median()
            options = {"ls": line, "lw": 0.9, "zorder": 0, "label": label}
            ax.plot(level.index, level, color="0.3", **options)


def fractions(table: pd.DataFrame, ax: Axes) -> Axes:
    """Heat map of fractions, cut to two digits so that 1.00 means all."""
    import seaborn as sns  # for which nobody else waits

    cut = np.floor(table * 100 + 1e-9) / 100
    sns.heatmap(
        table, annot=cut, fmt=".2f", ax=ax, vmin=0, vmax=1, cmap="cividis", cbar=False
    )
    ax.tick_params(axis="y", rotation=0)
    return ax


def pairs_map(values: np.ndarray, ax: Axes, title: str) -> Axes:
    """Heat map of cosines or inner products, symmetric about zero.

    Up to one as a cosine; where products are longer, up to the longest.

    Args:
        values: of all pairs, of shape (n, n).
        ax: of matplotlib, to draw into.
        title: above the map.
    """
    import seaborn as sns  # for which nobody else waits

    most = max(1.0, float(np.max(np.abs(values)))) if values.size else 1.0
    most = 1.0 if most < 1.001 else most
    sns.heatmap(
        values,
        ax=ax,
        vmin=-most,
        vmax=most,
        cmap="vlag",
        square=True,
        xticklabels=False,
        yticklabels=False,
        cbar_kws={"shrink": 0.8},
    )
    ax.set_title(title)
    return ax


def coherences(frame: pd.DataFrame, ax: Axes) -> Axes:
    """Coherence over the number of vectors: reached, known, bounds, random."""
    x = frame["num_vectors"]
    for column, label, options in (
        ("random", "random vectors, median (upper bound)", {"ls": (0, (1, 1.5))}),
        ("welch", "Welch's bound", {"ls": "-", "color": "0.7"}),
        ("bound", "largest lower bound", {"ls": "-", "color": "black"}),
    ):
        ax.plot(x, frame[column], lw=1, label=label, **{"color": "0.3"} | options)
    ax.plot(x, frame["known"], "x", color="0.5", ms=6, label="known construction")
    ax.plot(x, frame["reached"], "o", color="0.1", ms=3, label="optimised")
    ax.set_ylim(0, 1)
    ax.xaxis.set_major_locator(MaxNLocator("auto", integer=True))
    return ax


def frontier(frame: pd.DataFrame, ax: Axes) -> Axes:
    """Least CKA loss found and its floor over the share of pairs lost, per margin."""
    for place, (margin, cells) in enumerate(frame.groupby("margin")):
        says = "lost at epsilon" if margin == 1 else f"lost at {margin:g} epsilon"
        floor = np.maximum(cells["floor"], cells["width_floor"])
        options = {"color": ("0.1", "0.55")[place]}
        ax.plot(cells["asked"], floor, "-", label=f"{says}: floor", **options)
        options |= {"ls": "", "marker": "os"[place], "ms": 3}
        ax.plot(cells["share"], cells["found"], label=f"{says}: found", **options)
    ax.set(yscale="log", xlim=(0, 1.05))
    return ax


def distance_grid(frame: pd.DataFrame, ax: Axes, **options) -> Axes:
    """Heat map of log10 of the relative distance, optimised (rows) by recorded.

    Args:
        frame: rows with `optimised`, `recorded` and the `relative` distance.
        ax: of matplotlib, to draw into.
        options: of `seaborn.heatmap`.
    """
    import seaborn as sns  # for which nobody else waits

    table = frame.pivot(index="optimised", columns="recorded", values="relative")
    table = table.reindex(
        index=frame["optimised"].unique(), columns=frame["recorded"].unique()
    )
    logs = np.log10(np.maximum(table, FLOOR)).round() + 0.0  # and no minus zero
    sns.heatmap(logs, ax=ax, annot=True, fmt=".0f", vmin=-8, vmax=1, **options)
    ax.set_yticklabels(_within(ax, map(str, logs.index)))
    ax.set(xlabel="recorded", ylabel="optimised")
    return ax


def _within(ax: Axes, names: Iterable[str]) -> list[str]:
    """The names, broken where a narrow figure has no room beside its panels."""
    room = 40 if inches(ax.figure) > 5 else 24  # letters
    return [textwrap.fill(name, room) for name in names]


_SUMMARY = {
    "matthews": "pattern agreement",
    "fraction_student": "fraction of orthogonal\npairs, student",
}


def run_summary(
    frame: pd.DataFrame,
    axes: Sequence[Axes],
    measures: Mapping[str, str] = MappingProxyType(_SUMMARY),
) -> Sequence[Axes]:
    """Loss and measures of one experiment over its steps, in two panels.

    Args:
        frame: has `objective`, `seed`, `step`, the loss (`excess_loss`, unless NaN or
            not there, else `relative_loss`, else `loss`) and the measures, with their
            `chance_`, `svd_` and `teacher_` levels where these are known.
        measures: names and labels of those drawn; two at most can be told apart.
    """
    left, right = axes
    name = next(n for n in _LOSSES if n in frame and frame[n].notna().all())
    loss = np.maximum(frame[name], FLOOR)
    _every_seed(frame, loss, left, style_of(frame["objective"].iloc[0]).colour)
    left.set(yscale="log", ylabel=_LOSSES[name])

    handles, drawn = [], []
    colours = (_FIRST, _FRACTION)
    for (name, label), colour in zip(measures.items(), colours, strict=False):
        _every_seed(frame, frame[name], right, colour)
        drawn.append(name)
        handles.append(Line2D([], [], color=colour, label=label))
        of_teacher = _OF_TEACHER_NAMES.get(name, f"teacher_{name}")
        if of_teacher in frame:
            teacher = frame[of_teacher].median()
            right.axhline(teacher, color=colour, ls="--", lw=0.9, zorder=0)
            handles.append(Line2D([], [], color=colour, ls="--", label=_OF_TEACHER))
        for kind in ("chance", "svd"):
            if f"{kind}_{name}" in frame:
                drawn.append(f"{kind}_{name}")
                level = frame[drawn[-1]].median()
                right.axhline(level, color=colour, ls=LEVELS[kind][1], lw=0.9, zorder=0)
    right.set(ylabel="measures")
    if drawn and frame[drawn].abs().max().max() <= 1:
        right.set(ylim=(min(0, frame[drawn].min().min()) - 0.05, 1.05))
    right.legend(
        handles=[*handles, *level_handles(("chance", "svd"))],
        loc="center left",
        bbox_to_anchor=(1, 0.5),
        frameon=False,
        title="thin: a seed, thick: the median",
        title_fontsize=6,
    )
    for ax in axes:
        ax.set_xscale("symlog", linthresh=1)
        ax.set(xlim=(0, frame["step"].max()), xlabel="steps")
    return axes


_FIRST, _FRACTION = "0.1", "#8c510a"  # of no objective
_LOSSES = {
    "excess_loss": "(loss $-$ optimum) / zero student's loss",
    "relative_loss": "loss / zero student's loss",
    "loss": "loss",
}
_OF_TEACHER = "the same, teacher"
_OF_TEACHER_NAMES = {"fraction_student": "fraction_teacher"}


def _every_seed(frame: pd.DataFrame, values: pd.Series, ax: Axes, colour: Any) -> None:
    """Every seed thin and the median thick."""
    for _, run in values.groupby(frame["seed"]):
        ax.plot(frame["step"][run.index], run, color=colour, lw=0.4, alpha=0.35)
    middle = values.groupby(frame["step"]).median()
    ax.plot(middle.index, middle, color=colour, lw=1.4)
