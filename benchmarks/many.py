"""How long a store of many cells takes to open: `python -m benchmarks.many [10000]`.

The cells are copies of one run under other rates, kept as a sweep keeps them.
"""

import json
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.kills import cells
from simgeo import engine, results, settings

BATCH = 50


def main() -> None:
    num = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    [cell, *_] = cells(2)
    whole = engine.run(cell).drop_vars(["student", "teacher"])
    identity = json.loads(whole.attrs["settings"])
    with tempfile.TemporaryDirectory() as place:
        folder, begin, kept = Path(place) / "store", time.perf_counter(), []
        for at in range(num):
            rate = {**identity["optimiser"], "learning_rate": (at + 1) / num}
            changed = {**identity, "optimiser": rate}
            run = whole.assign_attrs(
                settings=json.dumps(changed),
                fingerprint=settings.digest(changed, {"precision": "float32"}),
            )
            results.save(run, folder, packed=True)
            kept.append(run)
            if len(kept) == BATCH or at == num - 1:
                results.index(folder, kept)
                kept = []
        each = (time.perf_counter() - begin) / num
        print(f"{num} cells written and indexed, {1e3 * each:.1f} ms each", flush=True)
        for time_of in ("first", "second"):
            begin = time.perf_counter()
            store = results.open(folder)
            frame = store.frame
            seconds = time.perf_counter() - begin
            print(f"opened the {time_of} time in {seconds:.1f} s, {frame.shape} rows")
        begin = time.perf_counter()
        nodes = len(store.tree.leaves)
        seconds = time.perf_counter() - begin
        print(f"its tree in {seconds:.1f} s, {nodes} nodes")


if __name__ == "__main__":
    main()
