"""What is on the screen, to take away: TOML for `simgeo run`, and Python."""

import dataclasses
from types import ModuleType
from typing import Any

from simgeo import objectives, optimisers, problems, settings, students, teachers
from simgeo.problems import Experiment

_SPACES: tuple[ModuleType, ...] = (
    problems,
    objectives,
    optimisers,
    students,
    teachers,
)
_END = """
run = engine.run(cell)
end = run.isel(step=-1)
for name in ("loss", "optimum_loss", "matthews", "chance_matthews", "svd_matthews"):
    print(f"{name:16s}", end[name].values)
"""


def toml_of(cell: Experiment) -> str:
    """A file for `simgeo run`."""
    return settings.dump(cell)


def python_of(cell: Experiment) -> str:
    """A program that runs this experiment; settings at their defaults are left out."""
    used = {"engine"}
    expression = _expression(cell, used, "\n    ")
    imports = f"from simgeo import {', '.join(sorted(used))}\n\n"
    return f"{imports}cell = {expression}\n{_END.lstrip()}"


def _given(module: Any) -> list[tuple[str, Any]]:
    """The settings that differ from their defaults, own ones first."""
    given = []
    fields = {field.name: field for field in dataclasses.fields(module)}
    for field in (fields[name] for name in settings.describe(module) if name in fields):
        value, default = getattr(module, field.name), field.default
        if field.default_factory is not dataclasses.MISSING:
            default = field.default_factory()
        if default is dataclasses.MISSING or _plain(value) != _plain(default):
            given.append((field.name, value))
    return given


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value):
        return settings.describe(value)
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    return value


def _expression(value: Any, used: set[str], line: str = "") -> str:
    """Python for a value; with `line`, every setting starts on one of its own."""
    if isinstance(value, tuple):
        items = [_expression(item, used) for item in value]
        return f"({', '.join(items)}{',' if len(items) == 1 else ''})"
    if not dataclasses.is_dataclass(value):
        return repr(value)
    name = type(value).__name__
    [space] = [known for known in _SPACES if getattr(known, name, None) is type(value)]
    short = space.__name__.rpartition(".")[2]
    used.add(short)
    given = [f"{key}={_expression(inner, used)}" for key, inner in _given(value)]
    if line:
        return f"{short}.{name}({''.join(f'{line}{each},' for each in given)}\n)"
    return f"{short}.{name}({', '.join(given)})"
