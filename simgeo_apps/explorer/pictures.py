"""What came of a run, as pictures, a sentence and numbers."""

import base64
import io
import json

import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Float
from matplotlib import colors
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, NullLocator

from simgeo import linalg, measures, plots, results
from simgeo_apps.explorer.controls import NUMBERS

PAIRS = "preserved, lost and gained pairs"
SHOWN = (PAIRS, "cosines", "inner products")
_DPI = 160  # more than what is shown, for screens with many pixels
# No picture lays itself out, no label is a formula, and there are no small ticks: each
# of these takes longer than the rest of the picture.
_SIDE, _HIGH = 3.6, 3.1


def curves(data: xr.Dataset) -> tuple[str, str]:
    """Loss, and pattern agreement with its levels, over the steps: two pictures."""
    with plots.style():
        pairs = [_blank() for _ in range(2)]
        (loss, left), (agreement, right) = pairs
        plots.run_summary(results.frame(data), (left, right))
        for ax in (left, right):
            ax.xaxis.set_major_formatter("{x:g}")
            for axis in (ax.xaxis, ax.yaxis):
                axis.set_minor_locator(NullLocator())
            ax.set_ylabel(ax.get_ylabel().replace("$-$", "\N{MINUS SIGN}"))
        left.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.0e}"))
        legend = right.get_legend()
        right.legend(
            handles=legend.legend_handles,
            labels=[_NAMES.get(text.get_text(), text.get_text())
                    for text in legend.get_texts()],
            loc="lower left", bbox_to_anchor=(-0.2, 1.0), ncols=2, frameon=False,
            fontsize=6, handlelength=1.5, columnspacing=1, borderaxespad=0.1,
        )  # fmt: skip
        right.set_ylabel("")
        left.set_title("thin: a seed, thick: the median", fontsize=6, loc="left")
        return _png(loss), _png(agreement)


_NAMES = {
    "truncated SVD of the teacher": "SVD baseline",
    "fraction of orthogonal\npairs, student": "orthogonal pairs, student",
    "the same, teacher": "orthogonal pairs, teacher",
}


def maps(data: xr.Dataset, shown: str) -> tuple[str, str]:
    """All pairs of the first seed's teacher and student: two pictures.

    Like vectors of the teacher stand side by side, in both.

    Args:
        shown: one of `SHOWN`: below the diagonal which orthogonal pairs are preserved,
            lost and gained, and above it |cosine|; or cosines or inner products alone,
            each with a scale of its own.
    """
    of = {name: jnp.asarray(data[name].values[0]) for name in ("teacher", "student")}
    cosines = {name: np.asarray(linalg.cosines(each)) for name, each in of.items()}
    order = np.ix_(*[plots.order_of(cosines["teacher"])] * 2)
    epsilon = json.loads(data.attrs["settings"])["epsilon"]
    drawn = []
    for name, vectors in of.items():
        with plots.style():
            figure, ax = _blank(0.03, 0.1)
            if shown == PAIRS:
                given = [cosines[each][order] for each in ("teacher", name)]
                _fates(*given, epsilon, ax)
                _fate_legend(name, ax)
            else:
                products = np.asarray(linalg.gram(vectors))
                values = cosines[name] if shown == "cosines" else products
                plots.pairs_map(values[order], ax, "")
            ax.set_title(name)
            drawn.append(_png(figure))
    return drawn[0], drawn[1]


def sentence(data: xr.Dataset) -> str:
    """What became of the orthogonal pairs of the first seed's teacher."""
    end = data.isel(seed=0, step=-1)
    there, here, both = (
        int(end[f"pairs_{name}"]) for name in ("teacher", "student", "both")
    )
    return (
        f"The student of the first seed preserves {both} of the teacher's {there} "
        f"orthogonal pairs, loses {there - both} and gains {here - both}."
    )


def numbers(data: xr.Dataset) -> list[dict[str, str]]:
    """Medians over seeds at the first and last record, beside their levels.

    The optimum is that of the loss, the ceiling that of a fraction of pairs; "-" stands
    where there is none.
    """
    rows = {"loss": "loss"} | {name: measures.MEASURES[name].label for name in NUMBERS}
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


def _fates(
    teacher: Float[np.ndarray, "n n"],
    student: Float[np.ndarray, "n n"],
    epsilon: float,
    ax: Axes,
) -> None:
    """|cosine| of every pair above the diagonal, and its fate below."""
    there, here = (np.abs(each) <= epsilon for each in (teacher, student))
    below = np.tri(len(teacher), k=-1, dtype=bool)
    picture = 1 - 0.9 * np.clip(np.abs(student) / 0.7, 0, 1)[..., None] * np.ones(3)
    fates = {
        "preserved": there & here,
        "lost": there & ~here,
        "gained": ~there & here,
        "in neither": ~there & ~here,
    }
    for fate, chosen in fates.items():
        picture[chosen & below] = colors.to_rgb(plots.FATES[fate])
    np.einsum("iik->ik", picture)[:] = 1
    ax.imshow(picture, interpolation="none")
    ax.set(xticks=[], yticks=[])
    ax.spines[["top", "right"]].set_visible(True)


def _fate_legend(name: str, ax: Axes) -> None:
    says = {fate: fate for fate in ("preserved", "lost", "gained", "in neither")}
    if name == "teacher":
        says = {"preserved": "orthogonal", "in neither": "not orthogonal"}
    ax.legend(
        handles=[Patch(fc=plots.FATES[fate], label=label)
                 for fate, label in says.items()],
        loc="upper center", bbox_to_anchor=(0.5, 0), ncols=4, frameon=False,
        fontsize=7, handlelength=1, columnspacing=1, handletextpad=0.4,
    )  # fmt: skip


def _shown(values: xr.DataArray | None) -> str:
    median = np.nan if values is None else float(values.median(skipna=True))
    return "-" if np.isnan(median) else f"{median:.4g}"


def _blank(left: float = 0.2, bottom: float = 0.14) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(_SIDE, _HIGH), layout="none")
    return figure, figure.add_axes((left, bottom, 0.97 - left, 0.84 - bottom))


def _png(figure: Figure) -> str:
    """As an address that holds the picture: a file would be gone when the next run
    replaces it, perhaps before a browser has asked for it."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=_DPI)
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"
