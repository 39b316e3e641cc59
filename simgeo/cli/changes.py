"""What the words of a command line change in a complete description.

`settings` does the checking: a flag and a file are refused in the same words, the order
of flags does not matter, and a default that is replaced is never asked whether it would
have been possible.
"""

import copy
import math
from typing import Any, NoReturn

from simgeo import settings
from simgeo.engine import host_memory
from simgeo.problems import Experiment

ALIKE = ". "  # before the name of a setting that was given without its place


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
        alike = name.removeprefix(ALIKE)
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


def needs_file(cls: type) -> bool:
    """Whether it has settings without default that no flag can give."""
    fields = settings.fields(cls).values()
    return any(field.required and not field.types for field in fields)


def flag_of(dotted: str) -> str:
    """The flag of a setting."""
    return f"--{dotted.replace('_', '-')}"


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
