"""Cosines of pairs: in which order, and of one side against those of the other."""

from collections.abc import Mapping
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import scipy  # whose parts are imported when they are asked for
from jaxtyping import Float, Int
from matplotlib.figure import Figure

from simgeo.plots._grammar import FATES
from simgeo.plots._layout import COLUMN, wrapped


def order_of(cosines: Float[np.ndarray, "n n"]) -> Int[np.ndarray, " n"]:
    """Vectors of like |cosines| side by side: the leaves of an average-linkage tree."""
    if len(cosines) < 2:
        return np.arange(len(cosines))
    apart = np.clip(1.0 - np.abs(cosines), 0.0, None)
    np.fill_diagonal(apart, 0.0)
    apart = scipy.spatial.distance.squareform((apart + apart.T) / 2)
    tree = scipy.cluster.hierarchy.linkage(apart, "average", optimal_ordering=True)
    return scipy.cluster.hierarchy.leaves_list(tree)


def pair_cosines(
    frame: pd.DataFrame, counts: Mapping[str, Any], epsilon: float
) -> Figure:
    """The cosine of every pair in student and teacher, with lines at epsilon.

    Args:
        frame: `student` and `teacher`, the cosines of a pair, and `fate`, whether it is
            epsilon-orthogonal: `preserved` in both, `lost` in the teacher only,
            `gained` in the student only, or `in neither`. Some of the pairs, if all
            are too many.
        counts: of every fate, over all pairs, and the labels `A` of the student and `B`
            of the teacher.
    """
    figure, ax = plt.subplots(figsize=(COLUMN, COLUMN + 0.6))
    for line in (-epsilon, epsilon):
        ax.axvline(line, color="0.5", lw=0.6, zorder=0)
        ax.axhline(line, color="0.5", lw=0.6, zorder=0)
    for fate, colour in FATES.items():
        pairs = frame[frame["fate"] == fate]
        ax.scatter(
            pairs["teacher"],
            pairs["student"],
            s=2,
            color=colour,
            alpha=0.4,
            linewidths=0,
            rasterized=True,
            label=f"{fate}: {counts[fate]:,}",
        )
    ax.set_xlabel(wrapped(f"cosine in B, {counts['B']}", 2.4))
    ax.set_ylabel(wrapped(f"cosine in A, {counts['A']}", 2.4))
    handles, labels = ax.get_legend_handles_labels()
    legend = figure.legend(
        handles[::-1], labels[::-1], loc="outside upper center", ncols=2, markerscale=4
    )
    for handle in legend.legend_handles:
        if handle is not None:
            handle.set_alpha(1)
    return figure
