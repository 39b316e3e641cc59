"""`import simgeo`: everything is a tab away, and nothing is waited for."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import simgeo

pytestmark = pytest.mark.once

ROOT = Path(__file__).parent.parent


def test_the_stub_says_what_the_table_says():
    tree = ast.parse((ROOT / "simgeo" / "__init__.pyi").read_text(encoding="utf-8"))
    found = {
        alias.asname: node.module
        for node in tree.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.name == alias.asname
    }
    modules = (*simgeo._MODULES, *simgeo._EXTRAS)
    assert found == simgeo._HOMES | dict.fromkeys(modules, "simgeo")


@pytest.mark.parametrize("package", [simgeo.results, simgeo.sweep])
def test_the_stub_of_a_package_says_what_its_table_says(package):
    path = Path(package.__file__).with_suffix(".pyi")
    found = {
        alias.asname: node.module
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        for alias in node.names
    }
    homes = package._HOMES.items()
    assert found == {name: f"{package.__name__}.{home}" for name, home in homes}
    assert dir(package) == sorted(found)
    for name, home in found.items():
        assert getattr(package, name) is getattr(sys.modules[home], name)
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = package.nothing


@pytest.mark.parametrize("name", [*simgeo._HOMES, *simgeo._MODULES, "__version__"])
def test_every_name_is_there(name):
    assert name in dir(simgeo)
    value = getattr(simgeo, name)
    home = simgeo._HOMES.get(name)
    if home == "simgeo":
        assert value is sys.modules[f"simgeo.{name}"]
    elif home:
        assert value is getattr(sys.modules[home], name)


def test_other_names_are_not():
    with pytest.raises(AttributeError, match="'simgeo' has no attribute 'teacher'"):
        simgeo.teacher  # noqa: B018


def test_nothing_is_waited_for():
    code = """
import sys, time
start = time.process_time()
import simgeo
seconds = time.process_time() - start
dir(simgeo)
heavy = {"jax", "numpy", "pandas", "scipy", "matplotlib", "torch"} & {*sys.modules}
assert not heavy, heavy
assert seconds < 0.1, seconds
simgeo.__version__
from simgeo import settings
assert "jax" not in sys.modules
"""
    run = [sys.executable, "-c", code]
    found = subprocess.run(run, capture_output=True, text=True, cwd=ROOT)
    assert found.returncode == 0, found.stderr


@pytest.mark.parametrize("asked", ["import simgeo.torch", "simgeo.torch.cka"])
def test_torch_is_an_extra_that_says_how_it_is_installed(asked):
    code = f"import sys, simgeo; sys.modules['torch'] = None; {asked}"
    run = [sys.executable, "-c", code]
    found = subprocess.run(run, capture_output=True, text=True, cwd=ROOT)
    assert found.returncode == 1
    assert found.stderr.splitlines()[-1] == (
        "ModuleNotFoundError: `simgeo.torch` must have PyTorch; got no module `torch`. "
        "From a checkout of simgeo: pip install '.[torch]'."
    )


def test_help_is_short_and_has_an_example():
    text = simgeo.__doc__
    assert ">>> import simgeo" in text
    assert len(text.splitlines()) <= 20
