"""Tidy frames of runs: one row per cell, seed and step."""

import json
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from simgeo.checks import require
from simgeo.settings import KIND, suggest


def frame(
    datasets: xr.Dataset | Sequence[xr.Dataset], records: Sequence[str] | None = None
) -> pd.DataFrame:
    """A tidy frame: one row per cell, seed and step, one column per record and level.

    Settings are columns by their dotted names, see `columns`; then come `fingerprint`,
    `precision`, `seed`, `step`, the records, and the levels, repeated over steps.

    Args:
        datasets: runs as `load` and `find` give them, one or more.
        records: names of the records wanted; all, if None.

    Raises:
        ValueError: if there is no run, or a name is no record.

    >>> import xarray as xr
    >>> from simgeo import results
    >>> run = xr.Dataset(
    ...     {"loss": (("seed", "step"), [[0.9, 0.1], [0.8, 0.2]])},
    ...     coords={"seed": [0, 1], "step": [0, 2000]},
    ...     attrs={
    ...         "fingerprint": "0123456789abcdef",
    ...         "precision": "float32",
    ...         "settings": '{"objective": {"kind": "CKA"}, "student_dim": 64}',
    ...         "labels": '{"objective": "CKA, uncentred"}',
    ...     },
    ... )
    >>> results.frame(run)[["objective", "student_dim", "seed", "step", "loss"]]
            objective  student_dim  seed  step  loss
    0  CKA, uncentred           64     0     0   0.9
    1  CKA, uncentred           64     0  2000   0.1
    2  CKA, uncentred           64     1     0   0.8
    3  CKA, uncentred           64     1  2000   0.2
    """
    cells = [datasets] if isinstance(datasets, xr.Dataset) else list(datasets)
    require(bool(cells), "datasets", "not be empty", "none")
    return pd.concat([_cell(each, records) for each in cells], ignore_index=True)


def axis_label(values: xr.DataArray) -> str:
    """What a variable of a run is called on an axis, with its units if it has any."""
    name = str(values.attrs.get("long_name", values.name))
    units = values.attrs.get("units", "1")
    return name if units == "1" else f"{name} ({units})"


def final(data: pd.DataFrame | xr.Dataset | Sequence[xr.Dataset]) -> pd.DataFrame:
    """The rows of the last step of every cell.

    Args:
        data: a tidy frame with the columns `fingerprint` and `step`, or runs.

    Raises:
        ValueError: if the frame has no column `fingerprint`.
    """
    rows = data if isinstance(data, pd.DataFrame) else frame(data)
    got = f"{', '.join(map(str, rows.columns))}. Keep it in the frame"
    require("fingerprint" in rows, "data", "have the column 'fingerprint'", got)
    last = rows.groupby("fingerprint")["step"].transform("max")
    return rows.loc[rows["step"] == last].reset_index(drop=True)


def _cell(dataset: xr.Dataset, records: Sequence[str] | None) -> pd.DataFrame:
    known, levels = (
        [str(name) for name, each in dataset.data_vars.items() if each.dims == dims]
        for dims in (("seed", "step"), ("seed",))
    )
    wanted = known if records is None else list(records)
    for name in wanted:
        if name not in known:
            raise ValueError(
                f"`records` must be names of records; got {name!r}."
                f"{suggest(name, known)}"
            )
    s, r = dataset.sizes["seed"], dataset.sizes["step"]
    values = {
        **columns(
            json.loads(dataset.attrs["settings"]),
            json.loads(dataset.attrs.get("labels", "{}")),
        ),
        "fingerprint": dataset.attrs["fingerprint"],
        "precision": dataset.attrs["precision"],
        "seed": np.repeat(dataset["seed"].values, r),
        "step": np.tile(dataset["step"].values, s),
    }
    values |= {name: dataset[name].values.ravel() for name in wanted}
    values |= {name: np.repeat(dataset[name].values, r) for name in levels}
    return pd.DataFrame(values, index=range(s * r))


def columns(
    settings: Mapping[str, Any], labels: Mapping[str, str] = MappingProxyType({})
) -> dict[str, Any]:
    """Every setting that is a scalar, by its dotted name.

    A module's own column, such as `objective`, holds its label, or its kind where it
    has none, and `objective.kind` its kind. Items of a list are numbered from 0; a list
    of texts is one text.

    Args:
        settings: a description, as in the attribute `settings` of a run.
        labels: of modules, by their dotted names.

    >>> from simgeo import results
    >>> settings = {"objective": {"kind": "Gram", "scale": 2.0}, "student_dim": 8}
    >>> results.columns(settings, {"objective": "Gram matrix"})
    {'objective': 'Gram matrix', 'objective.kind': 'Gram', 'objective.scale': 2.0, \
'student_dim': 8}
    """
    found = {}
    for name, value in settings.items():
        if name != KIND:
            found.update(flat(name, value, labels))
    return found


def flat(name: str, value: Any, labels: Mapping[str, str]) -> Iterator[tuple[str, Any]]:
    """The columns of one setting."""
    if isinstance(value, Mapping):
        if KIND in value:
            yield name, labels.get(name, value[KIND])
        for key, each in value.items():
            yield from flat(f"{name}.{key}", each, labels)
    elif isinstance(value, list | tuple):
        if value and all(isinstance(each, str) for each in value):
            yield name, ", ".join(value)
            return
        for place, each in enumerate(value):
            yield from flat(f"{name}.{place}", each, labels)
    else:
        yield name, labels.get(name) if value is None else value
