"""Descriptions of frozen modules: plain data, TOML files and fingerprints.

A module is a dataclass, as every `eqx.Module` is. Its description is built from
nothing but numbers, strings, booleans, None, lists and dictionaries, and `build` turns
it into an equal module through the constructors, so that every check runs again.
"""

import dataclasses
import difflib
import hashlib
import inspect
import json
import re
import reprlib
import sys
import tomllib
import types
import typing
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

Module = TypeVar("Module")
Description = dict[str, Any]

SCHEMA = 2  # of descriptions and of stored results; a fingerprint depends on it
KIND = "kind"
_MOST = 40  # of valid names in an error

_WORDS = {bool: "true or false", int: "a whole number", float: "a number", str: "text"}


def describe(module: Any) -> Description:
    """The module as plain data: its `kind`, then its fields in their order.

    A number in a field for floats is a float however it was written, and one of lower
    precision is its shortest decimal: 1, 1.0 and float32(1) are the same, and so are
    0.1 and float32(0.1). Fields with the metadata {"describe": False} are left out.

    Raises:
        TypeError: if a field holds anything that is not plain; it names the field.
    """
    return _describe_module(module, ())


def build(cls: type[Module], data: Mapping[str, Any]) -> Module:
    """The module that `data` describes; the inverse of `describe`.

    Settings left out have their defaults. For a field that takes a module, its name
    alone stands for that module with its defaults. Names of modules may be written
    `OrthogonalFraction` or `orthogonal-fraction`.

    Raises:
        ValueError: if a name is unknown or a value has the wrong type, in one line;
            or whatever the constructors raise.
    """
    return _build_module((cls,), data, ())


def load(cls: type[Module], path: str | Path) -> Module:
    """The module that a TOML file describes; see `build`.

    Raises:
        ValueError: if the file cannot be read, or does not describe a module.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(
            f"`path` must be UTF-8 text; got {path}, which is not at byte "
            f"{error.start}."
        ) from error
    except OSError as error:
        raise ValueError(
            f"`path` must be a file that can be read; got {path}: {error.strerror}."
        ) from error
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"`path` must be valid TOML; got {path}: {error}.") from error
    return build(cls, data)


def dump(module: Any) -> str:
    """TOML text that `load` reads back to a module of equal description.

    Raises:
        ValueError: if a field is None where that is not its default, which TOML
            cannot say.

    >>> from simgeo import objectives, settings
    >>> print(settings.dump(objectives.Procrustes(centred=True)), end="")
    kind = "Procrustes"
    centred = true
    normalised = false
    squared = true
    """
    description = describe(module)
    text = "\n".join(_toml_table(description, ())).lstrip("\n") + "\n"
    again = describe(build(type(module), tomllib.loads(text)))
    if _canonical(again) != _canonical(description):
        raise ValueError(
            f"`module` must not hold None where the default differs, which TOML "
            f"cannot say; got {_show(module)}. Give another value."
        )
    return text


def fingerprint(
    module: Any, extra: Mapping[str, Any] = types.MappingProxyType({})
) -> str:
    """16 hexadecimal digits that name a module and what else its results depend on.

    Args:
        extra: plain data such as {"precision": "float32"}.
    """
    return digest(describe(module), extra)


def digest(
    description: Mapping[str, Any],
    extra: Mapping[str, Any] = types.MappingProxyType({}),
) -> str:
    """The fingerprint of a module with that description."""
    whole = {"schema": SCHEMA, "settings": dict(description), "extra": dict(extra)}
    return hashlib.sha256(_canonical(whole).encode()).hexdigest()[:16]


def kinds(cls: type) -> dict[str, type]:
    """The modules that may stand where a `cls` is wanted, by the names of their kinds.

    `orthogonal-fraction`, for example; a file may write `OrthogonalFraction` too.
    """
    return {_kebab(each.__name__): each for each in _concrete(cls)}


def homes(module: Any) -> set[str]:
    """Python modules that define the kinds of a module and of those within it.

    Another process can `build` a description once it has imported them.
    """
    if isinstance(module, tuple | list):
        return set().union(*map(homes, module))
    if not dataclasses.is_dataclass(module):
        return set()
    inner = [getattr(module, field.name) for field in _fields(type(module))]
    return {type(module).__module__}.union(*map(homes, inner))


def suggest(name: str, valid: list[str]) -> str:
    """The end of an error on an unknown name: the nearest valid one, then all.

    Of very many only the first are named.
    """
    near = difflib.get_close_matches(_kebab(name), [_kebab(each) for each in valid], 1)
    meant = [each for each in valid if _kebab(each) in near][:1]
    question = f" Did you mean {meant[0]!r}?" if meant else ""
    shown = ", ".join(valid[:_MOST]) or "none"
    more = f" and {len(valid) - _MOST} more" if len(valid) > _MOST else ""
    return f"{question} Valid: {shown}{more}."


def suggest_kind(name: str, valid: list[str]) -> str:
    """The same for a kind, which may be one of the user's own."""
    found = suggest(name, valid)
    if "Did you mean" in found:
        return found
    return f"{found} One of your own needs `simgeo --import MODULE` before the command."


