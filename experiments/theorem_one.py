"""Can CKA tell whether a teacher has orthogonal features? Theorem 1, drawn.

We know the abstract of arXiv 2509.25253 and a description of its first theorem, not its
proof; this is how we read it. Let n unit vectors stand in two antipodal groups of n/2:
the plain teacher, none of whose pairs is orthogonal. Turn k of them, half of each
group, along k distinct directions orthogonal to all else: the turned teacher has k
mutually orthogonal vectors, each orthogonal to all n - 1 others. The student is a copy
of the plain teacher in one dimension. Its CKA with that is 1, and with the turned
teacher

    ((n - k)^2 + k) / (n sqrt((n - k)^2 + k - 2 k / n + k^2 / n^2)),

which is about 1 - k/n: for any number k of orthogonal vectors it is as near to 1 as one
likes, if n is large. So a high CKA does not say that a student has its teacher's
orthogonal vectors, however many there are. That is what the theorem says.

It does not say that a CKA loss of zero loses them: here the loss is k/n, and descent
can lower it. It does not say that most orthogonal pairs can be lost for little: the
share of pairs that are orthogonal is about 2 k/n, and falls with the loss. It does not
single out CKA: relative to those of the zero student, the squared Procrustes and Gram
distances are about 2 k/n too; what grows is their size in the teacher's own units, 2 k
and 2 n k. And it is not about centring: both teachers have a mean of zero, and
uncentred CKA differs by less than k/n^2.

Prediction: as n grows at k = sqrt(n) all normalised distances fall together, within a
factor of about two, and with them the share of pairs; those in the teacher's units
grow.

Outcome: The prediction held. With 24 vectors and 6 turned, 123 of 276 pairs are
orthogonal in the teacher and none in the copy, at a CKA of .757. At n = 1,024 and k =
32 the CKA loss is .031, the squared Procrustes distance .062, the Gram distance .066
and the share of pairs .062.
"""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import SubFigure

from experiments.study import Figure, Sheet, Study, where
from simgeo import plots

SHOWN = 24, 6  # n and k of the cosines that are drawn
SMALL = plots.SMALLEST
CURVES = {  # column: colour, line, width, label and where it stands on the left
    "pairs": ("0.1", "-", 2.4, "orthogonal pairs", (15.4, 1.04)),
    "procrustes": (
        plots.STYLES["Procrustes"].colour,
        "-",
        1.2,
        "Procrustes",
        (11.6, 1.34),
    ),
    "gram": (plots.STYLES["Gram"].colour, "-", 1.2, "Gram", (4.3, 1.3)),
    "cka": (
        plots.STYLES["CKA"].colour,
        "-",
        1.2,
        "CKA, centred\nand uncentred",
        (11.5, 0.2),
    ),
    "cka_uncentred": ("0.1", ":", 0.9, "", (0, 0)),
}
GROWING = {  # the same, on the right
    "gram_size": (plots.STYLES["Gram"].colour, "-", 1.2, "Gram, 2 n k", (40, 3e6)),
    "procrustes_size": (
        plots.STYLES["Procrustes"].colour,
        "-",
        1.2,
        "Procrustes, 2 k",
        (1e2, 4e2),
    ),
    "turned": ("0.1", "-", 2.4, "orthogonal vectors, k", (2e3, 4)),
}


