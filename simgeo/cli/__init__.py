"""The command `simgeo`. JAX is imported only by the commands that need it."""

import argparse
import difflib
import importlib
import importlib.metadata
import os
import sys
from typing import Any, NoReturn

from simgeo.settings import suggest

COMMANDS = {
    "run": "run one experiment, from flags or a TOML file, and draw it",
    "animate": "students finding their places under several objectives, as a film",
    "sweep": "run every cell of a grid that is not in the store yet",
    "status": "what of the sweeps in a store is done, failed and left",
    "results": "the cells of a store as a table",
    "plot": "a measure over a setting of the cells of a store",
    "page": "one HTML file to hand out, with things to drag",
    "explore": "a page on this machine that runs while its controls are moved",
    "limits": "what n vectors in d dimensions can do at epsilon, and what chance does",
    "list": "the teachers, students, objectives and measures, with their knobs",
}
OPTIONS = ("--help", "--version", "--import")


class Parser(argparse.ArgumentParser):
    """Refuses bad input with ValueError, where argparse prints its usage and exits.

    What is no flag is refused first, with the nearest one: otherwise the flag that was
    meant would be reported as missing.
    """

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        flags = [*self._option_string_actions]
        for given in args or ():
            if given == "--":
                break
            name = given.partition("=")[0]
            if name == "--import":
                raise ValueError(
                    f"`--import` must stand before the command; got it after "
                    f"`{self.prog}`."
                )
            if given.startswith("--") and name not in flags:
                near = difflib.get_close_matches(name.replace("_", "-"), flags, 1)
                meant = f" Did you mean {near[0]!r}?" if near else ""
                raise ValueError(
                    f"{name!r} is no flag.{meant} See `{self.prog} --help`."
                )
        return super().parse_known_args(args, namespace)

    def error(self, message: str) -> NoReturn:
        raise ValueError(f"{message}. See `{self.prog} --help`.")


def main(arguments: list[str] | None = None) -> int:
    """Exit code: 0, 1 for a failed run, 2 for bad input, 130 when interrupted."""
    if arguments is not None:
        return _main(arguments)
    try:
        code = _main(sys.argv[1:])
        sys.stdout.flush()
    except BrokenPipeError:  # whoever read our output, `head` for one, has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 141
    if code == 130:
        # Where a compilation was cut short, JAX can crash at the interpreter's end.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    return code


def fail(reason: object, code: int) -> int:
    """Prints the reason as one line on stderr; the exit code."""
    print("simgeo:", " ".join(str(reason).split()), file=sys.stderr)
    return code


def _main(given: list[str]) -> int:
    # Before JAX is imported: jaxlib 0.10.1 tells of every kept program that it was
    # compiled for a machine with two traits that no machine has.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    listing = "\n".join(f"  {name:8s} {text}" for name, text in COMMANDS.items())
    parser = Parser(
        prog="simgeo",
        usage="simgeo [--import MODULE] COMMAND [ARGUMENTS]",
        description="Synthetic experiments on representation geometry.",
        epilog=f"commands:\n{listing}\n\n`simgeo COMMAND --help` says more.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    version = importlib.metadata.version("simgeo")
    parser.add_argument("--version", action="version", version=f"simgeo {version}")
    parser.add_argument(
        "--import", metavar="MODULE", help="of your own teachers, objectives ..."
    )
    try:
        given = _without_imports(given)
    except ValueError as error:
        return fail(error, 2)
    if not given:
        parser.print_help(sys.stderr)
        return 2
    name, *rest = given
    try:
        if name == "run":
            from simgeo.cli.run import run

            return run(rest)
        if name == "animate":
            from simgeo.cli.animate import run

            return run(rest)
        if name == "sweep":
            from simgeo.cli.sweep import run

            return run(rest)
        if name == "status":
            from simgeo.cli.sweep import show_status

            return show_status(rest)
        if name == "results":
            from simgeo.cli.frames import show

            return show(rest)
        if name == "plot":
            from simgeo.cli.frames import plot

            return plot(rest)
        if name == "page":
            from simgeo.cli.page import write

            return write(rest)
        if name == "explore":
            from simgeo.cli.explore import explore

            return explore(rest)
        if name == "limits":
            from simgeo.cli.bounds import show

            return show(rest)
        if name == "list":
            from simgeo.cli.listing import show

            return show(rest)
        if name in ("-h", *OPTIONS):
            parser.parse_args([name])
        valid = OPTIONS if name.startswith("-") else COMMANDS
        return fail(f"{name!r} is no command.{suggest(name, list(valid))}", 2)
    except KeyboardInterrupt:
        return fail("interrupted.", 130)


def _without_imports(given: list[str]) -> list[str]:
    """What follows each `--import MODULE`, whose classes are kinds from then on.

    Raises:
        ValueError: if there is no such module.
    """
    while given and given[0].partition("=")[0] == "--import":
        first, *given = given
        name = first.partition("=")[2] or (given.pop(0) if given else "")
        sys.path.insert(0, "")  # one that lies in this folder
        try:
            importlib.import_module(name)
        except (ImportError, TypeError, ValueError) as error:
            raise ValueError(
                f"`--import` must name a module that can be imported; got {name!r}: "
                f"{error}."
            ) from error
    return given
