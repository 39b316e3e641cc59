"""What README and documentation print runs as printed, and is up to date.

Examples in docstrings are run beside the tests, all pages with code cells by `make
docs`, and those that tell how to add something here too.
"""

import dataclasses
import os
import re
import subprocess
import sys
import types
import unittest.mock
from pathlib import Path

import jax
import jax.numpy as jnp
import pytest

import simgeo
from simgeo import objectives, sweep, teachers

pytestmark = pytest.mark.once

ROOT = Path(__file__).parents[1]
README = ROOT.joinpath("README.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```python\n(.*?)^```", re.DOTALL | re.MULTILINE)
CELL = re.compile(r"^```\{code-cell\}\n(.*?)^```", re.DOTALL | re.MULTILINE)
PAGES = {
    str(path.relative_to(ROOT)): found
    for path in (ROOT / "README.md", *sorted(ROOT.joinpath("docs").rglob("*.md")))
    if (found := BLOCK.findall(path.read_text(encoding="utf-8")))
}
NOTEBOOKS = {
    path.stem: found
    for path in sorted(ROOT.joinpath("docs/how_to").glob("*.md"))
    if (found := CELL.findall(path.read_text(encoding="utf-8")))
}
LONG = ["compare"]  # that page trains a network


def executed(page, known):
    for block in PAGES[page]:
        if "import torch" in block:  # held by tests of their own, where it is installed
            continue
        exec(compile(block, page, "exec"), known)


@pytest.mark.slow
@pytest.mark.parametrize(
    "page", sorted(PAGES.keys() - {"README.md", "docs/objectives.md"})
)
def test_python_of_a_page_runs(page, tmp_path, monkeypatch):
    run = sweep.run

    run_many = simgeo.run_many

    def short(cells):
        changes = {"num_steps": 4, "num_records": 2, "num_seeds": 2}
        return [dataclasses.replace(each, **changes) for each in cells[:1]]

    monkeypatch.setattr(sweep, "run", lambda cells, store: run(short(cells), store))
    monkeypatch.setattr(simgeo, "run_many", lambda cells: run_many(short(cells)))
    # These are not installed for the tests.
    cluster = types.SimpleNamespace(SLURMCluster=None)
    monkeypatch.setitem(sys.modules, "dask_jobqueue", cluster)
    monkeypatch.setitem(sys.modules, "submitit", unittest.mock.MagicMock())
    tmp_path.joinpath("figures").symlink_to(ROOT / "figures")
    monkeypatch.chdir(tmp_path)
    executed(page, {})


@pytest.mark.slow
def test_python_of_the_objectives_runs_where_rows_are_on_devices():
    def on_a_device(student, teacher):
        executed("docs/objectives.md", {"student": student, "teacher": teacher})

    pair = jnp.eye(4)[None], jnp.ones((1, 4, 3))
    jax.vmap(on_a_device, axis_name="batch")(*pair)


@pytest.mark.slow
def test_python_of_the_readme_prints_what_it_says(capsys):
    executed("README.md", {})
    wanted = README.split("It prints\n\n```\n")[1].split("```")[0]
    found, number = capsys.readouterr().out, re.compile(r"\d+\.\d+")
    assert number.sub("_", found) == number.sub("_", wanted)
    values = [[*map(float, number.findall(text))] for text in (found, wanted)]
    assert len(values[1]) == 15
    assert values[0] == pytest.approx(values[1], abs=0.05)


CELLS = """
import os, runpy, sys, traceback
for folder in sys.argv[1:]:
    os.chdir(folder)
    sys.path.insert(0, folder)
    try:
        runpy.run_path("cells.py", run_name="__main__")
    except Exception:
        with open("fault", "w") as file:
            traceback.print_exc(file=file)
"""


def faults_of_cells(pages, folder):
    """What went wrong on each page; all are run in one process, one after the other.

    It is not ours, since they define kinds and measures.
    """
    for page in pages:
        own, script = folder / page, []
        own.mkdir()
        for cell in NOTEBOOKS[page]:
            if cell.startswith("%%writefile "):
                name, _, text = cell.removeprefix("%%writefile ").partition("\n")
                own.joinpath(name).write_text(text)
            else:
                script.append(cell)
        own.joinpath("cells.py").write_text("\n".join(script))
    run = subprocess.run(
        [sys.executable, "-c", CELLS, *(str(folder / page) for page in pages)],
        env=os.environ | {"PYTHONPATH": str(ROOT), "MPLBACKEND": "agg"},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
    said = {page: folder / page / "fault" for page in pages}
    return {page: path.read_text() for page, path in said.items() if path.exists()}


@pytest.fixture(scope="module")
def faults(tmp_path_factory):
    pages = [page for page in NOTEBOOKS if page not in LONG]
    return faults_of_cells(pages, tmp_path_factory.mktemp("pages"))


@pytest.mark.slow
@pytest.mark.parametrize("page", [page for page in NOTEBOOKS if page not in LONG])
def test_cells_of_a_page_run(page, faults):
    assert faults.get(page, "") == ""


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.parametrize("page", LONG)
def test_cells_of_a_long_page_run(page, tmp_path):
    assert faults_of_cells([page], tmp_path) == {}


def test_links_of_the_readme_lead_somewhere():
    links = re.findall(r"\]\(\s*([^)#\s]+)[^)]*\)", README)
    assert len(links) > 10
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_the_grid_of_the_readme_is_a_sweep(tmp_path):
    grid = tmp_path / "grid.toml"
    grid.write_text(README.split("```toml\n")[1].split("```")[0])
    assert len(sweep.load(grid)) == 5 * 3 * 3


def test_the_table_of_teachers_is_the_one_in_the_documentation():
    text = Path(__file__).parents[1].joinpath("docs/teachers.md").read_text()
    assert teachers.markdown() in text


def test_the_table_of_objectives_is_the_one_in_the_documentation():
    text = Path(__file__).parents[1].joinpath("docs/objectives.md").read_text()
    assert objectives.markdown() in text


def test_the_grid_in_the_documentation_is_a_sweep(tmp_path):
    text = Path(__file__).parents[1].joinpath("docs/sweeps.md").read_text()
    grid = tmp_path / "grid.toml"
    grid.write_text(text.split("```toml\n")[1].split("```")[0])
    assert len(sweep.load(grid)) == 3 * 5 * 3 * 3 * 2
