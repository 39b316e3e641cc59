"""From modules to plain data, and the names of that."""

import dataclasses
import functools
import hashlib
import inspect
import json
import os
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from simgeo.checks import WORDS, options, scalar, show
from simgeo.settings._shared import shared
from simgeo.settings._types import KIND, Description, Trail, dotted, fields, item_hints

SCHEMA = 2  # of descriptions and of stored results; a fingerprint depends on it


def describe(module: Any) -> Description:
    """The module as plain data: `kind`, then its settings, own ones first.

    A number in a field for floats is a float however it was written, and one of lower
    precision is its shortest decimal: 1, 1.0 and float32(1) are the same, and so are
    0.1 and float32(0.1). A path is text. Fields with the metadata {"describe": False}
    are left out.

    Args:
        module: an instance of a dataclass, with modules within it or not.

    Raises:
        TypeError: if a field holds anything that is not plain; it names the field.
    """
    return _describe_module(module)


def homes(module: Any) -> set[str]:
    """Python modules that define the kinds of a module and of those within it.

    Another process can `build` a description once it has imported them.

    Args:
        module: a module, or a list of modules.
    """
    return {kind.__module__ for kind in _kinds(module)}


def source_of(module: Any) -> str:
    """A digest of the source of the kinds of a module that are not simgeo's own.

    Empty where all are simgeo's. A kind whose source cannot be read, as one that was
    typed into a prompt, goes in by its name alone. What it calls elsewhere is not read.

    >>> from simgeo import objectives, settings
    >>> settings.source_of(objectives.CKA())
    ''
    """
    kinds = frozenset(kind for kind in _kinds(module) if _root(kind) != "simgeo")
    if not kinds:
        return ""
    own = {b for kind in kinds for b in kind.__mro__ if _root(b) == _root(kind)}
    told = sorted(f"{each.__qualname__} {_source(each)}" for each in own)
    return hashlib.sha256("".join(told).encode()).hexdigest()[:16]


def _kinds(module: Any) -> frozenset[type]:
    if isinstance(module, tuple | list):
        return frozenset().union(*map(_kinds, module))
    if not dataclasses.is_dataclass(module):
        return frozenset()
    inner = [getattr(module, name) for name in fields(type(module))]
    modules = [each for each in inner if type(each) not in WORDS]
    return frozenset([type(module)]).union(*(shared(_kinds, each) for each in modules))


def _root(kind: type) -> str:
    return kind.__module__.partition(".")[0]


@functools.cache
def _source(kind: type) -> str:
    try:
        return inspect.getsource(kind)
    except (OSError, TypeError):
        return ""


def fingerprint(module: Any, extra: Mapping[str, Any] = MappingProxyType({})) -> str:
    """16 hexadecimal digits that name a module and what else its results depend on.

    Args:
        module: what `describe` takes.
        extra: plain data such as {"precision": "float32"}.
    """
    return digest(describe(module), extra)


def digest(
    description: Mapping[str, Any],
    extra: Mapping[str, Any] = MappingProxyType({}),
) -> str:
    """The fingerprint of a module with that description.

    Args:
        description: plain data; the order of its keys makes no difference.
        extra: as for `fingerprint`.
    """
    told = {"extra": dict(extra), "schema": SCHEMA, "settings": dict(description)}
    # As `canonical` of it all, whose parts many modules share.
    text = _table({name: _text(each) for name, each in told.items()})
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def canonical(data: Any) -> str:
    """One text for equal data."""
    return json.dumps(data, sort_keys=True, separators=(",", ":"))


def _text(data: Any) -> str:
    if not isinstance(data, dict):
        return shared(canonical, data)
    return _table({name: shared(canonical, value) for name, value in data.items()})


def _table(texts: Mapping[str, str]) -> str:
    rows = [f"{shared(canonical, name)}:{texts[name]}" for name in sorted(texts)]
    return f"{{{','.join(rows)}}}"


def _describe_module(module: Any, *trail: str | int) -> Description:
    if not dataclasses.is_dataclass(module) or isinstance(module, type):
        raise TypeError(f"`{dotted(trail)}` must be a module; got {show(module)}.")
    found: Description = {KIND: type(module).__name__}
    for name, hint, plain in _described(type(module)):
        value = getattr(module, name)
        if type(value) is tuple:
            value = shared(_describe_tuple, value, hint, *trail, name)
        elif type(value) not in plain:
            value = describe_value(value, hint, (*trail, name))
        found[name] = value
    return found


def _describe_tuple(value: tuple, hint: Any, *trail: str | int) -> list[Any]:
    return describe_value(value, hint, trail)


@functools.lru_cache(maxsize=1024)
def _described(cls: type) -> list[tuple[str, Any, set[type]]]:
    """The settings of a kind, and the types of values that stay as they are."""
    found = []
    for name, field in fields(cls).items():
        if field.described:
            is_float = float in options(field.hint) and int not in options(field.hint)
            plain = {str, bool, type(None), *(() if is_float else (int,))}
            found.append((name, field.hint, plain))
    return found


def describe_value(value: Any, hint: Any, trail: Trail) -> Any:
    """The plain data of a value in a field of that type."""
    if type(value) not in WORDS:
        value = unwrap(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return shared(_describe_module, value, *trail)
    if isinstance(value, tuple | list):
        hints = item_hints(hint, len(value))
        return [
            describe_value(item, item_hint, (*trail, index))
            for index, (item, item_hint) in enumerate(zip(value, hints, strict=True))
        ]
    if type(value) is int and float in options(hint) and int not in options(hint):
        value = float(value)
    if type(value) is float and value == 0:
        return 0.0  # and not minus zero
    if value is None or type(value) in WORDS:
        return value
    raise TypeError(
        f"`{dotted(trail)}` must be a number, text, true or false, None, a module or "
        f"a tuple of these; got {show(value)}."
    )


def unwrap(value: Any) -> Any:
    """The Python scalar of a NumPy or JAX one, a path's text, and else the value."""
    return os.fspath(value) if isinstance(value, os.PathLike) else scalar(value)
