"""Every figure and the claims table: `python -m experiments [--quick]`."""

import argparse
import sys
from pathlib import Path

import matplotlib


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m experiments")
    parser.add_argument("--quick", action="store_true", help="small, figures/quick/")
    parser.add_argument("--all", action="store_true", help="every study there is")
    options = parser.parse_args()
    matplotlib.use("agg")
    from experiments import (
        cells,
        claims,
        cross_objectives,
        loss_against_geometry,
        orthogonal_vectors,
        zero_loss_students,
    )
    from experiments.tables import tidy
    from simgeo import experiment

    experiment.prepare_host()
    folder = Path("figures/quick" if options.quick else "figures")
    folder.mkdir(parents=True, exist_ok=True)
    grid, spikes = cells.main_grid(options.quick), cells.spike_grid(options.quick)
    try:
        found = cells.compute([*grid.values(), *spikes.values()], "runs")
    except KeyboardInterrupt:
        print("Stopped. Finished runs are kept; the same command goes on.")
        return 130
    frame = tidy(dict(zip(grid, found, strict=False)))
    spike_frame = tidy(dict(zip(spikes, found[len(grid) :], strict=True)))
    loss_against_geometry.draw(frame, folder)
    orthogonal_vectors.draw(frame, folder)
    cross_objectives.draw(frame, folder)
    cross_objectives.draw_spikes(spike_frame, folder)
    zero_loss_students.draw(folder)
    one = next(iter(grid.values()))
    preset = (
        f"n = {one.num_vectors}, d = {one.teacher_dim}, epsilon = {one.epsilon:g}, "
        f"{one.num_seeds} seeds, {one.num_steps} steps of {one.optimiser} at "
        f"{one.learning_rate:g} with {one.schedule} decay; free rows from a Gaussian "
        f"start. A pattern counts as kept from a Matthews correlation of "
        f"{claims.KEPT:g}, a loss as low within {claims.LOW:g} of its optimum "
        f"(relative to the zero student's). The presets are ours."
    )
    table = claims.table(frame, spike_frame, zero_loss_students.table())
    claims.write(table, folder, preset)
    print(table[["claim", "says", "verdict"]].to_string(index=False))
    print(f"Figures and claims.md are in {folder}/.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
