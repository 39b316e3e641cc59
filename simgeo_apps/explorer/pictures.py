"""What came of a run, as pictures and numbers."""

import base64
import io

import jax.numpy as jnp
import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from simgeo import linalg, measures, plots, results

_DPI = 200  # twice what is shown, for screens with many pixels
_NUMBERS = ("matthews", "pattern_recall", "fraction_student", "fraction_teacher",
            "cosine_correlation", "gram_error", "cka", "cka_uncentred",
            "procrustes_similarity", "coherence", "effective_rank")  # fmt: skip


def curves(data: xr.Dataset) -> tuple[str, str]:
    """Loss, and pattern agreement with its levels, over the steps: two pictures."""
    with plots.style():
        figures = Figure(figsize=(3.2, 2.7)), Figure(figsize=(3.2, 3.9))
        axes = tuple(figure.subplots() for figure in figures)
        plots.run_summary(results.frame(data), axes)
        legend = axes[1].get_legend()
        if legend is not None:  # under the axes, so that a phone shows both large
            legend.set_loc("upper center")
            legend.set_bbox_to_anchor((0.5, -0.2), transform=axes[1].transAxes)
        return _png(figures[0]), _png(figures[1])


def maps(data: xr.Dataset, of_cosines: bool) -> tuple[str, str]:
    """All pairs of the first seed's teacher and student: two pictures.

    Args:
        of_cosines: cosines; otherwise inner products, each with a scale of its own.
    """
    products = linalg.cosines if of_cosines else linalg.gram
    pictures = []
    for name in ("teacher", "student"):
        vectors = jnp.asarray(data[name].values[0])
        with plots.style():
            figure = Figure(figsize=(2.9, 2.4))
            plots.pairs_map(np.asarray(products(vectors)), figure.subplots(), name)
            pictures.append(_png(figure))
    return pictures[0], pictures[1]


def numbers(data: xr.Dataset) -> list[dict[str, str]]:
    """Medians over seeds at the first and last record, beside their levels.

    The optimum is that of the loss, the ceiling that of a fraction of pairs; "-" stands
    where there is none.
    """
    rows = {"loss": "loss"} | {name: measures.MEASURES[name].label for name in _NUMBERS}
    return [
        {
            "": label,
            "start": _shown(data[name].isel(step=0)),
            "end": _shown(data[name].isel(step=-1)),
            "chance": _shown(data.get(f"chance_{name}")),
            "SVD baseline": _shown(data.get(f"svd_{name}")),
            "optimum or ceiling": _shown(
                data.get(f"optimum_{name}", data.get(f"ceiling_{name}"))
            ),
        }
        for name, label in rows.items()
    ]


def _shown(values: xr.DataArray | None) -> str:
    median = np.nan if values is None else float(values.median(skipna=True))
    return "-" if np.isnan(median) else f"{median:.4g}"


def _png(figure: Figure) -> str:
    """As an address that holds the picture: a file would be gone when the next run
    replaces it, perhaps before a browser has asked for it."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=_DPI)
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"
