"""From plain data to modules."""

import re
import sys
import types
import typing
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, TypeVar

from simgeo.checks import WORDS, options, require, show, wanted
from simgeo.settings._describe import describe_value, unwrap
from simgeo.settings._kinds import find_kind, kinds, suggest, suggest_setting
from simgeo.settings._types import (
    KIND,
    Description,
    Trail,
    dotted,
    fields,
    is_literal,
    is_module,
    is_sequence,
    item_hints,
)

Module = TypeVar("Module")


def build(cls: type[Module], data: Mapping[str, Any]) -> Module:
    """The module that `data` describes; the inverse of `describe`.

    Settings left out have their defaults. For a field that takes a module, its name
    alone stands for that module with its defaults. Kinds may be written
    `OrthogonalFraction` or `orthogonal-fraction`, or be shortened to words that no
    other kind has, as `fraction`.

    Args:
        cls: the class of the module, or one above it.
        data: settings by their names, and the `kind` where several are possible.

    Raises:
        ValueError: in one line, if a name is unknown, a value has the wrong type, or a
            constructor refuses it; names of settings are dotted, `teacher.fraction`.
    """
    return _construct(_Reader(cls).module((cls,), data, ()))


def kind_of(cls: type, data: Mapping[str, Any]) -> type:
    """The class that `build` would make of a description.

    Args:
        cls: the class of the module, or one above it.
        data: a description, of which only `kind` is looked at.

    Raises:
        ValueError: if the kind is missing or unknown.
    """
    return _kind((cls,), data, ())


def build_setting(cls: type, name: str, data: Any) -> Any:
    """The value of one setting, as `build` hands it to the constructor.

    For many modules that share settings, each of which is then built once.

    Args:
        cls: the class of the module that has the setting.
        name: of the setting.
        data: its description.

    Raises:
        ValueError: as `build` does.
    """
    rule = f"be a setting of {cls.__name__}"
    require(name in fields(cls), "name", rule, show(name))
    return _construct(_Reader(cls).value(fields(cls)[name].hint, data, (name,)))


def complete(cls: type, data: Mapping[str, Any]) -> Description:
    """The description that `data` stands for, with every default filled in.

    Names and types are checked as by `build`, and neither `cls` nor what a table
    describes is constructed: whether the values go together can be asked after some of
    them have been replaced. A setting without default that is not given is left out.

    Args:
        cls: the class of the module, or one above it.
        data: as for `build`.

    Raises:
        ValueError: in one line, if a name is unknown or a value has the wrong type.

    >>> from simgeo import settings, students
    >>> settings.complete(students.AbstractStart, {"kind": "gaussian", "scale": -1})
    {'kind': 'GaussianStart', 'scale': -1.0, 'offset': 0.0}
    """
    return _plain(_Reader(cls).module((cls,), data, ()), cls, ())


class _Table(NamedTuple):
    """A module that is not made yet."""

    cls: type
    values: dict[str, Any]
    trail: Trail


class _Reader:
    """Checks names and types; `root` is where a misplaced setting is looked for."""

    def __init__(self, root: type) -> None:
        self.root = root

    def module(self, classes: tuple[type, ...], data: Any, trail: Trail) -> Any:
        if isinstance(data, str):
            data = {KIND: data}
        if not isinstance(data, Mapping):
            if isinstance(data, classes):
                return data
            raise ValueError(
                f"`{dotted(trail)}` must be a table of settings or the name of a kind; "
                f"got {show(data)}."
            )
        cls = _kind(classes, data, trail)
        known = fields(cls)
        values = {}
        for name, value in data.items():
            if name == KIND:
                continue
            if name not in known:
                place = dotted((*trail, name))
                raise ValueError(
                    f"`{place}` is no setting of {cls.__name__}."
                    f"{suggest_setting(place, cls, self.root)}"
                )
            values[name] = self.value(known[name].hint, value, (*trail, name))
        return _Table(cls, values, trail)

    def value(self, hint: Any, value: Any, trail: Trail) -> Any:
        value = unwrap(value)
        if hint is Any:
            return value
        allowed = options(hint)
        classes = tuple(each for each in allowed if is_module(each))
        # A file has no other way to say that there is no module.
        is_none = value is None or bool(classes) and value == "none"
        if is_none and types.NoneType in allowed:
            return None
        allowed = [each for each in allowed if each is not types.NoneType]
        rest = [each for each in allowed if not is_module(each)]
        plain = type(value) in WORDS and type(value) in rest
        if plain:
            return value
        for each in rest:
            if is_sequence(each) and isinstance(value, list | tuple):
                return self.sequence(each, value, trail)
            choices = typing.get_args(each) if is_literal(each) else ()
            if any(type(value) is type(one) and value == one for one in choices):
                return value
            if isinstance(each, type) and each not in WORDS:
                if isinstance(value, each) and not isinstance(value, Mapping):
                    return value  # such as an optimiser of optax
        if float in rest and type(value) is int and abs(value) <= sys.float_info.max:
            return float(value)
        if classes and (not rest or isinstance(value, (Mapping, str, *classes))):
            return self.module(classes, value, trail)
        readable = (WORDS.__contains__, is_module, is_sequence, is_literal)
        right = [wanted(each) for each in allowed if any(is_(each) for is_ in readable)]
        if not right:
            raise TypeError(
                f"`{dotted(trail)}` cannot be read from plain data: it is {hint}."
            )
        require(False, dotted(trail), f"be {' or '.join(right)}", show(value))

    def sequence(self, hint: Any, value: list | tuple, trail: Trail) -> Any:
        args = typing.get_args(hint)
        if typing.get_origin(hint) is tuple and Ellipsis not in args:
            is_right, rule = len(args) == len(value), f"be a list of {len(args)}"
            require(is_right, dotted(trail), rule, show(list(value)))
        hints = item_hints(hint, len(value))
        items = [
            self.value(item_hint, item, (*trail, index))
            for index, (item_hint, item) in enumerate(zip(hints, value, strict=False))
        ]
        origin = typing.get_origin(hint) or hint
        return items if origin is list else tuple(items)


