"""The command `simgeo`: what it keeps and says, and one line for every mistake."""

import fcntl
import os
import signal
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest

from simgeo import cli, experiment, results

pytestmark = pytest.mark.once

CELL = """\
teacher = "gaussian"
num_vectors = 16
teacher_dim = 8
student_dim = 4
num_steps = 20
num_records = 4
num_seeds = 2
"""
AS_FLAGS = (
    "teacher:gaussian --num-vectors 16 --teacher-dim 8 --student-dim 4 --num-steps 20 "
    "--num-records 4 --num-seeds 2"
)
ROOT = Path(__file__).parents[1]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """An empty folder with one TOML file; the devices of the tests are left alone."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(experiment, "prepare_host", lambda: None)
    tmp_path.joinpath("cell.toml").write_text(CELL)
    return tmp_path


@pytest.fixture
def no_run(monkeypatch):
    """Fails where an experiment is run that should not be."""

    def run(cell, on_chunk):
        pytest.fail("an experiment was run")

    monkeypatch.setattr(experiment, "run", run)


@pytest.fixture
def ask(capsys):
    """Exit code, stdout and stderr of a command line."""

    def ask(line: str) -> tuple[int, str, str]:
        code = cli.main(line.split())
        return code, *capsys.readouterr()

    return ask


@pytest.fixture
def chosen(monkeypatch):
    """The experiment that a command line would run."""

    def run(cell, on_chunk):
        run.cell = cell
        raise KeyboardInterrupt

    def chosen(line: str) -> experiment.Experiment:
        assert cli.main(["run", *line.split()]) == 130
        return run.cell

    monkeypatch.setattr(experiment, "run", run)
    return chosen


@pytest.mark.slow
def test_a_run_is_kept_drawn_and_read_again(ask, folder):
    code, first, told = ask("run cell.toml")
    assert code == 0
    [kept] = folder.glob("results/*.nc")
    assert f"Saved {kept.relative_to(folder)}" in first
    assert kept.with_suffix(".png").stat().st_size > 10_000
    assert told.splitlines() == [
        "CKA; Gaussian, 16 vectors, 8 to 4 dimensions, 2 seeds, epsilon 0.1"
    ]
    run = results.load(kept)
    assert f"Optimum of the loss: {run['reference_optimum_loss'].median():.4g}" in first
    row = next(line for line in first.splitlines() if line.startswith("matthews"))
    level = float(run["reference_svd_matthews"].median())
    assert row.split()[-1] == f"{level:.4g}"

    before = kept.stat().st_mtime_ns
    code, again, told = ask(f"run {AS_FLAGS} --figure other.pdf")
    assert (code, told) == (0, "")
    assert again.startswith(first.partition("Saved")[0])
    assert "a finished run; --again repeats it" in again
    assert folder.joinpath("other.pdf").exists()

    code, _, _ = ask("run cell.toml --again --figure .")
    assert code == 0
    assert kept.stat().st_mtime_ns > before
    assert folder.joinpath(f"{kept.stem}.png").exists()


def test_a_damaged_result_is_set_aside_and_run_again(ask, folder):
    assert ask("run cell.toml")[0] == 0
    [kept] = folder.glob("results/*.nc")
    kept.write_bytes(b"damaged")
    code, said, told = ask("run cell.toml")
    assert code == 0
    assert "Saved" in said
    assert f"{kept.name}.damaged" in told.splitlines()[0]


def test_ctrl_c_keeps_the_records_made(ask, folder, monkeypatch):
    whole = experiment.run

    def run(cell, on_chunk):
        def stop(steps, loss):
            on_chunk(steps, loss)
            if steps > 1:
                raise KeyboardInterrupt

        return whole(cell, on_chunk=stop)

    monkeypatch.setattr(experiment, "run", run)
    code, said, told = ask("run cell.toml")
    [kept] = folder.glob("results/*")
    assert (code, said) == (130, "")
    assert told.splitlines()[1:] == [
        f"simgeo: interrupted; the records of 4 of 20 steps are in results/{kept.name}."
    ]
    assert kept.name.endswith(".partial.nc")
    assert results.load(kept)["step"].values.tolist() == [0, 1, 4]


def test_ctrl_c_before_the_first_record(chosen, capsys):
    chosen("cell.toml")
    told = capsys.readouterr().err.splitlines()
    assert told[1:] == ["simgeo: interrupted before the first record; nothing is kept."]


def test_ctrl_c_that_python_drops_ends_the_run_at_the_next_record(
    ask, folder, monkeypatch
):
    whole = experiment.run

    class Dropper:
        def __del__(self):
            signal.raise_signal(signal.SIGINT)

    def run(cell, on_chunk):
        Dropper()
        return whole(cell, on_chunk=on_chunk)

    monkeypatch.setattr(experiment, "run", run)
    monkeypatch.setattr(sys, "unraisablehook", lambda _: None)
    code, _, told = ask("run cell.toml")
    assert code == 130
    assert "the records of 0 of 20 steps" in told
    assert len(told.splitlines()) == 2


def test_a_run_that_is_not_finite_keeps_what_came_before(ask, folder):
    code, said, told = ask(
        "run cell.toml objective:gram --optimiser sgd --learning-rate 100"
    )
    [kept] = folder.glob("results/*")
    assert (code, said) == (1, "")
    last = told.splitlines()[-1]
    assert last.startswith("simgeo: the gradient of Gram is not finite at seed 0, step")
    assert last.endswith(f"The records before it are in results/{kept.name}.")
    assert len(told.splitlines()) == 2


def test_settings_may_stand_in_any_order(chosen):
    lines = (
        "cell.toml objective:procrustes --objective.centred --num-seeds 4",
        "--num-seeds=4 --objective.centred objective:procrustes cell.toml",
        f"--objective.centred {AS_FLAGS} objective:procrustes --num-seeds 4",
    )
    first, *others = (repr(chosen(line)) for line in lines)
    assert "Procrustes(centred=True" in first
    assert "num_seeds=4" in first
    assert set(others) == {first}


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("teacher:blocks --teacher.num-blocks 2", "OrthogonalBlocks(num_blocks=2"),
        ("teacher:orthogonal-fraction --teacher.fraction .3", "fraction=0.3"),
        ("--no-objective.centred", "CKA(centred=False)"),
        ("student:unit student.start:svd", "UnitRows(start=TruncatedSVD"),
        ("student.start:svd student:unit", "UnitRows(start=TruncatedSVD"),
        (
            "student:unit --student.start.offset 1",
            "UnitRows(start=GaussianStart(offset=1.0))",
        ),
        ("--shared-teacher --learning-rate 1e-3", "learning_rate=0.001"),
    ],
)
def test_flags_change_the_file(chosen, line, expected):
    cell = repr(chosen(f"cell.toml {line}"))
    assert expected in cell
    assert "num_vectors=16" in cell


def test_flags_go_with_a_hybrid_from_a_file(chosen, folder):
    text = '[objective]\nkind = "hybrid"\nparts = ["cka", "gram"]\nweights = [1, 2]\n'
    folder.joinpath("hybrid.toml").write_text(text.replace("gram", "feature-gram"))
    cell = chosen("hybrid.toml --num-steps 7")
    assert (cell.objective.label, cell.num_steps) == ("1 CKA + 2 Gram", 7)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("rnu", "'rnu' is no command. Did you mean 'run'?"),
        ("--versio", "'--versio' is no command. Did you mean '--version'?"),
        ("--import nowhere list", "`--import` must name a module that can be imported"),
        ("--import=nowhere list", "`--import` must name a module that can be imported"),
        ("list --import numpy", "`--import` must stand before the command"),
        ("list techers", "Did you mean 'teachers'?"),
        ("list --all", "--all"),
        ("run --learning-rat 0.1", "Did you mean '--learning-rate'?"),
        ("run --num_seeds 2", "Did you mean '--num-seeds'?"),
        ("run --teacher.fractoin=1", "Did you mean '--teacher.fraction'?"),
        ("run teacher:orthogonal-fractoin", "Did you mean 'orthogonal-fraction'?"),
        ("run teacher:orthogonal", "Valid: orthogonal-blocks, low-coherence"),
        ("run teachr:gaussian", "Did you mean 'teacher'?"),
        ("run teacher:gaussian teacher:blocks", "got teacher:gaussian teacher:blocks"),
        ("run teacher:blocks --teacher.fraction 1", "`teacher.fraction` is no setting"),
        ("run teacher.gram:toeplitz", "`teacher.gram` is no setting of Orthogonal"),
        ("run --teacher.gram.cosine 0.5", "is no setting of OrthogonalFraction."),
        ("run teacher:from-file", "`teacher.path` is missing"),
        ("run teacher.teacher:gaussian", "chooses nothing. Did you mean"),
        ("run objective:hybrid", "Describe it in a TOML file."),
        ("run teacher=gaussian", "is neither a TOML file nor a kind"),
        ("run --num-seeds", "--num-seeds: expected one argument"),
        ("run --num-seeds x", "`num_seeds` must be a whole number; got 'x'."),
        ("run --num-seeds 1.5", "`num_seeds` must be a whole number; got 1.5."),
        ("run --learning-rate -1", "`learning_rate` must be positive"),
        ("run --learning-rate nan", "`learning_rate` must be positive"),
        ("run --epsilon 2", "`epsilon` must lie between 0 and 1"),
        (
            "run --student-dim 0",
            "`student_dim` must be at least 1 and below 2^31; got 0.",
        ),
        ("run --optimiser adma", "got 'adma'. Did you mean 'adam"),
        ("run --teacher-dim 2 --teacher.fraction 1", "raise the teacher's `epsilon`"),
        ("run none.toml", "got none.toml: No such file or directory."),
        ("run a_folder.toml", "got a_folder.toml: Is a directory."),
        ("run bad_key.toml", "Did you mean 'num_seeds'?"),
        ("run bad_type.toml", "`num_seeds` must be a whole number; got 'x'."),
        ("run bad_syntax.toml", "`path` must be valid TOML; got bad_syntax.toml"),
        ("run cell.toml bad_key.toml", "at most one TOML file"),
        ("run --results cell.toml", "`--results` must be a folder"),
        ("run --results no/such/folder", "`--results` must be a folder"),
        ("run --figure no/such.png", "`--figure` must be where files can be written"),
        ("run --figure cell.toml", "`--figure` must be a folder or end in one of"),
    ],
)
def test_bad_input_gives_one_line(ask, folder, no_run, line, expected):
    folder.joinpath("a_folder.toml").mkdir()
    folder.joinpath("bad_key.toml").write_text("num_seedz = 3")
    folder.joinpath("bad_type.toml").write_text('num_seeds = "x"')
    folder.joinpath("bad_syntax.toml").write_text("num_seeds = = 3")
    code, said, told = ask(line)
    assert (code, said) == (2, "")
    assert told.startswith("simgeo: ")
    assert expected in told
    assert told.count("\n") == 1
    assert told.endswith("\n")


def test_a_folder_where_nothing_can_be_written(ask, monkeypatch, no_run):
    def refuse(dir):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("tempfile.TemporaryFile", refuse)  # root may write anywhere
    code, _, told = ask("run cell.toml")
    assert code == 2
    assert told.splitlines() == [
        "simgeo: `--results` must be where files can be written; got the folder "
        "results: Permission denied."
    ]


def test_a_full_disk_is_one_line(ask, monkeypatch):
    def refuse(dataset, folder):
        raise OSError("`folder` must be a place with room; got results: No space left.")

    monkeypatch.setattr(results, "save", refuse)
    code, said, told = ask("run cell.toml")
    assert (code, said) == (1, "")
    assert told.splitlines()[1:] == [
        "simgeo: `folder` must be a place with room; got results: No space left."
    ]


def test_list_names_every_kind_and_measure_with_its_settings(ask):
    code, everything, _ = ask("list")
    assert code == 0
    for name in ("teacher:common-mean", "student.start:truncated-svd", "matthews"):
        assert name in everything
    parts = [ask(f"list {topic}")[1] for topic in ("teachers", "students")]
    assert everything.startswith("\n".join(parts))
    settings = [line.split() for line in parts[0].splitlines()]
    assert ["--teacher.fraction", "0.95", "between", "0", "and", "1"] in settings
    assert ["--teacher.num-blocks", "8", "at", "least", "1"] in settings


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("--help", "commands:"),
        ("--version", "simgeo 0."),
        ("list --help", "simgeo list"),
        ("run --help", "simgeo run teacher:blocks objective:procrustes"),
        ("run --help", "at least 1 and below 2^31, default 16"),
    ],
)
def test_help(capsys, line, expected):
    with pytest.raises(SystemExit) as stop:
        cli.main(line.split())
    assert stop.value.code == 0
    assert expected in capsys.readouterr().out


def test_without_a_command_it_helps(ask):
    code, said, told = ask("")
    assert (code, said) == (2, "")
    assert "commands:" in told


@pytest.mark.parametrize("line", ["--help", "--version", "", "rnu"])
def test_without_a_known_command_jax_is_not_imported(line):
    code = (
        "import atexit, os, sys\n"
        "atexit.register(lambda: 'jax' in sys.modules and os._exit(99))\n"
        f"from simgeo import cli\nsys.exit(cli.main({line.split()}))"
    )
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True)
    assert run.returncode == (0 if line.startswith("--") else 2)


def test_a_reader_that_has_enough_is_no_error():
    code = "import sys; from simgeo import cli; sys.exit(cli.main())"
    run = subprocess.Popen(
        [sys.executable, "-c", code, "list"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert run.stdout is not None
    run.stdout.close()
    _, told = run.communicate(timeout=60)
    assert (run.returncode, told) == (141, b"")


@pytest.mark.slow
def test_ctrl_c_on_a_terminal(folder):
    ours, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("4H", 24, 120, 0, 0))
    line = f"run {folder}/cell.toml --num-steps 100000000 --num-records 300"
    run = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys; from simgeo import cli; sys.exit(cli.main())",
        ]
        + [*line.split(), "--results", str(folder / "kept")],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=theirs,
        env=os.environ | {"XDG_CACHE_HOME": str(folder)},
    )
    os.close(theirs)
    shown = ""
    try:
        while chunk := os.read(ours, 4096):
            if "loss" not in shown and b"loss" in chunk:
                run.send_signal(signal.SIGINT)
            shown += chunk.decode()
    except OSError:  # the other end is closed
        pass
    os.close(ours)
    said, _ = run.communicate(timeout=60)
    assert (run.returncode, said) == (130, b"")
    assert "Traceback" not in shown
    assert "simgeo: interrupted; the records of" in shown
    assert len([*folder.glob("kept/*.partial.nc")]) == 1
