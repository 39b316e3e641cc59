"""Same loss, different geometry: how the picture is drawn from its csv."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from experiments.same_loss.arrows import HIGH, SMALL, axes_at, draw_arrows
from experiments.study import where
from simgeo import plots
from simgeo.plots import FATES


def picture(frame: pd.DataFrame, epsilon: float) -> Figure:
    """The figure, from the ends of runs and the pairs of CKA's students."""
    figure = plt.figure(figsize=(plots.PAGE, HIGH), layout="constrained")
    figure.set_layout_engine("none")  # of none at all, saving makes the usual one
    names = list(dict.fromkeys(frame["teacher"]))
    pairs = frame[frame["first"].notna()]
    runs = frame[frame["first"].isna()]
    for place, name in enumerate(names):
        bottom = 3.2 - 1.37 * place
        for column, objective in enumerate((None, "CKA", "CKA, uncentred")):
            ax = axes_at(figure, 1.78 + 1.19 * column, bottom, 1.05, 1.05)
            part = where(pairs, teacher=name)
            if objective is None:
                part = where(part, objective="CKA")
                _map(part, "teacher_cosine", epsilon, ax)
                lines = _of_teacher(part, epsilon)
                ax.set_ylabel(_broken(name), fontsize=7, labelpad=3)
            else:
                part = where(part, objective=objective)
                _map(part, "student_cosine", epsilon, ax)
                run = where(runs, teacher=name, objective=objective)
                lines = _of_student(where(run, seed=part["seed"].iloc[0]).iloc[0])
            ax.set_xlabel(lines, fontsize=SMALL, labelpad=2, linespacing=1.15)
            if place == 0:
                titles = {None: "teacher", "CKA": "student of\ncentred CKA"}
                title = titles.get(objective, "student of\nuncentred CKA")
                ax.set_title(title, fontsize=7, pad=3)
        _strip(
            where(runs, teacher=name),
            axes_at(figure, 5.85, bottom - 0.02, 1.0, 1.07),
            is_first=place == 0,
            is_last=place == len(names) - 1,
        )
    title = {"fontsize": 9, "weight": "bold", "va": "top"}
    figure.text(0.01, 0.995, "Same loss, different geometry", **title)
    draw_arrows(figure)
    _key(figure)
    return figure


def _broken(name: str) -> str:
    words = name.split()
    half = (len(words) + 1) // 2
    return f"{' '.join(words[:half])}\n{' '.join(words[half:])}"


def _map(pairs: pd.DataFrame, shown: str, epsilon: float, ax: Axes) -> None:
    """|cosine| above the diagonal, and the fate of every pair below it."""
    first, second = (pairs[name].astype(int) for name in ("first", "second"))
    size = int(second.max()) + 1
    sizes = np.full((size, size), np.nan)
    sizes[first, second] = pairs[shown].abs()
    greys = ListedColormap(plt.get_cmap("Greys")(np.linspace(0, 0.9, 256)))
    options = {"vmin": 0, "vmax": 0.7, "aspect": "equal", "interpolation": "none"}
    ax.imshow(sizes, cmap=greys, **options)
    fates = np.zeros((size, size), int)
    is_there = (pairs["teacher_cosine"].abs() <= epsilon).to_numpy()
    is_here = (pairs[shown].abs() <= epsilon).to_numpy()
    kinds = (is_there & is_here) + 2 * (is_there & ~is_here)
    fates[second, first] = 1 + kinds
    colours = [(0, 0, 0, 0), FATES["in neither"], FATES["preserved"], FATES["lost"]]
    options |= {"vmax": 3}
    ax.imshow(fates, cmap=ListedColormap(colours), **options)
    gained = ~is_there & is_here
    # A dot, so that grey prints tell it from lost.
    side = 72 * 1.05 / size
    ax.scatter(first[gained], second[gained], (0.78 * side) ** 2, FATES["gained"], lw=0)
    ax.plot([-0.5, size - 0.5], [-0.5, size - 0.5], color="0.3", lw=0.5)
    ax.set(xlim=(-0.5, size - 0.5), ylim=(size - 0.5, -0.5), xticks=[], yticks=[])
    for spine in ax.spines.values():
        spine.set(visible=True, color="0.6", lw=0.5)


def _of_teacher(pairs: pd.DataFrame, epsilon: float) -> str:
    many = int((pairs["teacher_cosine"].abs() <= epsilon).sum())
    return f"{many} of {len(pairs)} pairs\nare orthogonal"


def _of_student(run: pd.Series) -> str:
    gained = run["pairs_student"] - run["pairs_both"]
    pairs = f"{run['pairs_both']:.0f} preserved, {gained:.0f} gained"
    return f"loss {_short(run['relative_loss'])}\n{pairs}"


def _short(loss: float) -> str:
    """A loss as it is written: below a hundred-thousandth it is rounding."""
    return "< 1e-5" if loss < 1e-5 else f"{loss:.5f}"


def _strip(runs: pd.DataFrame, ax: Axes, is_first: bool, is_last: bool) -> None:
    """Every seed of every objective in its row, and the median as a bar."""
    ax.tick_params(labelsize=SMALL, pad=2)
    plots.ends(runs, "matthews", ax)
    for kind, label in (("chance", "chance"), ("svd", "SVD baseline")):
        if is_first:
            by = {"ha": "center"} if kind == "chance" else {"ha": "right"}
            by |= {"xycoords": ax.get_xaxis_transform(), "fontsize": SMALL}
            place = (0 if kind == "chance" else 6, 2)
            middle = runs[f"{kind}_matthews"].median()
            ax.annotate(label, (middle, 1), place, textcoords="offset points", **by)
    ax.set(xlim=(-0.3, 1.05), xticks=[0, 0.5, 1])
    ax.spines["left"].set_visible(False)
    ax.tick_params(axis="x", length=2)
    if is_last:
        ax.set_xlabel("pattern agreement", fontsize=7, labelpad=2)
    else:
        ax.set_xticklabels([])


def _key(figure: Figure) -> None:
    """What the halves of a map and the circles mean."""
    greys = [
        Patch(fc="white", ec="0.6", lw=0.5, label="0"),
        Patch(fc="0.05", label="0.7 or more"),
    ]
    fates = [
        Patch(fc=FATES["preserved"], label="both (preserved)"),
        Patch(fc=FATES["lost"], label="teacher only (lost)"),
        Line2D([], [], marker="o", ls="", ms=4, mew=0, color=FATES["gained"]),
        Patch(fc=FATES["in neither"], ec="0.6", lw=0.3, label="neither"),
    ]
    fates[2].set_label("student only (gained)")
    options = {"frameon": False, "fontsize": SMALL, "handlelength": 1.0}
    options |= {"columnspacing": 1.0, "handletextpad": 0.4, "borderaxespad": 0}
    keys = (
        ("Above the diagonal, |cosine|:", greys, 0.01, 0.185),
        ("Below it, orthogonal in:", fates, 0.34, 0.49),
    )
    for words, handles, left, right in keys:
        figure.text(left, 0.0145, words, fontsize=SMALL, va="bottom")
        figure.legend(
            handles=handles,
            loc="lower left",
            bbox_to_anchor=(right, 0.008),
            ncols=4,
            **options,
        )