def _kind(classes: tuple[type, ...], data: Mapping[str, Any], trail: Trail) -> type:
    at = dotted((*trail, KIND))
    if KIND not in data:
        known = kinds(*classes)
        if len(classes) == 1 and classes[0] in known.values():
            return classes[0]
        raise ValueError(f"`{at}` is missing.{suggest('', list(known))}")
    name = data[KIND]
    require(isinstance(name, str), at, "be text", show(name))
    return find_kind(name, *classes, at=at)


def _plain(node: Any, hint: Any, trail: Trail) -> Any:
    if isinstance(node, _Table):
        filled = {KIND: node.cls.__name__}
        for name, field in fields(node.cls).items():
            inner = (*trail, name)
            if name in node.values:
                filled[name] = _plain(node.values[name], field.hint, inner)
            elif field.described and not field.required:
                filled[name] = describe_value(field.default(), field.hint, inner)
        return filled
    if isinstance(node, tuple | list):
        hints = item_hints(hint, len(node))
        return [
            _plain(item, item_hint, (*trail, index))
            for index, (item, item_hint) in enumerate(zip(node, hints, strict=True))
        ]
    return describe_value(node, hint, trail)


def _construct(node: Any) -> Any:
    if isinstance(node, tuple | list) and type(node) in (tuple, list):
        return type(node)(map(_construct, node))
    if not isinstance(node, _Table):
        return node
    for name, field in fields(node.cls).items():
        if field.required and name not in node.values:
            raise ValueError(
                f"`{dotted((*node.trail, name))}` is missing; {node.cls.__name__} has "
                f"no default for it."
            )
    values = {name: _construct(value) for name, value in node.values.items()}
    try:
        return node.cls(**values)
    except ValueError as error:
        if type(error) is not ValueError:
            raise
        raise ValueError(_with_trails(str(error), node)) from error


def _with_trails(text: str, table: _Table) -> str:
    """A constructor's refusal, with the settings of its module by their full names.

    The module is the one that has the setting that is named first: the one that was
    made, or else the only one within it.
    """
    first = re.search(r"`(\w+)`", text)
    if first is None:
        return text
    if first[1] in fields(table.cls):
        owners = [(table.trail, table.cls)]
    else:
        inner = _within(table.values, table.trail)
        owners = [(trail, cls) for trail, cls in inner if first[1] in fields(cls)]
    if len(owners) != 1:
        return text
    [(trail, cls)] = owners

    def full(match: re.Match) -> str:
        known = match[1] in fields(cls)
        return f"`{dotted((*trail, match[1]))}`" if known else match[0]

    return re.sub(r"`(\w+)`", full, text)


def _within(values: Mapping[str, Any], trail: Trail) -> Iterator[tuple[Trail, type]]:
    """Modules and where they are, however deep."""
    for name, value in values.items():
        items = value if type(value) in (tuple, list) else [value]
        for index, item in enumerate(items):
            here = (*trail, name) if items is not value else (*trail, name, index)
            if isinstance(item, _Table):
                yield here, item.cls
                yield from _within(item.values, here)
            elif is_module(type(item)):
                yield here, type(item)
                inner = {each: getattr(item, each) for each in fields(type(item))}
                yield from _within(inner, here)
