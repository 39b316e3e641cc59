"""Which claims of the paper hold in our runs? claims.md and the csv files beside it.

Every variant has a verdict of its own: centring decides more than the name of the
distance, and pooling would hide it.

Prediction: the paper's claims themselves.
"""

from typing import NamedTuple

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Patch, Rectangle

from experiments import cells, claims, cross_objectives, zero_loss_students
from experiments.claims import BASELINE, FAILED, HELD, Claim
from experiments.study import Figure, Sheet, Study, where
from simgeo import plots

UNKNOWN = """\
The text that we know gives no values for these, and each of them can turn a verdict:

- whether Procrustes and the Gram distance were centred, normalised or squared. Both are
  judged both ways; CKA is centred by name, and uncentred CKA is beside it;
- the numbers and widths of vectors, and the threshold of orthogonality. Ours are above;
- how teachers were drawn. We have three; what holds for one often fails for another;
- the start of the student, the optimiser, its rate and the number of steps;
- how preserved geometry was counted. A count of orthogonal vectors says little, since
  random vectors have many; we ask which pairs are orthogonal: pattern agreement, the
  Matthews correlation of student and teacher, is 1 for the same pairs, 0 at chance."""


class Judged(NamedTuple):
    """The claims, the runs of the main grid, and their settings in words."""

    claims: list[Claim]
    frame: pd.DataFrame
    preset: str


def data(quick: bool) -> Judged:
    """The claims, judged by the runs of the other studies, and the main of these."""
    frame, spikes = cells.main_frame(quick), cross_objectives.spike_frame(quick)
    _, made = zero_loss_students.compute()
    preset = cells.describe(cells.main_grid(quick)[0].experiment)
    return Judged(claims.judge(frame, spikes, made), frame, preset)


def tables(judged: Judged) -> dict[str, pd.DataFrame | str]:
    """The page of the claims and the comparisons; prints the verdicts."""
    verdicts = pd.concat([claim.verdicts for claim in judged.claims])
    short = verdicts.drop(columns="claim").rename(columns={BASELINE: "not judged"})
    short.insert(0, "claim", _once(verdicts["claim"]))
    said = "\n".join(f"- **{claim.name}** {claim.says}." for claim in judged.claims)
    others = claims.compare(judged.frame)
    parts = ["# Claims of arXiv 2509.25253 in our runs", _HEAD, said, _markdown(short)]
    parts += ["![The claims, cell by cell.](claims.png)", "## What we could not know"]
    parts += [f"{judged.preset} The presets are ours.", UNKNOWN]
    for claim in judged.claims:
        parts += [f"## {claim.name}: {claim.says}", claim.reading]
        parts += [_markdown(_cells(claim.cells))]
    parts += ["## Paired comparisons with CKA", _COMPARISONS, _markdown(_wide(others))]
    excess = _excess(judged.frame)
    parts += ["## Distance from the optimum", _OPTIMUM, _markdown(excess)]
    print(verdicts.to_string(index=False))
    return {"comparisons.csv": others, "claims.md": "\n\n".join(parts) + "\n"}


_HEAD = (
    "The claims in the paper's sense, and one verdict for each variant: *held* if all "
    "cells that judge it hold it, *failed* if none does, otherwise *in part*; then in "
    "how many cells (a teacher and a width) it held, failed, or could not be judged "
    "because the SVD baseline itself is below the bar."
)
_COMPARISONS = (
    "Pattern agreement at the end, objective less CKA, seed by seed: the median "
    "difference, [its 95 % interval], d_z. A star: Wilcoxon's p, adjusted over all of "
    "the table (Benjamini and Hochberg), is below 0.05. All numbers: comparisons.csv."
)
_OPTIMUM = (
    "(loss - optimum) / optimum at half the teacher's width, the worst of the seeds, "
    "in percent."
)


def _markdown(frame: pd.DataFrame) -> str:
    rule = ["---"] * len(frame.columns)
    lines = [frame.columns, rule, *frame.itertuples(index=False)]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def _interval(estimate: float, low: float, high: float) -> str:
    estimate, low, high = (value + 0.0 for value in (estimate, low, high))  # no -0
    if pd.isna(low):
        return f"{estimate:.3g}"
    return f"{estimate:.3g} [{low:.3g}, {high:.3g}]"


