import errno
import json
import multiprocessing
import os
import random
import re
import stat
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from runs import HYBRID, another, make, save_on

from simgeo import results
from simgeo.settings import SCHEMA

pytestmark = pytest.mark.once


def test_load_inverts_save(tmp_path):
    data = make()
    path = results.save(data, tmp_path)
    assert path == tmp_path / f"{data.attrs['fingerprint']}.10-13.nc"
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


def test_a_nan_loss_is_refused_in_a_complete_run_with_its_place(tmp_path):
    loss = np.zeros((4, 5))
    loss[2, 3] = np.nan
    with pytest.raises(ValueError, match="`loss` of a complete.* seed 12, step 9"):
        results.save(make(records={"loss": loss}), tmp_path)
    assert not list(tmp_path.iterdir())
    partial = make(records={"loss": loss}, complete=False)
    xr.testing.assert_identical(results.load(results.save(partial, tmp_path)), partial)
    undefined = make(records={"loss": np.zeros((4, 5)), "cka": loss})
    xr.testing.assert_identical(
        results.load(results.save(undefined, tmp_path)), undefined
    )


def test_incomplete_runs_are_kept_apart_until_complete(tmp_path):
    partial = results.save(make(complete=False), tmp_path)
    name = make().attrs["fingerprint"]
    assert partial.name == f"{name}.10-13.partial.nc"
    assert results.find(tmp_path, name) is None
    assert results.missing_seeds(tmp_path, name, [10]) == [10]
    assert results.load(partial).attrs["stopped"] == "interrupted"
    fewer = results.save(make(complete=False, seeds=(10, 11)), tmp_path)
    results.save(make(), tmp_path)
    assert not partial.exists()
    assert not fewer.exists()
    xr.testing.assert_identical(results.find(tmp_path, name), make())


NAME = make().attrs["fingerprint"]


def files(folder):
    return sorted(path.name.removeprefix(f"{NAME}.") for path in folder.iterdir())


def test_more_seeds_are_more_files_and_one_run(tmp_path):
    results.save(make(seeds=range(8)), tmp_path)
    assert results.missing_seeds(tmp_path, NAME, range(16)) == [*range(8, 16)]
    before = (tmp_path / f"{NAME}.0-7.nc").read_bytes()
    results.save(make(seeds=range(8, 16), complete=True), tmp_path, packed=True)
    assert files(tmp_path) == ["0-7.nc", "8-15.nc"]
    assert (tmp_path / f"{NAME}.0-7.nc").read_bytes() == before
    assert results.missing_seeds(tmp_path, NAME, range(16)) == []
    assert results.seeds_of(tmp_path) == {NAME: set(range(16))}
    whole = make(seeds=range(16))
    xr.testing.assert_identical(results.find(tmp_path, NAME), whole)
    xr.testing.assert_identical(results.find(tmp_path, NAME, range(16)), whole)
    some = results.find(tmp_path, NAME, [9, 3])
    assert some["seed"].values.tolist() == [3, 9]
    xr.testing.assert_equal(some, whole.isel(seed=[3, 9]))
    assert results.find(tmp_path, NAME, [3, 16]) is None
    assert results.find(tmp_path / "absent", NAME) is None
    assert results.missing_seeds(tmp_path / "absent", NAME, [4]) == [4]


def test_seeds_that_are_not_contiguous_are_kept_in_parts(tmp_path):
    given = make(seeds=[7, 3, 0, 1, 4])
    assert results.save(given, tmp_path).name == f"{NAME}.0-1.nc"
    assert files(tmp_path) == ["0-1.nc", "3-4.nc", "7-7.nc"]
    found = results.find(tmp_path, NAME)
    expected = make(seeds=[0, 1, 3, 4, 7])
    assert found.attrs["seconds"] == pytest.approx(2.5)
    xr.testing.assert_identical(found.assign_attrs(seconds=2.5), expected)
    with pytest.raises(ValueError, match="`seeds` must differ; got 1, 1"):
        results.save(make(seeds=[1, 1]), tmp_path)


def test_of_parts_that_overlap_each_seed_is_taken_once_from_the_first(tmp_path):
    results.save(make(1, seeds=range(4, 9)), tmp_path)  # "4-8" comes after "10-12"
    results.save(make(2, seeds=range(8, 13)), tmp_path)
    results.save(make(3, seeds=range(10, 13)), tmp_path)
    found = results.find(tmp_path, NAME)
    assert found["seed"].values.tolist() == [*range(4, 13)]
    for seed in range(4, 13):
        number = 3 if seed >= 10 else 1 if seed <= 8 else 2
        expected = make(number, seeds=[seed])["cka"].values[0]
        assert found["cka"].sel(seed=seed).values.tolist() == expected.tolist()


def test_vectors_that_not_all_parts_have_are_left_out(tmp_path):
    results.save(make(seeds=[0]), tmp_path)
    results.save(make(seeds=[1], vectors=False), tmp_path)
    found = results.find(tmp_path, NAME)
    assert "student" not in found
    assert found["loss"].shape == (2, 5)


