"""From the words of a command line to a checked experiment.

`settings` does the checking: flags only change the description of an experiment, the
default one or that of a file, which is then built again. So a flag and a file are
refused in the same words, and the order of flags does not matter.
"""

import argparse
import dataclasses
import math
import re
import typing
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from simgeo import settings
from simgeo.cli import Parser
from simgeo.problems import Experiment

PLAIN = (bool, int, float, str)
CHOICE = re.compile(r"([a-z][\w.]*):([\w-]*)")  # teacher:gaussian

_RUN = "Run one experiment, print a summary, keep the result, draw it."

EXAMPLES = """\
examples:
  simgeo run teacher:blocks objective:procrustes --num-seeds 4
  simgeo run cell.toml --student-dim 32 --no-objective.centred --figure cell.pdf

A KIND may be shortened to one of its words. Settings may stand in any order, and change
what the file says. `simgeo list` tells what each kind is."""


class Knob(NamedTuple):
    """A plain setting of one kind of module."""

    name: str
    type: type
    default: Any
    rule: str  # in the words of the check that refuses the wrong values


class Request(NamedTuple):
    """What `simgeo run` was asked for."""

    experiment: Experiment
    results: str
    figure: str | None
    again: bool


def parse(arguments: list[str]) -> Request:
    """The request in these arguments.

    Raises:
        ValueError: in one line, if it is malformed or impossible.
    """
    parser = settings_parser("run", "[FILE.toml]", _RUN, EXAMPLES)
    add = parser.add_argument
    add("--results", metavar="DIR", default="results", help="default: results")
    add("--figure", metavar="PATH", help="file or folder; default: beside the result")
    add("--again", action="store_true", help="run even if the result is there")
    changes, words = read(parser, arguments)
    own = {name: changes.pop(name) for name in ("results", "figure", "again")}
    choices, files = sort(words)
    if len(files) > 1:
        raise ValueError(f"at most one TOML file can be run; got {', '.join(files)}.")
    cell = _load(files[0]) if files else Experiment()
    return Request(change(cell, choices, changes), **own)


def _load(name: str) -> Experiment:
    if not name.endswith(".toml") and not Path(name).exists():
        raise ValueError(
            f"{name!r} is neither a TOML file nor a kind, such as teacher:gaussian. "
            f"See `simgeo run --help`."
        )
    try:
        return settings.load(Experiment, name)
    except ValueError as error:
        if str(error).startswith("`sweep` is no setting"):
            raise ValueError(
                f"`path` must describe one experiment; got {name}, which is a grid. "
                f"`simgeo sweep` runs it."
            ) from error
        raise


def read(parser: Parser, arguments: list[str]) -> tuple[dict[str, Any], list[str]]:
    """What was given by flags, and the words beside them."""
    given = vars(parser.parse_intermixed_args(arguments))
    return given, given.pop("words")


def sort(words: list[str]) -> tuple[list[tuple[str, str]], list[str]]:
    """Choices of kinds, each a place and a kind, and files."""
    choices = [match.groups() for match in map(CHOICE.fullmatch, words) if match]
    return choices, [word for word in words if not CHOICE.fullmatch(word)]


def change(
    cell: Experiment, choices: list[tuple[str, str]], changes: dict[str, Any]
) -> Experiment:
    """The experiment with kinds chosen and settings changed."""
    data = settings.describe(cell)
    chosen = dict(choices)
    if len(chosen) < len(choices):
        words = " ".join(f"{place}:{kind}" for place, kind in choices)
        raise ValueError(f"a kind can be chosen once; got {words}.")
    for place in sorted(chosen):  # a student before its start
        _choose(data, place, chosen[place])
    for dotted, value in changes.items():
        table, name = _table(data, dotted)
        table[name] = value
    return settings.build(Experiment, data)


def places(
    cls: type = Experiment, before: str = "", within: tuple[type, ...] = ()
) -> dict[str, type]:
    """Where a kind is chosen, such as `student.start`, and what it is a kind of.

    What stands in another of its own sort, as the teacher to which noise is added, is
    left to a file: there would be no end of flags.
    """
    found = {}
    for name, hint in typing.get_type_hints(cls).items():
        if not isinstance(hint, type) or not dataclasses.is_dataclass(hint):
            continue
        if hint not in within:
            found[f"{before}{name}"] = hint
            for kind in settings.kinds(hint).values():
                found |= places(kind, f"{before}{name}.", (*within, hint))
    return found


def knobs(cls: type) -> Iterator[Knob]:
    """The settings that are numbers, text, or true or false."""
    hints = typing.get_type_hints(cls)
    for field in dataclasses.fields(cls):
        if hints[field.name] in PLAIN:
            rule = _rule(cls, field.name, hints[field.name])
            yield Knob(field.name, hints[field.name], field.default, rule)