Trail = tuple[str | int, ...]  # the way from the outermost module to a value


def _describe_module(module: Any, trail: Trail) -> Description:
    if not dataclasses.is_dataclass(module) or isinstance(module, type):
        raise TypeError(f"`{_dotted(trail)}` must be a module; got {_show(module)}.")
    hints = _hints(type(module))
    fields = {
        field.name: _describe_value(
            getattr(module, field.name), hints[field.name], (*trail, field.name)
        )
        for field in _fields(type(module))
        if field.metadata.get("describe", True)
    }
    return {KIND: type(module).__name__, **fields}


def _describe_value(value: Any, hint: Any, trail: Trail) -> Any:
    value = _unwrap(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return _describe_module(value, trail)
    if isinstance(value, tuple | list):
        hints = _item_hints(hint, len(value))
        return [
            _describe_value(each, item_hint, (*trail, index))
            for index, (each, item_hint) in enumerate(zip(value, hints, strict=True))
        ]
    if type(value) is int and _takes_only_float(hint):
        value = float(value)
    if type(value) is float and value == 0:
        return 0.0  # and not minus zero
    if value is None or type(value) in _WORDS:
        return value
    raise TypeError(
        f"`{_dotted(trail)}` must be a number, text, true or false, None, a module or "
        f"a tuple of these; got {_show(value)}."
    )


def _build_module(classes: tuple[type, ...], data: Any, trail: Trail) -> Any:
    if isinstance(data, str):
        data = {KIND: data}
    if not isinstance(data, Mapping):
        if isinstance(data, classes):
            return data
        raise ValueError(
            f"`{_dotted(trail)}` must be a table of settings or the name of a kind; "
            f"got {_show(data)}."
        )
    cls = _kind(classes, data, trail)
    fields = {field.name: field for field in _fields(cls)}
    hints = _hints(cls)
    values = {}
    for name, value in data.items():
        if name == KIND:
            continue
        if name not in fields:
            raise ValueError(
                f"`{_dotted((*trail, name))}` is no setting of {cls.__name__}."
                f"{suggest(str(name), list(fields))}"
            )
        values[name] = _build_value(hints[name], value, (*trail, name))
    for name, field in fields.items():
        missing = field.default is field.default_factory is dataclasses.MISSING
        if name not in values and missing:
            raise ValueError(
                f"`{_dotted((*trail, name))}` is missing; {cls.__name__} has no "
                f"default for it."
            )
    return cls(**values)


def _kind(classes: tuple[type, ...], data: Mapping[str, Any], trail: Trail) -> type:
    known = {each.__name__: each for cls in classes for each in _concrete(cls)}
    trail = (*trail, KIND)
    if KIND not in data:
        if len(classes) == 1 and classes[0] in known.values():
            return classes[0]
        raise ValueError(f"`{_dotted(trail)}` is missing.{suggest('', list(known))}")
    name = data[KIND]
    if not isinstance(name, str):
        raise ValueError(f"`{_dotted(trail)}` must be text; got {_show(name)}.")
    for each, cls in known.items():
        if name == each or _kebab(name) == _kebab(each):
            return cls
    raise ValueError(
        f"`{_dotted(trail)}` must name a known kind; got {_show(name)}."
        f"{suggest_kind(name, list(known))}"
    )


def _build_value(hint: Any, value: Any, trail: Trail) -> Any:
    value = _unwrap(value)
    if hint is Any:
        return value
    options = _options(hint)
    if value is None and types.NoneType in options:
        return None
    options = [each for each in options if each is not types.NoneType]
    classes = tuple(each for each in options if _is_module(each))
    rest = [each for each in options if not _is_module(each)]
    plain = type(value) in _WORDS and type(value) in rest
    if classes and not plain and (not rest or isinstance(value, Mapping | str)):
        return _build_module(classes, value, trail)
    for each in rest:
        if _is_sequence(each) and isinstance(value, list | tuple):
            return _build_sequence(each, value, trail)
        choices = typing.get_args(each) if _is_literal(each) else ()
        if any(type(value) is type(choice) and value == choice for choice in choices):
            return value
    if plain:
        return value
    if float in rest and type(value) is int and abs(value) <= sys.float_info.max:
        return float(value)
    wanted = " or ".join(_wanted(each, trail) for each in options)
    raise ValueError(f"`{_dotted(trail)}` must be {wanted}; got {_show(value)}.")


def _build_sequence(hint: Any, value: list | tuple, trail: Trail) -> Any:
    hints = _item_hints(hint, len(value))
    args = typing.get_args(hint)
    if typing.get_origin(hint) is tuple and Ellipsis not in args:
        if len(args) != len(value):
            raise ValueError(
                f"`{_dotted(trail)}` must be a list of {len(args)}; got "
                f"{_show(list(value))}."
            )
    items = [
        _build_value(item_hint, each, (*trail, index))
        for index, (item_hint, each) in enumerate(zip(hints, value, strict=False))
    ]
    origin = typing.get_origin(hint) or hint
    return items if origin is list else tuple(items)


def _wanted(hint: Any, trail: Trail) -> str:
    if hint in _WORDS:
        return _WORDS[hint]
    if _is_module(hint):
        return f"a {hint.__name__}"
    if _is_sequence(hint):
        return "a list"
    if _is_literal(hint):
        return "one of " + ", ".join(repr(each) for each in typing.get_args(hint))
    raise TypeError(f"`{_dotted(trail)}` cannot be read from plain data: it is {hint}.")


def _fields(cls: type) -> list[dataclasses.Field]:
    fields = [field for field in dataclasses.fields(cls) if field.init]
    if any(field.name == KIND for field in fields):
        raise TypeError(f"`{KIND}` must not be a field; got it in {cls.__name__}.")
    return fields


def _hints(cls: type) -> dict[str, Any]:
    return typing.get_type_hints(cls)


def _options(hint: Any) -> list[Any]:
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return [each for arg in typing.get_args(hint) for each in _options(arg)]
    return [hint]


def _takes_only_float(hint: Any) -> bool:
    options = _options(hint)
    return float in options and int not in options


def _is_module(hint: Any) -> bool:
    return isinstance(hint, type) and dataclasses.is_dataclass(hint)


def _is_sequence(hint: Any) -> bool:
    return (typing.get_origin(hint) or hint) in (tuple, list)


def _is_literal(hint: Any) -> bool:
    return typing.get_origin(hint) is typing.Literal


def _item_hints(hint: Any, num: int) -> list[Any]:
    args = next(
        (typing.get_args(each) for each in _options(hint) if _is_sequence(each)), ()
    )
    if len(args) == num and Ellipsis not in args and num > 1:
        return list(args)
    return [args[0] if args else Any] * num


def _concrete(cls: type) -> Iterator[type]:
    abstract = inspect.isabstract(cls) or any(
        getattr(cls, name, None)  # Equinox's own abstract fields
        for name in ("__abstractvars__", "__abstractclassvars__")
    )
    if not abstract:
        yield cls
    for each in cls.__subclasses__():
        yield from _concrete(each)


def _unwrap(value: Any) -> Any:
    """The Python scalar of a NumPy or JAX one, and anything else as it is."""
    if getattr(value, "shape", None) != () or not hasattr(value, "dtype"):
        return value
    try:
        scalar = np.asarray(value)[()]
    except TypeError:  # a tracer, or a typed key
        return value
    if not isinstance(scalar, np.generic):
        return value
    item = scalar.item()
    is_short = isinstance(item, float) and scalar.dtype.itemsize < 8
    return float(str(scalar)) if is_short else item


def _kebab(name: str) -> str:
    parts = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "-", name)
    return parts.replace("_", "-").lower()


