"""Settings that a part takes from the cell it belongs to."""

import dataclasses

from jaxtyping import PyTree


def inherited(module: PyTree, epsilon: float) -> PyTree:
    """A module in which every epsilon that is None, also within, is this one."""
    if type(module) is tuple:
        inner = tuple(inherited(each, epsilon) for each in module)
        same = all(a is b for a, b in zip(inner, module, strict=True))
        return module if same else inner
    if not dataclasses.is_dataclass(module) or isinstance(module, type):
        return module
    changes = {}
    for field in dataclasses.fields(module):
        value = getattr(module, field.name)
        if field.name == "epsilon" and value is None:
            changes["epsilon"] = epsilon
        elif (inner := inherited(value, epsilon)) is not value:
            changes[field.name] = inner
    return dataclasses.replace(module, **changes) if changes else module


def changed(module: PyTree, **values: PyTree) -> PyTree:
    """A copy with other values in some fields, which are not validated again."""
    made = object.__new__(type(module))
    for field in dataclasses.fields(module):
        value = values.get(field.name, getattr(module, field.name))
        object.__setattr__(made, field.name, value)
    return made
