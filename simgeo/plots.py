"""Figures from tidy frames: axes in, axes out. Imports neither jax nor simgeo."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

FLOOR = 1e-8  # relative losses below it are rounding, and are drawn there

_COLOURS = sns.color_palette("colorblind")
# One colour per distance; the line tells what is centred or unsquared.
STYLES: dict[str, tuple] = {
    "CKA": (_COLOURS[3], "-", "o"),
    "CKA, uncentred": (_COLOURS[1], "--", "s"),
    "Projection": (_COLOURS[7], "-", "X"),
    "Procrustes": (_COLOURS[0], "-", "^"),
    "Procrustes, unsquared": (_COLOURS[0], ":", "v"),
    "Procrustes, centred, normalised": (_COLOURS[9], "--", "v"),
    "Gram": (_COLOURS[2], "-", "D"),
    "Gram, centred": (_COLOURS[8], "--", "P"),
}
RC = {
    "font.size": 8,
    "axes.titlesize": 8,
    "axes.labelsize": 8,
    "legend.fontsize": 7,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "pdf.fonttype": 42,
    "svg.hashsalt": "simgeo",
    "figure.constrained_layout.use": True,
    "savefig.dpi": 300,
}


def style():
    """Context in which the figures are made; no global setting changes."""
    return rc_context(RC)


def save(figure: Figure, folder: Path, name: str, frame: pd.DataFrame) -> None:
    """PDF, PNG and the csv that was drawn, byte-identical when repeated."""
    folder.mkdir(parents=True, exist_ok=True)
    figure.savefig(folder / f"{name}.pdf", metadata={"CreationDate": None})
    figure.savefig(folder / f"{name}.png")
    frame.to_csv(folder / f"{name}.csv", index=False, float_format="%.6g")


def loss_against_geometry(frame: pd.DataFrame, measure: str, ax: Axes) -> Axes:
    """One curve per seed in the (relative loss, kept geometry) plane.

    `frame` has `objective`, `seed`, `relative_loss`, the measure and its `chance_` and
    `svd_` levels, in the order of the steps.
    """
    for objective, runs in frame.groupby("objective", sort=False):
        colour, line, marker = STYLES[objective]
        for _, run in runs.groupby("seed"):
            loss = np.maximum(run["relative_loss"], FLOOR)
            ax.plot(loss, run[measure], line, color=colour, lw=0.5, alpha=0.4)
            ax.plot(
                loss.iloc[-1:], run[measure].iloc[-1:], marker, color=colour, ms=3.5
            )
    _levels(frame, measure, ax)
    ax.set(xscale="log", xlim=(FLOOR / 3, 30), ylim=(-0.15, 1.08))
    return ax


def over_steps(frame: pd.DataFrame, measure: str, ax: Axes) -> Axes:
    """Every seed thin and the median thick, over the steps."""
    for objective, runs in frame.groupby("objective", sort=False):
        colour, line, _ = STYLES[objective]
        for _, run in runs.groupby("seed"):
            ax.plot(run["step"], run[measure], line, color=colour, lw=0.4, alpha=0.25)
        middle = runs.groupby("step")[measure].median()
        ax.plot(middle.index, middle, line, color=colour, lw=1.4)
    _levels(frame, measure, ax)
    ax.set_xscale("symlog", linthresh=1)
    ax.set_xlim(0, frame["step"].max())
    return ax


def distance_grid(frame: pd.DataFrame, ax: Axes, **options) -> Axes:
    """Heat map of log10 of the relative distance, optimised (rows) by recorded."""
    table = frame.pivot(index="optimised", columns="recorded", values="relative")
    table = table.reindex(
        index=frame["optimised"].unique(), columns=frame["recorded"].unique()
    )
    logs = np.log10(np.maximum(table, FLOOR))
    sns.heatmap(logs, ax=ax, annot=True, fmt=".0f", vmin=-8, vmax=1, **options)
    ax.set(xlabel="recorded", ylabel="optimised")
    return ax


def legend(figure: Figure, objectives: list[str], levels: Mapping[str, str]) -> None:
    """One legend under the panels, with the reference levels."""
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], color=c, ls=ls, marker=mk, ms=4, label=name)
        for name, (c, ls, mk) in STYLES.items()
        if name in objectives
    ]
    handles += [
        Line2D([], [], color="0.3", ls=ls, lw=1, label=label)
        for label, ls in levels.items()
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=3, frameon=False)


LEVELS = {"chance": ":", "truncated SVD of the teacher": "-."}


def _levels(frame: pd.DataFrame, measure: str, ax: Axes) -> None:
    for kind, line in (("chance", ":"), ("svd", "-.")):
        level = frame[f"{kind}_{measure}"].median()
        if np.isfinite(level):
            ax.axhline(level, color="0.3", ls=line, lw=0.8, zorder=0)
