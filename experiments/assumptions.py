"""Which objective breaks when columns are not centred, or rows not of unit length?

The theorems on what a distance of zero implies assume both, on either side. Three dials
lead away: a common mean of the teacher, an offset of the student's start, and a spread
of the lengths of the teacher's rows; with free rows of the student and with unit rows.

Prediction: the divide is between centred and not, not between CKA and Procrustes.
Centred objectives lose half of the pattern at a mean cosine of 0.1 and all of it at an
offset of 0.5, uncentred ones nothing, with free rows at m = d. Unit rows bring the
centred ones back at m = d, where a translation would change the rows' lengths, and not
at half of it. Lengths do nothing to free rows at m = d; at half of it, long rows take
the directions and all distances fall with the truncated SVD; unit rows cannot follow,
and Gram falls first, which weighs long rows most. The projection is low throughout.

Outcome: the divide is between centred and uncentred objectives, as predicted (medians
of pattern agreement). Centring costs 0.01 to 0.95. The choice between CKA and
Procrustes changes 0.07 at most in the paired median over both centrings; where rows are
of unit length and lengths are uneven that hides a difference, since both centred
distances are at 0.00 there while uncentred CKA is at 0.88 (m = d) and 0.80 (m = d / 2),
and uncentred Procrustes at 1.00 and 0.97. With free rows at m = d CKA reaches 0.83,
0.51 and 0.07 at a mean cosine of 0, 0.05 and 0.1, which is a sooner loss than
predicted, and at 0.2 it has the wrong pairs, -0.48. An offset of the start of 0.5 costs
CKA nothing (0.85), one of 1 costs half (0.39) and one of 2 everything; centred Gram
loses most at 0.5 (0.17). Procrustes stays at 1.00 everywhere, and Gram falls to 0.79 at
offset 2, where its loss has not arrived. Unit rows at m = d undo an offset up to 1
(0.96 and more) for every centred objective. They undo a mean of the teacher for centred
Gram alone (0.93 to 0.99): CKA, which is blind to scale, can stretch what is centred
until rows have unit length, and ends at 0.10. At half of d that turns round, since
centred Gram fills what length is missing with a mean (0.19 on blocks). Uneven lengths
break centred objectives with free rows too, which was not foreseen (0.77 to 0.04 for
CKA), as short rows turn most when all are moved; and unit rows cost uncentred CKA as
much as Gram (0.62 and 0.58 at spread 1) and Procrustes nothing. The truncated SVD does
not fall at half of d, nor do uncentred free rows. The projection ends at 0.4 at most.
"""

from collections.abc import Callable
from typing import NamedTuple

import pandas as pd
from matplotlib.axes import Axes

from experiments import cells
from experiments.cells import OBJECTIVES, TEACHERS, Cell, preset
from experiments.study import Figure, Sheet, Study, columns, ends, where
from simgeo import objectives, plots, stats, students, teachers
from simgeo.students import AbstractStudent
from simgeo.teachers import AbstractTeacher


class Dial(NamedTuple):
    """One way away from the assumptions; zero is where they hold, to chance."""

    label: str
    values: tuple[float, ...]
    teacher: Callable[[float], AbstractTeacher]
    offset: Callable[[float], float] = lambda value: 0.0