def _once(names: pd.Series) -> list[str]:
    """A name where it is not that of the row above."""
    return names.where(names != names.shift(), "").tolist()


def _cells(cells: pd.DataFrame) -> pd.DataFrame:
    shown = pd.DataFrame({"variant": _once(cells["variant"])})
    if cells["teacher"].any():
        shown["teacher"], shown["m"] = (
            cells["teacher"].tolist(),
            [*cells["student_dim"]],
        )
    shown["estimate"] = list(
        map(_interval, cells["estimate"], cells["low"], cells["high"])
    )
    for name, label in _COLUMNS.items():
        if name in cells:
            shown[label] = [
                "" if pd.isna(each) else _short(each) for each in cells[name]
            ]
    return shown.assign(state=[*cells["state"]])


_COLUMNS = {"baseline": "SVD baseline", "excess": "excess loss"}
_COLUMNS |= {"rival": "best other", "rate": "rate"}


def _short(value: float | str) -> str:
    """A number in short; what is below float32's resolution as that."""
    if isinstance(value, str) or pd.isna(value):
        return value if isinstance(value, str) else ""
    least = claims.RESOLUTION
    return f"{value:.2g}" if abs(value) >= least else f"< {least:g}"


def _wide(others: pd.DataFrame) -> pd.DataFrame:
    star = others["p_adjusted"].lt(0.05).map({True: " *", False: ""})
    numbers = list(map(_interval, others["difference"], others["low"], others["high"]))
    effect = others["d_z"].map(lambda value: "" if pd.isna(value) else f", {value:.1f}")
    place = others["teacher"] + ", m = " + others["student_dim"].astype(str)
    wide = others.assign(place=place, shown=numbers + effect + star).pivot(
        index="condition", columns="place", values="shown"
    )
    wide = wide.reindex(others["condition"].unique())[place.unique()]
    return wide.rename_axis("objective").reset_index()


def _excess(frame: pd.DataFrame) -> pd.DataFrame:
    excess = claims.excess_over_optimum(frame)
    percent = 100 * excess["excess"]
    excess["shown"] = percent.map("{:.2f}".format).where(percent >= 0.01, "< 0.01")
    wide = excess.pivot(index="objective", columns="teacher", values="shown")
    wide = wide.reindex(excess["objective"].unique())[excess["teacher"].unique()]
    return wide.reset_index()


_FILLS = {HELD: "#2c5f8a", FAILED: "#f3b562", BASELINE: "white"}
_SMALL = 6  # points, of the least letters
_TITLES = {
    "C1": "CKA: low loss,\ngeometry lost",
    "C2": "Projection: low loss,\ngeometry lost",
    "C3": "Procrustes preserves\nthe geometry",
    "C4": "Gram preserves it,\nand the most pairs",
    "C5": "From a random start\nlittle is gained",
    "C6": "Zero losses",
    "C7": "CKA spikes under\nProcrustes",
}


def rows(judged: Judged) -> pd.DataFrame:
    """The cells of all claims."""
    of_claims = [each.cells.assign(claim=each.name) for each in judged.claims]
    drawn = ["claim", "variant", *claims.CELL, "estimate", "low", "high", "state"]
    return pd.concat(of_claims, ignore_index=True)[[*drawn, *_COLUMNS]]


