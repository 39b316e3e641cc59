"""From the words of a command line to a checked experiment.

`settings` does the checking: flags only change a complete description, of the default
experiment or that of a file, and what comes out is built. So a flag and a file are
refused in the same words, the order of flags does not matter, and a default that is
replaced is never asked whether it would have been possible.
"""

import argparse
import copy
import functools
import math
import re
import textwrap
from collections import defaultdict
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from simgeo import settings
from simgeo.checks import require
from simgeo.cli import Parser
from simgeo.cli.as_records import add_json
from simgeo.engine import host_memory
from simgeo.problems import AbstractCell, Distillation, Experiment

CHOICE = re.compile(r"([a-z][\w.]*):([\w-]*)")  # teacher:gaussian
WIDTH = 79

_ALIKE = ". "  # before the name of a setting that was given without its place

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
    if not name.endswith(".toml") and not Path(name).exists():
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


def change(
    data: settings.Description,
    choices: list[tuple[str, str]],
    changes: dict[str, Any],
    cls: type = Experiment,
) -> Any:
    """The experiment of a description with kinds chosen and settings changed."""
    data = copy.deepcopy(data)
    chosen = dict(choices)
    if len(chosen) < len(choices):
        words = " ".join(f"{place}:{kind}" for place, kind in choices)
        raise ValueError(f"a kind can be chosen once; got {words}.")
    for place in sorted(chosen):  # a student before its start
        _choose(data, place, chosen[place], cls)
    full: dict[str, Any] = {}
    for name, value in changes.items():
        alike = name.removeprefix(_ALIKE)
        dotted = _full(data, alike, cls) if alike != name else name
        if dotted in full:
            raise ValueError(f"`{dotted}` can be given once, and is given twice.")
        full[dotted] = value
    for dotted, value in full.items():
        table, name = _table(data, dotted)
        table[name] = value
    data = settings.complete(cls, data)
    require_room(data)  # before a teacher of that size is looked at
    cell = settings.build(cls, data)
    require_room(settings.describe(cell))
    return cell


def require_room(data: settings.Description, memory: int | None = None) -> None:
    """Refuses an experiment whose vectors alone take more than the memory, in bytes."""
    if "teacher_dim" not in data:  # of networks, whose examples are in memory already
        return
    names = ("num_vectors", "teacher_dim", "student_dim", "num_seeds")
    n, d, m, seeds = (data[name] or 0 for name in names)
    needs = 4 * n * (d + m) * seeds
    widths = " and ".join(str(width) for width in (d, m) if width)
    has = host_memory() if memory is None else memory
    if needs > has:
        raise ValueError(
            f"`num_vectors` must be small enough for the memory of {_size(has)}; the "
            f"vectors of {seeds} seeds alone, {n} in {widths} dimensions, take "
            f"{_size(needs)}. Try fewer vectors, dimensions or seeds."
        )


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


def needs_file(cls: type) -> bool:
    """Whether it has settings without default that no flag can give."""
    fields = settings.fields(cls).values()
    return any(field.required and not field.types for field in fields)


def summary(cls: type) -> str:
    """The first line of the docstring."""
    return (cls.__doc__ or "").partition("\n")[0]


def flag_of(dotted: str) -> str:
    """The flag of a setting."""
    return f"--{dotted.replace('_', '-')}"


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
                        flags[f"{_ALIKE}{name}"].append(field)
    for dotted, fields in flags.items():
        _add(parser, dotted, fields, argparse.SUPPRESS)
    return parser


def _add(group: Any, dotted: str, fields: list[settings.Field], text: str) -> None:
    flag = flag_of(dotted.removeprefix(_ALIKE))
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


def _choose(data: settings.Description, place: str, kind: str, root: type) -> None:
    """Puts a kind in its place, with its defaults if it was not there."""
    valid = settings.places(root)
    if place not in valid:
        meant = settings.suggest(place, [*valid])
        raise ValueError(f"'{place}:{kind}' chooses nothing.{meant}")
    table, name = _table(data, place)
    if kind == "none":
        table[name] = None  # refused later, unless it may be left out
        return
    cls = settings.find_kind(kind, *valid[place], at=place)
    if name not in table:
        _refuse(table, place, place.split(".")[:-1])
    if table[name] and table[name][settings.KIND] == cls.__name__:
        return
    if needs_file(cls):
        raise ValueError(
            f"`{place}` cannot be {kind!r} without settings that are lists. Describe "
            f"it in a TOML file."
        )
    table[name] = settings.complete(cls, {settings.KIND: cls.__name__})


def _full(data: settings.Description, name: str, root: type) -> str:
    """The full name of a setting, which one of the chosen kinds alone must have."""
    here, elsewhere = [], []
    for place, classes in settings.places(root).items():
        chosen = data
        for part in place.split("."):
            chosen = (chosen or {}).get(part)
        for kind, cls in settings.kinds(*classes).items():
            if name not in settings.fields(cls):
                continue
            elsewhere.append(f"{place}:{kind}")
            if chosen and chosen[settings.KIND] == cls.__name__:
                here.append(f"{place}.{name}")
    if len(here) == 1:
        return here[0]
    flag = flag_of(name)
    if here:
        raise ValueError(
            f"{flag!r} could be {' or '.join(map(flag_of, here))}. Give one of these."
        )
    more = " ..." if len(elsewhere) > 4 else ""
    raise ValueError(
        f"`{name}` is no setting of the kinds that are chosen, but of "
        f"{', '.join(elsewhere[:4])}{more}."
    )


def _table(data: settings.Description, dotted: str) -> tuple[dict[str, Any], str]:
    *trail, name = dotted.split(".")
    for depth, each in enumerate(trail):
        if not isinstance(data.get(each), dict):
            _refuse(data, dotted, trail[:depth])
        data = data[each]
    return data, name


def _refuse(data: settings.Description, dotted: str, trail: list[str]) -> NoReturn:
    raise ValueError(
        f"`{dotted}` is no setting of {data[settings.KIND]}. Choose another kind of "
        f"`{'.'.join(trail)}`; `simgeo list` tells which has it."
    )


def _size(size: int) -> str:
    power = min(int(math.log(max(size, 1), 1024)), 4)
    return f"{size / 1024**power:.3g} {('B', 'KiB', 'MiB', 'GiB', 'TiB')[power]}"
