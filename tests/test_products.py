"""The commands of page and explorer, found as an installed package offers them."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.once

ROOT = Path(__file__).parents[1]
# What an installation writes down of pyproject.toml, read from there.
CODE = """
import importlib.metadata as metadata, sys, tomllib

with open("pyproject.toml", "rb") as file:
    groups = tomllib.load(file)["project"]["entry-points"]

def entry_points(group):
    given = groups[group].items()
    return metadata.EntryPoints(metadata.EntryPoint(*each, group) for each in given)

metadata.entry_points = entry_points
from simgeo import cli

try:
    code = cli.main(sys.argv[1:])
except SystemExit as stop:
    code = stop.code
heavy = {"jax", "numpy", "altair", "marimo"} & sys.modules.keys()
sys.exit(f"imported {heavy}" if heavy else code)
"""


@pytest.mark.parametrize(
    ("line", "code", "expected"),
    [
        ("--help", 0, "  page        one HTML file to hand out, with things to drag\n"),
        (
            "--help",
            0,
            "  explore     a page on this machine that runs while its",
        ),
        ("page --help", 0, "simgeo page OUT.html"),
        ("page page.htlm", 2, "simgeo: `OUT` must end in .html; got page.htlm.\n"),
        ("explore --help", 0, "--allow-remote"),
        ("explore --port 0", 2, "`--port` must be a whole number from 1 to 65535"),
        ("explor", 2, "'explor' is no command. Did you mean 'explore'?"),
    ],
)
def test_it_answers_without_waiting_for_jax(line, code, expected):
    command = [sys.executable, "-c", CODE, *line.split()]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert expected in done.stdout + done.stderr
    assert done.returncode == code
