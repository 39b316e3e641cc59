"""Claims C1 to C7 of arXiv 2509.25253 against our runs, with the numbers."""

from pathlib import Path

import pandas as pd

from simgeo import stats

KEPT = 0.95  # Matthews correlation from which we call the pattern kept
LOW = 1e-3  # relative excess of the loss over its optimum that we call low
RESOLUTION = 1e-5  # of relative distances in float32


def table(
    frame: pd.DataFrame, spikes: pd.DataFrame, made: pd.DataFrame
) -> pd.DataFrame:
    """One row per claim: what it says, whether it held, the numbers, the failures."""
    last = frame[frame["step"] == frame["step"].max()].copy()
    last["excess"] = last["relative_loss"] - last["relative_optimum"]
    rows = [
        _loses("C1", "CKA reaches a low loss and does not keep geometry", "CKA", last),
        _loses(
            "C2",
            "A learned projection reaches a low loss and does not keep geometry",
            "Projection",
            last,
        ),
        _keeps("C3", "Procrustes keeps geometric relations", "Procrustes", last),
        _keeps("C4", "The Gram distance keeps geometric relations", "Gram", last),
        _gains(frame, last),
        _zeros(made),
        _spikes(spikes),
    ]
    return pd.DataFrame(rows, columns=["claim", "says", "verdict", "numbers", "fails"])


def write(claims: pd.DataFrame, folder: Path, preset: str) -> str:
    """The table as Markdown, also written beside the figures with its csv."""
    lines = ["# Claims of arXiv 2509.25253 in our runs", "", preset, ""]
    lines += ["| " + " | ".join(claims.columns) + " |", "|---|---|---|---|---|"]
    lines += ["| " + " | ".join(row) + " |" for row in claims.itertuples(index=False)]
    text = "\n".join(lines) + "\n"
    (folder / "claims.md").write_text(text)
    claims.to_csv(folder / "claims.csv", index=False)
    return text


def _verdict(held: list[bool]) -> str:
    return "held" if all(held) else "held in part" if any(held) else "not held"


def _cells(last: pd.DataFrame, name: str, value: str) -> pd.DataFrame:
    runs = last[last["objective"] == name]
    return stats.summarise(runs, ["teacher", "student_dim"], [value])


def _numbers(cells: pd.DataFrame) -> str:
    return "; ".join(
        f"{c.teacher}, m={c.student_dim}: {c.estimate:.3g} [{c.low:.3g}, {c.high:.3g}]"
        for c in cells.itertuples()
    )


def _names(cells: pd.DataFrame) -> str:
    found = [f"{c.teacher}, m={c.student_dim}" for c in cells.itertuples()]
    return "; ".join(found) or "none"


def _loses(claim: str, says: str, name: str, last: pd.DataFrame) -> list[str]:
    kept = _cells(last, name, "matthews")
    low = _cells(last, name, "excess")["estimate"] <= LOW
    held = low.to_numpy() & (kept["high"] < KEPT).to_numpy()
    numbers = f"Matthews, median [95 %]: {_numbers(kept)}"
    return [claim, says, _verdict(list(held)), numbers, _names(kept[~held])]


def _keeps(claim: str, says: str, name: str, last: pd.DataFrame) -> list[str]:
    centred = [n for n in last["objective"].unique() if n.startswith(f"{name}, c")]
    plain = _cells(last, name, "matthews")
    other = _cells(last, centred[0], "matthews")
    held = (plain["low"] > KEPT).to_numpy()
    centred_held = (other["low"] > KEPT).to_numpy()
    verdict = _verdict([*held, *centred_held])
    numbers = f"{name}: {_numbers(plain)}. {centred[0]}: {_numbers(other)}"
    fails = f"{name}: {_names(plain[~held])}. centred: {_names(other[~centred_held])}"
    return [claim, says, verdict, numbers, fails]


def _gains(frame: pd.DataFrame, last: pd.DataFrame) -> list[str]:
    says = "A random start gains little orthogonality under CKA or a projection"
    keys = ["teacher", "objective", "student_dim", "seed"]
    first = frame[frame["step"] == 0].set_index(keys)["fraction_student"]
    joined = last.set_index(keys)
    gain = (joined["fraction_student"] - first).rename("gain").reset_index()
    gain = gain[gain["objective"].isin(["CKA", "Projection"])]
    found = stats.summarise(gain, ["objective", "teacher", "student_dim"], ["gain"])
    held = (found["estimate"].abs() < 0.05).to_numpy()
    numbers = "; ".join(
        f"{c.objective}, {c.teacher}, m={c.student_dim}: {c.estimate:+.3f}"
        for c in found.itertuples()
    )
    fails = "; ".join(
        f"{c.objective}, {c.teacher}, m={c.student_dim}"
        for c in found[~held].itertuples()
    )
    return ["C5", says, _verdict(list(held)), f"change of fraction: {numbers}", fails]


def _zeros(made: pd.DataFrame) -> list[str]:
    says = "Procrustes is zero exactly when Gram is; projection or CKA implies neither"
    by = made.set_index("student").drop("teacher")
    together = (by["procrustes"] < RESOLUTION) == (by["gram"] < RESOLUTION)
    shift, linear = by.loc["translated"], by.loc["mapped"]
    held = [
        *together,
        shift["cka"] < RESOLUTION < shift["procrustes"],
        linear["projection"] < RESOLUTION < linear["procrustes"],
    ]
    numbers = "; ".join(
        f"{name}: CKA {row['cka']:.1e}, projection {row['projection']:.1e}, "
        f"Procrustes {row['procrustes']:.1e}, Gram {row['gram']:.1e}"
        for name, row in by.iterrows()
    )
    return ["C6", says, _verdict(held), numbers, "none" if all(held) else "see numbers"]


def _spikes(spikes: pd.DataFrame) -> list[str]:
    says = "While Procrustes is optimised, CKA shows spikes"
    held, numbers = [], []
    for name, runs in spikes.groupby("objective", sort=False):
        late = runs[runs["step"] > runs["step"].max() / 4].copy()
        late["shown"] = late["distance_cka"].clip(lower=RESOLUTION)
        jump = late.groupby("seed")["shown"].apply(lambda x: (x / x.shift()).max())
        held.append(bool(jump.median() > 2))
        numbers.append(f"{name}: largest late rise x{jump.median():.2f}")
    fails = "; ".join(
        name
        for name, one in zip(spikes["objective"].unique(), held, strict=True)
        if not one
    )
    return ["C7", says, _verdict(held), "; ".join(numbers), fails or "none"]
