"""What README and documentation print runs as printed, and is up to date.

Examples in docstrings are run beside the tests, pages with code cells by `make docs`.
"""

import dataclasses
import re
import sys
import types
from pathlib import Path

import jax
import jax.numpy as jnp
import pytest

from simgeo import objectives, sweep, teachers

pytestmark = pytest.mark.once

ROOT = Path(__file__).parents[1]
BLOCK = re.compile(r"^```python\n(.*?)^```", re.DOTALL | re.MULTILINE)
PAGES = {
    str(path.relative_to(ROOT)): found
    for path in (ROOT / "README.md", *sorted(ROOT.joinpath("docs").rglob("*.md")))
    if (found := BLOCK.findall(path.read_text(encoding="utf-8")))
}


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES)
def test_python_of_a_page_runs(page, tmp_path, monkeypatch):
    run = sweep.run

    def shortened(cells, store):
        short = {"num_steps": 4, "num_records": 2, "num_seeds": 2}
        return run([dataclasses.replace(each, **short) for each in cells[:1]], store)

    monkeypatch.setattr(sweep, "run", shortened)
    cluster = types.SimpleNamespace(SLURMCluster=None)  # not installed for the tests
    monkeypatch.setitem(sys.modules, "dask_jobqueue", cluster)
    tmp_path.joinpath("figures").symlink_to(ROOT / "figures")
    monkeypatch.chdir(tmp_path)

    def on_a_device(student, teacher):
        known = {"student": student, "teacher": teacher}
        for block in PAGES[page]:
            exec(compile(block, page, "exec"), known)

    pair = jnp.eye(4)[None], jnp.ones((1, 4, 3))
    jax.vmap(on_a_device, axis_name="batch")(*pair)


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
