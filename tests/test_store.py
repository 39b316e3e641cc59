"""A folder of many runs: its index, its tables, and conditions on them."""

import errno
import io
import json
import os
import random
import shutil
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from runs import HYBRID, LABELS, SETTINGS, another, make

from simgeo import results, settings, sweep
from simgeo.problems import Experiment
from simgeo.results import _index, _reading, _shards, _store
from simgeo.sweep import _keep
from simgeo.sweep._plan import Piece
from simgeo.sweep._unfinished import Queue

pytestmark = pytest.mark.once


@pytest.fixture(scope="module")
def four_runs(tmp_path_factory):
    """Written once, and copied for each test."""
    folder = tmp_path_factory.mktemp("four")
    kinds = [
        SETTINGS,
        another(student_dim=9),
        another(objective={"kind": "Gram", "centred": False}),
        another(objective=HYBRID, limit=2.0),
    ]
    for index, described in enumerate(kinds):
        labels = {} if described["objective"] == HYBRID else LABELS
        labels = labels | {"objective": described["objective"]["kind"] + ", uncentred"}
        results.save(make(index, settings=described, labels=labels), folder)
    return folder


@pytest.fixture
def folder(four_runs, tmp_path):
    """Four runs, without an index."""
    return shutil.copytree(four_runs, tmp_path, dirs_exist_ok=True)


