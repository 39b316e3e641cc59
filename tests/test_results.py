import json
import os
import random
import re
import signal
import stat
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from simgeo import results
from simgeo.settings import SCHEMA, digest

SETTINGS = {
    "kind": "Experiment",
    "teacher": {"kind": "OrthogonalFraction", "fraction": 0.5},
    "objective": {"kind": "CKA", "centred": True},
    "student_dim": 3,
    "limit": None,
}
HYBRID = {
    "kind": "Hybrid",
    "parts": [{"kind": "CKA", "centred": False}, {"kind": "Gram"}],
    "weights": [1.0, 0.5],
}


def make(seed=0, **changes):
    rng = np.random.default_rng(seed)
    s, r, n, d, m = 4, 5, 6, 7, 3
    given = {
        "settings": SETTINGS,
        "steps": np.array([0, 1, 3, 9, 27]),
        "seeds": np.arange(10, 10 + s),
        "records": {
            "loss": rng.random((s, r)).astype(np.float32),
            "cka": rng.random((s, r)),
            "num_close": rng.integers(0, 9, (s, r)),
        },
        "references": {"chance_cka": rng.random(s)},
        "student": rng.normal(size=(s, n, m)).astype(np.float32),
        "teacher": rng.normal(size=(s, n, d)).astype(np.float32),
        "complete": True,
        "seconds": 1.5,
        "precision": "float32",
    }
    return results.dataset(**(given | changes))


def another(**changes):
    return SETTINGS | changes


def test_dataset_has_named_dimensions_and_a_whole_description():
    data = make()
    assert data["loss"].dims == ("seed", "step")
    assert data["reference_chance_cka"].dims == ("seed",)
    assert data["student"].dims == ("seed", "vector", "student_axis")
    assert data["teacher"].dims == ("seed", "vector", "teacher_axis")
    assert data["seed"].values.tolist() == [10, 11, 12, 13]
    assert {"long_name", "units"} <= set(data["step"].attrs) & set(data["seed"].attrs)
    assert json.loads(data.attrs["settings"]) == SETTINGS
    assert data.attrs["fingerprint"] == digest(SETTINGS, {"precision": "float32"})
    assert data.attrs["schema"] == SCHEMA
    assert set(json.loads(data.attrs["versions"])) == set(results.PACKAGES)
    assert data.attrs["complete"] == 1
    assert re.fullmatch("unknown|[0-9a-f]{40}(-dirty)?", data.attrs["commit"])
    assert os.getcwd() not in str(data.attrs)


def test_commit_never_fails(monkeypatch):
    results._files._commit.cache_clear()
    monkeypatch.setenv("PATH", "")
    assert make().attrs["commit"] == "unknown"
    results._files._commit.cache_clear()


@pytest.mark.parametrize(
    "name", ["student", "seed", "student_dim", "objective", "a/b", "precision"]
)
def test_names_of_records_that_are_taken_are_refused(name):
    with pytest.raises(ValueError, match=f"names that are not taken.* got '{name}'"):
        make(records={name: np.zeros((4, 5))})


def test_load_inverts_save(tmp_path):
    data = make()
    path = results.save(data, tmp_path)
    assert path == tmp_path / f"{data.attrs['fingerprint']}.nc"
    found = results.load(str(path))
    xr.testing.assert_identical(found, data)
    for name in data.variables:
        assert found[name].dtype == data[name].dtype
    path.unlink()  # in memory, so the file is needed no more
    assert found["student"].values.shape == (4, 6, 3)
    xr.testing.assert_identical(results.load(results.save(found, tmp_path)), data)


def test_files_are_byte_identical_and_readable_by_others(tmp_path):
    one = results.save(make(), tmp_path / "one")
    other = results.save(make(), tmp_path / "other")
    assert one.read_bytes() == other.read_bytes()
    (tmp_path / "plain").touch()
    expected = stat.S_IMODE((tmp_path / "plain").stat().st_mode)
    assert stat.S_IMODE(one.stat().st_mode) == expected
    assert list((tmp_path / "one").iterdir()) == [one]


def test_nan_loss_is_refused_with_its_place(tmp_path):
    loss = np.zeros((4, 5))
    loss[2, 3] = np.nan
    with pytest.raises(ValueError, match="`loss` must not be NaN.* seed 12, step 9"):
        results.save(make(records={"loss": loss}), tmp_path)
    assert not list(tmp_path.iterdir())
    undefined = make(records={"loss": np.zeros((4, 5)), "cka": loss})
    xr.testing.assert_identical(
        results.load(results.save(undefined, tmp_path)), undefined
    )
    results.save(make(records={"cka": loss}), tmp_path)


def test_incomplete_runs_are_kept_apart_until_complete(tmp_path):
    partial = results.save(make(complete=False), tmp_path)
    name = make().attrs["fingerprint"]
    assert partial.name == f"{name}.partial.nc"
    assert results.find(tmp_path, name) is None
    assert results.load(partial).attrs["complete"] == 0
    results.save(make(), tmp_path)
    assert not partial.exists()
    xr.testing.assert_identical(results.find(tmp_path, name), make())


