"""Every figure and the claims table: `python -m experiments [--quick] [--all]`."""

import argparse
import sys
from itertools import chain
from pathlib import Path

import matplotlib


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m experiments")
    parser.add_argument("--quick", action="store_true", help="small, figures/quick/")
    parser.add_argument("--all", action="store_true", help="also the long studies")
    options = parser.parse_args()
    matplotlib.use("agg")
    from experiments import (
        batch_size,
        cells,
        cka_frontier,
        claims,
        coherence_against_bounds,
        convergence,
        cross_catalogue,
        cross_objectives,
        hybrid_weight,
        loss_against_geometry,
        orthogonal_vectors,
        orthogonality_map,
        orthogonality_sweep,
        report,
        zero_loss_students,
    )
    from simgeo import experiment

    # The long studies: of runs, and of what is computed without any.
    grids = (orthogonality_sweep, batch_size)
    tabulated = (cka_frontier, coherence_against_bounds, orthogonality_map)

    experiment.prepare_host()
    quick = options.quick
    folder = Path("figures/quick" if quick else "figures")
    folder.mkdir(parents=True, exist_ok=True)
    main_grid, spikes = cells.main_grid(quick), cells.spike_grid(quick)
    long = {study: study.grid(quick) for study in grids if options.all}
    races = convergence.grid(quick) if options.all else []
    try:
        grid_cells = chain(*long.values(), races)
        everything = cells.compute([*main_grid, *spikes, *grid_cells])
        catalogue = cross_catalogue.compute(quick) if options.all else None
        tables = {
            study: cells.cached(study.compute, study.settings(quick))
            for study in tabulated
            if options.all
        }
        hybrids = hybrid_weight.compute(quick) if options.all else None
        asked = convergence.settings(quick)
        timed = cells.cached(convergence.time_steps, asked) if options.all else None
    except KeyboardInterrupt:
        print("Stopped. Finished runs are kept; the same command goes on.")
        return 130
    studies = dict(iter(everything.groupby("study", sort=False)))
    frame, note = studies["main"], cells.describe(main_grid[0].experiment)
    loss_against_geometry.draw(frame, folder, note)
    orthogonal_vectors.draw(frame, folder, note)
    cross_objectives.draw(frame, folder, note)
    note_of_spikes = cells.describe(spikes[0].experiment)
    cross_objectives.draw_spikes(studies["spikes"], folder, note_of_spikes)
    made = zero_loss_students.draw(folder)
    for study, table in tables.items():
        study.draw(table, folder)
    for study, grid in long.items():
        note_of_study = cells.describe(grid[0].experiment)
        study.draw(studies[grid[0].study], folder, note_of_study)
    if catalogue is not None:
        note_of_catalogue = cells.describe(cross_catalogue.grid(quick)[0].experiment)
        cross_catalogue.draw(catalogue, folder, note_of_catalogue)
    if races:
        note_of_races = cells.describe(races[0].experiment)
        convergence.draw(studies["convergence"], timed, folder, note_of_races)
        note_of_hybrids = cells.describe(hybrid_weight.common(quick))
        hybrid_weight.draw(hybrids, folder, note_of_hybrids)
    found = claims.judge(frame, studies["spikes"], made)
    print(report.write(found, frame, folder, f"{note} The presets are ours."))
    print(f"Figures and claims.md are in {folder}/.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
