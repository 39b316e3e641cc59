"""The command `simgeo`. JAX is imported only by the commands that need it."""

import argparse
import sys
from pathlib import Path

from simgeo.settings import suggest

COMMANDS = {
    "run": "one experiment, from a TOML file or from flags (`simgeo run --help`)",
    "list": "the teachers, students, objectives and measures, with their knobs",
}


def main(arguments: list[str] | None = None) -> int:
    """Exit code: 0, 1 for a failed run, 2 for bad input, 130 when interrupted."""
    given = sys.argv[1:] if arguments is None else arguments
    listing = "\n".join(f"  {name:6s} {text}" for name, text in COMMANDS.items())
    parser = argparse.ArgumentParser(
        prog="simgeo",
        description="Synthetic experiments on representation geometry.",
        epilog=f"commands:\n{listing}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("command", metavar="COMMAND")
    parser.add_argument("rest", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    options = parser.parse_args(given)
    if options.command not in COMMANDS:
        hint = suggest(options.command, list(COMMANDS))
        print(f"simgeo: unknown command {options.command!r}. {hint}", file=sys.stderr)
        return 2
    try:
        return _run(options.rest) if options.command == "run" else _list()
    except ValueError as error:
        print(f"simgeo: {error}", file=sys.stderr)
        return 2
    except (ArithmeticError, OSError) as error:
        print(f"simgeo: {error}", file=sys.stderr)
        return 1


def _run(arguments: list[str]) -> int:
    import jax
    import tyro
    from tqdm import tqdm

    from simgeo import experiment, results, settings

    experiment.prepare_host()
    chosen = experiment.Experiment
    if arguments and arguments[0].endswith(".toml"):
        default = settings.load(chosen, arguments[0])
        cell = tyro.cli(chosen, prog="simgeo run", args=arguments[1:], default=default)
    else:
        cell = tyro.cli(chosen, prog="simgeo run", args=arguments)
    with tqdm(total=cell.num_steps, unit="step", desc=cell.objective.label) as bar:

        def on_chunk(steps: int, loss: float) -> None:
            bar.update(steps - bar.n)
            bar.set_postfix_str(f"loss {loss:.3e}")

        trajectory = experiment.run(cell, on_chunk=on_chunk)
    precision = "float64" if jax.config.read("jax_enable_x64") else "float32"
    kept = results.dataset(
        settings=settings.describe(cell), precision=precision, **trajectory._asdict()
    )
    folder = Path("results")
    path = results.save(kept, folder)
    print(f"{'':24s} {'start':>10s} {'end':>10s} {'chance':>10s}")
    for name, values in trajectory.records.items():
        if name.startswith("distance_"):
            continue
        chance = trajectory.references.get(f"chance_{name}")
        level = "" if chance is None else f"{_median(chance):10.4g}"
        start, end = _median(values[:, 0]), _median(values[:, -1])
        print(f"{name:24s} {start:10.4g} {end:10.4g} {level:>10s}")
    optimum = _median(trajectory.references["optimum_loss"])
    print(f"Medians over {cell.num_seeds} seeds; optimum of the loss {optimum:.4g}.")
    print(f"Saved {path}")
    return 0 if trajectory.complete else 130


def _list() -> int:
    import dataclasses

    from simgeo import measures, objectives, students, teachers

    for title, module in (
        ("teachers", teachers),
        ("students", students),
        ("objectives", objectives),
    ):
        print(title)
        for name, kind in vars(module).items():
            if not isinstance(kind, type) or name.startswith(("Abstract", "_")):
                continue
            if dataclasses.is_dataclass(kind):
                knobs = ", ".join(field.name for field in dataclasses.fields(kind))
                summary = (kind.__doc__ or "").splitlines()[0]
                print(f"  {name:20s} {summary}")
                print(f"  {'':20s} knobs: {knobs or 'none'}")
    print("measures")
    for name, measure in measures.MEASURES.items():
        print(f"  {name:24s} {measure.label} ({measure.bounds})")
    return 0


def _median(values) -> float:
    import numpy as np

    return float(np.nanmedian(values))


if __name__ == "__main__":
    sys.exit(main())
