"""How each finding is drawn: few panels, with a name at the end of every line."""

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


def _line(
    ax: Axes, runs: pd.DataFrame, x: str, y: str, name: str, label: str = "", **options
) -> None:
    """Seeds as dots and their median as a line, with what it is called."""
    style = plots.style_of(name)
    middle = runs.groupby(x)[y].median()
    ax.plot(runs[x], runs[y], ".", color=style.colour, ms=2.5, alpha=0.3, mew=0)
    shape = {"ls": style.line, "lw": 1.3, "ms": 3.5} | style.marks | options
    ax.plot(middle.index, middle, label=label or name, **shape)


def centring(frame: pd.DataFrame, sheet: Sheet) -> None:
    """Where runs at the teacher's width end, for three teachers."""
    for ax, name in sheet.line(frame["teacher"].unique(), (1.5, 1.3)):
        plots.ends(where(frame, teacher=name), "matthews", ax)
        ax.set(xlim=(-0.15, 1.06), xticks=[0, 0.5, 1], title=TEACHERS[name])
    first, row = sheet.axes[0, 0], sheet.axes[0, 0].get_yticks()[-1]
    plots.direct(first, 0, row, "chance")
    plots.direct(first, 1, row, "SVD baseline", xytext=(-3, 0), ha="right")
    sheet.label("pattern agreement", "")
    sheet.title("Centring decides what is preserved")


def width(frame: pd.DataFrame, sheet: Sheet) -> None:
    """Pattern agreement over the width, and what it costs."""
    labels = {
        "matthews": "pattern agreement",
        "price": "Procrustes distance of unit rows",
    }
    frame = plots.joined(frame, "matthews", ["teacher", "student_dim"])
    panels = [("high fraction", "matthews"), ("Gaussian", "matthews")]
    panels += [("high fraction", "price")]
    for ax, (teacher, measure) in sheet.line(panels, (2.2, 1.7), sharey=False):
        part = where(frame, teacher=teacher)
        for name, runs in part.groupby("objective", sort=False):
            _line(ax, runs, "student_dim", measure, str(name))
        if measure == "matthews":
            plots.level(ax, "chance", part["chance_matthews"].median())
        ax.set(title=TEACHERS[teacher], xticks=[12, 24, 36, 48], ylabel=labels[measure])
        ax.set(xlabel="student's width m", ylim=(-0.06, 1.06))
    sheet.names()
    sheet.title("Width binds every distance, but not a loss that asks for the pattern")


def optimiser(frame: pd.DataFrame, sheet: Sheet) -> None:
    """Agreement and loss over Adam's rate, when nearly all pairs are orthogonal."""
    labels = {"matthews": "pattern agreement", "relative_loss": "loss / zero student's"}
    frame = frame.assign(relative_loss=frame["relative_loss"].clip(lower=plots.FLOOR))
    frame = plots.joined(frame, "matthews", ["learning_rate"], near=0.1)
    for ax, measure in sheet.line(labels, (2.2, 1.8), sharey=False):
        for name, runs in frame.groupby("objective", sort=False):
            _line(ax, runs, "learning_rate", measure, str(name))
        ax.set(xscale="log", xlabel="rate of Adam", ylabel=labels[measure])
        if measure == "relative_loss":
            ax.set(yscale="log", ylim=(plots.FLOOR / 2, 2))
            plots.rounding(ax, "y")
            plots.direct(ax, 0.02, 1e-5, "all others: zero")
        else:
            ax.set_ylim(-0.06, 1.12)
            plots.level(ax, "chance", frame["chance_matthews"].median())
    plots.name_ends(sheet.axes.flat[:1])
    sheet.title("Centred losses leave the outcome to the optimiser")


def repair(frame: pd.DataFrame, sheet: Sheet) -> None:
    """Agreement and CKA over the weight of Procrustes, for a shared direction."""
    labels = {"matthews": "pattern agreement", "first_loss": "CKA loss"}
    frame = frame.assign(first_loss=frame["first_loss"].clip(lower=plots.FLOOR))
    widths = sorted(frame["student_dim"].unique(), reverse=True)
    looks = {
        "as wide as the teacher": {"ls": "-", "marker": "o"},
        "half as wide": {"ls": (0, (1, 1)), "marker": "s"},
    }
    for ax, measure in sheet.line(labels, (2.2, 1.8), sharey=False):
        for student_dim, (text, look) in zip(widths, looks.items(), strict=True):
            part = where(frame, student_dim=student_dim)
            _line(ax, part, "weight", measure, "CKA", text, **look)
        ax.set_xscale("symlog", linthresh=1e-3)
        ax.set(xlim=(-2e-4, 1.3), xlabel="weight of Procrustes", ylabel=labels[measure])
        ax.set_xticks([0, 1e-3, 1e-2, 0.1, 1], ["0", "1e-3", "0.01", "0.1", "1"])
        if measure == "first_loss":
            ax.set(yscale="log", ylim=(plots.FLOOR / 2, 2))
            plots.rounding(ax, "y")
        else:
            plots.level(ax, "chance", frame["chance_matthews"].median())
    plots.name_ends(sheet.axes.flat)
    sheet.title("A little Procrustes repairs CKA")


def counting(frame: pd.DataFrame, sheet: Sheet) -> None:
    """How many pairs are orthogonal and which, over the run, for a shared direction."""
    labels = {
        "fraction_student": "fraction of pairs orthogonal",
        "matthews": "pattern agreement",
    }
    for ax, measure in sheet.line(labels, (2.2, 1.8), sharey=False):
        for name in ("CKA", "CKA, uncentred"):
            _line(ax, where(frame, objective=name), "step", measure, name, markevery=4)
        if measure == "fraction_student":
            teacher = frame["fraction_teacher"].median()
            ax.axhline(teacher, color=plots.INK, lw=0.8, label="the teacher")
            chance = frame["chance_fraction_student"].median()
        plots.level(ax, "chance", chance if measure == "fraction_student" else 0)
        ax.set_xscale("symlog", linthresh=1)
        ax.set(xlim=(0, 1000), ylim=(-0.14, 1.06), xlabel="steps")
        ax.set(ylabel=labels[measure])
    plots.name_ends(sheet.axes.flat)
    sheet.title("Counting pairs misleads")
