"""The schema that editors read says what the checks say."""

import json
import re
import tomllib
from pathlib import Path

import jsonschema
import pytest

from simgeo import cli, settings
from simgeo.checks import Rule
from simgeo.cli.file_schemas import CELLS, schema_of
from simgeo.problems import AbstractCell, Distillation, Experiment
from simgeo.settings import fields, kinds, places

pytestmark = pytest.mark.once

ROOT = Path(__file__).parents[1]
# Of pages and tests, every text that is a file of a command.
BLOCKS = [
    (f"{path.name}-{number}", block)
    for path in sorted((ROOT / "README.md", *ROOT.joinpath("docs").rglob("*.md")))
    for number, block in enumerate(
        re.findall(r"^```toml\n(.*?)^```", path.read_text("utf-8"), re.M | re.S)
    )
    if "project.entry-points" not in block
]
GRIDS = [text for _, text in BLOCKS if "[sweep]" in text]


@pytest.fixture(scope="module")
def validators():
    found = {command: schema_of(command) for command in CELLS}
    for schema in found.values():
        jsonschema.Draft7Validator.check_schema(schema)
    return {name: jsonschema.Draft7Validator(each) for name, each in found.items()}


@pytest.fixture(scope="module")
def cells():
    """Of each kind of every place, its defaults where it has them."""
    found = []
    for cls in (Experiment, Distillation):
        for place, classes in places(cls).items():
            for kind, made in kinds(*classes).items():
                if not any(field.required for field in fields(made).values()):
                    found.append((cls, place, kind))
    return found


def written(described):
    """A description as a file has it, which cannot say None."""
    if isinstance(described, dict):
        named = described.items()
        return {name: written(value) for name, value in named if value is not None}
    return [*map(written, described)] if isinstance(described, list) else described


def test_every_kind_passes_by_its_name_and_with_its_settings(validators, cells):
    assert len(cells) > 80
    for cls, place, kind in cells:
        check = validators["run" if cls is Experiment else "distil"]
        made = kinds(*places(cls)[place])[kind]
        without = written(settings.complete(made, {}))
        if "." not in place:
            check.validate({place: kind})
            check.validate({place: made.__name__})
            check.validate({place: without})
            wrong = {place: without | {"colour": "red"}}
            assert not check.is_valid(wrong), (place, kind)


@pytest.mark.parametrize(("name", "text"), BLOCKS, ids=[name for name, _ in BLOCKS])
def test_the_toml_of_the_pages_passes(validators, name, text):
    data = tomllib.loads(text)
    command = "sweep" if "sweep" in data else "run"
    validators[command].validate(data)


@pytest.mark.parametrize("command", ["run", "distil"])
@pytest.mark.parametrize(
    "data",
    [
        {"num_steps": 0},
        {"num_steps": "many"},
        {"num_stepps": 5},
        {"optimiser": "adams"},
        {"optimiser": {"learning_rate": 0.1}},
        {"optimiser": {"kind": "adam", "learning_rate": 0.0}},
        {"optimiser": {"kind": "adam", "schedule": "square"}},
        {"objective": {"kind": "hybrid", "parts": ["cka", "no"], "weights": [1, 1]}},
        {"objective": {"kind": "hybrid", "parts": ["cka"], "weights": [-1]}},
        {"measures": "cka"},
    ],
    ids=str,
)
def test_what_the_schema_refuses_the_checks_refuse(validators, command, data):
    assert not validators[command].is_valid(data)
    with pytest.raises(ValueError, match="`"):
        settings.build(CELLS[command], data)


@pytest.mark.parametrize(
    "change",
    [
        {"student_dim": []},
        {"student_dim": 3},
        {"student_dim": ["wide"]},
        {"optimiser": {"learning_rate": {"log": [0.1, 1.0]}}},
        {"optimiser": {"rate": [0.1]}},
        {"zip": {"student_dim": [3]}},
    ],
    ids=str,
)
def test_what_the_schema_refuses_is_no_sweep(validators, change, tmp_path):
    data = tomllib.loads(GRIDS[0])
    validators["sweep"].validate(data)
    data["sweep"] = change
    assert not validators["sweep"].is_valid(data)


def test_the_rules_of_fields_say_in_the_schema_what_they_hold():
    rules = {}
    for cls in (*CELLS.values(), AbstractCell):
        for classes in places(cls).values():
            for made in kinds(*classes).values():
                for name, field in fields(made).items():
                    rule = field.field.metadata.get("rule")
                    if isinstance(rule, Rule):
                        rules[rule.words] = (rule, f"{made.__name__}.{name}")
    assert len(rules) > 10
    probes = (-2, -1, -0.5, 0, 0.05, 0.5, 1, 1.5, 2, 10, 16, 17, 2**31, "cosine", "log")
    for rule, where in rules.values():
        are_words = "enum" in rule.schema
        for value in probes:
            if isinstance(value, str) == are_words:
                allowed = jsonschema.Draft7Validator(dict(rule.schema)).is_valid(value)
                assert allowed == bool(rule.holds(value)), (where, rule.words, value)


def test_the_command_prints_it(capsys):
    assert cli.main(["schema", "sweep"]) == 0
    assert json.loads(capsys.readouterr().out) == schema_of("sweep")
    assert cli.main(["schema", "figure"]) == 2
    assert "invalid choice: 'figure'" in capsys.readouterr().err


def test_editors_are_told_defaults_and_what_settings_are():
    field = schema_of("run")["properties"]["student_dim"]
    assert (field["type"], field["minimum"], field["default"]) == ("integer", 1, 64)
    assert field["description"] == "m, from 1."
    kind = schema_of("run")["definitions"]["AbstractTeacher.gaussian"]
    assert kind["description"]
