"""The page of the claims: verdicts, cells, comparisons, distances from the optimum."""

import pandas as pd

from experiments.claims import BASELINE, RESOLUTION
from experiments.report.verdicts import Judged, compare, excess_over_optimum

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


def tables(judged: Judged) -> dict[str, pd.DataFrame | str]:
    """The page of the claims and the comparisons; prints the verdicts."""
    verdicts = pd.concat([claim.verdicts for claim in judged.claims])
    short = verdicts.drop(columns="claim").rename(columns={BASELINE: "not judged"})
    short.insert(0, "claim", _once(verdicts["claim"]))
    said = "\n".join(f"- **{claim.name}** {claim.says}." for claim in judged.claims)
    others = compare(judged.frame)
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
    estimates = [*map(_interval, cells["estimate"], cells["low"], cells["high"])]
    shown = cells.assign(variant=_once(cells["variant"]), estimate=estimates)
    beside = [name for name in COLUMNS if name in cells]
    shown[beside] = shown[beside].map(_short)
    place = ["teacher", "student_dim"] if cells["teacher"].any() else []
    shown = shown[["variant", *place, "estimate", *beside, "state"]]
    return shown.rename(columns=COLUMNS | {"student_dim": "m"})


COLUMNS = {"baseline": "SVD baseline", "excess": "excess loss"}
COLUMNS |= {"rival": "best other", "rate": "rate"}


def _short(value: float | str) -> str:
    """A number in short; what is below float32's resolution as that."""
    if isinstance(value, str) or pd.isna(value):
        return value if isinstance(value, str) else ""
    return f"{value:.2g}" if abs(value) >= RESOLUTION else f"< {RESOLUTION:g}"


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
    excess = excess_over_optimum(frame)
    percent = 100 * excess["excess"]
    excess["shown"] = percent.map("{:.2f}".format).where(percent >= 0.01, "< 0.01")
    wide = excess.pivot(index="objective", columns="teacher", values="shown")
    wide = wide.reindex(excess["objective"].unique())[excess["teacher"].unique()]
    return wide.reset_index()
