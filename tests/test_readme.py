"""The README's quick start runs as printed, and the documentation is up to date."""

from pathlib import Path

import pytest

from simgeo import objectives, sweep, teachers


@pytest.mark.slow
def test_quick_start_runs(capsys):
    text = Path(__file__).parents[1].joinpath("README.md").read_text()
    code = text.split("```python\n")[1].split("```")[0]
    exec(compile(code, "README.md", "exec"), {})
    assert "pattern kept" in capsys.readouterr().out


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
    assert len(sweep.load(grid)) == 10 * 10 * 3 * 3 * 2
