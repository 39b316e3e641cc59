"""Names of descriptions."""

import hashlib
import json
import types
from collections.abc import Mapping
from typing import Any

from simgeo.settings._describe import describe

SCHEMA = 2  # of descriptions and of stored results; a fingerprint depends on it


def fingerprint(
    module: Any, extra: Mapping[str, Any] = types.MappingProxyType({})
) -> str:
    """16 hexadecimal digits that name a module and what else its results depend on.

    Args:
        module: what `describe` takes.
        extra: plain data such as {"precision": "float32"}.
    """
    return digest(describe(module), extra)


def digest(
    description: Mapping[str, Any],
    extra: Mapping[str, Any] = types.MappingProxyType({}),
) -> str:
    """The fingerprint of a module with that description.

    Args:
        description: plain data; the order of its keys makes no difference.
        extra: as for `fingerprint`.
    """
    whole = {"schema": SCHEMA, "settings": dict(description), "extra": dict(extra)}
    return hashlib.sha256(canonical(whole).encode()).hexdigest()[:16]


def canonical(data: Any) -> str:
    """One text for equal data."""
    return json.dumps(data, sort_keys=True, separators=(",", ":"))