def required(cls: type) -> list[str]:
    """The settings without a default."""
    missing = dataclasses.MISSING
    return [
        field.name
        for field in dataclasses.fields(cls)
        if field.default is field.default_factory is missing
    ]


def needs_file(cls: type) -> bool:
    """Whether it has settings without default that are lists: no flag gives them."""
    return not {*required(cls)} <= {knob.name for knob in knobs(cls)}


def summary(cls: type) -> str:
    """The first line of the docstring."""
    return (cls.__doc__ or "").partition("\n")[0]


def _rule(cls: type, name: str, hint: type) -> str:
    for wrong in {float: (math.nan, -1.0), int: (-1,), str: ("",)}.get(hint, ()):
        try:
            cls(**{name: wrong})
        except TypeError:  # another setting has no default
            return ""
        except ValueError as error:
            rule = re.match(rf"`{name}` must (?:be |lie )?(.*); got ", str(error))
            return rule[1].replace("not be ", "not ") if rule else ""
    return ""


def settings_parser(command: str, words: str, description: str, epilog: str) -> Parser:
    """A parser with a flag for every setting of an experiment."""
    parser = Parser(
        prog=f"simgeo {command}",
        usage=f"simgeo {command} {words} [PLACE:KIND ...] [SETTINGS]",
        description=description,
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("words", nargs="*", help=argparse.SUPPRESS)
    group = parser.add_argument_group("settings of the experiment")
    for knob in knobs(Experiment):
        _add(group, knob.name, knob, _help(knob))
    for place, base in places().items():
        found = settings.kinds(base)
        lines = [f"{place}:{kind:20s} {summary(cls)}" for kind, cls in found.items()]
        group = parser.add_argument_group(place, "\n".join(lines))
        helps = defaultdict(list)
        for kind, cls in found.items():
            for knob in knobs(cls):
                helps[knob.name].append((knob, f"{kind}: {_help(knob)}"))
        for name, each in helps.items():
            text = "; ".join(text for _, text in each)
            _add(group, f"{place}.{name}", each[0][0], text)
    return parser


def _add(group: Any, dotted: str, knob: Knob, text: str) -> None:
    flag = f"--{dotted.replace('_', '-')}"
    common = {"dest": dotted, "default": argparse.SUPPRESS, "help": text}
    if knob.type is bool:
        group.add_argument(flag, action=argparse.BooleanOptionalAction, **common)
        return
    metavar = {int: "N", float: "X"}.get(knob.type, "NAME")
    group.add_argument(flag, type=_plain, metavar=metavar, **common)


def _help(knob: Knob) -> str:
    if knob.type is bool:
        return f"default {knob.default}".lower()
    known = knob.default is not dataclasses.MISSING
    default = f"default {knob.default}" if known else "required"
    return f"{knob.rule}, {default}".lstrip(", ")


def _plain(text: str) -> int | float | str:
    for convert in (int, float):
        try:
            return convert(text)
        except ValueError:
            pass
    return text


def _choose(data: settings.Description, place: str, kind: str) -> None:
    """Puts a kind in its place, with its defaults if it was not there."""
    valid = places()
    if place not in valid:
        wrong = f"{place}:{kind}"
        raise ValueError(
            f"{wrong!r} chooses nothing.{settings.suggest(place, [*valid])}"
        )
    found = settings.kinds(valid[place])
    meant = [each for each in found if f"-{kind}-" in f"-{each}-"]
    if kind not in found and len(meant) != 1:
        raise ValueError(
            f"`{place}` must name a known kind; got {kind!r}."
            f"{settings.suggest_kind(kind, list(found))}"
        )
    cls = found[kind if kind in found else meant[0]]
    table, name = _table(data, place)
    if name not in table:
        _refuse(table, place, place.split(".")[:-1])
    if table[name][settings.KIND] == cls.__name__:
        return
    if needs_file(cls):
        raise ValueError(
            f"`{place}` cannot be {kind!r} without settings that are lists. Describe "
            f"it in a TOML file."
        )
    start = {settings.KIND: cls.__name__}
    table[name] = start if required(cls) else settings.describe(cls())


def _table(data: settings.Description, dotted: str) -> tuple[dict[str, Any], str]:
    *trail, name = dotted.split(".")
    for depth, each in enumerate(trail):
        if each not in data:
            _refuse(data, dotted, trail[:depth])
        data = data[each]
    return data, name


def _refuse(data: settings.Description, dotted: str, trail: list[str]) -> NoReturn:
    raise ValueError(
        f"`{dotted}` is no setting of {data[settings.KIND]}. Choose another kind of "
        f"`{'.'.join(trail)}`; `simgeo list` tells which has it."
    )
