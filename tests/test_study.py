"""A study is found by its file, and drawn as it says."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from experiments import cells, discovery
from experiments.study import Figure, Sheet, Study, ends, where

pytestmark = pytest.mark.once

ROOT = Path(__file__).parents[1]
TEXT = "What is this?\n\nPrediction: a test."


def test_the_study_of_the_how_to_page_is_found_and_drawn(tmp_path, monkeypatch):
    page = (ROOT / "docs" / "how_to" / "add_study.md").read_text()
    (source,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    file = tmp_path / "block_size.py"
    file.write_text(source)
    (listed,) = discovery.listed(tmp_path)
    assert (listed.name, listed.main) == ("block_size", False)
    asked = "Do objectives preserve few large blocks as well as many small ones?"
    assert listed.question == asked
    spec = importlib.util.spec_from_file_location("block_size", file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(cells, "RESULTS", tmp_path / "results")
    folder = tmp_path / "figures"
    assert module.STUDY.missing(folder) == folder / "block_size.csv"
    module.STUDY.produce(quick=True, folder=folder)
    assert module.STUDY.missing(folder) is None
    written = {path.name for path in (tmp_path / "figures").iterdir()}
    drawn = {f"block_size{end}" for end in (".pdf", ".png", "_column.pdf")}
    assert written == drawn | {"block_size_column.png", "block_size.csv"}
    frame = pd.read_csv(tmp_path / "figures" / "block_size.csv")
    assert sorted(frame["blocks"].unique()) == [2, 8]
    assert len(frame) == 2 * 2 * 3  # objectives, blocks, seeds


def test_every_study_is_found_in_its_order():
    studies = discovery.listed()
    assert [each.name for each in studies if each.main][-1] == "report"
    places = [(each.main, each.order) for each in studies]
    assert len(set(places)) == len(places)
    assert {"spikes", "student_width"} <= {each.name for each in studies}


def test_help_lists_all_studies_without_jax():
    code = "import sys; from experiments import __main__\ntry: __main__.main()\n"
    code += "finally: assert 'jax' not in sys.modules and 'pandas' not in sys.modules"
    command = [sys.executable, "-c", code, "--help"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    for each in discovery.listed():
        assert f"{each.name} " in run.stdout
        assert each.question in run.stdout


def test_an_unknown_study_is_refused_with_the_known_ones():
    command = [sys.executable, "-m", "experiments", "spike"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 2
    assert "spikes" in run.stderr
    assert "got 'spike'. Did you mean 'spikes'?" in run.stderr


@pytest.mark.parametrize(
    ("text", "missing"),
    [("A statement.\n\nPrediction: x.", "question"), ("A question?", "Prediction: ")],
)
def test_a_study_asks_and_predicts(text, missing):
    with pytest.raises(ValueError, match=missing):
        Study(text)


def test_tables_are_written_by_name_and_a_wide_figure_is_drawn_once(tmp_path):
    widths = []

    def draw(data: pd.DataFrame, sheet: Sheet) -> pd.DataFrame:
        widths.append(sheet.narrow)
        for ax, row, column in sheet.grid("ab", "cd", (1.0, 2.0)):
            ax.set_title(row + column)
        sheet.legend(remark=" More.")
        return data

    study = Study(
        TEXT,
        data=lambda quick: pd.DataFrame({"x": [1 / 3]}),
        tables=lambda data: {"all.csv": data, "text.md": "words\n"},
        figures={"drawn": Figure("A caption.", "A finding.", draw, narrow=False)},
        note="Some settings.",
    )
    study.produce(True, tmp_path)
    assert widths == [False]
    assert (tmp_path / "text.md").read_text() == "words\n"
    for name in ("all.csv", "drawn.csv"):
        assert (tmp_path / name).read_text() == "x\n0.333333\n"
    before = (tmp_path / "drawn.pdf").read_bytes()
    (tmp_path / "drawn.pdf").unlink()
    study.redraw(tmp_path)
    assert (tmp_path / "drawn.pdf").read_bytes() == before
    assert (tmp_path / "drawn.csv").read_text() == "x\n0.333333\n"


def test_rows_are_chosen_by_value_and_by_their_last_step():
    frame = pd.DataFrame({"step": [0, 5, 0, 5], "a": [1, 1, 2, 2], "b": list("xxyy")})
    assert ends(frame)["a"].tolist() == [1, 2]
    assert where(frame, a=2, step=5).index.tolist() == [3]
