"""Matrices of all pairs."""

import numpy as np
import seaborn as sns
from matplotlib.axes import Axes


def pairs_map(values: np.ndarray, ax: Axes, title: str) -> Axes:
    """Heat map of cosines or inner products, symmetric about zero.

    Up to one as a cosine; where products are longer, up to the longest.
    """
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
