"""From the words of a command line to a checked experiment.

A flag for every setting, and what they give as changes of a complete description, that
of the default experiment or of a file.
"""

import argparse
import functools
import re
import textwrap
from collections import defaultdict
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from simgeo import settings
from simgeo.checks import require
from simgeo.cli import Parser
from simgeo.cli.as_records import add_json
from simgeo.cli.changes import ALIKE, change, flag_of
from simgeo.problems import AbstractCell, Distillation, Experiment

CHOICE = re.compile(r"([a-z][\w.]*):([\w-]*)")  # teacher:gaussian
WIDTH = 79

EXAMPLES = """\
examples:
  simgeo run teacher:blocks objective:procrustes --num-seeds 4
  simgeo run --fraction 0.8 --learning-rate 0.03
  simgeo run cell.toml --student-dim 32 --no-objective.centred --figure a.pdf
"""
_DISTIL_EXAMPLES = """\
examples:
  simgeo distil objective:procrustes --weight 0.1 --num-seeds 4
  simgeo distil dataset:mnist student:mlp --student.width 8 objective:none
  simgeo distil dataset:example-file --path mine.npz teacher:given-teacher
"""
_WORDS = """
A KIND may be shortened to words of its name that no other has. A setting of a
kind is given with its place, as --teacher.fraction, or without, as --fraction,
where only one of the chosen kinds has it. Lists are written with commas, and
`none` clears what may be empty. Words may stand in any order, and change what
the file says.

`simgeo list teachers orthogonal-fraction` tells the settings of a kind."""


class Command(NamedTuple):
    """A command that runs one cell."""

    name: str
    cls: type[AbstractCell]
    about: str
    examples: str


RUN = Command(
    "run",
    Experiment,
    "Run one experiment, print a summary, keep the result, draw it.",
    EXAMPLES + _WORDS,
)
DISTIL = Command(
    "distil",
    Distillation,
    "Distil a network into smaller ones, print a summary, keep the result, draw it.",
    _DISTIL_EXAMPLES + _WORDS,
)


class Request(NamedTuple):
    """What a command was asked for."""

    cell: Any
    results: str
    figure: str | None
    again: bool
    json: bool = False


def parse(arguments: list[str], command: Command = RUN) -> Request:
    """The request in these arguments; ValueError if it is malformed or impossible.

    Args:
        arguments: the words after the command.
        command: that they are for.
    """
    name, cls, about, examples = command
    parser = settings_parser(name, "[FILE.toml]", about, examples, cls)
    add = parser.add_argument
    add("--results", metavar="DIR", default="results", help="default: results")
    add("--figure", metavar="PATH", help="file or folder; default: beside the result")
    add("--again", action="store_true", help="run even if the result is there")
    add_json(parser)
    changes, words = read(parser, arguments)
    own = {name: changes.pop(name) for name in ("results", "figure", "again", "json")}
    choices, files = sort(words)
    if len(files) > 1:
        raise ValueError(f"at most one TOML file can be run; got {', '.join(files)}.")
    data = describe_file(files[0], cls) if files else settings.complete(cls, {})
    return Request(change(data, choices, changes, cls), **own)


def describe_file(name: str, cls: type = Experiment) -> settings.Description:
    """The complete description in a TOML file, whose values may not go together yet."""
    is_there = bool(name) and Path(name).exists()
    if not name.endswith(".toml") and not is_there:
        raise ValueError(
            f"{name!r} is neither a TOML file nor a kind, such as teacher:gaussian. "
            f"See `simgeo run --help`."
        )
    data = settings.read(name)
    got = f"{name}, which is a grid. `simgeo sweep` runs it"
    require("sweep" not in data, "path", "describe one experiment", got)
    return settings.complete(cls, data)


def read(parser: Parser, arguments: list[str]) -> tuple[dict[str, Any], list[str]]:
    """What was given by flags, and the words beside them."""
    given = vars(parser.parse_intermixed_args(arguments))
    return given, given.pop("words")


def sort(words: list[str]) -> tuple[list[tuple[str, str]], list[str]]:
    """Choices of kinds, each a place and a kind, and files."""
    choices = [match.groups() for match in map(CHOICE.fullmatch, words) if match]
    return choices, [word for word in words if not CHOICE.fullmatch(word)]


