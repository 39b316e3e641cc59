"""Objectives of one's own, from a module that simgeo does not know, used everywhere."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from simgeo import cli, measures, objectives, optimisers, results, settings, teachers
from simgeo.problems import Experiment

pytestmark = pytest.mark.once

PAGE = Path(__file__).parents[1] / "docs/how_to/add_objective.md"
OWN = PAGE.read_text(encoding="utf-8").split("```python\n")[1].split("```")[0]
GRID = """
teacher = "gaussian"
num_vectors = 8
teacher_dim = 4
student_dim = 3
num_steps = 3
num_records = 2
num_seeds = 2
measures = ["cka"]
[sweep]
objective = ["mean-cosine", { kind = "MeanCosine", power = 2 }]
"""
POOL = """
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context


def pool():
    return ProcessPoolExecutor(1, mp_context=get_context("spawn"))
"""


@pytest.mark.slow
def test_from_a_file_through_a_sweep_in_another_process(tmp_path):
    for name, text in (("own.py", OWN), ("grid.toml", GRID), ("cluster.py", POOL)):
        tmp_path.joinpath(name).write_text(text)
    main = "import sys; from simgeo.cli import main\nif __name__ == '__main__': main()"
    words = ["--import", "own", "sweep", "grid.toml", "--executor", "cluster:pool"]
    quick = "JAX_DISABLE_MOST_OPTIMIZATIONS", "XLA_FLAGS"  # they compile as tests do
    variables = {name: os.environ[name] for name in quick if name in os.environ}
    variables |= {"PYTHONPATH": str(Path(__file__).parents[1]), "HOME": str(tmp_path)}
    tmp_path.joinpath("run.py").write_text(main)
    run = subprocess.run(
        [sys.executable, "run.py", *words],
        cwd=tmp_path,
        env=variables,
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
    assert "2 done" in run.stdout
    frame = results.open(tmp_path / "results").frame
    assert set(frame["objective"]) == {"Mean cosine"}
    assert set(frame["objective.kind"]) == {"MeanCosine"}
    assert set(frame["objective.power"]) == {1.0, 2.0}


def test_homes_are_those_of_all_that_is_within():
    cell = Experiment(
        teacher=teachers.Noisy(teachers.Gaussian()),
        objective=objectives.Hybrid(
            (objectives.CKA(), objectives.PatternHinge()), (1.0, 0.1)
        ),
    )
    assert settings.homes([cell]) == {
        "simgeo.objectives._sums",
        "simgeo.objectives._vector_losses",
        "simgeo.optimisers",
        "simgeo.problems._vectors",
        "simgeo.students",
        "simgeo.teachers._composed",
        "simgeo.teachers._laws",
    }


def test_what_no_file_can_describe_is_no_kind():
    assert {*settings.kinds(optimisers.AbstractOptimiser)} >= {"adam", "lbfgs", "named"}
    assert "-given" not in settings.kinds(optimisers.AbstractOptimiser)


def test_what_is_left_out_is_named_in_one_line():
    with pytest.raises(TypeError, match="of Short must take `num_steps`.*got \\(self"):

        class Short(optimisers.AbstractOptimiser):
            def transformation(self): ...

    for given in ((lambda student: 0.0,), ()):
        with pytest.raises(TypeError, match="`@measure` must be given its texts"):
            measures.measure(*given, **({} if given else {"label": "mine"}))


def test_the_page_shows_an_objective_in_ten_lines():
    assert len([line for line in OWN.splitlines() if line]) <= 10


def test_what_an_own_objective_lacks_is_named(tmp_path, capsys, monkeypatch):
    own = OWN.replace("__call__", "loss").replace("MeanCosine", "Unfinished")
    tmp_path.joinpath("unfinished.py").write_text(own)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    assert cli.main(["--import", "unfinished", "list", "objectives"]) == 2
    assert "`Unfinished` must define `__call__(" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["--import"], ["--import", "no_such_module"]])
def test_modules_that_are_not_there_are_refused(words, capsys, monkeypatch):
    monkeypatch.setattr(sys, "path", [*sys.path])
    assert cli.main([*words, "list"][: 3 if len(words) > 1 else 1]) == 2
    assert "`--import` must name a module" in capsys.readouterr().err


def test_several_modules_are_imported_with_commas(tmp_path, capsys, monkeypatch):
    for name, kind in (("first_own", "FirstOwn"), ("second_own", "SecondOwn")):
        text = OWN.replace("MeanCosine", kind)
        tmp_path.joinpath(f"{name}.py").write_text(text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    assert cli.main(["--import", "first_own,second_own", "list", "objectives"]) == 0
    assert {"first-own", "second-own"} <= {*capsys.readouterr().out.split()}
    assert cli.main(["--import", "first_own,third_own", "list"]) == 2
    assert "must name a module that can be imported; got 'third_own'" in (
        capsys.readouterr().err
    )