def _dotted(trail: Trail) -> str:
    dotted = ".".join(str(each) for each in trail) or "module"
    return dotted if dotted.isprintable() else ascii(dotted)[1:-1]


def _show(value: Any) -> str:
    return " ".join(reprlib.repr(value).split())


def _canonical(data: Any) -> str:
    return json.dumps(data, sort_keys=True, separators=(",", ":"))


def _toml_table(table: Description, trail: Trail) -> Iterator[str]:
    # What has no header comes first: after a header it would belong to that table.
    for name, value in table.items():
        if value is not None and not isinstance(value, dict):
            yield f"{_toml_key(name)} = {_toml_value(value)}"
    for name, value in table.items():
        if isinstance(value, dict):
            inner = (*trail, _toml_key(name))
            yield f"\n[{'.'.join(map(str, inner))}]"
            yield from _toml_table(value, inner)


def _toml_value(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        # JSON's escapes are TOML's, which wants one more.
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, list):
        return f"[{', '.join(_toml_value(each) for each in value)}]"
    if isinstance(value, dict):
        pairs = (
            f"{_toml_key(name)} = {_toml_value(each)}"
            for name, each in value.items()
            if each is not None
        )
        return f"{{ {', '.join(pairs)} }}"
    if value is None:
        raise ValueError("`module` must not hold None in a tuple, which TOML lacks.")
    return repr(value)


def _toml_key(name: str) -> str:
    return name if name.isascii() else _toml_value(name)
