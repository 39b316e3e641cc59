"""The README's quick start runs as printed."""

from pathlib import Path


def test_quick_start_runs(capsys):
    text = Path(__file__).parents[1].joinpath("README.md").read_text()
    code = text.split("```python\n")[1].split("```")[0]
    exec(compile(code, "README.md", "exec"), {})
    assert "pattern kept" in capsys.readouterr().out
