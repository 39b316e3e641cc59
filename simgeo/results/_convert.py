"""Files of schema 1 as files of schema 2."""

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from simgeo.results._netcdf import from_bytes, parts_of
from simgeo.results._reading import DamagedFileError, content_of, load
from simgeo.results._runs import save
from simgeo.results._seed_files import schema_1
from simgeo.settings import KIND, SCHEMA, digest

USUAL = tuple(
    "pairs_student pairs_teacher pairs_both fraction_student fraction_teacher "
    "pattern_recall pattern_precision matthews isolated_student isolated_teacher "
    "gram_error cosine_correlation cka cka_uncentred procrustes_similarity "
    "r2_of_teacher r2_of_student coherence effective_rank".split()
)
"""What a run records unless asked otherwise, and every one of schema 1 did."""
_MODULES = ("teacher", "objective", "student", "optimiser")


class Conversion(NamedTuple):
    """What `convert` did, by the names of the old files."""

    converted: dict[str, Path]  # the new files
    failed: dict[str, str]  # why a file was not converted


def convert(
    folder: str | Path,
    to: str | Path | None = None,
    keep: bool = False,
    labels: Callable[[Mapping[str, Any]], dict[str, str]] | None = None,
) -> Conversion:
    """Writes every run of schema 1 in a folder as one of schema 2.

    An old file is removed once its successor was written and read back. One that is
    damaged or cannot be read is left as it is.

    Args:
        folder: a store.
        to: another folder to write to, in which case no file in `folder` is removed;
            the same, if None.
        keep: keep the old files too.
        labels: gives the labels of the modules in a description; by default their
            kinds.

    Raises:
        ValueError: if the folder cannot be read.
        OSError: if a file cannot be written, in one line.
    """
    target = Path(folder if to is None else to)
    done, failed = {}, {}
    for path in schema_1(Path(folder)):
        try:
            run, packed = _read(path)
        except ValueError as error:
            failed[path.name] = str(error)
            continue
        new = renewed(run, labels or kinds_of)
        written = save(new, target, packed)
        if not load(written).identical(new):
            failed[path.name] = f"{written} does not hold what was written there"
            continue
        done[path.name] = written
        if to is None and not keep:
            path.unlink()
    return Conversion(done, failed)


def settings_of(old: Mapping[str, Any]) -> dict[str, Any]:
    """The identity of a cell in schema 2, from its description in schema 1."""
    rate = {"learning_rate": old["learning_rate"], "schedule": old["schedule"]}
    if old["optimiser"] == "adam":
        optimiser = {KIND: "Adam", **rate, "b1": 0.9, "b2": 0.999}
    elif old["optimiser"] == "sgd":
        optimiser = {KIND: "SGD", **rate, "momentum": 0.0, "nesterov": False}
    else:
        optimiser = {KIND: "Named", **rate, "name": old["optimiser"]}
    same = ("teacher", "objective", "student", "num_vectors", "teacher_dim",
            "student_dim", "epsilon", "num_steps", "num_records",
            "record_spacing")  # fmt: skip
    return {
        KIND: old[KIND],
        **{name: old[name] for name in same},
        "measures": list(USUAL),
        "optimiser": optimiser,
        "teacher_seed": old["first_seed"] if old["shared_teacher"] else None,
    }


def kinds_of(settings: Mapping[str, Any]) -> dict[str, str]:
    """The kinds of the modules in a description, which stand for labels."""
    return {name: settings[name][KIND] for name in _MODULES}


def renewed(
    run: xr.Dataset, labels: Callable[[Mapping[str, Any]], dict[str, str]]
) -> xr.Dataset:
    """A run of schema 1 as one of schema 2."""
    settings = settings_of(json.loads(run.attrs["settings"]))
    variables = {
        re.sub("^scale_", "zero_student_", str(name).removeprefix("reference_")): each
        for name, each in run.data_vars.items()
    }
    zero, optimum = variables.get("zero_student_loss"), variables.get("optimum_loss")
    derived = {}
    if "loss" in variables and zero is not None and optimum is not None:
        loss = variables["loss"]
        with np.errstate(divide="ignore", invalid="ignore"):
            derived = {
                "relative_loss": loss / zero,
                "excess_loss": (loss - optimum) / zero,
                "relative_optimum": optimum / zero,
            }
    first = {name: variables.pop(name) for name in ("loss",) if name in variables}
    new = xr.Dataset({**first, **derived, **variables}).drop_attrs(deep=False)
    for name, each in new.variables.items():
        about = {"long_name": str(name).replace("_", " "), "units": "1"}
        each.attrs = about | each.attrs
    named = labels(settings)
    complete = int(run.attrs["complete"])
    return new.assign_attrs(
        title=f"{settings['num_vectors']} vectors in {settings['student_dim']} "
        f"dimensions, distilled from {named['teacher']} teachers in "
        f"{settings['teacher_dim']} dimensions: {named['objective']}, "
        f"{settings['num_steps']} steps of {named['optimiser']}.",
        fingerprint=digest(settings, {"precision": run.attrs["precision"]}),
        schema=SCHEMA,
        settings=json.dumps(settings),
        labels=json.dumps(named),
        precision=run.attrs["precision"],
        complete=complete,
        stopped="" if complete else "interrupted",
        seconds=float(run.attrs["seconds"]),
        versions=run.attrs["versions"],
        commit=run.attrs["commit"],
    )


def _read(path: Path) -> tuple[xr.Dataset, bool]:
    """A run of schema 1, and whether it was packed."""
    content = content_of(path)
    try:
        found = from_bytes(content)
        packed = "packed" in found.attrs
        found = _unpacked(found)
        whole = {
            "schema": int(found.attrs["schema"]),
            "settings": json.loads(found.attrs["settings"]),
            "extra": {"precision": found.attrs["precision"]},
        }
        text = json.dumps(whole, sort_keys=True, separators=(",", ":"))
        name = hashlib.sha256(text.encode()).hexdigest()[:16]
        settings_of(whole["settings"])
        intact = whole["schema"] == 1 and name == found.attrs["fingerprint"]
    except MemoryError:
        raise
    except Exception as error:  # what a broken file raises depends on where it broke
        raise DamagedFileError(f"{path} is damaged") from error
    if not intact:
        raise DamagedFileError(f"{path} does not hold the run of its fingerprint")
    return found, packed


def _unpacked(dataset: xr.Dataset) -> xr.Dataset:
    """Variables that were written as one; schema 1 said so in an attribute."""
    attributes = dict(dataset.attrs)
    if "packed" not in attributes:
        return dataset
    order, *groups = json.loads(attributes.pop("packed"))
    found = parts_of(dataset, groups)
    return xr.Dataset({name: found[name] for name in order}, dataset.coords, attributes)