def test_stale_temporary_files_are_swept_and_fresh_ones_kept(tmp_path):
    stale, fresh = tmp_path / ".tmp-old.nc", tmp_path / ".tmp-new.nc"
    for each in (stale, fresh):
        each.touch()
    os.utime(stale, (time.time() - 2 * 24 * 3600,) * 2)
    results.save(make(), tmp_path)
    assert not stale.exists()
    assert fresh.exists()


@pytest.mark.parametrize("fingerprint", ["", "../../etc/passwd0", "0123456789ABCDEF"])
def test_only_fingerprints_name_files(tmp_path, fingerprint):
    with pytest.raises(ValueError, match="`fingerprint` must be 16 hexadecimal"):
        results.find(tmp_path, fingerprint)
    with pytest.raises(ValueError, match="`fingerprint` must be 16 hexadecimal"):
        results.save(make().assign_attrs(fingerprint=fingerprint), tmp_path)


def test_places_that_cannot_be_written_are_named(tmp_path, monkeypatch):
    occupied = tmp_path / "file"
    occupied.touch()
    for folder in (tmp_path / "no" / "folder", occupied):
        with pytest.raises(
            OSError, match=f"`folder` must be .* got {folder}: "
        ) as info:
            results.save(make(), folder)
        assert "\n" not in str(info.value)

    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(OSError, match="`folder` must be .*: Permission denied"):
        results.save(make(), tmp_path)
    assert list(tmp_path.iterdir()) == [occupied]


FULL = """
import resource, sys
sys.path.insert(0, {tests!r})
from test_results import make, results
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
try:
    results.save(make(), {folder!r})
except OSError as error:
    print(error)
"""


def test_a_full_disk_leaves_nothing_behind(tmp_path):
    code = FULL.format(tests=os.path.dirname(__file__), folder=str(tmp_path))
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert out.stdout.startswith("`folder` must be a place with room"), out.stderr
    assert out.stdout.count("\n") == 1
    assert not list(tmp_path.iterdir())