def content_of(folder):
    """What runs there are, byte for byte, and whatever else but the index."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def all_of(folder):
    return [results.load(path) for path in sorted(folder.glob("*.nc"))]


def test_packed_files_give_back_the_same_run(tmp_path):
    data = make()
    plain = results.save(data, tmp_path / "plain")
    packed = results.save(data, tmp_path / "packed", packed=True)
    found = results.load(packed)
    assert found.identical(results.load(plain))
    assert list(found.data_vars) == list(data.data_vars)
    assert {n: found[n].dtype for n in found} == {n: data[n].dtype for n in data}


def test_a_run_can_be_kept_without_its_vectors(tmp_path):
    data = make(vectors=False)
    assert not {"student", "teacher"} & set(data.data_vars)
    found = results.load(results.save(data, tmp_path, packed=True))
    pd.testing.assert_frame_equal(results.frame(found), results.frame(make()))


def test_the_frame_is_that_of_the_last_records(folder):
    expected = results.final(results.frame(all_of(folder)))
    expected["limit"] = expected["limit"].astype(float)  # None and 2.0: NaN here
    for _ in range(2):  # from the files, then from the index
        found = results.open(folder).frame
        pd.testing.assert_frame_equal(found[list(expected)], expected)


def test_the_tree_holds_the_same_numbers(folder):
    store = results.open(folder)
    rows = store.frame.set_index(["fingerprint", "seed"])
    nodes = [node.to_dataset() for node in store.tree.leaves]
    assert sum(node.sizes["cell"] for node in nodes) == 4
    for node in nodes:
        for name in node["cell"].values:
            one = node.sel(cell=name)
            assert np.array_equal(one["cka"], rows.loc[name, "cka"])
            assert one["num_close"].dtype == np.int64


def test_the_index_saves_reading_and_is_not_trusted_when_stale(folder, monkeypatch):
    first = results.open(folder).frame
    read = []

    def counted(path):
        read.append(path.name)
        return _reading.load(path)

    monkeypatch.setattr(_index, "load", counted)
    pd.testing.assert_frame_equal(results.open(folder).frame, first)
    assert read == []
    changed = another(student_dim=9)
    path = results.save(make(7, settings=changed), folder)  # other numbers
    again = results.open(folder).frame
    assert read == [path.name]
    name = path.name.partition(".")[0]
    mine = again["fingerprint"] == name
    assert not np.allclose(again["cka"][mine], first["cka"][mine])
    path.unlink()
    assert name not in set(results.open(folder).frame["fingerprint"])


def test_runs_put_into_the_index_are_not_read_again(tmp_path, monkeypatch):
    runs = [make(k, settings=another(student_dim=k)) for k in range(12)]
    for run in runs:
        results.save(run, tmp_path)
        results.index(tmp_path, [run])
    assert len(list((tmp_path / ".index").iterdir())) == 12
    monkeypatch.setattr(_index, "load", lambda _: pytest.fail("it was read"))
    found = results.open(tmp_path).frame
    assert len(list((tmp_path / ".index").iterdir())) == 1  # joined
    pd.testing.assert_frame_equal(results.open(tmp_path).frame, found)
    runs.sort(key=lambda run: run.attrs["fingerprint"])
    expected = results.final(runs)
    pd.testing.assert_frame_equal(found[list(expected)], expected)


def test_an_index_that_many_write_has_few_files(tmp_path, monkeypatch):
    monkeypatch.setattr(_shards, "_MANY", 8)
    monkeypatch.setattr(_shards, "_JOINED", 4)
    runs = [make(k, settings=another(student_dim=k)) for k in range(40)]
    for run in runs:
        results.save(run, tmp_path)
        results.index(tmp_path, [run])
        assert len(list((tmp_path / ".index").iterdir())) < 8
    monkeypatch.setattr(_index, "load", lambda _: pytest.fail("it was read"))
    whole = [*results.whole_parts(tmp_path)]
    assert {part.fingerprint for part, _ in whole} == {
        run.attrs["fingerprint"] for run in runs
    }
    runs.sort(key=lambda run: run.attrs["fingerprint"])
    expected = results.final(runs)
    found = results.open(tmp_path).frame
    pd.testing.assert_frame_equal(found[list(expected)], expected)


def test_files_of_an_index_that_are_joined_while_it_is_read_are_followed(
    tmp_path, monkeypatch
):
    for k in range(6):
        run = make(k, settings=another(student_dim=k))
        results.save(run, tmp_path)
        results.index(tmp_path, [run])
    monkeypatch.setattr(_shards, "_MANY", 4)
    files_in, read = _shards._files_in, []

    def joined_meanwhile(path):
        read.append(path)
        if len(read) == 2:
            _shards.compact(tmp_path)
        return files_in(path)

    with monkeypatch.context() as patch:
        patch.setattr(_shards, "_files_in", joined_meanwhile)
        patch.setattr(_index, "load", lambda _: pytest.fail("a run was read"))
        assert len([*results.whole_parts(tmp_path)]) == 6


def test_runs_of_two_kinds_that_alternate_are_one_table(tmp_path):
    runs = []
    for k in range(12):
        described = another(student_dim=k) | ({"weight": k / 2} if k % 2 else {})
        run = make(k, settings=described)
        runs.append(run.drop_vars("num_close") if k % 3 else run)
        results.save(runs[-1], tmp_path)
        results.index(tmp_path, runs[-1:])
    runs.sort(key=lambda run: run.attrs["fingerprint"])
    expected = results.final(results.frame(runs))
    found = results.open(tmp_path).frame
    pd.testing.assert_frame_equal(found[list(expected)], expected)
    assert sorted(found) == sorted(expected)
    assert found["weight"].isna().sum() == found["weight"].notna().sum() == 24


def test_an_index_of_a_wrong_form_is_made_again(folder):
    expected = results.open(folder).frame
    [shard] = (folder / ".index").iterdir()
    for about in ([], {}, {"version": 2, "layouts": 3}):
        text = np.frombuffer(json.dumps(about).encode(), np.uint8)
        np.savez(shard, about=text)
        pd.testing.assert_frame_equal(results.open(folder).frame, expected)
        [shard] = (folder / ".index").iterdir()


@pytest.mark.parametrize("content", [b"", b"PK\3\4 and no more", None])
def test_a_damaged_index_is_made_again(folder, content):
    expected = results.open(folder).frame
    [shard] = (folder / ".index").iterdir()
    shard.write_bytes(shard.read_bytes()[:-400] if content is None else content)
    pd.testing.assert_frame_equal(results.open(folder).frame, expected)


def test_damaged_files_are_left_out_with_one_warning(folder):
    for path in sorted(folder.glob("*.nc"))[:2]:
        path.write_bytes(b"not a run")
    before = content_of(folder)
    match = f"2 damaged files: .*{path.name}. Left out .*replaces them"
    for _ in range(2):
        with pytest.warns(UserWarning, match=match) as told:
            assert results.open(folder).frame["fingerprint"].nunique() == 2
        assert len(told) == 1
    assert content_of(folder) == before


# Of the first three a reader tries again. Where all is refused one of either sort is
# enough; what is refused now and then follows from the number.
NUMBERS = (errno.ENOLCK, errno.EAGAIN, errno.EIO, errno.EACCES, errno.EMFILE)
REFUSED = [("now and then", number) for number in NUMBERS]
for each in ("no reading", "no opening"):
    REFUSED += [(each, number) for number in (errno.EIO, errno.EACCES)]


@pytest.fixture(params=["no reading", "no opening", "now and then"])
def failing(request, folder, monkeypatch):
    """Makes the system refuse to read runs, with an error of that number."""

    def fail(number):
        rng = random.Random(number)

        def refuse(*_):
            raise OSError(number, os.strerror(number))

        def opened(path, *arguments, **options):
            is_run = str(path).endswith(".nc") and "w" not in str(arguments)
            if is_run and request.param == "no opening":
                refuse()
            file = whole(path, *arguments, **options)
            if is_run and (request.param == "no reading" or rng.random() < 0.7):
                file.close()
                file = io.BytesIO()
                file.read = refuse
            return file

        monkeypatch.setattr(io, "open", opened)

    whole = io.open
    return fail


READERS = {
    "open": lambda folder, name: results.open(folder).frame,
    "load": lambda folder, name: results.load(next(folder.glob(f"{name}*"))),
    "find": results.find,
    "Store.load": lambda folder, name: STORES[folder].load(name),
    "trajectories": lambda folder, name: STORES[folder].trajectories(),
    "missing_seeds": lambda folder, name: results.missing_seeds(folder, name, [1, 9]),
    "status": lambda folder, name: sweep.status(folder),
    "verify": lambda folder, name: results.verify(folder, results.seeds_of(folder)),
}
STORES = {}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize(("failing", "number"), REFUSED, indirect=["failing"])
def test_no_reader_changes_a_store_that_cannot_be_read(
    folder, failing, reader, number, monkeypatch
):
    name = sorted(results.seeds_of(folder))[0]
    STORES[folder] = results.open(folder)
    _keep.begin(folder, sweep.plan([Experiment()]))
    for shard in (folder / ".index").iterdir():
        shard.unlink()
    before = content_of(folder)
    failing(number)
    told = []
    with warnings.catch_warnings(record=True, action="always") as warned:
        try:
            READERS[reader](folder, name)
        except results.UnreadableFileError as error:
            told.append(str(error))
    told += [str(each.message) for each in warned]
    assert all("could not be read" in each for each in told)
    assert all(os.strerror(number) in each for each in told)
    monkeypatch.undo()
    assert content_of(folder) == before
    with warnings.catch_warnings(action="error"):  # all is there when it can be read
        assert results.open(folder).frame["fingerprint"].nunique() == 4


def test_what_cannot_be_read_is_named_with_its_count(folder, failing):
    names = sorted(path.name for path in folder.glob("*.nc"))
    failing(errno.EACCES)
    with pytest.warns(UserWarning, match="could not be read") as told:
        found = results.open(folder)
    [message] = [str(each.message) for each in told]
    missing = [name for name in names if name[:16] not in found.seeds]
    assert missing
    assert f"holds {len(missing)} unreadable files" in message
    assert all(name in message for name in missing)
    assert [*found.left_out] == missing


def test_a_reader_that_fails_at_the_index_loses_nothing(folder, monkeypatch):
    expected = results.open(folder).frame
    [shard] = (folder / ".index").iterdir()
    whole = Path.read_bytes

    def refuse(path):
        if path.suffix == ".npz":
            raise OSError(errno.EIO, "Input/output error")
        return whole(path)

    monkeypatch.setattr(Path, "read_bytes", refuse)
    pd.testing.assert_frame_equal(results.open(folder).frame, expected)
    assert shard.exists()


def test_newer_schemas_are_left_out_in_one_line(folder):
    other = make(settings=another(student_dim=77))
    results.save(
        other.assign_attrs(schema=settings.SCHEMA + 1, fingerprint="0" * 16), folder
    )
    for _ in range(2):
        with pytest.warns(UserWarning, match="1 newer file: .*Update") as told:
            assert results.open(folder).frame["fingerprint"].nunique() == 4
        assert len(told) == 1
    with pytest.warns(UserWarning, match="1 newer file: .*not run again") as told:
        found = results.verify(folder, ["0" * 16])
    assert found == ([], ["0000000000000000.10-13.nc"])
    assert len(told) == 1


def test_more_seeds_of_a_run_are_rows_of_the_same_run(tmp_path):
    for seeds in (range(2), range(2, 4), range(8, 12), range(10, 13)):
        results.save(make(seeds=seeds), tmp_path)
    results.save(make(9, seeds=[3]), tmp_path)  # comes after 2-3, and is not taken
    [name] = results.seeds_of(tmp_path)
    expected = [*range(4), *range(8, 13)]
    for _ in range(2):
        store = results.open(tmp_path)
        assert store.seeds == {name: set(expected)}
        assert store.frame["seed"].tolist() == expected
        pd.testing.assert_frame_equal(
            store.frame, results.final(results.frame(store.load(name)))
        )
    assert store.runs[name].seconds == pytest.approx(0.5 * (2 + 2 + 4 + 3 + 1))
    assert len(store.trajectories()) == 9 * 5


def test_a_store_that_cannot_be_written_is_read(folder, monkeypatch):
    def refuse(*_):
        raise OSError("read-only")

    monkeypatch.setattr(_store, "replace", refuse)
    assert results.open(folder).frame["fingerprint"].nunique() == 4


def test_what_is_no_folder_is_refused(tmp_path):
    with pytest.raises(ValueError, match="`folder` must be a store of runs; got"):
        results.open(tmp_path / "absent")
    with warnings.catch_warnings(action="error"):
        assert results.open(tmp_path).frame.empty


def test_trajectories_are_all_records_of_the_chosen(folder):
    store = results.open(folder)
    rows = store.trajectories("objective.kind == 'gram'")
    pd.testing.assert_frame_equal(
        store.trajectories("objective == 'gram-uncentred'"), rows
    )
    [run] = [run for run in all_of(folder) if '"kind": "Gram", "centred"' in
             run.attrs["settings"]]  # fmt: skip
    pd.testing.assert_frame_equal(rows, results.frame(run))
    assert json.loads(store.load(run.attrs["fingerprint"]).attrs["settings"])


FRAME = pd.DataFrame(
    {
        "student_dim": [4, 8, 16, 32],
        "objective": ["CKA", "CKA", "Procrustes", "SimilarityPreserving"],
        "objective.centred": [True, False, False, True],
        "teacher.fraction": [0.1, 0.5, 0.5, 0.9],
        "chance_cka": [0.0, 0.1, 0.2, 0.3],
        "flag": [True, False, True, False],
        "optimiser.learning_rate": [0.1, 0.1, 0.01, 0.01],
        "teacher.epsilon": [0.1, 0.1, 0.1, 0.2],
        "objective.epsilon": [0.1, 0.1, 0.1, 0.2],
    }
)


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("m < 16", [0, 1]),
        ('objective == "cka" and m >= 8', [1]),
        ("objective != 'cka'", [2, 3]),
        ("objective == 'similarity-preserving' or m == 4", [0, 3]),
        ("4 < m <= 16", [1, 2]),
        ("teacher.fraction in (0.1, 0.9)", [0, 3]),
        ("objective not in ('cka', 'procrustes')", [3]),
        ("not objective.centred", [1, 2]),
        ("flag", [0, 2]),
        ("chance_cka > 0.15 and not flag", [3]),
        ("m > -1", [0, 1, 2, 3]),
        ("learning_rate == 0.01 and fraction < 0.9", [2]),
        ("16 == m", [2]),
    ],
)
def test_conditions_choose_rows(where, expected):
    found = results.rows(FRAME, where)
    pd.testing.assert_frame_equal(found, FRAME.loc[expected].reset_index(drop=True))


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ("m <", "must be a condition such as"),
        ("student_dmi < 3", r"got 'student_dmi'\. Did you mean 'student_dim'"),
        ("objective == 'ckka'", r"got 'ckka'\. Did you mean 'CKA'\?"),
        ("m", "must compare columns"),
        ("epsilon < 1", "'epsilon', which may be teacher.epsilon or objective.epsilon"),
        ("not " * 3000 + "flag", "must not be nested so deeply"),
        ("(" * 3000 + "flag" + ")" * 3000, "must"),
        ("m == " + "-" * 5000 + "1", "must"),
        ("__import__('os').system('true') == 0", "must compare columns"),
        ("m < (lambda: 3)()", "must compare columns"),
        ("objective < 3", "must compare columns"),
        ("flag == 'yes'", "must compare `flag` with True or False; got 'yes'"),
        ("m < 'a'", "must compare `student_dim` with numbers; got 'a'"),
        ("m in 3", "must compare columns"),
    ],
)
def test_bad_conditions_are_refused_in_one_line(where, message):
    with pytest.raises(ValueError, match=message) as info:
        results.rows(FRAME, where)
    assert "\n" not in str(info.value)


@pytest.mark.parametrize("instead", ["nothing", "a folder", "a link to nothing"])
def test_what_is_no_file_is_not_there_for_any_reader(folder, instead):
    path = sorted(folder.glob("*.nc"))[0]
    name = path.name.partition(".")[0]
    path.unlink()
    if instead == "a folder":
        path.mkdir()
    elif instead == "a link to nothing":
        path.symlink_to(folder / "nowhere")
    seeds = [*range(10, 14)]
    with warnings.catch_warnings(action="error"):
        assert name not in results.seeds_of(folder)
        assert results.missing_seeds(folder, name, seeds) == seeds
        assert name not in results.open(folder).runs
        assert name not in {part.fingerprint for part, _ in results.whole_parts(folder)}
        assert results.verify(folder, [name]) == ([], [])
    pieces = [Piece(name, 0, 0, 1.0, {name: (10,)})]
    assert Queue(folder, pieces, folder, {}).missing(pieces) == {name: (10,)}
