"""What came of a run, as pictures and numbers."""

import base64
import io

import numpy as np
from jaxtyping import Float
from matplotlib.figure import Figure

from simgeo import measures, plots, results, settings
from simgeo.problems import Experiment, Trajectory

_DPI = 200  # twice what is shown, for screens with many pixels
_NUMBERS = ("matthews", "pattern_recall", "fraction_student", "fraction_teacher",
            "cosine_correlation", "gram_error", "cka", "cka_uncentred",
            "procrustes_similarity", "coherence", "effective_rank")  # fmt: skip


def curves(cell: Experiment, found: Trajectory) -> tuple[str, str]:
    """Loss, and kept geometry with chance and limit, over the steps: two pictures."""
    dataset = results.dataset(
        settings=settings.describe(cell),
        precision=str(found.student.dtype),
        **found._asdict(),
    )
    with plots.style():
        figures = Figure(figsize=(3.2, 2.7)), Figure(figsize=(3.2, 3.9))
        axes = tuple(figure.subplots() for figure in figures)
        frame = results.summary_frame(dataset, cell.objective.label)
        plots.run_summary(frame, axes)
        legend = axes[1].get_legend()
        if legend is not None:  # under the axes, so that a phone shows both large
            legend.set_loc("upper center")
            legend.set_bbox_to_anchor((0.5, -0.2), transform=axes[1].transAxes)
        return _png(figures[0]), _png(figures[1])


def maps(found: Trajectory, of_cosines: bool) -> tuple[str, str]:
    """All pairs of the first seed's teacher and student: two pictures.

    Args:
        of_cosines: cosines; otherwise inner products, each with a scale of its own.
    """
    pictures = []
    for name, vectors in (("teacher", found.teacher[0]), ("student", found.student[0])):
        with plots.style():
            figure = Figure(figsize=(2.9, 2.4))
            plots.pairs_map(_products(vectors, of_cosines), figure.subplots(), name)
            pictures.append(_png(figure))
    return pictures[0], pictures[1]


def numbers(found: Trajectory) -> list[dict[str, str]]:
    """Medians over seeds at the last record, beside chance and limits."""
    return [
        _row("loss", "loss", found, found.references.get("optimum_loss")),
        *(_row(name, measures.MEASURES[name].label, found, None) for name in _NUMBERS),
    ]


def _row(
    name: str, label: str, found: Trajectory, limit: Float[np.ndarray, " s"] | None
) -> dict[str, str]:
    levels = found.references
    if limit is None:
        limit = levels.get(f"ceiling_{name}")
    return {
        "": label,
        "start": _shown(found.records[name][:, 0]),
        "end": _shown(found.records[name][:, -1]),
        "chance": _shown(levels.get(f"chance_{name}")),
        "truncated SVD": _shown(levels.get(f"svd_{name}")),
        "limit": _shown(limit),
    }


def _shown(values: Float[np.ndarray, " s"] | None) -> str:
    known = np.array([]) if values is None else values[~np.isnan(values)]
    return f"{np.median(known):.4g}" if known.size else "-"


def _products(
    vectors: Float[np.ndarray, "n k"], of_cosines: bool
) -> Float[np.ndarray, "n n"]:
    if of_cosines:
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        vectors = vectors / np.where(lengths > 0, lengths, 1)
    return vectors @ vectors.T


def _png(figure: Figure) -> str:
    """As an address that holds the picture: a file would be gone when the next run
    replaces it, perhaps before a browser has asked for it."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=_DPI)
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"