DIALS = {
    "mean": Dial(
        "teacher's mean cosine", (0.0, 0.05, 0.1, 0.2, 0.3), teachers.CommonMean
    ),
    "offset": Dial(
        "offset of the start",
        (0.0, 0.25, 0.5, 1.0, 2.0),
        lambda value: TEACHERS["blocks"],
        lambda value: value,
    ),
    "lengths": Dial(
        "spread of row lengths",
        (0.0, 0.25, 0.5, 1.0),
        lambda value: teachers.UnevenRows(TEACHERS["blocks"], value),
    ),
}
ROWS: dict[str, tuple[type[AbstractStudent], int]] = {
    "free rows, m = d": (students.FreeRows, 1),
    "free rows, m = d / 2": (students.FreeRows, 2),
    "unit rows, m = d": (students.UnitRows, 1),
    "unit rows, m = d / 2": (students.UnitRows, 2),
}
CHOSEN = (*OBJECTIVES, objectives.Procrustes(squared=False))
# Both distances are blind to scale, so that centring is all that differs between rows.
SQUARE = {
    "CKA": (objectives.CKA(centred=False), objectives.CKA()),
    "Procrustes": (
        objectives.Procrustes(normalised=True),
        objectives.Procrustes(normalised=True, centred=True),
    ),
}
CORNERS = {"mean": 0.1, "offset": 0.5, "lengths": 0.5}  # where the square is looked at


def grid(quick: bool) -> list[Cell]:
    """Every dial, row constraint, width and objective."""
    size = {"num_vectors": 96, "teacher_dim": 48, "num_records": 2}
    size |= {"num_steps": 100 if quick else 300, "num_seeds": 3 if quick else 8}
    square = [objective for pair in SQUARE.values() for objective in pair]
    asked = []
    for rows in list(ROWS)[:: 2 if quick else 1]:
        kind, ratio = ROWS[rows]
        for name, dial in DIALS.items():
            for value in (0.0, CORNERS[name]) if quick else dial.values:
                more = square if value == CORNERS[name] else []
                chosen = CHOSEN[:2] if quick else CHOSEN
                start = students.GaussianStart(offset=dial.offset(value))
                labels = {"dial": name, "rows": rows, "value": value}
                for objective in dict.fromkeys((*chosen, *more)):
                    one = preset(
                        quick,
                        teacher=dial.teacher(value),
                        objective=objective,
                        student=kind(start),
                        student_dim=48 // ratio,
                        **size,
                    )
                    asked.append(Cell(one, labels))
    return asked


def data(quick: bool) -> pd.DataFrame:
    """The end of every run; `kept` is the pattern agreement, or zero."""
    last = ends(cells.compute(grid(quick)))
    for prefix in ("", "chance_", "svd_"):
        last[f"{prefix}kept"] = last[f"{prefix}matthews"].fillna(0.0)
    return last


def effects(last: pd.DataFrame) -> pd.DataFrame:
    """What centring and the distance cost, each over the other's two levels."""
    square = of_square(last)
    tables = []
    for factor, other in (("centring", "distance"), ("distance", "centring")):
        compared = stats.paired_comparisons(
            square, "kept", factor, pair=["seed", other], within=["dial", "rows"]
        )
        tables.append(compared.assign(factor=factor))
    return pd.concat(tables, ignore_index=True)


def of_square(last: pd.DataFrame) -> pd.DataFrame:
    """The runs of the square, with `distance` and `centring`."""
    parts = []
    corner = last["value"] == last["dial"].map(CORNERS)
    for distance, pair in SQUARE.items():
        for centring, objective in zip(("uncentred", "centred"), pair, strict=True):
            runs = last[corner & (last["objective"] == objective.label)]
            parts.append(runs.assign(distance=distance, centring=centring))
    return pd.concat(parts, ignore_index=True)


def note(quick: bool) -> str:
    """The settings that the runs share."""
    text = cells.describe(grid(quick)[0].experiment)
    return text.replace("free rows from a Gaussian start", "from a Gaussian start")


def _shown(last: pd.DataFrame, sheet: Sheet) -> pd.DataFrame:
    """All runs, or in one column those at the teacher's width."""
    return last[last["rows"].str.endswith("m = d")] if sheet.narrow else last


