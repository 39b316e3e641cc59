"""What a TOML file may say, as JSON schema, from the fields that `build` reads."""

import inspect
import math
import re
import textwrap
import typing
from typing import Any

from simgeo.checks import WORDS, Rule, options
from simgeo.settings._describe import describe_value
from simgeo.settings._kinds import kebab, kinds
from simgeo.settings._types import (
    KIND,
    Description,
    Field,
    fields,
    is_literal,
    is_sequence,
    modules,
)

_TYPES = {bool: "boolean", int: "integer", float: "number", str: "string"}


def json_schema(cls: type) -> Description:
    """The JSON schema (draft 7) of the files that `load` reads as a `cls`.

    What it refuses, `build` refuses too. What relates several settings is beyond it.

    Args:
        cls: the class of a module, or one above it.

    >>> from simgeo import settings, students
    >>> found = settings.json_schema(students.GaussianStart)
    >>> found["properties"]["offset"]["type"]
    'number'
    """
    definitions: Description = {}
    concrete = cls in kinds(cls).values()
    body = _table(cls, (cls,), definitions) if concrete else _role((cls,), definitions)
    head = {"$schema": "http://json-schema.org/draft-07/schema#"}
    return head | body | {"definitions": definitions}


def _role(classes: tuple[type, ...], definitions: Description) -> Description:
    """A reference to what may stand where one of these classes is wanted."""
    name = "-or-".join(each.__name__ for each in classes)
    if name not in definitions:
        definitions[name] = {}  # it may stand within itself
        found = kinds(*classes)
        tables = {
            kind: _table(each, classes, definitions) for kind, each in found.items()
        }
        definitions |= {f"{name}.{kind}": table for kind, table in tables.items()}
        whole = [{"$ref": f"#/definitions/{name}.{kind}"} for kind in tables]
        names = [_names(kind, classes) for kind in found]
        definitions[name] = {"anyOf": [*names, *whole]}
    return {"$ref": f"#/definitions/{name}"}


def _table(
    cls: type, classes: tuple[type, ...], definitions: Description
) -> Description:
    """A table with the settings of one kind."""
    known = {
        name: found
        for name, field in fields(cls).items()
        if (found := _setting(field, _about(cls, name), definitions)) is not None
    }
    required = [name for name, field in fields(cls).items() if field.required]
    # A file need not name the kind where it can be no other.
    required += [] if classes == (cls,) else [KIND]
    return {
        "type": "object",
        "title": cls.__name__,
        "description": (inspect.getdoc(cls) or "").partition("\n")[0],
        "properties": {KIND: _names(kebab(cls.__name__), classes), **known},
        "required": required,
        "additionalProperties": False,
    }


def _names(kind: str, classes: tuple[type, ...]) -> Description:
    """The spellings of a kind; editors offer the first."""
    words, known = kind.split("-"), kinds(*classes)
    parts = ["-".join(words[i:j]) for j in range(len(words) + 1) for i in range(j)]

    def is_alone(part: str) -> bool:
        return part not in known and sum(f"-{part}-" in f"-{k}-" for k in known) == 1

    spellings = [known[kind].__name__, *filter(is_alone, parts)]
    pattern = f"^({'|'.join(map(re.escape, spellings))})$"
    about = (inspect.getdoc(known[kind]) or "").partition("\n")[0]
    either = [{"enum": [kind]}, {"type": "string", "pattern": pattern}]
    return {"anyOf": either, "description": about}


def _setting(field: Field, about: str, definitions: Description) -> Description | None:
    """A field; None for one that no file can give."""
    asked: Rule | None = field.field.metadata.get("rule")
    found = _values(field.hint, dict(asked.schema) if asked else {}, definitions)
    if found is None:
        return None
    said = about or field.rule
    more = {"description": said} if said else {}
    if not field.required and not modules(field.hint):
        value = describe_value(field.default(), field.hint, (field.name,))
        is_number = isinstance(value, float)
        if value is not None and not (is_number and not math.isfinite(value)):
            more["default"] = value
    # Beside a reference, draft 7 overlooks everything.
    return {"allOf": [found], **more} if "$ref" in found else found | more


def _values(hint: Any, rule: Description, definitions: Description) -> Any:
    if hint is Any:
        return {}
    allowed = options(hint)
    found: list[Description] = []
    classes = modules(hint)
    if classes:
        found.append(_role(classes, definitions))
        found += [{"enum": ["none"]}] if type(None) in allowed else []
    for each in allowed:
        if is_literal(each):
            found.append({"enum": [*typing.get_args(each)]})
        elif is_sequence(each):
            found.append(_list(each, rule, definitions))
        elif each in WORDS:
            found.append({"type": _TYPES[each], **rule})
    if len(found) > 1:
        return {"anyOf": found}
    return found[0] if found else None


def _list(hint: Any, rule: Description, definitions: Description) -> Description:
    args = typing.get_args(hint)
    if typing.get_origin(hint) is tuple and args and Ellipsis not in args:
        items = [_values(each, rule, definitions) or {} for each in args]
        return {
            "type": "array",
            "items": items,
            "minItems": len(args),
            "maxItems": len(args),
        }
    item = _values(args[0], rule, definitions) if args else {}
    return {"type": "array", "items": item or {}}


def _about(cls: type, name: str) -> str:
    """What the docstrings of a class and of those above it say of an argument."""
    for each in cls.__mro__:
        _, _, args = inspect.cleandoc(each.__doc__ or "").partition("Args:\n")
        block = textwrap.dedent(args.partition("\n\n")[0])
        said = re.search(rf"^{name}: ((?:.|\n )*)", block, re.MULTILINE)
        if said:
            return " ".join(said[1].split())
    return ""