def test_a_damaged_part_does_not_hide_another_that_has_its_seeds(tmp_path):
    path = results.save(make(seeds=[0, 1]), tmp_path)
    results.save(make(seeds=[0, 1, 2]), tmp_path)
    path.write_bytes(b"no more")
    with pytest.warns(UserWarning, match="0-1.nc is damaged"):
        found = results.find(tmp_path, NAME, [0, 1])
    xr.testing.assert_equal(found, make(seeds=[0, 1]))


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
from runs import make
from simgeo import results
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
try:
    results.save(make(), {folder!r})
except OSError as error:
    print(error)
"""


def test_a_full_disk_leaves_nothing_behind(tmp_path):
    code = FULL.format(tests=os.path.dirname(__file__), folder=str(tmp_path))
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "`folder` must be a place with room" in out.stdout, out.stderr
    assert "File too large" in out.stdout  # what the system says of the limit
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


@pytest.mark.parametrize(
    ("name", "text"),
    [("settings", "3"), ("settings", "[1]"), ("labels", "[]"), ("labels", "{"),
     ("schema", "new"), ("seed", "")],
)  # fmt: skip
def test_json_of_a_wrong_form_is_damage_told_in_one_line(tmp_path, name, text):
    data = make().assign_attrs({name: text})
    path = results.save(data if name != "seed" else data.drop_vars("loss"), tmp_path)
    if name == "seed":
        path = path.rename(tmp_path / f"{NAME}.10-14.nc")
    with pytest.raises(results.DamagedFileError) as info:
        results.load(path)
    assert "\n" not in str(info.value)
    with pytest.warns(UserWarning, match="1 damaged file: ") as told:
        assert results.open(tmp_path).frame.empty
    assert len(told) == 1


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
    os.replace(path, tmp_path / f"{other}.10-13.nc")
    with pytest.warns(UserWarning, match=f"{other}.10-13.nc is damaged"):
        assert results.find(tmp_path, other) is None
    with pytest.raises(results.DamagedFileError, match="which holds another run"):
        results.load(tmp_path / f"{other}.10-13.nc")
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
        with pytest.raises(ValueError, match="of schema 3. Update simgeo"):
            reader()
    assert path.exists()


def test_files_that_cannot_be_opened_are_named_but_not_called_damaged(tmp_path):
    for path in (tmp_path / "absent.nc", tmp_path):
        with pytest.raises(ValueError, match=f"must be a file .* got {path}") as info:
            results.load(path)
        assert not isinstance(info.value, results.DamagedFileError)
    assert results.find(tmp_path / "absent", "0" * 16) is None


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EROFS])
def test_a_full_disk_and_a_quota_are_named_as_such(tmp_path, monkeypatch, number):
    def refuse(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(OSError, match=f": {os.strerror(number)}") as info:
        results.save(make(), tmp_path)
    assert info.value.errno == number
    assert not list(tmp_path.iterdir())


def test_kills_leave_no_broken_finished_file(tmp_path):
    rng = random.Random(0)
    forks = multiprocessing.get_context("forkserver")  # which start at once
    forks.set_forkserver_preload(["simgeo.results._runs"])
    for _ in range(12):
        start = len(list(tmp_path.glob("[0-9a-f]*.nc")))
        writer = forks.Process(target=save_on, args=(tmp_path, start))
        writer.start()
        until = time.monotonic() + 60  # a busy machine may be slow to the first
        while len(list(tmp_path.glob("[0-9a-f]*.nc"))) == start:
            assert time.monotonic() < until
            time.sleep(0.01)
        time.sleep(0.1 * rng.random())
        writer.kill()
        writer.join()
    paths = list(tmp_path.glob("[0-9a-f]*.nc"))
    assert len(paths) >= 12
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
        "teacher", "teacher.kind", "teacher.fraction",
        "objective", "objective.kind", "objective.centred", "student_dim", "measures",
        "optimiser", "optimiser.kind", "optimiser.learning_rate", "limit",
        "fingerprint", "precision", "seed", "step",
        "loss", "cka", "num_close", "chance_cka",
    ]  # fmt: skip
    assert rows["teacher"].unique().tolist() == ["orthogonal half"]
    assert rows["teacher.kind"].unique().tolist() == ["OrthogonalFraction"]
    assert rows["measures"].unique().tolist() == ["cka, num_close"]
    assert rows["objective.centred"].dtype == bool
    for _, row in rows.iterrows():
        place = {"seed": row["seed"], "step": row["step"]}
        assert row["cka"] == data["cka"].sel(place)
        level = data["chance_cka"].sel(seed=row["seed"])
        assert row["chance_cka"] == level


def test_frame_of_many_cells_with_the_records_asked_for():
    cells = [
        make(),
        make(settings=another(objective=HYBRID, limit=2.0), labels={}),
        make(steps=[0, 5], records={"cka": np.ones((4, 2))}),
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
        make(steps=[0, 5], records=short, settings=another(student_dim=2)),
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