def plain(n: int) -> Float[np.ndarray, "n 1"]:
    """Two antipodal groups of n / 2 unit vectors, in one dimension."""
    return np.repeat([1.0, -1.0], n // 2)[:, None]


def turned(n: int, k: int) -> Float[np.ndarray, "n k+1"]:
    """The same, k / 2 of each group turned along directions of their own."""
    vectors = np.pad(plain(n), ((0, 0), (0, k)))
    rows = np.r_[n // 2 - k // 2 : n // 2, n - k // 2 : n]
    vectors[rows] = np.eye(k + 1)[1:]
    return vectors


def distances(n: float, k: float) -> dict[str, float]:
    """Those of the copy from the turned teacher, in closed form.

    CKA losses as they are; squared Procrustes and Gram distances relative to those of
    the zero student, and in the teacher's own units as `_size`; the share of pairs that
    are orthogonal in the teacher, of which the copy has none.

    The copy has the Gram matrix x x', with x the signs; the turned teacher y y' + D,
    with y the signs that are left and D the identity on what was turned. Both x and y
    sum to zero, so that centring changes only D.
    """
    left = n - k
    overlap = left**2 + k  # x' (y y' + D) x
    norm, centred = left**2 + k, left**2 + k - 2 * k / n + k**2 / n**2
    procrustes = 2 * n - 2 * overlap**0.5
    gram = n**2 + norm - 2 * overlap
    return {
        "cka": 1 - overlap / (n * centred**0.5),
        "cka_uncentred": 1 - overlap / (n * norm**0.5),
        "procrustes": procrustes / n,
        "gram": gram / norm,
        "procrustes_size": procrustes,
        "gram_size": gram,
        "pairs": k * (2 * n - k - 1) / (n * (n - 1)),
    }


def data(quick: bool) -> pd.DataFrame:
    """The distances over k at the n that is drawn, and over n at k = sqrt(n)."""
    n, _ = SHOWN
    rows = [("over k", n, k) for k in range(0, n, 2)]
    rows += [("over n", 4**power, 2**power) for power in range(2, 6 if quick else 11)]
    return pd.DataFrame(
        {"what": what, "n": n, "turned": k} | distances(n, k) for what, n, k in rows
    )


def draw(frame: pd.DataFrame, sheet: Sheet) -> pd.DataFrame:
    """The vectors and their cosines; how far the copy is from the turned teacher."""
    sheet.figure = plt.figure(figsize=(plots.PAGE, 4.0))
    upper, lower = sheet.figure.subfigures(2, 1, height_ratios=(1.5, 2.3))
    _vectors(upper)
    left, middle, right = lower.subplots(1, 3)
    n, _ = SHOWN
    one, many = where(frame, what="over k"), where(frame, what="over n")
    _curves(one, "turned", CURVES, left)
    _curves(many, "n", CURVES, middle, labels=False)
    _curves(many, "n", GROWING, right)
    left.set(xlim=(0, n - 2), ylim=(0, 1.6))
    left.set_xlabel(f"k, vectors turned, of {n}", fontsize=7)
    left.set_title("The more are turned,\nthe larger is every distance", fontsize=7)
    for ax in (middle, right):
        ax.set(xscale="log", yscale="log")
        ax.set_xlabel("n vectors, k = $\\sqrt{n}$ of them turned", fontsize=7)
        ax.minorticks_off()
    middle.set_title("Of many vectors, all vanish\nwith the share of pairs", fontsize=7)
    right.set_title("In the teacher's own units,\ndistances grow", fontsize=7)
    left.set_ylabel("share of the zero student's,\nor of all pairs", fontsize=7)
    right.set_ylabel("squared distance, or number", fontsize=7)
    return frame


def _curves(
    frame: pd.DataFrame, x: str, curves: dict, ax: Axes, labels: bool = True
) -> None:
    for name, (colour, line, width, label, place) in curves.items():
        ax.plot(frame[x], frame[name], line, color=colour, lw=width)
        if labels:
            ax.text(*place, label, color=colour, fontsize=SMALL, linespacing=1.0)
    ax.tick_params(labelsize=SMALL)


def _vectors(part: SubFigure) -> None:
    """Arrows and cosines of both teachers and the copy."""
    n, k = SHOWN
    rest = (n - k) // 2
    shown = {
        "plain teacher": (plain(n), n // 2, 0, "CKA with the copy: 1"),
        "turned teacher": (turned(n, k), rest, k, _cka_of_copy(n, k)),
        "copy, in one dimension": (plain(n), n // 2, 0, ""),
    }
    axes = part.subplots(1, 6)
    for place, (name, (vectors, many, fan, says)) in enumerate(shown.items()):
        arrows, cosines = axes[2 * place : 2 * place + 2]
        _arrows(many, fan, arrows)
        arrows.set_title(name, fontsize=7)
        arrows.text(0, -0.75, says, ha="center", fontsize=SMALL)
        found = np.abs(vectors @ vectors.T)
        cosines.imshow(found, cmap="Greys", vmin=0, vmax=1.1, interpolation="none")
        pairs = int((found[np.triu_indices(n, 1)] < 0.1).sum())
        cosines.set(xticks=[], yticks=[])
        cosines.set_title("|cosine|", fontsize=SMALL)
        total = n * (n - 1) // 2
        cosines.set_xlabel(f"{pairs} of {total} pairs\northogonal", fontsize=SMALL)


def _cka_of_copy(n: int, k: int) -> str:
    return f"CKA with the copy: {1 - distances(n, k)['cka']:.2f}"


def _arrows(many: int, fan: int, ax: Axes) -> None:
    """Two thick arrows for groups, thin ones for vectors with a direction each."""
    for tip in (-1, 1):
        style = {"arrowstyle": "simple,tail_width=0.35", "color": "0.2", "lw": 0}
        ax.annotate("", (tip, 0), (0, 0), arrowprops=style | {"shrinkA": 0})
        ax.text(0.6 * tip, -0.3, f"{many} vectors", ha="center", fontsize=SMALL)
    for angle in np.radians(np.linspace(60, 120, fan)):
        style = {"arrowstyle": "-|>,head_width=0.12", "color": "0.2", "lw": 0.8}
        tip = np.cos(angle), np.sin(angle)
        ax.annotate("", tip, (0, 0), arrowprops=style | {"shrinkA": 0})
    if fan:
        text = f"{fan}, each at 90° to all others"
        ax.text(0, 1.1, text, ha="center", fontsize=SMALL)
    ax.set(xlim=(-1.15, 1.15), ylim=(-0.85, 1.3), aspect="equal")
    ax.set_axis_off()


def _note(quick: bool) -> str:
    return f"Closed forms, no training; n = {SHOWN[0]} and k = {SHOWN[1]} above."


STUDY = Study(
    __doc__,
    data=data,
    figures={
        "theorem_one": Figure(
            "Theorem 1, drawn. Above: two antipodal groups, the same with six vectors "
            "turned along directions of their own, and a copy of the first, with all "
            "|cosine|. Below: how far the copy is from the turned teacher, over the "
            "number of vectors turned and over that of all vectors.",
            "A copy without any orthogonal pair has a CKA near 1 with a teacher of "
            "many orthogonal vectors; but relative to the zero student Procrustes and "
            "Gram are as near, and so small a loss hides as small a share of pairs.",
            draw,
            narrow=False,
        )
    },
    note=_note,
    main=True,
    order=6,
)
