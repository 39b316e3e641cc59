"""Which claims of the paper hold in our runs? claims.md and the csv files beside it.

Every variant has a verdict of its own: centring decides more than the name of the
distance, and pooling would hide it.

Prediction: the paper's claims themselves.
"""

from typing import NamedTuple

import pandas as pd

from experiments import cells, claims, cross_objectives, zero_loss_students
from experiments.claims import BASELINE, Claim
from experiments.report import drawing
from experiments.study import Figure, Study

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


def rows(judged: Judged) -> pd.DataFrame:
    """The cells of all claims."""
    of_claims = [each.cells.assign(claim=each.name) for each in judged.claims]
    drawn = ["claim", "variant", *claims.CELL, "estimate", "low", "high", "state"]
    return pd.concat(of_claims, ignore_index=True)[[*drawn, *_COLUMNS]]


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
            drawing.draw,
            narrow=False,
            rows=rows,
        )
    },
    main=True,
    order=9,
)
