"""What became slower between two stored benches: `python -m benchmarks.slower OLD NEW`.

Ratios are compared, which differ less than times between machines: compare benches of
one. It ends with 1 if a ratio became worse by more than `--by`. Without NEW the last
bench is taken, benchmarks/latest.csv.
"""

import argparse
import csv
import re
import sys
from pathlib import Path

from benchmarks.rows import markdown

OURS = ("engine", "simgeo.torch", "20 seeds", "here")  # as what others are held to
LATEST = Path(__file__).parent / "latest.csv"


def ratios(path: Path) -> dict[tuple[str, str], float]:
    """How many times as long each case took as what it is held against."""
    found = {}
    with open(path, newline="") as file:
        for row in csv.DictReader(file):
            told = re.match(r"[\d.]+", row["ratio: median (least)"])
            if told and not row["case"].startswith("of that, "):  # shares of one run
                ratio = float(told[0])
                case = re.sub(r"\bdevice", "core", row["case"])  # its name before
                is_over_ours = row["against"].startswith(OURS)
                found[row["part"], case] = 1 / ratio if is_over_ours else ratio
    return found


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.slower", description=__doc__
    )
    parser.add_argument("old", type=Path)
    parser.add_argument("new", type=Path, nargs="?", default=LATEST)
    parser.add_argument("--by", type=float, default=1.05, help="default: %(default)s")
    asked = parser.parse_args()
    try:
        old, new = ratios(asked.old), ratios(asked.new)
    except (OSError, KeyError, ValueError) as error:
        parser.error(f"two csv files of `python -m benchmarks` are needed; {error}")
    common = [key for key in new if key in old]
    changes = {key: new[key] / old[key] for key in common}
    rows = [
        (*key, f"{old[key]:.3g}", f"{new[key]:.3g}", f"{changes[key]:.2f}")
        for key in sorted(common, key=lambda key: -changes[key])
    ]
    print(markdown(("part", "case", "before", "now", "now / before"), rows))
    worse = [key for key in common if changes[key] > asked.by]
    print(
        f"\n{len(common)} cases in both; {len(worse)} are slower by more than "
        f"{asked.by:g} times."
    )
    return 1 if worse else 0


if __name__ == "__main__":
    sys.exit(main())
