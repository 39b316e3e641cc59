"""`simgeo compare`: what it reads, says, draws and refuses."""

import json
import pickle
import re
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from simgeo import cli, plots
from simgeo.cli import compare

pytestmark = pytest.mark.once

FEW = "--measures cka,matthews --permutations 19 --resamples 8 --epsilon 0.3".split()
VECTORS = np.random.default_rng(0).normal(size=(24, 4))


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A folder with a student, its teacher, and layers of both, kept programs aside."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(compare.engine, "keep_programs", lambda: None)
    np.save("student.npy", VECTORS[:, :3])
    np.save("teacher.npy", VECTORS)
    noise = np.random.default_rng(1).normal(size=(24, 2))
    np.savez("layers.npz", noise=noise, kept=VECTORS[:, :2])
    return tmp_path


def compared(capsys, *words):
    code = cli.main(["compare", *words])
    said = capsys.readouterr()
    return code, said.out, said.err


def test_a_table_and_a_figure_of_two_files(folder, capsys, monkeypatch):
    drawn = []
    draw = plots.pair_cosines
    monkeypatch.setattr(plots, "pair_cosines", lambda *a: drawn.append(a) or draw(*a))
    code, out, err = compared(
        capsys, "student.npy", "teacher.npy", *FEW, "--figure", "pairs.png"
    )
    assert (code, err) == (0, "")
    sides = "A, the student: student.npy, 24 x 3\nB, the teacher: teacher.npy, 24 x 4\n"
    assert sides in out
    assert "Better than chance (p <= 0.05): all." in out
    assert folder.joinpath("pairs.png").stat().st_size > 1000

    student, teacher = (
        each @ each.T
        for each in (
            side / np.linalg.norm(side, axis=1, keepdims=True)
            for side in (VECTORS[:, :3], VECTORS)
        )
    )
    upper = np.triu_indices(24, 1)
    in_a, in_b = (abs(each[upper]) <= 0.3 for each in (student, teacher))
    ((frame, counts, epsilon),) = drawn
    np.testing.assert_allclose(frame["student"], student[upper])
    np.testing.assert_allclose(frame["teacher"], teacher[upper])
    for fate, those in {
        "preserved": in_a & in_b,
        "lost": in_b & ~in_a,
        "gained": in_a & ~in_b,
        "in neither": ~in_a & ~in_b,
    }.items():
        assert counts[fate] == np.sum(those) == np.sum(frame["fate"] == fate)
    assert epsilon == 0.3
    assert f"{np.sum(in_b)} in B, of which {np.sum(in_a & in_b)} are preserved" in out


def test_of_several_layers_the_best_is_shown_and_all_are_in_the_json(capsys):
    given = ("layers.npz", "teacher.npy,student.npy", *FEW)
    code, out, _ = compared(capsys, *given)
    assert code == 0
    assert "p, searched" in out
    assert "cka       layers.npz:kept" in out
    code, out, _ = compared(capsys, *given, "--json")
    told = json.loads(out)
    assert code == 0
    assert {row["A"] for row in told} == {"layers.npz:noise", "layers.npz:kept"}
    assert len(told) == 2 * 2 * 2
    for row in told:
        assert row["p"] <= row["p_adjusted"] <= 1
        assert row["shape of A"] == [24, 2]
    counted = [row for row in told if row["preserved"] is not None]
    assert [row["measure"] for row in counted] == ["cka", "matthews"]
    assert {row["A"] for row in counted} == {"layers.npz:kept"}
    # One layer alone is the one among them.
    code, out, _ = compared(
        capsys, "layers.npz:kept", "teacher.npy,student.npy", *FEW, "--json"
    )
    alone = json.loads(out)[0]
    same = [row for row in told if row["A"] == alone["A"]][0]
    assert alone["value"] == pytest.approx(same["value"], abs=1e-6)
    assert alone["p"] == same["p"]


