"""What is built to be installed: the package, all of it and nothing else."""

import ast
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

import simgeo

pytestmark = pytest.mark.once

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads(ROOT.joinpath("pyproject.toml").read_text())["project"]
BESIDE = {  # of what git keeps in the two packages, all is installed
    "sdist": {
        *("pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", "CITATION.cff"),
        *("PKG-INFO", ".gitignore"),
    },
    "wheel": {
        f"simgeo-{PROJECT['version']}.dist-info/{name}"
        for name in (
            *("METADATA", "WHEEL", "RECORD", "entry_points.txt"),
            "licenses/LICENSE",
        )
    },
}


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The folder with an sdist and a wheel."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "hatchling", "build", "-d", str(folder)]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    return folder


def source() -> set[str]:
    command = ["git", "ls-files", "-co", "--exclude-standard", "simgeo", "simgeo_apps"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("only a checkout says which files are its own")
    return {*listed.stdout.split()}


def test_the_wheel_and_the_sdist_have_the_package_and_nothing_else(built):
    [wheel], [sdist] = built.glob("*.whl"), built.glob("*.tar.gz")
    names = {*zipfile.ZipFile(wheel).namelist()}
    assert names == source() | BESIDE["wheel"]
    assert "simgeo/py.typed" in names
    with tarfile.open(sdist) as archive:
        files = {name.partition("/")[2] for name in archive.getnames()}
    assert files == source() | BESIDE["sdist"]


def test_the_metadata_are_true(built):
    [wheel] = built.glob("*.whl")
    archive = zipfile.ZipFile(wheel)
    [name] = (name for name in archive.namelist() if name.endswith("/METADATA"))
    said = Parser().parsestr(archive.read(name).decode())
    assert said["Version"] == simgeo.__version__ == PROJECT["version"]
    assert said.get_all("Project-URL") == ["Paper, https://arxiv.org/abs/2509.25253"]
    cited = ROOT.joinpath("CITATION.cff").read_text()
    assert f"version: {said['Version']}\n" in cited
    assert f"license: {said['License-Expression']}\n" in cited
    log = ROOT.joinpath("CHANGELOG.md").read_text()
    assert f"to be {said['Version']}." in log or f"[{said['Version']}]" in log


def test_an_import_of_the_package_is_a_dependency_of_its_own():
    """What is imported where the package is without its extras is asked for by it."""
    own = {re.split(r"[<>=! ]", each)[0].lower() for each in PROJECT["dependencies"]}
    found = set()
    for path in ROOT.joinpath("simgeo").rglob("*.py"):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                found.add(node.module)
    tops = {name.partition(".")[0].lower() for name in found}
    extras = {"torch"}  # of simgeo.torch alone
    assert tops - {*sys.stdlib_module_names} - {"simgeo"} - extras <= own


def test_docker_and_conda_have_the_python_and_the_files_that_they_name():
    docker = ROOT.joinpath("Dockerfile").read_text()
    conda = ROOT.joinpath("environment.yml").read_text()
    pythons = re.findall(r"^FROM python:([\d.]+)", docker, re.M)
    pythons += re.findall(r"- python=([\d.]+)", conda)
    assert pythons == [PROJECT["requires-python"].removeprefix(">=")] * 2
    copied = re.findall(r"^COPY (.*) \S+$", docker, re.M)
    named = [name for line in copied for name in line.split()]
    named += re.findall(r"(?:-c|--constraint) (\S+)", docker + conda)
    assert len(named) > 8
    assert [name for name in named if not ROOT.joinpath(name).exists()] == []
    # The package is installed before the rest is copied, and has its metadata there.
    ignored = ROOT.joinpath(".dockerignore").read_text().split()
    assert not {*ignored} & {PROJECT["readme"], *PROJECT["license-files"], *named}
    assert {PROJECT["readme"], *PROJECT["license-files"], "pyproject.toml"} <= {*named}
