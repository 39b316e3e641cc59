"""Checks of what a user wrote, in one sentence: the setting, the rule, what it got.

The lowest layer: it imports nothing of simgeo, and no JAX.

>>> import equinox as eqx
>>> from simgeo import checks
>>> class Noise(eqx.Module):
...     scale: float = eqx.field(default=1.0, metadata=checks.POSITIVE)
...
...     def __check_init__(self):
...         checks.check_fields(self)
>>> Noise(scale=-1)
Traceback (most recent call last):
ValueError: `scale` must be positive; got -1.0.
>>> Noise(scale="wide")
Traceback (most recent call last):
ValueError: `scale` must be a number; got 'wide'.
"""

import dataclasses
import functools
import inspect
import math
import os
import re
import reprlib
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

WORDS: dict[type, str] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "text",
}


class Rule(NamedTuple):
    """What a field asks of its value beyond its type."""

    words: str  # after "must"
    holds: Callable[[Any], bool]
    schema: Mapping[str, Any] = MappingProxyType({})  # the same in JSON schema's words


def rule(words: str, holds: Callable[[Any], bool], **schema: Any) -> Mapping[str, Rule]:
    """Metadata of a field that `check_fields` holds to a rule.

    Args:
        words: the end of "`name` must ...".
        holds: takes the value, or each item of a tuple; it never sees a tracer, nor an
            array that is not a single number.
        schema: as much of the rule as JSON schema can say, such as `minimum=0`, for
            editors of TOML files.
    """
    return {"rule": Rule(words, holds, schema)}


POSITIVE = rule("be positive", lambda value: value > 0, exclusiveMinimum=0)
POSITIVE_AND_FINITE = rule(
    "be positive and finite", lambda value: 0 < value < math.inf, exclusiveMinimum=0
)
BELOW_1 = rule(
    "be at least 0 and below 1",
    lambda value: 0 <= value < 1,
    minimum=0,
    exclusiveMaximum=1,
)
FINITE = rule("be finite", math.isfinite)
NOT_NEGATIVE = rule(
    "be finite and not negative", lambda value: 0 <= value < math.inf, minimum=0
)
BETWEEN_0_AND_1 = rule(
    "lie between 0 and 1, both excluded",
    lambda value: 0 < value < 1,
    exclusiveMinimum=0,
    exclusiveMaximum=1,
)
# Said of a default of None that stands for a setting of the experiment.
INHERITED = {"default": "that of the experiment"}
FRACTION = rule(
    "lie between 0 and 1", lambda value: 0 <= value <= 1, minimum=0, maximum=1
)


def one_of(*names: str) -> Mapping[str, Rule]:
    """Metadata of a field that takes one of some names; the nearest is suggested."""
    words = f"be one of {', '.join(map(repr, names))}"
    return rule(words, names.__contains__, enum=[*names])


def at_least(least: int) -> Mapping[str, Rule]:
    """Metadata of a field whose value is `least` or more."""
    return rule(f"be at least {least}", lambda value: value >= least, minimum=least)


def require(condition: bool, name: str, words: str, value: object) -> None:
    """Raises ValueError in the house's words, unless the condition holds.

    Args:
        name: of the setting.
        words: the rule, after "must".
        value: what was got.
    """
    if not condition:
        raise ValueError(f"`{name}` must {words}; got {value}.")


def known(*knobs: object) -> bool:
    """Whether all knobs are single real numbers that can be looked at: none is traced.

    A knob that holds a whole grid is not known, nor is one of the wrong type, which
    `check_fields` refuses.
    """
    return all(map(_is_known, knobs))


def check_fields(module: Any) -> None:
    """Holds the fields of a frozen module to their annotations and rules.

    For `__check_init__`. A field for floats takes whole numbers, and keeps them as
    floats; one for a tuple takes a list; one for text takes a path; NumPy's scalars
    become Python's, those of low precision their shortest decimal. Traced values and
    arrays pass where a number may stand. Annotations of other types are not judged.

    Raises:
        ValueError: if a field has a value of the wrong type, or breaks its rule.
    """
    for name, hint, allowed, item, is_static, asked in _fields(type(module)):
        given = value = getattr(module, name)
        is_list = type(given) is tuple and all(type(each) is item for each in given)
        if type(given) not in allowed and not is_list:
            value = _checked(hint, given, name, is_static)
            if value is not given:
                object.__setattr__(module, name, value)
        for each in (value if isinstance(value, tuple) else (value,)) if asked else ():
            if (isinstance(each, str) or _is_known(each)) and not asked.holds(each):
                require(False, name, asked.words, show(value))


class _Checked(NamedTuple):
    """What `check_fields` asks of a field."""

    name: str
    hint: Any
    allowed: frozenset[type]  # of Python's numbers and texts, and None
    item: Any  # what tuples are of, however long; None unless that is all there is
    is_static: bool
    asked: Rule | None


@functools.cache
def _fields(cls: type) -> list[_Checked]:
    hints = _hints(cls)
    found = []
    for field in dataclasses.fields(cls):
        hint = hints.get(field.name, Any)
        plain = [each for each in options(hint) if each in (*WORDS, types.NoneType)]
        is_static = bool(field.metadata.get("static", False))
        asked: Rule | None = field.metadata.get("rule")
        args = typing.get_args(hint) if typing.get_origin(hint) is tuple else ()
        item = args[0] if Ellipsis in args and args[0] in WORDS else None
        about = field.name, hint, frozenset(plain), item, is_static, asked
        found.append(_Checked(*about))
    return found


