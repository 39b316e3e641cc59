"""Figures, one study or all: `python -m experiments [STUDY ...] [--quick] [--all]`."""

import argparse
import importlib
import os
import sys
import time
from pathlib import Path

import matplotlib

DEFAULT = (
    "loss_against_geometry",
    "orthogonal_vectors",
    "cross_objectives",
    "zero_loss_students",
    "report",
)
LONG = (
    "orthogonality_map",
    "coherence_against_bounds",
    "orthogonality_sweep",
    "convergence",
    "batch_size",
    "student_width",
    "optimiser_sensitivity",
    "hybrid_weight",
    "cross_catalogue",
    "cka_frontier",
    "does_geometry_matter",
    "capacity_floor",
    "spikes",
    "assumptions",
    "asking_for_orthogonality",
    "several_teachers",
)


def main() -> int:
    options = _options()
    chosen = options.studies or (*DEFAULT, *(LONG if options.all else ()))
    matplotlib.use("agg")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # as the command simgeo does
    import jax

    from experiments import gallery
    from simgeo import experiment

    experiment.prepare_host()
    folder = Path("figures/quick" if options.quick else "figures")
    folder.mkdir(parents=True, exist_ok=True)
    try:
        for name in chosen:
            study = importlib.import_module(f"experiments.{name}")
            print(f"== {name}", flush=True)
            begin = time.perf_counter()
            study.main(options.quick, folder)
            print(f"== {name}: {time.perf_counter() - begin:.0f} s", flush=True)
            jax.clear_caches()  # all programs of all studies are too many for a process
    except KeyboardInterrupt:
        print("Stopped. Finished runs are kept; the same command goes on.")
        return 130
    if not options.quick:
        gallery.write(folder, (*DEFAULT, *LONG))
    print(f"Figures are in {folder}/.")
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m experiments")
    parser.add_argument(
        "studies",
        nargs="*",
        metavar="STUDY",
        help=f"of {', '.join((*DEFAULT, *LONG))}; without any, the first "
        f"{len(DEFAULT)}",
    )
    parser.add_argument("--quick", action="store_true", help="small, figures/quick/")
    parser.add_argument("--all", action="store_true", help="also the long studies")
    options = parser.parse_args()
    for name in options.studies:
        if name not in (*DEFAULT, *LONG):
            parser.error(
                f"STUDY must be one of {', '.join((*DEFAULT, *LONG))}; got {name!r}."
            )
    return options


if __name__ == "__main__":
    sys.exit(main())
