"""How each finding is drawn: few panels, with a name at every line."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from experiments.study import Sheet, where
from simgeo import plots

TEACHERS = {
    "high fraction": "nearly all pairs orthogonal",
    "blocks": "orthogonal groups",
    "common mean": "a shared direction",
    "Gaussian": "Gaussian vectors",
}
UNCENTRED = "CKA, uncentred = Procrustes = Gram"
CENTRED = "CKA = Procrustes, centred, normalised"


def _line(
    ax: Axes, runs: pd.DataFrame, x: str, y: str, name: str, *label, **options
) -> None:
    """Seeds as dots and their median as a line; then x, what is written, and where."""
    style = plots.style_of(name)
    middle = runs.groupby(x)[y].median()
    ax.plot(runs[x], runs[y], ".", color=style.colour, ms=2.5, alpha=0.3, mew=0)
    shape = {"ls": style.line, "lw": 1.3, "ms": 3.5} | style.marks | options
    ax.plot(middle.index, middle, **shape)
    if label:
        at, text, place = label
        height = float(np.interp(at, middle.index, middle))
        plots.direct(ax, at, height, text, name, xytext=place)


def _level(ax: Axes, frame: pd.DataFrame, kind: str, measure: str, at: float) -> None:
    height = frame[f"{kind}_{measure}"].median()
    plots.level(ax, kind, height)
    plots.direct(ax, at, height, plots.LEVELS[kind][0], xytext=(0, 5))


def centring(frame: pd.DataFrame, sheet: Sheet) -> None:
    """Where runs at the teacher's width end, for three teachers."""
    for ax, name in sheet.line(frame["teacher"].unique(), (1.5, 1.3)):
        part = where(frame, teacher=name)
        plots.ends(part, "matthews", ax)
        ax.set(xlim=(-0.15, 1.06), xticks=[0, 0.5, 1], title=TEACHERS[name])
    first, row = sheet.axes[0, 0], sheet.axes[0, 0].get_yticks()[-1]
    plots.direct(first, 0, row, "chance")
    plots.direct(first, 1, row, "SVD baseline", xytext=(-3, 0), ha="right")
    sheet.label("pattern agreement", "")
    sheet.title("Centring decides what is preserved")


def width(frame: pd.DataFrame, sheet: Sheet) -> None:
    """Pattern agreement over the width, and what it costs."""
    panels = {
        "high fraction": ("matthews", "pattern agreement"),
        "Gaussian": ("matthews", "pattern agreement"),
        "price": ("price", "Procrustes distance of unit rows"),
    }
    for (ax, name), (measure, label) in zip(
        sheet.line(panels, (2.2, 1.7), sharey=False), panels.values(), strict=True
    ):
        teacher = "high fraction" if name == "price" else name
        part = where(frame, teacher=teacher)
        for objective, (at, *place) in _AT_WIDTH[name].items():
            one = objective.split(" = ")[0]
            is_svd = "=" in objective and measure == "matthews"
            text = f"{objective} = SVD" if is_svd else objective
            runs = where(part, objective=one)
            label_at = (at, text, tuple(place))
            _line(ax, runs, "student_dim", measure, objective, *label_at)
        ax.set(title=TEACHERS[teacher], xticks=[12, 24, 36, 48], ylabel=label)
        ax.set(xlabel="student's width m", ylim=(-0.06, 1.06))
        if measure == "matthews":
            _level(ax, part, "chance", measure, 36)
    sheet.title("Width binds every distance, but not a loss that asks for the pattern")


# Of every objective: the width where its name stands, and the shift in points.
_AT_WIDTH = {
    "high fraction": {
        "Procrustes = Gram": (30, 4, -6),
        "Procrustes + hinge": (18, -24, 33),
        "Pattern hinge": (36, -42, 4),
    },
    "Gaussian": {
        "Procrustes = Gram": (20, 6, -4),
        "Procrustes + hinge": (24, -43, 11),
        "Pattern hinge": (36, 0, 8),
    },
    "price": {
        "Procrustes = Gram": (24, -42, -31),
        "Procrustes + hinge": (18, 3, 6),
        "Pattern hinge": (30, 0, 8),
    },
}