def test_pairs_with_a_zero_row_have_no_cosine_and_are_left_out(folder, capsys):
    student = VECTORS[:, :3].copy()
    student[[2, 5]] = 0
    np.save("zero.npy", student)
    words = ("zero.npy", "teacher.npy", *FEW)
    code, out, _ = compared(capsys, *words, "--figure", "pairs.png")
    assert code == 0
    assert "Undefined here: matthews." in out
    assert "45 pairs with a zero row have no cosine." in out
    assert folder.joinpath("pairs.png").stat().st_size > 1000
    zero = json.loads(compared(capsys, *words, "--json")[1])[0]
    others = np.delete(np.arange(24), [2, 5])
    np.save("zero.npy", student[others])
    np.save("others.npy", VECTORS[others])
    words = ("zero.npy", "others.npy", *FEW, "--json")
    without = json.loads(compared(capsys, *words)[1])[0]
    for fate in ("preserved", "lost", "gained", "in neither", "preserved by chance"):
        assert zero[fate] == without[fate]
    assert (zero["undefined"], without["undefined"]) == (45, 0)


def test_an_interrupt_keeps_what_is_done(capsys, monkeypatch):
    def interrupted(*given, on_draws, **options):
        def stop(done):
            raise KeyboardInterrupt

        return calibrate(*given, on_draws=stop, **options)

    calibrate = compare.calibrate
    monkeypatch.setattr(compare, "calibrate", interrupted)
    few = [*FEW[:3], "100", "--epsilon", "0.3"]
    code, out, err = compared(capsys, "student.npy", "teacher.npy", *few)
    assert code == 130
    assert "the share of 64 such orders" in out
    assert err == (
        "simgeo: interrupted; p is from 64 of 100 permutations, and the intervals "
        "from 0 of 200 halves of the rows.\n"
    )


class _Unpickled:
    def __reduce__(self):
        return pytest.fail, ("a pickle was read",)


BROKEN = {
    "short.npy": lambda path: np.save(path, VECTORS[:7]),
    "one.npy": lambda path: np.save(path, VECTORS[:1]),
    "empty.npy": lambda path: np.save(path, VECTORS[:0]),
    "flat.npy": lambda path: np.save(path, VECTORS[:, 0]),
    "complex.npy": lambda path: np.save(path, VECTORS * 1j),
    "nan.npy": lambda path: np.save(path, np.where(VECTORS > 2, np.nan, VECTORS)),
    "object.npy": lambda path: np.save(path, np.array([[_Unpickled()]])),
    "object.npz": lambda path: np.savez(path, a=np.array([[_Unpickled()]])),
    "pickle.npy": lambda path: path.write_bytes(pickle.dumps(VECTORS)),
    "text.npy": lambda path: path.write_text("1,2,3\n"),
    "cut.npz": lambda path: path.write_bytes(b"PK\x03\x04" + bytes(40)),
    "none.npz": lambda path: np.savez(path),
    "words.csv": lambda path: path.write_text("a,b\nx,y\n"),
    "blank.csv": lambda path: path.write_text(""),
    "cut.safetensors": lambda path: path.write_bytes(b"\xff" * 50),
    "one.safetensors": lambda path: save_file({"a": VECTORS}, path),
    "three.npy": lambda path: np.save(path, VECTORS[:3]),
    "cube.npy": lambda path: np.save(path, VECTORS[None]),
    "scalar.npy": lambda path: np.save(path, VECTORS[0, 0]),
    "narrow.npy": lambda path: np.save(path, VECTORS[:, :0]),
    "inf.npy": lambda path: np.save(path, np.where(VECTORS > 2, np.inf, VECTORS)),
    "letters.npy": lambda path: np.save(path, VECTORS.astype(str)),
    "days.npy": lambda path: np.save(path, VECTORS.astype("datetime64[D]")),
    "spans.npy": lambda path: np.save(path, VECTORS.astype("timedelta64[D]")),
    "fields.npy": lambda path: np.save(path, VECTORS.astype([("x", float)])),
    "bytes.npy": lambda path: np.save(path, VECTORS.view("V8")),
    "nothing.npy": lambda path: path.write_bytes(b""),
    "cut.npy": lambda path: _cut(path, np.save),
    "half.npz": lambda path: _cut(path, np.savez),
    "half.safetensors": lambda path: _cut(path, lambda p, v: save_file({"a": v}, p)),
    "zipped.npy": lambda path: path.write_bytes(Path("layers.npz").read_bytes()),
    "single.npz": lambda path: path.write_bytes(Path("teacher.npy").read_bytes()),
    "uneven.npz": lambda path: np.savez(path, a=VECTORS, b=VECTORS[:7]),
    "mixed.npz": lambda path: np.savez(path, a=VECTORS, labels=np.arange(24)),
    "folder.npy": lambda path: path.mkdir(),
    "folder.csv": lambda path: path.mkdir(),
    "vectors": lambda path: path.write_bytes(Path("teacher.npy").read_bytes()),
    "list.json": lambda path: path.write_text("[[1, 2], [3, 4]]"),
    "ragged.csv": lambda path: path.write_text("1,2\n3,4,5\n6,7\n8,9\n"),
    "gap.csv": lambda path: path.write_text("1,2\n3,\n5,6\n7,8\n"),
    "comma.csv": lambda path: path.write_text("1;2\n3;4\n5;6\n7;8\n"),
    "nan.csv": lambda path: path.write_text("1,2\n3,nan\n5,6\n7,8\n"),
    "units.csv": lambda path: path.write_text("1 m,2 m\n3 m,4 m\n5 m,6 m\n7 m,8 m\n"),
    "header.csv": lambda path: path.write_text("a,b\n"),
    "bytes.csv": lambda path: path.write_bytes(b"\xff\xfe1\x00,\x002\x00"),
    "none.safetensors": lambda path: save_file({}, path),
    "flat.safetensors": lambda path: save_file({"a": VECTORS[:, 0]}, path),
    "text.safetensors": lambda path: path.write_text("1,2\n3,4\n"),
}


