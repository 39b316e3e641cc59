"""Runs in a folder: split into parts of contiguous seeds, and put together again."""

import warnings
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import SupportsIndex

import numpy as np
import xarray as xr

from simgeo.results._netcdf import to_bytes
from simgeo.results._reading import (
    DamagedFileError,
    SchemaError,
    UnreadableFileError,
    load,
)
from simgeo.results._seed_files import Part, parts, require_fingerprint, schema_1
from simgeo.results._writing import write
from simgeo.settings import SCHEMA


def save(dataset: xr.Dataset, folder: str | Path, packed: bool = False) -> Path:
    """Keeps a run in `folder`, which is made if its parent exists.

    A run is kept as `<fingerprint>.<first>-<last>.nc`, one file for each row of
    contiguous seeds, or as `<fingerprint>.<first>-<last>.partial.nc` while it is not
    complete. A file is written beside its place and moved there, so that it is never
    seen half-written.

    Args:
        dataset: labelled, with the dimensions seed and step, as `experiment.run` gives.
        folder: the store.
        packed: all variables of equal dimensions as one, which is written in a fifth of
            the time; `load` gives them back.

    Returns:
        The file, or the first of them.

    Raises:
        ValueError: if the loss of a complete run is NaN, naming the seed and the step.
        OSError: if a file cannot be written, in one line with the system's reason.
    """
    folder = Path(folder)
    require_fingerprint(dataset.attrs.get("fingerprint", ""))
    complete = bool(dataset.attrs.get("complete"))
    if complete:
        _refuse_nan(dataset)
    paths = []
    for part, own in split(dataset):
        paths.append(folder / part.name)
        write(paths[-1], to_bytes(own, packed))
        if complete:
            for last in part.seeds:  # what an interrupted run of fewer seeds left
                left = part._replace(last=last, complete=False)
                (folder / left.name).unlink(missing_ok=True)
    return paths[0]


def find(
    folder: str | Path, fingerprint: str, seeds: Iterable[SupportsIndex] | None = None
) -> xr.Dataset | None:
    """The complete run of these seeds in `folder`, or None if one of them is missing.

    Files are left as they are. A seed that two files hold is taken from the first in
    the order of their names. A damaged file counts as missing, with a warning.

    Args:
        folder: a store; one that does not exist holds nothing.
        fingerprint: of the cell, 16 hexadecimal digits.
        seeds: those wanted; all that are there, if None.

    Returns:
        The run in the order of its seeds, its files put together: `seconds` is their
        sum, and variables that not all of them have are left out.

    Raises:
        UnreadableFileError: a ValueError, if a file is there and cannot be read.
        SchemaError: a ValueError, if another version of simgeo wrote it.
    """
    folder = Path(folder)
    require_fingerprint(fingerprint)
    there = parts(folder, fingerprint).get(fingerprint, [])
    wanted = None if seeds is None else {int(seed) for seed in seeds}
    found = assembled(folder, there, wanted)
    if found is None and folder.exists():
        _tell_of_schema_1(folder, fingerprint)
    return found


def assembled(
    folder: Path, there: Iterable[Part], wanted: set[int] | None = None
) -> xr.Dataset | None:
    """These seeds of a run from its parts; see `find`."""
    there = list(there)
    left = {seed for part in there for seed in part.seeds}
    left = left if wanted is None else set(wanted)
    found = []
    for part in there:
        if not left.intersection(part.seeds):
            continue
        try:
            run = load(folder / part.name)
        except DamagedFileError:
            warnings.warn(
                f"{folder / part.name} is damaged, and is left as it is. Running the "
                f"cell again replaces it.",
                stacklevel=3,
            )
            continue
        except UnreadableFileError as error:
            if isinstance(error.__cause__, FileNotFoundError):  # removed meanwhile
                continue
            raise
        found.append(run.isel(seed=np.isin(run["seed"].values, list(left))))
        left.difference_update(part.seeds)
    return joined(found) if found and (wanted is None or not left) else None


def split(dataset: xr.Dataset) -> Iterator[tuple[Part, xr.Dataset]]:
    """The parts of a run, and what each holds; `seconds` are shared out."""
    seeds = dataset["seed"].values
    order = np.argsort(seeds, kind="stable")
    steps = np.diff(seeds[order])
    if not seeds.size or (steps == 0).any():
        raise ValueError(f"`seeds` must differ; got {', '.join(map(str, seeds))}.")
    rows = np.split(order, np.flatnonzero(steps != 1) + 1)
    is_whole = len(rows) == 1 and (order == np.arange(len(order))).all()
    for row in rows:
        part = Part(
            dataset.attrs["fingerprint"],
            int(seeds[row[0]]),
            int(seeds[row[-1]]),
            bool(dataset.attrs.get("complete")),
        )
        if is_whole:
            yield part, dataset
        else:
            seconds = float(dataset.attrs.get("seconds", 0.0)) * len(row) / len(seeds)
            yield part, dataset.isel(seed=row).assign_attrs(seconds=seconds)


def joined(runs: Sequence[xr.Dataset]) -> xr.Dataset:
    """Runs of one cell as one, in the order of their seeds."""
    first = runs[0]
    if len(runs) == 1:
        return first
    given = [run.variables for run in runs]
    order = np.argsort(np.concatenate([each["seed"].values for each in given]))
    variables = {}
    for name, own in given[0].items():
        if all(name in each for each in given):
            if "seed" in own.dims:
                values = np.concatenate([each[name].values for each in given])
                own = (own.dims, values[order], own.attrs)
            variables[name] = own
    stopped = [run.attrs.get("stopped", "") for run in runs]
    return xr.Dataset(variables).assign_attrs(
        first.attrs
        | {
            "complete": min(int(run.attrs["complete"]) for run in runs),
            "stopped": next(filter(None, stopped), ""),
            "seconds": sum(float(run.attrs["seconds"]) for run in runs),
        }
    )


def _tell_of_schema_1(folder: Path, fingerprint: str) -> None:
    old = schema_1(folder)
    advice = f"`simgeo convert {folder}` converts"
    if any(path.name.startswith(fingerprint) for path in old):
        raise SchemaError(
            f"`fingerprint` must be of a run of schema {SCHEMA}; got {fingerprint} of "
            f"schema 1 in {folder}. {advice} it."
        )
    if old:
        warnings.warn(
            f"{folder} holds {len(old)} files of schema 1, which are not looked at. "
            f"{advice} them.",
            stacklevel=3,
        )


def _refuse_nan(dataset: xr.Dataset) -> None:
    if "loss" not in dataset:
        return
    seeds, steps = np.nonzero(np.isnan(dataset["loss"].values))
    if seeds.size:
        raise ValueError(
            f"`loss` of a complete run must not be NaN; got it at seed "
            f"{dataset['seed'].values[seeds[0]]}, step "
            f"{dataset['step'].values[steps[0]]}. Try a smaller learning rate."
        )