def _is_known(knob: object) -> bool:
    if type(knob) is float or type(knob) is int:
        return True
    import numpy as np

    try:
        array = np.asarray(knob)
    except (TypeError, ValueError):  # a tracer, a typed key; a ragged list
        return False
    return array.ndim == 0 and array.dtype.kind in "biuf"


def _hints(cls: type) -> dict[str, Any]:
    try:
        return typing.get_type_hints(cls)
    except NameError:  # of a class that names what is not at hand
        return {}


def _checked(hint: Any, value: Any, name: str, is_static: bool) -> Any:
    """The value as the field keeps it."""
    allowed = options(hint)
    if Any in allowed or value is None and types.NoneType in allowed:
        return value
    if is_static or type(value).__module__ == "numpy":
        value = scalar(value)
    if type(value) in allowed:
        return value
    for option in allowed:
        fits, kept = _fit(option, value, name, is_static)
        if fits:
            return kept
    right = " or ".join(map(wanted, (o for o in allowed if o is not types.NoneType)))
    got = show(value)
    meant = value
    if isinstance(value, type):
        got = f"the class {value.__name__}"
    elif isinstance(value, str):  # the name of a kind, as in a file or a flag
        meant = _class_called(value, allowed)
    if isinstance(meant, type):
        got += f". Write `{meant.__name__}(...)`"
    raise ValueError(f"`{name}` must be {right}; got {got}.")


def _class_called(name: str, allowed: Iterable[Any]) -> type | None:
    """The class of that name, as files and flags write it, of those that are taken."""
    plain = re.sub(r"[-_ ]", "", name).lower()
    for each in allowed:
        if isinstance(each, type) and each not in (int, float, str, bool, type(None)):
            if each.__name__.lower() == plain and not inspect.isabstract(each):
                return each
            if found := _class_called(name, type.__subclasses__(each)):
                return found
    return None


def _fit(option: Any, value: Any, name: str, is_static: bool) -> tuple[bool, Any]:
    """Whether a value may stand for one type, and as what."""
    origin = typing.get_origin(option) or option
    if option in (bool, int, float) and hasattr(value, "dtype"):
        return _is_array_of(option, value), value
    if option is float:
        is_whole = type(value) is int and abs(value) < 2**1023
        return is_whole, float(value) if is_whole else value
    if option is str:
        is_path = isinstance(value, str | os.PathLike)
        return is_path, str(os.fspath(value)) if is_path else value
    if origin is typing.Literal:
        return value in typing.get_args(option), value
    if origin in (tuple, list) and isinstance(value, tuple | list):
        items = [
            _checked(each, item, f"{name}.{index}", is_static)
            for index, (each, item) in enumerate(
                zip(_items(option, value, name), value, strict=True)
            )
        ]
        is_same = type(value) is origin and all(
            kept is item for kept, item in zip(items, value, strict=True)
        )
        return True, value if is_same else origin(items)
    if option in WORDS or origin in (tuple, list) or option is types.NoneType:
        return False, value
    if hasattr(option, "array_type") or not isinstance(option, type):
        # The shapes of arrays are not judged here, other annotations nowhere.
        return hasattr(value, "dtype") or not hasattr(option, "array_type"), value
    return isinstance(value, option), value


def _items(option: Any, value: Any, name: str) -> list[Any]:
    """The type of every item of a tuple or list."""
    args = typing.get_args(option)
    if (typing.get_origin(option) or option) is list or Ellipsis in args or not args:
        return [args[0] if args else Any] * len(value)
    rule = f"be a list of {len(args)}"
    require(len(args) == len(value), name, rule, show(list(value)))
    return list(args)


def _is_array_of(option: type, value: Any) -> bool:
    """Whether an array, which may be traced, may stand for one of these numbers."""
    import numpy as np

    try:
        kind = np.dtype(value.dtype).kind  # V is that of bfloat16
    except TypeError:  # of a typed key
        return False
    return kind in {bool: "b", int: "iu", float: "iufV"}[option]


def scalar(value: Any) -> Any:
    """The Python scalar of a NumPy or JAX one, and else the value.

    Args:
        value: anything; a number of low precision becomes its shortest decimal.
    """
    if getattr(value, "shape", None) != () or not hasattr(value, "dtype"):
        return value
    import numpy as np  # here, so that the command can answer `--help` without it

    try:
        found = np.asarray(value)[()]
    except TypeError:  # a tracer, or a typed key
        return value
    item = found.item() if isinstance(found, np.generic) else value
    is_short = isinstance(item, float) and found.dtype.itemsize < 8
    return float(str(found)) if is_short else item


def options(hint: Any) -> list[Any]:
    """The types that an annotation allows, None among them.

    Args:
        hint: a type, or a union of some.
    """
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return [each for arg in typing.get_args(hint) for each in options(arg)]
    return [hint]


def wanted(option: Any) -> str:
    """What a value of that type is called, with its article.

    Args:
        option: a type, such as one of `options`.
    """
    if option in WORDS:
        return WORDS[option]
    if typing.get_origin(option) is typing.Literal:
        return "one of " + ", ".join(map(repr, typing.get_args(option)))
    if (typing.get_origin(option) or option) in (tuple, list):
        return "a list"
    if hasattr(option, "array_type"):
        return "an array"
    name = getattr(option, "__name__", str(option))
    if name.startswith("Abstract"):  # a role, in words
        spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name.removeprefix("Abstract"))
        name = spaced.lower()
    return f"{'an' if name[0] in 'AEIOaeiou' else 'a'} {name}"


def show(value: Any) -> str:
    """Its repr in one short line.

    Args:
        value: anything.
    """
    return " ".join(reprlib.repr(value).split())