def knobs(cls: type) -> dict[str, str]:
    """The settings that a flag can give: which values are right, and the default."""
    said = {}
    for name, field in settings.fields(cls).items():
        if field.types and field.described:
            default = "required"
            if not field.required:
                default = f"default {field.about_default or _text(field.default())}"
            said[name] = f"{field.rule}, {default}".lstrip(", ")
    return said


def summary(cls: type) -> str:
    """The first line of the docstring."""
    return (cls.__doc__ or "").partition("\n")[0]


def table_of(classes: tuple[type, ...], wide: int) -> str:
    """The kinds of these classes and what they are, one line each, cut if too long."""
    rows = settings.kinds(*classes).items()
    lines = [f"{name:{wide}s} {summary(kind)}".rstrip() for name, kind in rows]
    most = WIDTH - 2
    return "\n".join(
        line if len(line) <= most else f"{line[: most - 3].rpartition(' ')[0]} ..."
        for line in lines
    )


def settings_parser(
    command: str, words: str, description: str, epilog: str, cls: type = Experiment
) -> Parser:
    """A parser with a flag for every setting of `cls`, and its words in the usage."""
    parser = Parser(
        command,
        description,
        usage=f"simgeo {command} {words} [PLACE:KIND ...] [SETTINGS]",
        epilog=epilog,
        formatter_class=functools.partial(
            argparse.RawDescriptionHelpFormatter, width=WIDTH
        ),
        conflict_handler="resolve",  # a command's own flags come later
    )
    parser.add_argument("words", nargs="*", help=argparse.SUPPRESS)
    group = parser.add_argument_group("settings of the experiment")
    for name, about in knobs(cls).items():
        _add(group, name, [settings.fields(cls)[name]], about)
    flags = defaultdict(list)  # of settings within kinds
    for place, classes in settings.places(cls).items():
        found = settings.kinds(*classes)
        title = f"{place}:KIND, such as {place}:{next(iter(found), '')}"
        text = table_of(classes, 22)
        if "." in place:
            text = textwrap.fill(", ".join(found), WIDTH - 2, break_on_hyphens=False)
        parser.add_argument_group(title, text)
        refuse = functools.partial(_refuse_flag, place)
        hidden = {"default": argparse.SUPPRESS, "help": argparse.SUPPRESS}
        parser.add_argument(flag_of(place), type=refuse, **hidden)
        for each in found.values():
            for name, field in settings.fields(each).items():
                if field.types and field.described:
                    flags[f"{place}.{name}"].append(field)
                    if name not in settings.fields(cls):
                        flags[f"{ALIKE}{name}"].append(field)
    for dotted, fields in flags.items():
        _add(parser, dotted, fields, argparse.SUPPRESS)
    return parser


def _add(group: Any, dotted: str, fields: list[settings.Field], text: str) -> None:
    flag = flag_of(dotted.removeprefix(ALIKE))
    common = {"dest": dotted, "default": argparse.SUPPRESS, "help": text}
    types = set().union(*(field.types for field in fields))
    if types == {bool}:
        group.add_argument(flag, action=argparse.BooleanOptionalAction, **common)
        return
    many = any(field.many for field in fields)
    metavar = "N" if int in types else "X" if float in types else "NAME"
    convert = functools.partial(
        _value, types=types, optional=any(field.optional for field in fields), many=many
    )
    metavar = f"{metavar},..." if many else metavar
    group.add_argument(flag, type=convert, metavar=metavar, **common)


def _refuse_flag(place: str, kind: str) -> NoReturn:
    raise argparse.ArgumentTypeError(f"a kind is chosen by {place}:{kind}")


def _value(text: str, types: set[type], optional: bool, many: bool) -> Any:
    if optional and text.lower() == "none":
        return None
    if many:
        words = filter(None, map(str.strip, text.split(",")))
        return [_value(word, types, False, False) for word in words]
    if types == {str}:
        return text
    for convert in (int, float):
        try:
            return convert(text)
        except ValueError:
            pass
    return text


def _text(value: Any) -> str:
    """A default as it would be written."""
    if isinstance(value, tuple | list):
        return ",".join(map(_text, value)) or "''"
    if value is None or isinstance(value, bool):
        return str(value).lower()
    return str(value) or "''"