def cut(content):
    return content[: len(content) // 2]


def reworded(content):
    assert content.count(b'"fraction": 0.5') == 1
    return content.replace(b'"fraction": 0.5', b'"fraction": 0.7')


DAMAGE = {
    "empty": lambda content: b"",
    "cut": cut,
    "last byte": lambda content: content[:-1],
    "text": lambda content: b"not results at all\n" * 99,
    "reworded": reworded,
}


@pytest.mark.parametrize("how", DAMAGE)
def test_damaged_files_are_named_and_never_trusted(tmp_path, how):
    path = results.save(make(), tmp_path)
    damaged = DAMAGE[how](path.read_bytes())
    name = make().attrs["fingerprint"]
    path.write_bytes(damaged)
    with pytest.raises(results.DamagedFileError, match=f"`path` must .*{path}"):
        results.load(path)
    with pytest.warns(UserWarning, match=f"{path} is damaged, and is left as it is"):
        assert results.find(tmp_path, name) is None
    assert list(tmp_path.iterdir()) == [path]
    assert path.read_bytes() == damaged
    results.save(make(), tmp_path)
    xr.testing.assert_identical(results.find(tmp_path, name), make())


def test_no_flipped_bit_changes_a_number_unnoticed(tmp_path):
    path = results.save(make(), tmp_path)
    content = path.read_bytes()
    # Bytes of compressed blocks, which follow the zlib header and fill most of a file.
    places = [match.start() + 9 for match in re.finditer(b"x\x01", content)]
    assert len(places) >= 4
    num_noticed = 0
    for place in places:
        path.write_bytes(
            content[:place] + bytes([content[place] ^ 16]) + content[place + 1 :]
        )
        try:
            found = results.load(path)
        except results.DamagedFileError:
            num_noticed += 1
        else:
            xr.testing.assert_identical(found, make())
    assert num_noticed >= 4


def test_files_of_other_runs_or_formats_are_not_trusted(tmp_path):
    path = results.save(make(), tmp_path)
    other = "0" * 16
    os.replace(path, tmp_path / f"{other}.nc")
    with pytest.warns(UserWarning, match="holds another run"):
        assert results.find(tmp_path, other) is None
    xr.Dataset({"a": ("x", [1.0])}).to_netcdf(path, engine="netcdf4")
    with pytest.raises(results.DamagedFileError, match=str(path)):
        results.load(path)


def test_newer_files_are_refused_and_left_alone(tmp_path):
    data = make().assign_attrs(schema=SCHEMA + 1)
    path = results.save(data, tmp_path)
    for reader in (
        lambda: results.load(path),
        lambda: results.find(tmp_path, data.attrs["fingerprint"]),
    ):
        with pytest.raises(ValueError, match="or older; got 2 in .* Update simgeo"):
            reader()
    assert path.exists()


def test_files_that_cannot_be_opened_are_named_but_not_called_damaged(tmp_path):
    for path in (tmp_path / "absent.nc", tmp_path):
        with pytest.raises(ValueError, match=f"must be a file .* got {path}") as info:
            results.load(path)
        assert not isinstance(info.value, results.DamagedFileError)
    assert results.find(tmp_path / "absent", "0" * 16) is None


WRITER = """
import sys
sys.path.insert(0, {tests!r})
from test_results import another, make, results
for index in range({start}, 10**6):
    results.save(make(index, settings=another(student_dim=index)), {folder!r})
    if index == {start}:
        print("ready", flush=True)  # the first waits for git and the netCDF library
"""


@pytest.mark.once
def test_kills_leave_no_broken_finished_file(tmp_path):
    rng = random.Random(0)
    for _ in range(4):
        start = len(list(tmp_path.glob("[0-9a-f]*.nc")))
        code = WRITER.format(
            tests=os.path.dirname(__file__), folder=str(tmp_path), start=start
        )
        with subprocess.Popen(
            [sys.executable, "-c", code], stdout=subprocess.PIPE
        ) as writer:
            assert writer.stdout.readline() == b"ready\n"
            until = time.monotonic() + 60  # a busy machine may be slow to the first
            while len(list(tmp_path.glob("[0-9a-f]*.nc"))) == start:
                assert time.monotonic() < until
                time.sleep(0.01)
            time.sleep(0.1 * rng.random())
            writer.send_signal(signal.SIGKILL)
    paths = list(tmp_path.glob("[0-9a-f]*.nc"))
    assert len(paths) >= 4
    for path in paths:
        found = results.load(path)
        index = json.loads(found.attrs["settings"])["student_dim"]
        expected = make(index, settings=another(student_dim=index))
        xr.testing.assert_identical(found, expected)


def test_threads_can_save_and_find_at_once(tmp_path):
    def cell(index):
        data = make(index, settings=another(student_dim=index % 3))
        results.save(data, tmp_path)
        return results.find(tmp_path, data.attrs["fingerprint"])

    with ThreadPoolExecutor(4) as pool:
        assert all(found is not None for found in pool.map(cell, range(12)))


def test_frame_is_tidy():
    data = make()
    rows = results.frame(data)
    assert len(rows) == 4 * 5
    assert rows.columns.tolist() == [
        "teacher", "teacher.fraction", "objective", "objective.centred", "student_dim",
        "limit", "fingerprint", "precision", "seed", "step",
        "loss", "cka", "num_close", "reference_chance_cka",
    ]  # fmt: skip
    assert rows["teacher"].unique().tolist() == ["OrthogonalFraction"]
    assert rows["objective.centred"].dtype == bool
    for _, row in rows.iterrows():
        place = {"seed": row["seed"], "step": row["step"]}
        assert row["cka"] == data["cka"].sel(place)
        reference = data["reference_chance_cka"].sel(seed=row["seed"])
        assert row["reference_chance_cka"] == reference


def test_frame_of_many_cells_with_the_records_asked_for():
    cells = [
        make(),
        make(settings=another(objective=HYBRID, limit=2.0)),
        make(steps=np.array([0, 5]), records={"cka": np.ones((4, 2))}),
    ]
    rows = results.frame(cells[:2], records=["loss"])
    assert "cka" not in rows
    assert rows["objective"].tolist() == ["CKA"] * 20 + ["Hybrid"] * 20
    hybrid = rows.iloc[-1]
    assert hybrid["objective.parts.0"] == "CKA"
    assert not hybrid["objective.parts.0.centred"]
    assert hybrid["objective.parts.1"] == "Gram"
    assert hybrid["objective.weights.1"] == 0.5
    assert pd.isna(rows["objective.weights.1"].iloc[0])
    assert results.frame(cells)["loss"].isna().sum() == 8
    with pytest.raises(ValueError, match=r"got 'los'\. Did you mean 'loss'\? Valid: "):
        results.frame(cells, records=["los"])
    with pytest.raises(ValueError, match="`datasets` must not be empty"):
        results.frame([])


def test_frames_before_and_after_a_file_are_equal(tmp_path):
    found = results.load(results.save(make(), tmp_path))
    pd.testing.assert_frame_equal(results.frame(found), results.frame(make()))


def test_final_is_the_last_step_of_every_cell():
    short = {"loss": np.ones((4, 2))}
    cells = [
        make(),
        make(steps=np.array([0, 5]), records=short, settings=another(student_dim=2)),
    ]
    last = results.final(cells)
    assert last["step"].tolist() == [27] * 4 + [5] * 4
    pd.testing.assert_frame_equal(last, results.final(results.frame(cells)))
    pd.testing.assert_frame_equal(last, results.final(last))
    assert (
        results.final(make())["loss"].tolist() == make()["loss"][:, -1].values.tolist()
    )
    with pytest.raises(ValueError, match="`data` must have the column 'fingerprint'"):
        results.final(last.drop(columns="fingerprint"))


def test_results_do_not_import_jax():
    code = "import sys, simgeo.results; sys.exit('jax' in sys.modules)"
    with open(results.__file__.replace("results/__init__.py", "__init__.py")) as file:
        if file.read().strip():
            pytest.skip("the package itself imports jax")
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_shapes_that_differ_are_refused():
    # Of xarray, or, where annotations are checked, of jaxtyping.
    with pytest.raises((ValueError, TypeError), match="seed"):
        make(seeds=np.arange(3))
