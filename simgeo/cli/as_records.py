"""`--json`: what a command prints as a table, as a list of records."""

import argparse
import json
import math
from collections.abc import Iterable, Mapping
from typing import Any

from simgeo.checks import scalar


def add_json(parser: argparse.ArgumentParser) -> None:
    """Gives a command the flag."""
    about = "a list of records, as JSON, in place of the text"
    parser.add_argument("--json", action="store_true", help=about)


def as_json(records: Iterable[Mapping[str, Any]]) -> str:
    """The records as JSON, one on a line; what is no finite number is null."""
    lines = [json.dumps(_plain(each), allow_nan=False) for each in records]
    return "[" + ",\n ".join(lines) + "]"


def _plain(value: Any) -> Any:
    value = scalar(value)
    if isinstance(value, Mapping):
        return {str(name): _plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, bool | int | str) else str(value)
