"""Files of schema 1, as an older simgeo wrote them, and what becomes of them."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from simgeo import cli, results, settings
from simgeo.cli import convert_store
from simgeo.problems import Experiment
from simgeo.results._convert import settings_of
from simgeo.settings import digest

pytestmark = pytest.mark.once

OLD = Path(__file__).parent / "data" / "19d67b149fe8b9c5.nc"


@pytest.fixture
def folder(tmp_path):
    shutil.copy(OLD, tmp_path)
    return tmp_path


def test_readers_say_how_to_convert_and_leave_the_file(folder):
    path = folder / OLD.name
    how = f"`simgeo convert {folder}` converts"
    with pytest.raises(results.SchemaError, match=f"of schema 1. {how} it") as info:
        results.load(path)
    assert "\n" not in str(info.value)
    with pytest.raises(results.SchemaError, match=f"of schema 1 in {folder}. {how} it"):
        results.find(folder, OLD.stem)
    with pytest.warns(UserWarning, match=f"1 files of schema 1, .*{how} them"):
        assert results.find(folder, "0" * 16) is None
    with pytest.warns(UserWarning, match=f"1 older file: .*{how} them") as told:
        assert results.open(folder).frame.empty
    assert len(told) == 1
    assert path.read_bytes() == OLD.read_bytes()


def test_a_converted_run_has_the_new_names_and_the_same_numbers(folder, tmp_path):
    done = results.convert(folder)
    [path] = done.converted.values()
    assert done.failed == {}
    assert [*folder.glob("*.nc")] == [path]
    old, _ = results._convert._read(OLD)
    new = results.load(path)
    assert path.name == f"{new.attrs['fingerprint']}.0-1.nc"
    for name in ("loss", "cka", "student", "teacher"):
        assert np.array_equal(new[name], old[name])
    for name, before in {
        "chance_cka": "reference_chance_cka",
        "svd_matthews": "reference_svd_matthews",
        "zero_student_loss": "reference_scale_loss",
        "zero_student_distance_gram": "reference_scale_distance_gram",
        "optimum_loss": "reference_optimum_loss",
        "ceiling_fraction_student": "reference_ceiling_fraction_student",
    }.items():
        assert np.array_equal(new[name], old[before], equal_nan=True)
    assert not [name for name in new if "reference" in name or "scale" in name]
    zero = old["reference_scale_loss"].values[:, None]
    optimum = old["reference_optimum_loss"].values[:, None]
    loss = old["loss"].values
    assert new["relative_loss"].values == pytest.approx(loss / zero)
    assert new["excess_loss"].values == pytest.approx((loss - optimum) / zero)
    assert new["relative_optimum"].values == pytest.approx((optimum / zero)[:, 0])
    assert all(new[name].attrs["units"] == "1" for name in new.variables)
    with np.errstate(all="raise"):
        frame = results.open(folder).frame
    assert frame["teacher"].unique().tolist() == ["Gaussian"]
    assert results.rows(frame, "learning_rate == 0.01 and n == 16")["seed"].size == 2
    assert results.convert(folder) == results.Conversion({}, {})


DESCRIBED = {
    "kind": "Experiment",
    "teacher": {"kind": "Gaussian"},
    "objective": {"kind": "CKA", "centred": True},
    "student": {"kind": "FreeRows"},
    **{"num_vectors": 16, "teacher_dim": 8, "student_dim": 4, "epsilon": 0.1},
    **{"optimiser": "adam", "learning_rate": 0.02, "schedule": "cosine"},
    **{"num_steps": 20, "num_records": 4, "record_spacing": "log"},
    **{"num_seeds": 2, "first_seed": 3, "shared_teacher": False},
}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({}, {"kind": "Adam", "b1": 0.9, "b2": 0.999}),
        ({"optimiser": "sgd"}, {"kind": "SGD", "momentum": 0.0, "nesterov": False}),
        ({"optimiser": "lion"}, {"kind": "Named", "name": "lion"}),
    ],
)
def test_settings_of_schema_2_name_no_seeds_and_an_optimiser(before, after):
    new = settings_of(DESCRIBED | before)
    assert new["optimiser"] == {"learning_rate": 0.02, "schedule": "cosine"} | after
    assert new["teacher_seed"] is None
    assert len(new["measures"]) == 19
    gone = {"num_seeds", "first_seed", "shared_teacher", "learning_rate", "schedule"}
    assert not gone & set(new)
    assert settings_of(DESCRIBED | {"shared_teacher": True})["teacher_seed"] == 3
    twice = settings_of(DESCRIBED | before | {"num_seeds": 5})
    assert digest(twice) == digest(new)


def test_the_old_file_stays_if_asked_or_where_another_folder_is_written(folder):
    results.convert(folder, keep=True)
    assert (folder / OLD.name).exists()
    done = results.convert(folder, folder / "new")
    assert (folder / OLD.name).exists()
    [path] = (folder / "new").glob("*.nc")
    assert done.converted == {OLD.name: path}


def test_what_is_damaged_is_left_and_told(folder):
    path = folder / OLD.name
    path.write_bytes(OLD.read_bytes().replace(b'"student_dim": 4', b'"student_dim": 5'))
    shutil.copy(OLD, folder / f"{'1' * 16}.nc")
    (folder / f"{'2' * 16}.nc").write_bytes(b"nothing")
    done = results.convert(folder)
    assert set(done.failed) == {path.name, f"{'2' * 16}.nc"}
    assert done.failed[path.name] == f"{path} is damaged"
    assert path.exists()


def test_a_file_is_removed_only_after_its_successor_was_read(folder, monkeypatch):
    def refuse(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", refuse)
    with pytest.raises(OSError, match="No space left"):
        results.convert(folder)
    assert [*folder.glob("*.nc")] == [folder / OLD.name]


def test_the_command_converts_with_labels(folder, capsys):
    assert cli.main(["convert", str(folder)]) == 0
    assert capsys.readouterr().out == f"Converted 1 files in {folder}.\n"
    [path] = folder.glob("*.nc")
    labels = json.loads(results.load(path).attrs["labels"])
    assert labels["objective"] == "CKA"
    assert labels["optimiser"] == "Adam at 0.01"
    assert cli.main(["convert", str(folder / "absent")]) == 2
    assert "must be a store of runs" in capsys.readouterr().err


def test_what_cannot_be_built_has_its_kinds_for_labels():
    gone = {"kind": "FromFile", "path": "gone.npy", "digest": "0"}
    new = settings_of(DESCRIBED | {"teacher": gone})
    found = convert_store.labels(new)
    assert found["teacher"] == "FromFile"
    assert found["objective"] == "CKA"


@pytest.mark.parametrize(
    "changes",
    [{}, {"optimiser": "sgd"}, {"optimiser": "lion"}, {"shared_teacher": True}],
)
def test_the_engine_has_the_same_identity_of_a_converted_cell(changes):
    old = json.loads(results._convert._read(OLD)[0].attrs["settings"])
    new = settings_of(old | changes)
    assert settings.build(Experiment, new).identity == new
