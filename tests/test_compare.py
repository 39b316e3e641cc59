"""`simgeo compare`: what it reads, says, draws and refuses."""

import json
import pickle
import sys

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
    assert "A: student.npy, 24 x 3\nB: teacher.npy, 24 x 4\n" in out
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
    assert told["A"] == {"layers.npz:noise": [24, 2], "layers.npz:kept": [24, 2]}
    assert len(told["measures"]) == 2 * 2 * 2
    for row in told["measures"]:
        assert row["p"] <= row["p_adjusted"] <= 1
    # One layer alone is the one among them.
    code, out, _ = compared(
        capsys, "layers.npz:kept", "teacher.npy,student.npy", *FEW, "--json"
    )
    alone = json.loads(out)["measures"][0]
    same = [row for row in told["measures"] if row["A"] == alone["A"]][0]
    assert alone["value"] == pytest.approx(same["value"], abs=1e-6)
    assert alone["p"] == same["p"]


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
    assert "how many of 64 such orders" in out
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
}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("teacher.npy short.npy", "got shape (24, 4) of teacher.npy and (7, 4)"),
        ("one.npy one.npy", "`A` must have at least 4 rows; got shape (1, 4)."),
        ("empty.npy empty.npy", "`A` must not be empty"),
        ("teacher.npy flat.npy", "`B` must hold a matrix, of 2 axes"),
        ("complex.npy teacher.npy", "`A` must hold real numbers"),
        ("nan.npy teacher.npy", "`A` must hold finite numbers"),
        ("object.npy teacher.npy", "Object arrays cannot be loaded"),
        ("object.npz teacher.npy", "Object arrays cannot be loaded"),
        ("pickle.npy teacher.npy", "one array of NumPy, as the name says"),
        ("text.npy teacher.npy", "one array of NumPy, as the name says"),
        ("cut.npz teacher.npy", "`A` must hold a readable matrix"),
        ("none.npz teacher.npy", "FILE:NAME, must be one of none"),
        ("words.csv teacher.npy", "row 0, column 0 is 'x'"),
        ("blank.csv teacher.npy", "`A` must hold a readable matrix"),
        ("cut.safetensors teacher.npy", "`A` must hold a readable matrix"),
        ("one.safetensors:b teacher.npy", "must be one of a, got 'b'"),
        ("layers.npz:last teacher.npy", "must be one of kept, noise, got 'last'"),
        ("teacher.npy:a teacher.npy", "must be empty for one array"),
        ("absent.npy teacher.npy", "`A` must be a file that can be read"),
        ("teacher.pkl teacher.npy", "`A` must be a file that can be read"),
        ("teacher.npy,teacher.npy teacher.npy", "`A` must name each layer once"),
        ("teacher.npy", "the following arguments are required: B"),
        ("teacher.npy student.npy --epsilon 2", "`--epsilon` must lie in [0, 1]"),
        ("teacher.npy student.npy --permutations 0", "`--permutations` must be at"),
        ("teacher.npy student.npy --seed -1", "`--seed` must be at least 0"),
        ("teacher.npy student.npy --measures ckaa", "Did you mean 'cka'"),
        ("teacher.npy student.npy --measures coherence", "must compare two sides"),
        ("teacher.npy student.npy --figure a.txt", "`--figure` must be a folder or"),
        ("teacher.npy student.npy --figur a.png", "Did you mean '--figure'"),
    ],
)
def test_what_cannot_be_compared_is_refused_in_one_line(folder, capsys, words, said):
    for name in BROKEN:
        if name in words:
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