def optimiser(frame: pd.DataFrame, sheet: Sheet) -> None:
    """Agreement and loss over Adam's rate, when nearly all pairs are orthogonal."""
    labels = {"matthews": "pattern agreement", "relative_loss": "loss / zero student's"}
    frame = frame.assign(relative_loss=frame["relative_loss"].clip(lower=plots.FLOOR))
    for ax, measure in sheet.line(labels, (2.2, 1.8), sharey=False):
        is_loss = measure == "relative_loss"
        for name, (at, text, *place) in _AT_RATE.items():
            runs = where(frame, objective=name.split(" = ")[0])
            label = () if is_loss else (at, text, tuple(place))
            _line(ax, runs, "learning_rate", measure, name, *label)
        ax.set(xscale="log", xlabel="rate of Adam", ylabel=labels[measure])
        if is_loss:
            ax.set(yscale="log", ylim=(plots.FLOOR / 2, 2))
            plots.rounding(ax, "y")
            last = where(frame, objective="Projection", learning_rate=1)[measure]
            plots.direct(
                ax, 1, last.median(), "projection", "Projection", xytext=(-50, 0)
            )
            plots.direct(ax, 0.02, 1e-5, "all others: zero")
        else:
            ax.set(ylim=(-0.06, 1.12))
            _level(ax, frame, "chance", measure, 0.1)
    sheet.title("Centred losses leave the outcome to the optimiser")


_AT_RATE = {
    UNCENTRED: (3e-3, "uncentred CKA = Procrustes = Gram", -4, 6),
    CENTRED: (1e-2, "centred CKA = Procrustes", -10, 11),
    "Gram, centred": (1e-1, "centred Gram", -38, -16),
    "Projection": (1e-2, "projection", -8, -8),
}


def repair(frame: pd.DataFrame, sheet: Sheet) -> None:
    """Agreement and CKA over the weight of Procrustes, for a shared direction."""
    labels = {"matthews": "pattern agreement", "first_loss": "CKA loss"}
    frame = frame.assign(first_loss=frame["first_loss"].clip(lower=plots.FLOOR))
    widths = sorted(frame["student_dim"].unique(), reverse=True)
    for ax, measure in sheet.line(labels, (2.2, 1.8), sharey=False):
        for place, student_dim in enumerate(widths):
            part = where(frame, student_dim=student_dim)
            text = ("as wide as the teacher", "half as wide")[place]
            shown = {"ls": ("-", (0, (1, 1)))[place], "marker": "os"[place]}
            shift = (0, -9) if measure == "matthews" else (-8, 8 if place else 30)
            label = (0.03, text, shift)
            _line(ax, part, "weight", measure, "CKA", *label, **shown)
            if measure == "matthews" and place == 0:
                _level(ax, part, "chance", measure, 0.03)
        ax.set_xscale("symlog", linthresh=1e-3)
        ax.set(xlim=(-2e-4, 1.3), xlabel="weight of Procrustes", ylabel=labels[measure])
        ax.set_xticks([0, 1e-3, 1e-2, 0.1, 1], ["0", "1e-3", "0.01", "0.1", "1"])
        if measure == "first_loss":
            ax.set(yscale="log", ylim=(plots.FLOOR / 2, 2))
            plots.rounding(ax, "y")
    sheet.title("A little Procrustes repairs CKA")


def counting(frame: pd.DataFrame, sheet: Sheet) -> None:
    """How many pairs are orthogonal and which, over the run, for a shared direction."""
    labels = {
        "fraction_student": "fraction of pairs orthogonal",
        "matthews": "pattern agreement",
    }
    for ax, measure in sheet.line(labels, (2.2, 1.8), sharey=False):
        for name, text in (("CKA", "CKA"), ("CKA, uncentred", "uncentred CKA")):
            runs = where(frame, objective=name)
            label = (5, text, (0, -8)) if name == "CKA" else (100, text, (4, -8))
            _line(ax, runs, "step", measure, name, *label, markevery=4)
        if measure == "fraction_student":
            teacher = frame["fraction_teacher"].median()
            ax.axhline(teacher, color=plots.INK, lw=0.8)
            plots.direct(ax, 0, teacher, "the teacher", xytext=(3, -6))
            _level(ax, frame, "chance", measure, 100)
        else:
            plots.level(ax, "chance", 0)
            plots.direct(ax, 300, 0, "chance", xytext=(0, 5))
        ax.set_xscale("symlog", linthresh=1)
        ax.set(xlim=(0, 1000), ylim=(-0.14, 1.06), xlabel="steps")
        ax.set(ylabel=labels[measure])
    sheet.title("Counting pairs misleads")