def draw(last: pd.DataFrame, sheet: Sheet) -> pd.DataFrame:
    """A column per dial, a row per width and row constraint."""
    labels = [objective.label for objective in CHOSEN]
    last = _shown(last[last["objective"].isin(labels)], sheet)
    for ax, rows, name in sheet.grid(last["rows"].unique(), DIALS, 1.65, sharex="col"):
        plots.over_setting(where(last, dial=name, rows=rows), "value", "kept", ax)
        ax.set(ylim=(-0.58, 1.08), title=rows)
    sheet.label([dial.label for dial in DIALS.values()], "pattern agreement")
    sheet.legend(labels)
    drawn = "dial rows value objective seed matthews kept loss optimum_loss"
    return columns(last, f"{drawn} chance_matthews svd_matthews")


def draw_square(square: pd.DataFrame, sheet: Sheet) -> pd.DataFrame:
    """Centring against distance: a panel per dial and row constraint."""
    square = _shown(square, sheet)
    for ax, name, rows in sheet.grid(DIALS, square["rows"].unique(), 1.4):
        _slopes(where(square, dial=name, rows=rows), ax)
        ax.set_title(f"{name} {CORNERS[name]:g}; {rows}", fontsize=6.5)
    sheet.label("", "pattern agreement")
    sheet.legend(
        others=sheet.axes[0, 0].get_legend_handles_labels()[0],
    )
    drawn = "dial rows value distance centring seed kept chance_kept"
    return columns(square, drawn)


def _slopes(part: pd.DataFrame, ax: Axes) -> None:
    """A line per distance from uncentred to centred, every seed beside it."""
    places = {"uncentred": 0.0, "centred": 1.0}
    for shift, distance, colour, style in (
        (-0.06, "CKA", plots.STYLES["CKA"].colour, "o-"),
        (0.06, "Procrustes", plots.STYLES["Procrustes"].colour, "^-"),
    ):
        runs = part[part["distance"] == distance]
        at = runs["centring"].map(places) + shift
        ax.plot(at, runs["kept"], style[0], color=colour, ms=2, alpha=0.4, mew=0)
        middle = runs.groupby(at)["kept"].median()
        ax.plot(middle.index, middle, style, color=colour, ms=5, lw=1, label=distance)
        ax.plot(middle.index[1:], middle[1:], style[0], color=colour, mfc="white", ms=5)
    chance, line = part["chance_kept"].median(), plots.LEVELS["chance"][1]
    ax.axhline(chance, color="0.3", ls=line, lw=0.8, zorder=0)
    ax.set(xlim=(-0.4, 1.4), ylim=(-0.12, 1.08))
    ax.set_xticks(list(places.values()), list(places))


STUDY = Study(
    __doc__,
    cells=grid,
    data=data,
    tables=lambda last: {"assumptions_effects.csv": effects(last)},
    figures={
        "assumptions": Figure(
            "Pattern agreement at the end over three dials away from the theorems' "
            "assumptions, of a teacher with a common mean and, for the two others, of "
            "blocks. Points: seeds; lines: medians. Zero where a student has no "
            "epsilon-orthogonal pair.",
            "Uncentred Procrustes stays at 1.00 at the teacher's width under every "
            "dial, and centred objectives with free rows lose the pattern under each. "
            "Unit rows at that width save all of these from an offset of the start up "
            "to 1, and only centred Gram from a mean of the teacher (0.97 at a mean "
            "cosine of 0.1, where CKA ends at 0.10).",
            draw,
            levels=("chance", "svd"),
        ),
        "assumptions_square": Figure(
            "Pattern agreement of CKA and of normalised Procrustes, uncentred and "
            "centred, at one place of every dial: the mean of the teacher's cosines, "
            "the offset of the start, the spread of the teacher's lengths. Small: "
            "seeds; large: medians. Both are blind to scale.",
            "Centring decides what is preserved. The distance matters where rows are "
            "of unit length and the teacher's lengths are uneven: there uncentred CKA "
            "ends at 0.88 (m = d) and 0.80 (half of d), and uncentred Procrustes at "
            "1.00 and 0.97.",
            draw_square,
            levels=("chance",),
            rows=of_square,
        ),
    },
    note=note,
    order=14,
)