def _cut(path, save):
    """A file of vectors without its second half."""
    save(path, VECTORS)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


PAIRS = [
    ("teacher.npy short.npy", "got shape (24, 4) of teacher.npy and (7, 4)"),
    ("one.npy one.npy", "`A` must have at least 4 rows; got shape (1, 4)."),
    ("three.npy three.npy", "`A` must have at least 4 rows; got shape (3, 4)."),
    ("empty.npy empty.npy", "`A` must not be empty"),
    ("teacher.npy narrow.npy", "`B` must not be empty; got shape (24, 0)"),
    ("teacher.npy flat.npy", "`B` must hold a matrix, of 2 axes"),
    ("cube.npy teacher.npy", "of 2 axes; got shape (1, 24, 4) in cube.npy"),
    ("scalar.npy teacher.npy", "of 2 axes; got shape () in scalar.npy"),
    ("complex.npy teacher.npy", "`A` must hold real numbers"),
    ("letters.npy teacher.npy", "`A` must hold real numbers"),
    ("days.npy teacher.npy", "`A` must hold real numbers; got datetime64"),
    ("spans.npy teacher.npy", "`A` must hold real numbers; got timedelta64"),
    ("fields.npy teacher.npy", "`A` must hold real numbers"),
    ("bytes.npy teacher.npy", "`A` must hold real numbers; got |V8"),
    ("nan.npy teacher.npy", "`A` must hold finite numbers"),
    ("teacher.npy inf.npy", "`B` must hold finite numbers; inf.npy has"),
    ("object.npy teacher.npy", "Object arrays cannot be loaded"),
    ("object.npz teacher.npy", "Object arrays cannot be loaded"),
    ("pickle.npy teacher.npy", "one array of NumPy, as the name says"),
    ("text.npy teacher.npy", "one array of NumPy, as the name says"),
    ("zipped.npy teacher.npy", "one array of NumPy, as the name says"),
    ("nothing.npy teacher.npy", "one array of NumPy, as the name says"),
    ("single.npz teacher.npy", "a zip file, as the name says"),
    ("cut.npy teacher.npy", "`A` must hold a readable matrix"),
    ("teacher.npy half.npz", "`B` must hold a readable matrix"),
    ("cut.npz teacher.npy", "`A` must hold a readable matrix"),
    ("none.npz teacher.npy", "FILE:NAME, must be one of none"),
    ("uneven.npz teacher.npy", "of uneven.npz:a and (7, 4) of uneven.npz:b"),
    ("mixed.npz teacher.npy", "got shape (24,) in mixed.npz [labels]"),
    ("folder.npy teacher.npy", "`A` must hold a readable matrix"),
    ("teacher.npy folder.csv", "`B` must hold a readable matrix"),
    ("vectors teacher.npy", "`A` must end in .npy, .npz, .csv, .safetensors; got vec"),
    ("list.json teacher.npy", "`A` must end in .npy, .npz, .csv, .safetensors; got l"),
    ("words.csv teacher.npy", "row 0, column 0 is 'x'"),
    ("blank.csv teacher.npy", "`A` must hold a readable matrix"),
    ("ragged.csv teacher.npy", "`A` must hold a readable matrix"),
    ("gap.csv teacher.npy", "`A` must hold numbers; row 1, column 1 is ''"),
    ("comma.csv teacher.npy", "row 0, column 0 is '3;4'"),
    ("nan.csv teacher.npy", "`A` must hold finite numbers"),
    ("units.csv teacher.npy", "row 0, column 0 is '3 m'"),
    ("header.csv teacher.npy", "row 0, column 0 is 'a'"),
    ("bytes.csv teacher.npy", "`A` must hold a readable matrix"),
    ("cut.safetensors teacher.npy", "`A` must hold a readable matrix"),
    ("half.safetensors teacher.npy", "`A` must hold a readable matrix"),
    ("text.safetensors teacher.npy", "`A` must hold a readable matrix"),
    ("none.safetensors teacher.npy", "FILE:NAME, must be one of none"),
    ("flat.safetensors teacher.npy", "of 2 axes; got shape (24,) in flat.safetensors"),
    ("one.safetensors:b teacher.npy", "must be one of a, got 'b'"),
    ("layers.npz:last teacher.npy", "must be one of kept, noise, got 'last'"),
    ("teacher.npy:a teacher.npy", "must be empty for one array"),
    ("gap.csv:a teacher.npy", "must be empty for a table"),
    ("absent.npy teacher.npy", "`A` must be a file that can be read"),
    ("teacher.pkl teacher.npy", "`A` must be a file that can be read"),
    ("teacher.npy,teacher.npy teacher.npy", "`A` must name each layer once"),
    ("teacher.npy, teacher.npy", "`A` must be a file that can be read"),
    ("teacher.npy layers.npz,short.npy", "of teacher.npy and (7, 4) of short.npy"),
]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        *PAIRS,
        ("teacher.npy", "the following arguments are required: B"),
        ("teacher.npy student.npy --epsilon 2", "`--epsilon` must lie in [0, 1]"),
        ("teacher.npy student.npy --epsilon nan", "`--epsilon` must lie in [0, 1]"),
        ("teacher.npy student.npy --confidence 1", "`--confidence` must lie between"),
        ("teacher.npy student.npy --resamples -1", "`--resamples` must be at least 0"),
        ("teacher.npy student.npy --resamples 1", "`--resamples` must be 0 or at"),
        ("teacher.npy student.npy --permutations 0", "`--permutations` must be at"),
        ("teacher.npy student.npy --permutations x", "invalid int value: 'x'"),
        ("teacher.npy student.npy teacher.npy", "unrecognized arguments: teacher.npy"),
        ("teacher.npy student.npy --seed -1", "`--seed` must be at least 0"),
        ("teacher.npy student.npy --measures ckaa", "Did you mean 'cka'"),
        ("teacher.npy student.npy --measures coherence", "must compare two sides"),
        ("teacher.npy student.npy --figure a.txt", "`--figure` must be a folder or"),
        ("teacher.npy student.npy --figur a.png", "Did you mean '--figure'"),
    ],
)
def test_what_cannot_be_compared_is_refused_in_one_line(folder, capsys, words, said):
    for name in BROKEN:
        if name in re.split("[ ,:]", words):
            BROKEN[name](folder / name)
    code, out, err = compared(capsys, *words.split())
    assert (code, out) == (2, "")
    assert said in err
    assert err.count("\n") == 1


def test_a_missing_package_is_named(folder, capsys, monkeypatch):
    BROKEN["one.safetensors"](folder / "one.safetensors")
    monkeypatch.setitem(sys.modules, "safetensors", None)
    code, _, err = compared(capsys, "one.safetensors", "teacher.npy")
    assert code == 2
    assert "`pip install safetensors`" in err
