"""How calibrated scores behave where the truth is known: `python -m benchmarks.chance`.

Prints the tables of docs/how_to/compare.md. The rates of false positives, which take
half an hour, are kept in `chance.csv`, cell by cell, and a cell that is there is not
done again. With `--quick`, a tenth of the draws, and nothing is kept.
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd

from simgeo.calibration import calibrate

GRID = [
    (n, d, m) for n in (32, 64, 128, 256) for d, m in ((16, 4), (64, 32), (256, 128))
]
NUM_DRAWS = 2000  # of every cell of the grid
NUM_ORDERS, FEW_ORDERS = 99, 19  # which both have a level of exactly 0.05
LEVEL = 0.05
FILE = Path(__file__).with_suffix(".csv")  # the rates of false positives
PLANTED = (0.0, 0.3, 0.7)  # of a student's variance, what its teacher has too


def read() -> pd.DataFrame:
    """The rates of false positives that are kept."""
    return pd.read_csv(FILE, na_values="-")


def teacher_of(rng: np.random.Generator, kind: int, n: int, d: int) -> np.ndarray:
    """A cloud, one with a spectrum and a common mean, or groups."""
    if kind == 0:
        return rng.normal(size=(n, d))
    if kind == 1:
        return rng.normal(size=(n, d)) / np.arange(1, d + 1) + 0.3
    groups = rng.normal(size=(4, d))
    return groups[rng.integers(4, size=n)] + 0.3 * rng.normal(size=(n, d))


def false_positives(part: int) -> pd.DataFrame:
    """The share of independent pairs with p <= 0.05, one row for each cell of the grid.

    Every pair is drawn anew and has orders of its own, so that the standard error is
    the binomial one. NaN where chance alone gives the largest value.
    """
    keeps = part == 1
    rows = read().to_dict("records") if keeps and FILE.exists() else []
    done = {(row["n"], row["d"], row["m"]) for row in rows}
    for n, d, m in [cell for cell in GRID if cell not in done]:
        low, orders = [], NUM_ORDERS if n < 128 else FEW_ORDERS
        for draw in range(NUM_DRAWS // part):
            rng = np.random.default_rng([n, d, m, draw])
            kinds = draw % 3, draw // 3 % 3
            frame = calibrate(
                teacher_of(rng, kinds[0], n, m),
                teacher_of(rng, kinds[1], n, d),
                num_permutations=orders,
                num_resamples=0,
                seed=draw,
            ).frame.set_index("measure")
            low.append((frame["p"] <= LEVEL).where(frame["chance"] < 1 - 1e-4))
        rates = pd.concat(low, axis=1).astype(float).mean(axis=1)
        cell = {"n": n, "d": d, "m": m, "draws": NUM_DRAWS // part}
        rows.append({**cell, "orders": orders, **rates})
        print(rows[-1], file=sys.stderr, flush=True)
        if keeps:
            table = pd.DataFrame(rows)
            table.to_csv(FILE, index=False, float_format="%.4f", na_rep="-")
    return pd.DataFrame(rows)


def family(num_draws: int) -> pd.DataFrame:
    """The share of draws in which some of 6 x 4 layers has p <= 0.05."""
    found = []
    for draw in range(num_draws):
        rng = np.random.default_rng([1, draw])
        sides = []
        for width, count in ((16, 6), (32, 4)):
            layer, layers = rng.normal(size=(64, width)), {}
            for index in range(count):  # each close to the one before it
                step = rng.normal(size=(width, width)) / np.sqrt(width)
                layer = np.maximum(layer @ step, 0.3 * layer)
                layers[str(index)] = layer
            sides.append(layers)
        frame = calibrate(
            *sides, num_permutations=199, num_resamples=0, seed=draw
        ).frame
        found.append(frame.groupby("measure", sort=False)[["p", "p_adjusted"]].min())
    return (pd.concat(found) <= 0.05).groupby("measure", sort=False).mean()


def recovered(
    n: int, num_draws: int, num_resamples: int, together: int, shares: tuple = PLANTED
) -> pd.DataFrame:
    """Values and intervals of a planted share, beside their truth.

    S = sqrt(s) T's first m columns + sqrt(1 - s) noise, all standard normal: CKA is
    s sqrt(m / d), the student's R2 s and the teacher's s m / d. Of the others, whose
    truth has no formula, the mean over the draws stands for it. So many draws together
    are layers of one call, of which only their own pairs count.
    """
    d, m, rows = 16, 8, []
    for share in shares:
        exact = {
            **dict.fromkeys(("cka", "cka_uncentred"), share * np.sqrt(m / d)),
            "r2_of_teacher": share * m / d,
            "r2_of_student": share,
        }
        frames = []
        for first in range(0, num_draws, together):
            students, teachers = {}, {}
            for draw in range(first, first + together):
                rng = np.random.default_rng([2, n, draw])
                teacher = teachers[str(draw)] = rng.normal(size=(n, d))
                noise = np.sqrt(1 - share) * rng.normal(size=(n, m))
                students[str(draw)] = np.sqrt(share) * teacher[:, :m] + noise
            frame = calibrate(
                students,
                teachers,
                num_permutations=1,
                num_resamples=num_resamples,
                seed=first,
            ).frame
            frames.append(frame[frame["student"] == frame["teacher"]])
        for name, each in pd.concat(frames).groupby("measure", sort=False):
            truth = exact.get(str(name), each["corrected"].mean())
            inside = (each["low"] <= truth) & (truth <= each["high"])
            rows.append(
                {
                    "share": share,
                    "measure": name,
                    "truth": truth if name in exact else np.nan,
                    "value": each["value"].mean(),
                    "corrected": each["corrected"].mean(),
                    "error": each["corrected"].std() / np.sqrt(num_draws),
                    "covered": inside.mean() if each["low"].notna().all() else np.nan,
                }
            )
        print(f"recovered {n} {share}", file=sys.stderr)
    return pd.DataFrame(rows)


def main() -> None:
    part = 10 if "--quick" in sys.argv else 1
    parts = [each for each in sys.argv[1:] if not each.startswith("--")]
    tables = {
        "positives": lambda: false_positives(part),
        "family": lambda: family(200 // part).reset_index(),
        "few": lambda: recovered(32, 2000 // part, 0, 20),
        "many": lambda: recovered(128, 200 // part, 100, 4, (0.3,)),
    }
    for name in parts or tables:
        print(tables[name]().round(3).to_string(index=False), "\n", flush=True)


if __name__ == "__main__":
    main()
