"""What is on the screen, to take away: TOML for `simgeo run`, and Python."""

import dataclasses
from types import ModuleType
from typing import Any

from simgeo import engine, objectives, settings, students, teachers
from simgeo.problems import Experiment

_SPACES: tuple[ModuleType, ...] = (experiment, objectives, students, teachers)
_END = """
found = engine.run(cell)
print("loss", found.records["loss"][:, -1])
print("least possible", found.references["optimum_loss"])
print("pattern kept", found.records["matthews"][:, -1])
print("chance", found.references["chance_matthews"])
"""


def toml_of(cell: Experiment) -> str:
    """A file for `simgeo run`."""
    return settings.dump(cell)


def python_of(cell: Experiment) -> str:
    """A program that runs this experiment; settings at their defaults are left out."""
    used: set[str] = set()
    fields = [
        f"    {name}={_expression(value, used)},\n" for name, value in _given(cell)
    ]
    used.add("experiment")
    head = f"from simgeo import {', '.join(sorted(used))}\n\n"
    return f"{head}cell = problems.Experiment(\n{''.join(fields)})\n{_END.lstrip()}"


def _given(module: Any) -> list[tuple[str, Any]]:
    """The settings that differ from their defaults."""
    found = []
    for field in dataclasses.fields(module):
        value, default = getattr(module, field.name), field.default
        if field.default_factory is not dataclasses.MISSING:
            default = field.default_factory()
        if default is dataclasses.MISSING or _plain(value) != _plain(default):
            found.append((field.name, value))
    return found


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value):
        return settings.describe(value)
    if isinstance(value, tuple | list):
        return [_plain(each) for each in value]
    return value


def _expression(value: Any, used: set[str]) -> str:
    if isinstance(value, tuple):
        items = [_expression(each, used) for each in value]
        return f"({', '.join(items)}{',' if len(items) == 1 else ''})"
    if not dataclasses.is_dataclass(value):
        return repr(value)
    name = type(value).__name__
    [space] = [each for each in _SPACES if getattr(each, name, None) is type(value)]
    short = space.__name__.rpartition(".")[2]
    used.add(short)
    given = [f"{key}={_expression(each, used)}" for key, each in _given(value)]
    return f"{short}.{name}({', '.join(given)})"
