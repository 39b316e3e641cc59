"""Every figure and the claims table: `python -m experiments [--quick]`."""

import argparse
import sys
from pathlib import Path

import matplotlib


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m experiments")
    parser.add_argument("--quick", action="store_true", help="small, figures/quick/")
    options = parser.parse_args()
    matplotlib.use("agg")
    from experiments import (
        cells,
        claims,
        cross_objectives,
        loss_against_geometry,
        orthogonal_vectors,
        report,
        zero_loss_students,
    )
    from simgeo import experiment

    experiment.prepare_host()
    folder = Path("figures/quick" if options.quick else "figures")
    folder.mkdir(parents=True, exist_ok=True)
    grid, spikes = cells.main_grid(options.quick), cells.spike_grid(options.quick)
    try:
        everything = cells.compute([*grid, *spikes])
    except KeyboardInterrupt:
        print("Stopped. Finished runs are kept; the same command goes on.")
        return 130
    frame = everything[everything["study"] == "main"]
    spike_frame = everything[everything["study"] == "spikes"]
    note = cells.describe(grid[0].experiment)
    loss_against_geometry.draw(frame, folder, note)
    orthogonal_vectors.draw(frame, folder, note)
    cross_objectives.draw(frame, folder, note)
    cross_objectives.draw_spikes(
        spike_frame, folder, cells.describe(spikes[0].experiment)
    )
    made = zero_loss_students.draw(folder)
    found = claims.judge(frame, spike_frame, made)
    print(report.write(found, frame, folder, f"{note} The presets are ours."))
    print(f"Figures and claims.md are in {folder}/.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