def draw(rows: pd.DataFrame, sheet: Sheet) -> pd.DataFrame:
    """A grid of claims and variants by cells, coloured by the state of each."""
    sheet.figure, ax = plt.subplots(figsize=(plots.PAGE, 5.6))
    places = where(rows, claim="C1")[claims.CELL].drop_duplicates()
    columns = {tuple(place): at for at, place in enumerate(places.to_numpy())}
    widest = places["student_dim"].max()
    for at, (name, width) in enumerate(columns):
        wide = "full width" if width == widest else "half width"
        ax.text(at + 0.5, -0.12, f"{name}\n{wide}", ha="center", fontsize=7)
    high = 0.0
    for name, cells_of in rows.groupby("claim", sort=False):
        top = high
        for variant, states in cells_of.groupby("variant", sort=False):
            _row(ax, name, variant, states, columns, high)
            high += 1
        ax.text(
            -3.55, (top + high) / 2, f"{name}", fontsize=9, weight="bold", va="center"
        )
        ax.text(-3.15, (top + high) / 2, _TITLES[name], fontsize=_SMALL, va="center")
        high += 0.35
    ax.set(xlim=(-3.6, len(columns)), ylim=(high - 0.3, -0.7))
    ax.set_axis_off()
    handles = [
        Patch(fc=_FILLS[state], hatch="////" if state == BASELINE else "", ec="0.6")
        for state in _FILLS
    ]
    labels = [HELD, FAILED, "not judged: the SVD baseline is itself below the bar"]
    options = {"ncols": 3, "frameon": False, "fontsize": 7}
    sheet.figure.legend(handles, labels, loc="outside lower center", **options)
    return rows


def _row(
    ax: Axes, name: str, variant: str, states: pd.DataFrame, columns: dict, top: float
) -> None:
    """The cells of one variant, at the places of their teacher and width.

    What has no such cells goes over the whole row.
    """
    ax.text(-0.1, top + 0.5, _said(variant), ha="right", va="center", fontsize=_SMALL)
    wide = 1 if name in claims.IN_CELLS else len(columns) / len(states)
    for at, row in enumerate(states.itertuples()):
        is_bound = row.state == BASELINE
        left = columns[row.teacher, row.student_dim] if wide == 1 else at * wide
        box = {"fc": _FILLS[row.state], "ec": "0.6" if is_bound else "white"}
        box |= {"lw": 0.6, "hatch": "////" if is_bound else ""}
        ax.add_patch(Rectangle((left + 0.03, top + 0.04), wide - 0.06, 0.92, **box))
        options = {"ha": "center", "va": "center", "fontsize": _SMALL}
        options |= {"color": "white" if row.state == HELD else "black"}
        if is_bound:
            options["bbox"] = {"fc": "white", "ec": "none", "pad": 0.6}
        ax.text(left + wide / 2, top + 0.5, _written(name, row), **options)


def _said(variant: str) -> str:
    centred = {one: "centred" for one, _ in claims.CENTRED.values()}
    uncentred = {other: "uncentred" for _, other in claims.CENTRED.values()}
    for label, word in (centred | uncentred).items():
        if variant == f"{label}, most pairs":
            return f"{word}, most pairs"
    return (centred | uncentred).get(variant, variant.removeprefix("Procrustes, "))


def _written(name: str, row) -> str:
    """The estimate of a cell; the baseline's too, where that says more."""
    estimate = f"{round(row.estimate, 2) + 0.0:.2f}"  # and no minus zero
    if name == "C7":
        return f"{estimate}-fold at rate {row.rate:g}"
    if "most pairs" in row.variant:
        return f"{round(row.estimate, 3) + 0.0:.3f}"
    if name == "C6":
        return "yes, in closed form" if row.state == HELD else "no"
    if pd.isna(row.baseline) or name != "C5" and row.baseline >= claims.KEPT:
        return estimate
    return f"{estimate} of {row.baseline:.2f}"


STUDY = Study(
    __doc__,
    cells=cells.main_grid,
    data=data,
    tables=tables,
    figures={
        "claims": Figure(
            "Claims of the paper by variants (rows) in teachers and widths (columns). "
            "C1 to C3 and the upper half of C4: pattern agreement, of that of the SVD "
            "baseline where this is below .95. Most pairs: recall of the teacher's "
            "orthogonal pairs less that of the best other objective. C5: gain in the "
            "fraction of orthogonal pairs, of that of the SVD baseline. C6: students "
            "in closed form. C7: largest rise of 1 - CKA between two records, high "
            "fraction, at two fixed rates.",
            "Uncentred Procrustes and Gram preserve whatever their width allows, and "
            "so does uncentred CKA; centred, all three fail in the same cells. The "
            "projection loses everywhere, and CKA spikes under the unsquared "
            "Procrustes distance alone.",
            draw,
            narrow=False,
            rows=rows,
        )
    },
    main=True,
    order=9,
)
