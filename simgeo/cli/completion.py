"""`simgeo completion`: a script by which a shell completes commands and flags."""

import argparse
import contextlib
from typing import NoReturn

from simgeo import cli
from simgeo.cli import Parser


def show(arguments: list[str]) -> None:
    """Prints the script, which runs nothing of simgeo when it completes."""
    parser = Parser(
        "completion",
        "Prints a script by which a shell completes commands, flags and files; "
        "docs/reference/command.md says where to put it.",
    )
    parser.add_argument("shell", choices=["bash", "zsh", "tcsh"])
    asked = parser.parse_args(arguments)
    try:
        import shtab
    except ModuleNotFoundError as error:
        raise ValueError(
            "`simgeo completion` needs shtab, which is not installed. In a checkout "
            "of simgeo: pip install '.[completion]'."
        ) from error
    print(shtab.complete(_whole(shtab.FILE, shtab.DIRECTORY), asked.shell))


def _whole(file: dict[str, str], folder: dict[str, str]) -> argparse.ArgumentParser:
    """All commands as one parser, with what a file and a folder are completed by."""
    whole = argparse.ArgumentParser("simgeo")
    whole.add_argument("--version", action="store_true", help="prints the version")
    whole.add_argument("--import", metavar="MODULE", help="of your own kinds")
    commands = whole.add_subparsers(dest="command")
    for name, about in cli.abouts().items():
        own = [parser] if (parser := parser_of(name)) else []
        made = commands.add_parser(name, help=about, parents=own, add_help=False)
        for action in made._actions:
            _describe(action, file, folder)
    return whole


def _describe(
    action: argparse.Action, file: dict[str, str], folder: dict[str, str]
) -> None:
    """What shtab reads of an argument: its help, and which paths complete it."""
    # Help leaves the settings of a kind to `simgeo list`.
    if action.help == argparse.SUPPRESS and (action.metavar or action.nargs == 0):
        action.help = ""
    if action.metavar in cli.FOLDERS:
        action.complete = folder
    elif action.metavar in cli.FILES or not (action.option_strings or action.choices):
        action.complete = file


class _Parsed(BaseException):
    """Carries the parser of a command out of it, before it does anything."""


def parser_of(command: str) -> Parser | None:
    """What a command parses its words with; None for one that cannot be imported."""

    def stop(parser: Parser, *_: object) -> NoReturn:
        raise _Parsed(parser)

    before, Parser.refuse_unknown = Parser.refuse_unknown, stop
    try:
        with contextlib.suppress(ValueError):  # of a package that is not installed
            cli.function_of(command)([])
    except _Parsed as parsed:
        return parsed.args[0]
    finally:
        Parser.refuse_unknown = before
    return None
