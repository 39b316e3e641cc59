"""Figures, one study or all: `python -m experiments [STUDY ...] [OPTIONS]`."""

import argparse
import os
import sys
import time
from pathlib import Path

from experiments import discovery, hurry
from simgeo.settings import suggest


def main() -> int:
    studies = discovery.listed()
    options = _options(studies)
    usual = [
        each.name
        for each in studies
        if (each.real if options.real else not each.real and (each.main or options.all))
    ]
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # as the command simgeo does
    if options.quick and options.real:
        hurry.compile_in_a_hurry()
    import matplotlib

    from experiments import gallery
    from simgeo import engine

    matplotlib.use("agg")
    engine.keep_programs()
    folder = Path("figures/quick" if options.quick else "figures")
    # Those that read the csv of others come after them.
    names = sorted(options.studies or usual, key="headlines".__eq__)
    try:
        for name in names:
            print(f"== {name}", flush=True)
            begin = time.perf_counter()
            study = discovery.load(name)
            if options.redraw:
                missing = study.missing(folder)
                if missing:
                    print(f"There is no {missing} yet: run {name} without --redraw.")
                    return 2
                study.redraw(folder)
            else:
                study.produce(options.quick, folder)
            print(f"== {name}: {time.perf_counter() - begin:.0f} s", flush=True)
            engine.shared_engine().forget()  # all of all studies are too many
    except KeyboardInterrupt:
        print("Stopped. Finished runs are kept; the same command goes on.")
        return 130
    if not options.quick:
        gallery.write(folder)
    print(f"Figures are in {folder}/.")
    return 0


def _options(studies: list[discovery.Listed]) -> argparse.Namespace:
    width = max(len(each.name) for each in studies)
    lines = (f"  {each.name:{width}}  {each.question}" for each in studies)
    parser = argparse.ArgumentParser(
        prog="python -m experiments",
        description="Computes and draws the figures of studies.",
        epilog="studies:\n" + "\n".join(lines),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    num_main = sum(each.main for each in studies)
    parser.add_argument(
        "studies",
        nargs="*",
        metavar="STUDY",
        help=f"names of studies; without any, the first {num_main}",
    )
    parser.add_argument("--quick", action="store_true", help="small, figures/quick/")
    parser.add_argument("--redraw", action="store_true", help="from csv, without runs")
    parser.add_argument("--all", action="store_true", help="also the long studies")
    parser.add_argument("--real", action="store_true", help="those of networks")
    options = parser.parse_args()
    names = [each.name for each in studies]
    for name in options.studies:
        if name not in names:
            parser.error(f"STUDY is not known; got {name!r}.{suggest(name, names)}")
    return options


if __name__ == "__main__":
    sys.exit(main())
