"""Tidy frames of runs: one row per cell, seed and step."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from simgeo.settings import KIND, suggest


def frame(
    datasets: xr.Dataset | Sequence[xr.Dataset], records: Sequence[str] | None = None
) -> pd.DataFrame:
    """A tidy frame: one row per cell, seed and step, one column per record.

    Beside them `fingerprint`, `precision`, every setting that is a scalar with its
    dotted name (the kind of a module under the module's own name, the items of a list
    under their index), and the references, repeated over steps.

    Args:
        records: names of those wanted; all, if None.

    >>> import numpy as np
    >>> from simgeo import results, settings
    >>> from simgeo.problems import Experiment
    >>> run = results.dataset(
    ...     settings=settings.describe(Experiment(num_seeds=2)),
    ...     steps=np.array([0, 2000]),
    ...     seeds=np.array([0, 1]),
    ...     records={"loss": np.array([[0.9, 0.1], [0.8, 0.2]])},
    ...     references={"optimum_loss": np.array([0.1, 0.1])},
    ...     student=None,
    ...     teacher=None,
    ...     complete=True,
    ...     seconds=1.0,
    ...     precision="float32",
    ... )
    >>> results.frame(run)[["objective", "student_dim", "seed", "step", "loss"]]
      objective  student_dim  seed  step  loss
    0       CKA           64     0     0   0.9
    1       CKA           64     0  2000   0.1
    2       CKA           64     1     0   0.8
    3       CKA           64     1  2000   0.2
    """
    cells = [datasets] if isinstance(datasets, xr.Dataset) else list(datasets)
    if not cells:
        raise ValueError("`datasets` must not be empty. Give at least one.")
    return pd.concat([_cell(each, records) for each in cells], ignore_index=True)


def final(data: pd.DataFrame | xr.Dataset | Sequence[xr.Dataset]) -> pd.DataFrame:
    """The rows of the last step of every cell."""
    rows = data if isinstance(data, pd.DataFrame) else frame(data)
    if "fingerprint" not in rows:
        raise ValueError(
            f"`data` must have the column 'fingerprint'; got "
            f"{', '.join(map(str, rows.columns))}. Keep it in the frame."
        )
    last = rows.groupby("fingerprint")["step"].transform("max")
    return rows.loc[rows["step"] == last].reset_index(drop=True)


def summary_frame(run: xr.Dataset, objective: str) -> pd.DataFrame:
    """What `plots.run_summary` draws of one run.

    Args:
        objective: its label, which a stored run does not hold.
    """
    rows = frame(run).rename(columns=lambda name: name.removeprefix("reference_"))
    rows["relative_loss"] = rows["loss"] / rows["scale_loss"]
    rows["excess_loss"] = (rows["loss"] - rows["optimum_loss"]) / rows["scale_loss"]
    return rows.assign(objective=objective)


def _cell(dataset: xr.Dataset, records: Sequence[str] | None) -> pd.DataFrame:
    known = [
        str(name)
        for name, values in dataset.data_vars.items()
        if values.dims == ("seed", "step")
    ]
    wanted = known if records is None else list(records)
    for name in wanted:
        if name not in known:
            raise ValueError(
                f"`records` must be names of records; got {name!r}."
                f"{suggest(name, known)}"
            )
    references = [
        str(name)
        for name, values in dataset.data_vars.items()
        if values.dims == ("seed",)
    ]
    s, r = dataset.sizes["seed"], dataset.sizes["step"]
    values = {
        **columns(json.loads(dataset.attrs["settings"])),
        "fingerprint": dataset.attrs["fingerprint"],
        "precision": dataset.attrs["precision"],
        "seed": np.repeat(dataset["seed"].values, r),
        "step": np.tile(dataset["step"].values, s),
    }
    values |= {name: dataset[name].values.ravel() for name in wanted}
    values |= {name: np.repeat(dataset[name].values, r) for name in references}
    return pd.DataFrame(values, index=range(s * r))


def columns(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Every setting that is a scalar, by its dotted name."""
    own = {name: value for name, value in settings.items() if name != KIND}
    return dict(_flat(own, ""))


def _flat(value: Any, name: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for key, each in value.items():
            yield from _flat(each, name if key == KIND else f"{name}.{key}".lstrip("."))
    elif isinstance(value, list | tuple):
        for index, each in enumerate(value):
            yield from _flat(each, f"{name}.{index}")
    else:
        yield name, value
