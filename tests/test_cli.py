"""The command `simgeo`: what it keeps and says, and one line for every mistake."""

import errno
import fcntl
import os
import re
import signal
import struct
import subprocess
import sys
import termios
import time
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path

import equinox as eqx
import pytest

from simgeo import cli, engine, measures, results, settings
from simgeo.cli import changes, completion, flags, interrupts, run_cell
from simgeo.cli.interrupts import Interrupts
from simgeo.problems import Experiment

pytestmark = pytest.mark.once

CELL = """\
teacher = "gaussian"
num_vectors = 16
teacher_dim = 8
student_dim = 4
num_steps = 20
num_records = 4
num_seeds = 2
measures = ["matthews", "gram_error", "cka"]
"""
AS_FLAGS = (
    "teacher:gaussian --num-vectors 16 --teacher-dim 8 --student-dim 4 --num-steps 20 "
    "--num-records 4 --num-seeds 2 --measures matthews,gram_error,cka"
)
ROOT = Path(__file__).parents[1]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """An empty folder with one TOML file, in which time stands still; the devices of
    the tests are left alone."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(engine, "keep_programs", lambda: None)
    monkeypatch.setattr(run_cell, "monotonic", lambda: 0.0)
    tmp_path.joinpath("cell.toml").write_text(CELL)
    return tmp_path


@pytest.fixture
def no_run(monkeypatch):
    """Fails where an experiment is run that should not be."""

    def run_many(*_, **__):
        pytest.fail("an experiment was run")

    monkeypatch.setattr(engine, "run_many", run_many)


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

    def run_many(cells, **_):
        [run_many.cell] = cells
        raise KeyboardInterrupt

    def chosen(line: str) -> Experiment:
        assert cli.main(["run", *line.split()]) == 130
        return run_many.cell

    monkeypatch.setattr(engine, "run_many", run_many)
    return chosen


@pytest.mark.slow
def test_a_run_is_kept_drawn_and_read_again(ask, folder):
    code, first, told = ask("run cell.toml")
    assert code == 0
    [kept] = folder.glob("results/*.nc")
    assert f"Saved {kept.relative_to(folder)}" in first
    fingerprint, seeds, _ = kept.name.split(".")
    assert seeds == "0-1"
    picture = folder / "results" / f"{fingerprint}.png"
    assert picture.stat().st_size > 10_000
    assert told.splitlines() == [
        "16 vectors in 4 dimensions, distilled from Gaussian teachers in 8 dimensions: "
        "CKA, 20 steps of Adam at 0.01, epsilon 0.1."
    ]
    run = results.load(kept)
    assert f"Optimum of the loss: {run['optimum_loss'].median():.4g}" in first
    row = next(line for line in first.splitlines() if line.startswith("matthews"))
    level = float(run["svd_matthews"].median())
    assert row.split()[-1] == f"{level:.4g}"

    before = kept.stat().st_mtime_ns
    code, again, told = ask(f"run {AS_FLAGS} --figure other.pdf")
    assert (code, told) == (0, "")
    assert again.startswith(first.partition("Saved")[0])
    assert "Read from results, which has all seeds; --again repeats them." in again
    assert folder.joinpath("other.pdf").exists()

    code, _, _ = ask("run cell.toml --again --figure .")
    assert code == 0
    assert kept.stat().st_mtime_ns > before
    assert folder.joinpath(picture.name).exists()


def test_a_damaged_result_is_run_again_and_replaced(ask, folder):
    assert ask("run cell.toml")[0] == 0
    [kept] = folder.glob("results/*.nc")
    kept.write_bytes(b"damaged")
    code, said, told = ask("run cell.toml")
    assert code == 0
    assert "Saved" in said
    assert told.splitlines()[0] == (
        f"simgeo: results holds 1 damaged file: {kept.name}. The seeds are run again."
    )
    assert kept.read_bytes() != b"damaged"
    assert list(folder.glob("results/*.nc*")) == [kept]


def test_seeds_that_are_there_are_read(ask, folder, monkeypatch):
    assert ask("run cell.toml --num-seeds 1")[0] == 0
    asked = []
    whole = engine.run_many

    def run_many(cells, *, seeds, on_record):
        asked.extend(seeds)
        return whole(cells, seeds=seeds, on_record=on_record)

    monkeypatch.setattr(engine, "run_many", run_many)
    code, said, _ = ask("run cell.toml --num-seeds 3")
    assert code == 0
    assert asked == [[1, 2]]
    assert "Medians over seeds (3)" in said
    assert len([*folder.glob("results/*.nc")]) == 2
    again = ask("run cell.toml --num-seeds 3 --again")[1]
    assert asked == [[1, 2], [0, 1, 2]]
    assert again.partition("Saved")[0] == said.partition("Saved")[0]


@pytest.fixture
def at_records(monkeypatch):
    """Has something done after a record: `at_records(do)`, called with the steps."""
    whole = engine.run_many

    def at_records(do):
        def run_many(cells, *, seeds, on_record):
            def tell(record):
                on_record(record)
                do(record.step)

            return whole(cells, seeds=seeds, on_record=tell)

        monkeypatch.setattr(engine, "run_many", run_many)

    return at_records


def test_ctrl_c_keeps_the_records_made(ask, folder, at_records):
    def stop(step):
        if step > 1:
            raise KeyboardInterrupt

    at_records(stop)
    code, said, told = ask("run cell.toml")
    [kept] = folder.glob("results/*")
    assert (code, said) == (130, "")
    assert told.splitlines()[1:] == [
        "simgeo: It was interrupted after 4 of 20 steps. The records before are in "
        f"results/{kept.name}."
    ]
    assert kept.name.endswith(".0-1.partial.nc")
    assert results.load(kept)["step"].values.tolist() == [0, 1, 4]


def test_ctrl_c_before_the_first_record(chosen, capsys):
    chosen("cell.toml")
    told = capsys.readouterr().err.splitlines()
    assert told[1:] == ["simgeo: interrupted before the first record; nothing is kept."]


def test_ctrl_c_that_python_drops_ends_the_run_at_the_next_record(
    ask, folder, monkeypatch
):
    whole = engine.run_many

    class Dropper:
        def __del__(self):
            signal.raise_signal(signal.SIGINT)

    def run_many(*given, **options):
        Dropper()
        return whole(*given, **options)

    monkeypatch.setattr(engine, "run_many", run_many)
    monkeypatch.setattr(sys, "unraisablehook", lambda _: None)
    code, _, told = ask("run cell.toml")
    assert code == 130
    assert "It was interrupted after 0 of 20 steps. The records before are in" in told
    assert len(told.splitlines()) == 2


def test_a_run_that_is_not_finite_keeps_what_came_before(ask, folder):
    code, said, told = ask(
        "run cell.toml objective:gram optimiser:sgd --learning-rate 100"
    )
    [kept] = folder.glob("results/*")
    assert (code, said) == (1, "")
    last = told.splitlines()[-1]
    assert last.startswith("simgeo: the gradient of Gram is not finite at seed 0, step")
    assert last.endswith(
        "Try a smaller `learning_rate` than 100. The records before are in "
        f"results/{kept.name}."
    )
    assert len(told.splitlines()) == 2


def test_a_log_has_a_line_every_ten_seconds(ask, monkeypatch):
    times = iter([0.0, 9.0, 11.0, 12.0, 22.0])  # at the start, and at four records
    monkeypatch.setattr(run_cell, "monotonic", lambda: next(times))
    code, _, told = ask("run cell.toml --num-records 4")
    assert code == 0
    first, second = told.splitlines()[1:]
    assert re.fullmatch(r"2 of 40 steps of all 2 seeds, loss \d\.\d{3}e[+-]\d\d", first)
    assert second.startswith("40 of 40 steps of all 2 seeds, loss ")


def test_settings_may_stand_in_any_order(chosen):
    lines = (
        "cell.toml objective:procrustes --objective.centred --num-seeds 4",
        "--num-seeds=4 --objective.centred objective:procrustes cell.toml",
        f"--objective.centred {AS_FLAGS} objective:procrustes --num-seeds 4",
    )
    first, *others = map(chosen, lines)
    assert first.objective.centred
    assert first.num_seeds == 4
    described = settings.describe(first)
    assert [settings.describe(other) for other in others] == [described] * 2


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("teacher:blocks --teacher.num-blocks 2", "OrthogonalBlocks(num_blocks=2"),
        ("teacher:orthogonal-fraction --teacher.fraction .3", "fraction=0.3"),
        ("--no-objective.centred", "CKA(centred=False)"),
        ("--no-centred", "CKA(centred=False)"),
        ("teacher:fraction --fraction .3", "fraction=0.3"),
        ("student:unit student.start:svd", "UnitRows(start=TruncatedSVD"),
        ("student.start:svd student:unit", "UnitRows(start=TruncatedSVD"),
        (
            "student:unit --student.start.offset 1",
            "UnitRows(start=GaussianStart(offset=1.0))",
        ),
        ("--teacher-seed 3 --learning-rate 1e-3", "Adam(learning_rate=0.001)"),
        ("optimiser:sgd --momentum .9", "SGD(momentum=0.9)"),
    ],
)
def test_flags_change_the_file(chosen, line, expected):
    cell = chosen(f"cell.toml {line}")
    assert expected in repr(cell)
    assert cell.num_vectors == 16


def test_a_default_that_is_replaced_is_not_asked_whether_it_is_possible(
    chosen, folder, ask
):
    folder.joinpath("few.toml").write_text("num_vectors = 64\nteacher_dim = 4")
    cell = chosen("few.toml teacher:gaussian")
    assert (cell.num_vectors, cell.teacher_dim) == (64, 4)
    assert chosen("few.toml --teacher.fraction 0.1").teacher.fraction == 0.1
    assert chosen("--num-vectors 64 --teacher-dim 4 teacher:gaussian").teacher_dim == 4


def test_kinds_are_shortened_in_files_too(chosen, folder):
    text = '\ufeffobjective = "gram"\n[teacher]\nkind = "orthogonal-blocks"'
    folder.joinpath("short.toml").write_text(text, encoding="utf-8")
    assert chosen("short.toml").objective.label == "Gram"


class AbstractRule(eqx.Module):
    """What the tests choose an optimiser from."""


class Momentum(AbstractRule):
    """Steps that remember the last ones."""

    learning_rate: float = 0.1
    momentum: float | None = None


class Memory(AbstractRule):
    """Steps that remember more."""

    size: int = 10


class Toy(eqx.Module):
    """An experiment with fields of all types."""

    optimiser: AbstractRule = eqx.field(default_factory=Momentum)
    num_vectors: int = 4
    teacher_dim: int = 2
    student_dim: int = 2
    num_seeds: int = 1
    teacher_seed: int | None = None
    measures: tuple[str, ...] = ("cka", "matthews")

    def __check_init__(self) -> None:
        if set(self.measures) - {"cka", "matthews"}:
            raise ValueError("`measures` must be known; got others.")


def toy(line: str) -> Toy:
    """What a command line describes."""
    parser = flags.settings_parser("toy", "", "", "", Toy)
    given, words = flags.read(parser, line.split())
    data = settings.complete(Toy, {})
    return changes.change(data, flags.sort(words)[0], given, Toy)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("", Toy()),
        ("--measures matthews", Toy(measures=("matthews",))),
        ("--measures cka,matthews", Toy()),
        ("--measures=", Toy(measures=())),
        ("--teacher-seed 3", Toy(teacher_seed=3)),
        ("--teacher-seed none", Toy()),
        ("--learning-rate 1", Toy(optimiser=Momentum(1.0))),
        ("--momentum 0.9 --momentum none", Toy()),
        ("--optimiser.momentum 0.9", Toy(optimiser=Momentum(momentum=0.9))),
        ("optimiser:memory --size 3", Toy(optimiser=Memory(3))),
        ("--size 3 optimiser:memory", Toy(optimiser=Memory(3))),
    ],
)
def test_flags_come_from_the_types_of_fields(line, expected):
    assert toy(line) == expected


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("--size 3", "`size` is no setting of the kinds that are chosen, but of optim"),
        ("--measures cka,x", "`measures` must be known"),
        ("--teacher-seed x", "`teacher_seed` must be a whole number; got 'x'"),
        ("--optimiser adam", "--optimiser: a kind is chosen by optimiser:adam"),
        ("optimiser:adam", "`optimiser` must name a known kind; got 'adam'"),
    ],
)
def test_flags_of_all_types_are_refused_in_one_line(line, message):
    with pytest.raises(ValueError, match=message) as caught:
        toy(line)
    assert "\n" not in str(caught.value)


def test_an_experiment_larger_than_the_memory_is_refused():
    data = settings.describe(Toy(num_vectors=1000, num_seeds=2))  # 32 kB
    changes.require_room(data, 32_000)
    with pytest.raises(ValueError, match="memory of 31.2 KiB; the vectors of 2 seeds"):
        changes.require_room(data, 31_999)


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
        ("list teachers fractoin", "Did you mean 'orthogonal-fraction'?"),
        ("list orthogonal", "which could be orthogonal-blocks, orthogonal-fraction or"),
        ("run --fractoin 1", "Did you mean '--fraction'?"),
        ("limits --eps 0.1", "Did you mean '--epsilon'?"),
        ("run teacher:gaussian --teacher.fraction 1", "Another kind of `teacher` has"),
        ("sweep grid.toml --workers 2", "`--workers` must stand beside --executor"),
        ("run --cosine 1", "teacher:common-mean, teacher:orthogonal-blocks"),
        (
            "run student.start:svd --centred",
            "'--centred' could be --objective.centred or --student.start.centred.",
        ),
        ("run --fraction 1 --teacher.fraction 1", "`teacher.fraction` can be given on"),
        ("run --num-vectors 1000000000", "must be small enough for the memory of "),
        ("run --learning-rat 0.1", "Did you mean '--learning-rate'?"),
        ("run --num_seeds 2", "Did you mean '--num-seeds'?"),
        ("run --teacher.fractoin=1", "Did you mean '--teacher.fraction'?"),
        ("run teacher:orthogonal-fractoin", "Did you mean 'orthogonal-fraction'?"),
        ("run teacher:orthogonal", "orthogonal-fraction or orthogonal-pattern."),
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
        ("run --learning-rate -1", "`optimiser.learning_rate` must be positive"),
        ("run --learning-rate nan", "`optimiser.learning_rate` must be positive"),
        ("run --epsilon 2", "`epsilon` must lie between 0 and 1"),
        (
            "run --student-dim 0",
            "`student_dim` must be at least 1 and below 2^31; got 0.",
        ),
        ("run optimiser:adma", "'adam'? Valid: adam, lbfgs, named, sgd."),
        ("run optimiser:named --name adma", "got 'adma'. Did you mean 'adam"),
        (
            "run --teacher-dim 2 --teacher.fraction 1",
            "or raise `teacher.epsilon` or `teacher_dim`",
        ),
        ("run none.toml", "got none.toml: No such file or directory."),
        ("run a_folder.toml", "got a_folder.toml: Is a directory."),
        ("run bad_key.toml", "Did you mean 'num_seeds'?"),
        ("run near.toml", "no setting of CKA. Did you mean 'centred'?"),
        ("run bad_type.toml", "`num_seeds` must be a whole number; got 'x'."),
        ("run bad_syntax.toml", "`path` must be valid TOML; got bad_syntax.toml"),
        ("run cell.toml bad_key.toml", "at most one TOML file"),
        ("run --results cell.toml", "`--results` must be a folder"),
        ("run --results=", "--results: must name a file or folder; got ''"),
        ("run --figure no/such/", "`--figure` must be a folder"),
        ("run --figure new", "got new. A new folder ends in /."),
        ("run --results no/such/folder", "`--results` must be a folder"),
        ("run --figure no/such.png", "`--figure` must be where files can be written"),
        ("run --figure cell.toml", "`--figure` must be a folder or end in one of"),
    ],
)
def test_bad_input_gives_one_line(ask, folder, no_run, line, expected):
    folder.joinpath("a_folder.toml").mkdir()
    folder.joinpath("bad_key.toml").write_text("num_seedz = 3")
    near = '[objective]\nkind = "cka"\ncentre = false'  # of which a teacher has one
    folder.joinpath("near.toml").write_text(near)
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


@pytest.mark.parametrize("command", cli.COMMANDS)
def test_no_file_or_folder_has_an_empty_name(command):
    """`Path("")` is the folder one is in."""
    parser = completion.parser_of(command)
    for action in parser._actions:
        action.required = False
    for action in parser._actions:
        if action.metavar in cli.FILES | cli.FOLDERS:
            words = [f"{flag}=" for flag in action.option_strings[-1:]] or [""]
            with pytest.raises(ValueError, match="must name a file or folder; got ''"):
                parser.parse_intermixed_args(words)


def test_a_full_disk_is_one_line(ask, monkeypatch):
    def refuse(dataset, folder):
        reason = "`folder` must be a place with room; got results: No space left."
        raise OSError(errno.ENOSPC, reason)

    monkeypatch.setattr(results, "save", refuse)
    code, said, told = ask("run cell.toml")
    assert (code, said) == (1, "")
    assert told.splitlines()[1:] == [
        "simgeo: `folder` must be a place with room; got results: No space left."
    ]


def test_a_folder_in_the_way_of_a_run_is_named(ask, tmp_path):
    ask("run cell.toml")
    [kept] = tmp_path.glob("results/*.nc")
    kept.unlink()
    kept.mkdir()
    code, _, told = ask("run cell.toml")
    assert code == 1
    assert told.splitlines()[-1] == (
        f"simgeo: `folder` must be a place with room where files can be written; got "
        f"results/{kept.name}: Is a directory."
    )


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (OSError(errno.ENOSPC, "No space left"), "No space left"),
        (OSError(errno.EIO, "Input/output error", "a/b"), "a/b: Input/output error"),
        (OSError("of no number"), "of no number"),
    ],
)
def test_numbers_of_errors_are_not_told(error, told, capsys):
    assert cli.fail(error, 1) == 1
    assert capsys.readouterr().err == f"simgeo: {told}\n"


def test_list_names_every_kind_and_measure_in_one_line(ask):
    code, everything, _ = ask("list")
    assert code == 0
    lines = everything.splitlines()
    for name in ("common-mean", "truncated-svd", "hybrid", "matthews"):
        assert len([line for line in lines if line.startswith(f"  {name} ")]) == 1
    assert max(map(len, lines)) < 80
    parts = [ask(f"list {topic}")[1] for topic in ("teachers", "objectives")]
    assert everything.startswith("\n".join(parts))
    assert ask("list teacher")[1] == parts[0]
    assert ask("list objective cka")[1] == ask("list objectives cka")[1]
    assert "teacher.gram:\n" in parts[0]


@pytest.mark.parametrize("words", ["orthogonal-fraction", "teachers fraction"])
def test_list_tells_all_about_one(ask, words):
    code, said, _ = ask(f"list {words}")
    assert code == 0
    assert said.startswith("teacher:orthogonal-fraction\n  Vectors of which exactly a")
    rows = [line.split() for line in said.splitlines()]
    assert ["--teacher.fraction", *"between 0 and 1, default 0.95".split()] in rows
    assert ["exact", "to", "the", "pair"] in rows
    assert max(map(len, said.splitlines())) < 80


def _lines(ask, name: str) -> list[str]:
    return [line.strip() for line in ask(f"list {name}")[1].splitlines() if line]


@pytest.mark.parametrize("name", ["procrustes", "hybrid", "objective cka"])
def test_list_says_nothing_twice(ask, name):
    lines = _lines(ask, name)
    assert len(set(lines)) == len(lines)
    said = " ".join(lines).lower()
    for word in ("formula", "range", "cost", "source"):
        assert said.count(f" {word}: ") + said.count(f" {word}  ") < 2
    assert any(line.startswith("control ") for line in _lines(ask, "noisy"))


def test_list_and_help_tell_what_a_default_stands_for(ask):
    assert "that of the experiment" in " ".join(ask("list fraction")[1].split())
    knobs = flags.knobs(Experiment)
    assert knobs["num_vectors"].endswith("default 256, or the teacher's own")
    assert knobs["teacher_dim"].endswith("default 128, or the teacher's own")
    assert knobs["measures"].endswith(f"the first {len(measures.DEFAULT)} of them")
    said = ask("list measures")[1]
    assert "Spearman's correlation, over pairs, of the" in said
    lines = said.splitlines()[1:]
    listed = [line.split()[0] for line in lines if line[2] != " "]  # not a second line
    assert tuple(listed[: len(measures.DEFAULT)]) == measures.DEFAULT
    assert set(listed) == set(measures.MEASURES)


def test_list_tells_of_every_place_and_of_measures(ask):
    _, said, _ = ask("list blocks")
    assert "teacher:orthogonal-blocks" in said
    assert "teacher.pattern:blocks" in said
    assert "one of rows, columns, default rows" in ask("list from-file")[1]
    assert "use a TOML file" in ask("list objectives hybrid")[1]
    assert "[-1, 1]" in ask("list measures matthews")[1]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("--help", "commands:"),
        ("--version", "simgeo 0."),
        ("list --help", "simgeo list"),
        ("run --help", "simgeo run teacher:blocks objective:procrustes"),
        ("run --help", "at least 1 and below 2^31, default 16"),
        ("run --help", "--num-steps N"),
        ("run --help", "one of 'log', 'even', default log"),
        ("run --help", "default 256, or the"),
        ("run --help", "the first 19 of them"),
        ("run --help", "  common-mean "),
    ],
)
def test_help(capsys, line, expected):
    with pytest.raises(SystemExit) as stop:
        cli.main(line.split())
    assert stop.value.code == 0
    said = capsys.readouterr().out
    assert expected in said
    assert max(map(len, said.splitlines())) < 80
    assert len(said.splitlines()) < 120


class Shouting:
    """A command of another package."""

    @staticmethod
    def shout(words: list[str]) -> int:
        print(" ".join(words).upper())
        return 3


@pytest.fixture
def others(monkeypatch):
    """Entry points as other packages would have them."""
    group = "simgeo.commands"
    known = [
        EntryPoint("shout", f"{__name__}:Shouting.shout", group),
        EntryPoint("broken", "no_such_module:run", group),
    ]

    def entry_points(group):
        assert group == "simgeo.commands"
        return EntryPoints(known)

    monkeypatch.setattr("importlib.metadata.entry_points", entry_points)
    return entry_points


def test_commands_of_other_packages(ask, others, capsys):
    assert ask("shout hello you") == (3, "HELLO YOU\n", "")
    with pytest.raises(SystemExit):
        cli.main(["--help"])
    assert re.search(r"  shout +a command of ", capsys.readouterr().out)
    code, said, told = ask("broken")
    assert (code, said, told.count("\n")) == (2, "", 1)
    assert "got no_such_module:run: No module named 'no_such_module'" in told
    assert "Did you mean 'shout'?" in ask("shuot")[2]


def test_our_own_commands_do_not_look_for_others(ask, monkeypatch):
    monkeypatch.setattr("importlib.metadata.entry_points", None)
    assert ask("list objectives cka")[0] == 0


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)]
)
def test_every_command_ends_in_order_under_both_signals(ask, monkeypatch, number, code):
    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(
        "simgeo.cli.limits_table.summary", lambda *_: signal.raise_signal(number)
    )
    words = "limits --n 8 --d 4 --epsilon .1"
    assert ask(words) == (code, "", "simgeo: interrupted.\n")
    assert signal.getsignal(signal.SIGTERM) is before
    monkeypatch.undo()
    assert ask(words)[0] == 0


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)]
)
def test_a_signal_waits_while_a_command_is_imported(ask, monkeypatch, number, code):
    def imported(name):
        signal.raise_signal(number)
        return lambda words: pytest.fail("it was run")

    monkeypatch.setattr(cli, "function_of", imported)
    assert ask("limits") == (code, "", "simgeo: interrupted.\n")


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)]
)
def test_an_error_that_comes_of_a_signal_is_an_interrupt(
    ask, monkeypatch, number, code
):
    def broken(words):
        try:
            signal.raise_signal(number)
        except KeyboardInterrupt:
            raise ImportError("half imported") from None

    monkeypatch.setattr(cli, "function_of", lambda name: broken)
    assert ask("limits") == (code, "", "simgeo: interrupted.\n")
    monkeypatch.setattr(cli, "function_of", lambda name: lambda words: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        ask("limits")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_is_heard_at_the_next_record_and_the_second_at_once(number):
    with Interrupts(), pytest.raises(KeyboardInterrupt):
        signal.raise_signal(number)
    with Interrupts() as at_work:
        at_work.at_a_record()
        signal.raise_signal(number)
        with pytest.raises(KeyboardInterrupt):
            at_work.at_a_record()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(number)


def test_a_record_that_is_far_is_not_waited_for_after_sigterm(monkeypatch, capsys):
    monkeypatch.setattr(interrupts, "GRACE", 0.2)
    with Interrupts() as at_work:
        at_work.at_a_record()
        signal.raise_signal(signal.SIGTERM)
        with pytest.raises(KeyboardInterrupt):
            time.sleep(10)
    assert "next record; 0.2 seconds from now" in capsys.readouterr().err


def test_a_run_that_is_terminated_keeps_the_records_made(ask, folder, at_records):
    def stop(step):
        if step == 1:
            signal.raise_signal(signal.SIGTERM)

    at_records(stop)
    code, said, told = ask("run cell.toml")
    assert (code, said) == (143, "")
    assert "after 4 of 20 steps. The records before are in results/" in told
    assert len([*folder.glob("results/*.partial.nc")]) == 1


def test_figures_go_into_a_new_folder(ask, folder):
    assert ask("run cell.toml --figure new/")[0] == 0
    assert len([*folder.glob("new/*.png")]) == 1


def test_without_a_command_it_helps(ask):
    code, said, told = ask("")
    assert (code, said) == (2, "")
    assert "commands:" in told


@pytest.mark.parametrize("module", ["jax", "numpy"])
@pytest.mark.parametrize("line", ["--help", "--version", "", "rnu"])
def test_without_a_known_command_nothing_large_is_imported(line, module):
    code = (
        "import atexit, os, sys\n"
        "atexit.register(lambda: 'jax' in sys.modules and os._exit(99))\n"
        f"from simgeo import cli\nsys.exit(cli.main({line.split()}))"
    ).replace("'jax'", f"{module!r}")
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True)
    assert run.returncode == (0 if line.startswith("--") else 2)


def test_it_is_a_module_to_run_too():
    code = [sys.executable, "-m", "simgeo", "--version"]
    run = subprocess.run(code, cwd=ROOT, capture_output=True, text=True, check=True)
    assert run.stdout.startswith("simgeo 0.")


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


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """Where processes keep compiled programs: the second finds those of the first."""
    return str(tmp_path_factory.mktemp("cache"))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)]
)
def test_signals_on_a_terminal(folder, cache, number, code):
    ours, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("4H", 24, 120, 0, 0))
    line = f"run {folder}/cell.toml --num-steps 100000000 --num-records 300"
    run = subprocess.Popen(
        [sys.executable, "-m", "simgeo", *line.split()]
        + ["--results", str(folder / "kept")],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=theirs,
        env=os.environ | {"XDG_CACHE_HOME": cache},
    )
    os.close(theirs)
    shown = ""
    try:
        while chunk := os.read(ours, 4096):
            if "loss" not in shown and b"loss" in chunk:
                run.send_signal(number)
            shown += chunk.decode()
    except OSError:  # the other end is closed
        pass
    os.close(ours)
    said, _ = run.communicate(timeout=60)
    assert (run.returncode, said) == (code, b"")
    assert "Traceback" not in shown
    assert "The records before are in" in shown
    assert len([*folder.glob("kept/*.partial.nc")]) == 1
