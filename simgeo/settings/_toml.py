"""TOML files."""

import json
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

from simgeo.checks import show
from simgeo.settings._build import build
from simgeo.settings._describe import canonical, describe
from simgeo.settings._types import Description, Trail

Module = TypeVar("Module")


def read(path: str | Path) -> dict[str, Any]:
    """What a TOML file says, unchecked; `build` and `complete` take it.

    Args:
        path: a file in UTF-8, with a byte order mark or without.

    Raises:
        ValueError: in one line, if the file cannot be read or is not TOML.
    """
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
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
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"`path` must be valid TOML; got {path}: {error}.") from error


def load(cls: type[Module], path: str | Path) -> Module:
    """The module that a TOML file describes; see `build`.

    Args:
        cls: the class of the module, or one above it.
        path: as for `read`.

    Raises:
        ValueError: if the file cannot be read, or does not describe a module.
    """
    return build(cls, read(path))


def dump(module: Any) -> str:
    """TOML text that `load` reads back to a module of equal description.

    Args:
        module: what `describe` takes.

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
    if canonical(again) != canonical(description):
        raise ValueError(
            f"`module` must not hold None where the default differs, which TOML "
            f"cannot say; got {show(module)}. Give another value."
        )
    return text


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
