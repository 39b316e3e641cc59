"""From modules to plain data."""

import dataclasses
import os
from typing import Any

from simgeo.settings._types import (
    KIND,
    WORDS,
    Description,
    Trail,
    dotted,
    fields,
    item_hints,
    options,
    show,
)


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
    return _describe_module(module, ())


def homes(module: Any) -> set[str]:
    """Python modules that define the kinds of a module and of those within it.

    Another process can `build` a description once it has imported them.

    Args:
        module: a module, or a list of modules.
    """
    if isinstance(module, tuple | list):
        return set().union(*map(homes, module))
    if not dataclasses.is_dataclass(module):
        return set()
    inner = [getattr(module, name) for name in fields(type(module))]
    return {type(module).__module__}.union(*map(homes, inner))


def _describe_module(module: Any, trail: Trail) -> Description:
    if not dataclasses.is_dataclass(module) or isinstance(module, type):
        raise TypeError(f"`{dotted(trail)}` must be a module; got {show(module)}.")
    values = {
        name: describe_value(getattr(module, name), field.hint, (*trail, name))
        for name, field in fields(type(module)).items()
        if field.described
    }
    return {KIND: type(module).__name__, **values}


def describe_value(value: Any, hint: Any, trail: Trail) -> Any:
    """The plain data of a value in a field of that type."""
    value = unwrap(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return _describe_module(value, trail)
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
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if getattr(value, "shape", None) != () or not hasattr(value, "dtype"):
        return value
    import numpy as np  # here, so that the command can answer `--help` without it

    try:
        scalar = np.asarray(value)[()]
    except TypeError:  # a tracer, or a typed key
        return value
    if not isinstance(scalar, np.generic):
        return value
    item = scalar.item()
    is_short = isinstance(item, float) and scalar.dtype.itemsize < 8
    return float(str(scalar)) if is_short else item
