"""Exits with an error unless a folder holds whole figures and a claims table."""

import csv
import sys
from pathlib import Path

CLAIMS = [f"C{number}" for number in range(1, 8)]
STARTS = {".pdf": b"%PDF-", ".png": b"\x89PNG\r\n\x1a\n"}


def faults(folder: Path) -> list[str]:
    """What is missing or broken in the folder, one line each."""
    found = []
    drawn = {path.stem for path in folder.glob("*") if path.suffix in STARTS}
    if not drawn:
        found.append(f"{folder}: no figure")
    for stem in sorted(drawn):
        for suffix, start in STARTS.items():
            path = folder / f"{stem}{suffix}"
            if not path.is_file():
                found.append(f"{path}: missing")
            elif not path.read_bytes().startswith(start):
                found.append(f"{path}: empty or broken")
    table = folder / "claims.csv"
    if not table.is_file():
        found.append(f"{table}: missing")
    else:
        with table.open(newline="", encoding="utf-8") as file:
            names = [row.get("claim") for row in csv.DictReader(file)]
        if [*dict.fromkeys(names)] != CLAIMS:
            found.append(f"{table}: {[*dict.fromkeys(names)]}, not {CLAIMS}")
    return found


if __name__ == "__main__":
    lines = faults(Path(sys.argv[1]))
    print("\n".join(lines) or "All figures and the claims table are there.")
    sys.exit(bool(lines))
