"""CKA with its null, here and by the package calibrated-similarity.

`python -m benchmarks.calibrated [ROUNDS]` needs both packages, `torch` and
`calibrated-similarity`. Orders of the rows are the same, drawn beforehand; score,
threshold and p are compared before anything is timed, and the two take turns. Keeps
`calibrated.csv` beside itself, which docs/how_to/compare.md tells.
"""

import csv
import sys
from pathlib import Path

import numpy as np

from benchmarks.rows import Row, compared, interleaved, markdown

FILE = Path(__file__).with_suffix(".csv")
NUM_ROWS, WIDTH, NUM_PERMUTATIONS, ALPHA = 512, 64, 199, 0.05
AT_LEAST = 20.0
HEADER = ("case", "time", "against", "ratio: median (least)", "target", "met")


def main(rounds: int) -> None:
    import torch
    from calibrated_similarity import calibrate as theirs

    from simgeo.calibration import calibrate

    rng = np.random.default_rng(0)
    teacher = rng.normal(size=(NUM_ROWS, WIDTH))
    student = 0.2 * teacher + rng.normal(size=(NUM_ROWS, WIDTH))
    draws = np.random.default_rng([0, 0])  # of `calibrate` with seed 0
    orders = [draws.permutation(NUM_ROWS) for _ in range(NUM_PERMUTATIONS)]
    left, right = (
        torch.tensor(each, dtype=torch.float32) for each in (student, teacher)
    )

    def of_rows(x, y):  # as its page has it
        x, y = x - x.mean(0), y - y.mean(0)
        hsic = (x @ x.T * (y @ y.T)).sum()
        return hsic / (x @ x.T).norm() / (y @ y.T).norm()

    def of_features(x, y):
        x, y = x - x.mean(0), y - y.mean(0)
        return (x.T @ y).norm() ** 2 / (x.T @ x).norm() / (y.T @ y).norm()

    def by_theirs(similarity):
        left_over = iter(orders)
        options = {"K": NUM_PERMUTATIONS, "alpha": ALPHA}
        found = theirs(
            left,
            right,
            similarity,
            perm_fn=lambda n, device: torch.from_numpy(next(left_over)),
            **options,
        )
        return [float(each) for each in found]

    def ours():
        found = calibrate(
            student,
            teacher,
            "cka",
            num_permutations=NUM_PERMUTATIONS,
            num_resamples=0,
        )
        [value], [p] = found.frame["value"], found.frame["p"]
        every = np.sort([value, *found.null["cka"][:, 0, 0]])
        threshold = every[int(np.ceil((1 - ALPHA) * len(every))) - 1]
        return [(value - threshold) / (1 - threshold), p, threshold]

    cases = {
        "ours": ours,
        "by rows": lambda: by_theirs(of_rows),
        "by features": lambda: by_theirs(of_features),
    }
    for name, call in cases.items():
        np.testing.assert_allclose(call(), ours(), atol=2e-6, err_msg=name)
    seconds = interleaved(cases, rounds)
    shape = f"{NUM_ROWS} rows, {WIDTH} and {WIDTH} wide, {NUM_PERMUTATIONS} orders"
    rows: list[Row] = [
        compared(
            f"CKA {name}, {shape}",
            ("calibrated-similarity", seconds[name]),
            ("simgeo", seconds["ours"]),
            at_least=AT_LEAST if name == "by rows" else 0.0,
        )
        for name in ("by rows", "by features")
    ]
    print(markdown(HEADER, rows))
    with FILE.open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([HEADER, *rows])


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 15)
