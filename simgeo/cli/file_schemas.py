"""`simgeo schema`: what TOML files may say, for editors that complete and check."""

import json
from collections.abc import Iterator
from typing import Any

from simgeo import settings
from simgeo.cli import Parser
from simgeo.problems import Distillation, Experiment

CELLS = {"run": Experiment, "distil": Distillation, "sweep": Experiment}
_NUMBERS = {"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 2}
_RANGES = [
    {
        "type": "object",
        "properties": {ends: _NUMBERS, "num": {"type": "integer", "minimum": 1}},
        "required": [ends, "num"],
        "additionalProperties": False,
    }
    for ends in ("range", "log")
]

Schema = dict[str, Any]


def show(arguments: list[str]) -> None:
    """Prints the schema of the files that a command reads."""
    parser = Parser(
        "schema",
        "The JSON schema of the files of a command, for editors: "
        "`simgeo schema run > run.schema.json`, and `#:schema ./run.schema.json` as "
        "the first line of a file.",
    )
    parser.add_argument("command", choices=[*CELLS])
    print(json.dumps(schema_of(parser.parse_args(arguments).command), indent=1))


def schema_of(command: str) -> Schema:
    """The schema of the files of a command, one of `CELLS`."""
    whole = settings.json_schema(CELLS[command])
    if command == "sweep":
        axes = _Axes(whole["definitions"])
        table = axes.table([whole])
        zipped = {"type": "array", "items": {**table}}
        table["properties"] = table["properties"] | {"zip": zipped}
        tables = {"type": "array", "items": table}
        whole["properties"]["sweep"] = {"anyOf": [table, tables]}
        whole["required"] = ["sweep"]  # which may give what else is
    return whole


class _Axes:
    """Tables of lists of values, in place of tables of values."""

    def __init__(self, definitions: Schema) -> None:
        self.definitions = definitions

    def table(self, tables: list[Schema]) -> Schema:
        """For the settings of all these kinds."""
        found: dict[str, list[Schema]] = {}
        for table in tables:
            for name, setting in table["properties"].items():
                found.setdefault(name, []).append(setting)
        axes = {name: self.axis(each) for name, each in found.items()}
        return {"type": "object", "properties": axes, "additionalProperties": False}

    def axis(self, values: list[Schema]) -> Schema:
        """For a setting that may be any of these."""
        options = [part for each in values for part in _parts(each)]
        found = [{"type": "array", "items": {"anyOf": values}, "minItems": 1}]
        if any(each.get("type") in ("integer", "number") for each in options):
            found += _RANGES
        for role in dict.fromkeys(each["$ref"] for each in options if "$ref" in each):
            found.append(self.role(role))
        items = [each["items"] for each in options if each.get("type") == "array"]
        if items and all(isinstance(each, dict) for each in items):
            numbered = {"^[0-9]+$": self.axis(items)}
            table = {"type": "object", "patternProperties": numbered}
            found.append(table | {"additionalProperties": False})
        return {"anyOf": found}

    def role(self, reference: str) -> Schema:
        """For the settings within a kind that is chosen."""
        name = reference.rpartition("/")[2]
        own = f"sweep.{name}"
        if own not in self.definitions:
            self.definitions[own] = {}  # a kind may stand within its own sort
            kinds = [
                self.definitions[each["$ref"].rpartition("/")[2]]
                for each in self.definitions[name]["anyOf"]
                if "$ref" in each
            ]
            self.definitions[own] = self.table(kinds)
        return {"$ref": f"#/definitions/{own}"}


def _parts(schema: Schema) -> Iterator[Schema]:
    """A schema, or those that it joins."""
    joined = [*schema.get("anyOf", ()), *schema.get("allOf", ())]
    for each in joined:
        yield from _parts(each)
    if not joined:
        yield schema
