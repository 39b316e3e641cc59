"""Which claims of the paper hold in our runs? claims.md and the csv files beside it.

Prediction: the paper's claims themselves.
"""

import pandas as pd

from experiments import cells, claims, cross_objectives, zero_loss_students
from experiments.claims import Claim
from experiments.study import Study


def data(quick: bool) -> tuple[list[Claim], pd.DataFrame, str]:
    """The claims, judged by the runs of the other studies, and the main of these."""
    frame, spikes = cells.main_frame(quick), cross_objectives.spike_frame(quick)
    _, made = zero_loss_students.compute()
    preset = cells.describe(cells.main_grid(quick)[0].experiment)
    return claims.judge(frame, spikes, made), frame, f"{preset} The presets are ours."


def tables(
    judged: tuple[list[Claim], pd.DataFrame, str],
) -> dict[str, pd.DataFrame | str]:
    """The claims, their evidence and the comparisons; prints the short table."""
    found, frame, preset = judged
    short = pd.DataFrame(
        [
            (
                claim.name,
                claim.says,
                claim.verdict,
                f"{claim.cells['held'].sum()} of {len(claim.cells)}",
                claim.fails,
            )
            for claim in found
        ],
        columns=["claim", "says", "verdict", "held in", "fails in (teacher m)"],
    )
    evidence = pd.concat(
        [claim.cells.assign(claim=claim.name) for claim in found], ignore_index=True
    )
    columns = ["claim", "case", "teacher", "student_dim", "estimate", "low", "high"]
    columns += ["held", "limit", "excess"]
    others = claims.compare(frame)
    parts = ["# Claims of arXiv 2509.25253 in our runs", preset, _markdown(short)]
    for claim in found:
        parts += [f"## {claim.name}: {claim.says}", claim.reading]
        parts += [_markdown(_cells(claim.cells))]
    parts += ["## Paired comparisons with CKA", _COMPARISONS, _markdown(_wide(others))]
    parts += ["## Distance from the optimum", _OPTIMUM, _markdown(_excess(frame))]
    print(short.drop(columns="fails in (teacher m)").to_string(index=False))
    return {
        "claims.csv": short,
        "claims_evidence.csv": evidence[columns],
        "comparisons.csv": others,
        "claims.md": "\n\n".join(parts) + "\n",
    }


_COMPARISONS = (
    "Matthews correlation at the end, objective less CKA, seed by seed: the median "
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


def _cells(cells: pd.DataFrame) -> pd.DataFrame:
    shown = pd.DataFrame({"case": cells["case"]})
    if cells["teacher"].any():
        shown["teacher"], shown["m"] = cells["teacher"], cells["student_dim"]
    shown["estimate"] = list(
        map(_interval, cells["estimate"], cells["low"], cells["high"])
    )
    for name, label in (("limit", "limit"), ("excess", "excess loss")):
        if name in cells:
            shown[label] = [
                "" if pd.isna(value) else f"{value:.2g}" for value in cells[name]
            ]
    shown["held"] = cells["held"].map({True: "yes", False: "no"})
    return shown


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
    excess["shown"] = (100 * excess["excess"]).map("{:.2g}".format)
    wide = excess.pivot(index="objective", columns="teacher", values="shown")
    wide = wide.reindex(excess["objective"].unique())[excess["teacher"].unique()]
    return wide.reset_index()


STUDY = Study(
    __doc__, cells=cells.main_grid, data=data, tables=tables, main=True, order=5
)
