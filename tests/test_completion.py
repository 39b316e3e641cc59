"""`simgeo completion`: a script that completes what the commands take."""

import shutil
import subprocess
import sys

import pytest

from simgeo import cli

pytestmark = pytest.mark.once


@pytest.fixture(scope="module")
def script():
    pytest.importorskip("shtab")
    code = "from simgeo import cli; cli.main(['completion', 'bash'])"
    run = [sys.executable, "-c", code]
    return subprocess.run(run, capture_output=True, text=True, check=True).stdout


@pytest.mark.skipif(not shutil.which("bash"), reason="needs bash")
@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("simgeo comp", ["compare", "completion"]),
        ("simgeo run --student-d", ["--student-dim"]),
        ("simgeo run --teacher.fr", ["--teacher.fraction"]),
        ("simgeo distil --dataset", ["--dataset."]),
        ("simgeo schema d", ["distil"]),
        ("simgeo sweep gr", ["grid.toml"]),
        ("simgeo sweep grid.toml --store gr", ["grown"]),
    ],
)
def test_bash_completes(script, tmp_path, line, expected):
    tmp_path.joinpath("grid.toml").touch()
    tmp_path.joinpath("grown").mkdir()
    words = line.split()
    asked = (
        f"{script}\nCOMP_WORDS=({' '.join(words)}); COMP_CWORD={len(words) - 1};"
        '_shtab_simgeo; printf "%s\\n" "${COMPREPLY[@]}"'
    )
    run = subprocess.run(
        ["bash"], input=asked, cwd=tmp_path, capture_output=True, text=True, check=True
    )
    found = run.stdout.split()
    for each in expected:
        assert any(one.startswith(each) for one in found), found
    assert len(found) < 40


def test_without_shtab_it_says_how_to_have_it(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "shtab", None)
    assert cli.main(["completion", "bash"]) == 2
    assert "pip install '.[completion]'" in capsys.readouterr().err
