"""One labelled data set for every run: what is returned, stored, opened and drawn."""

import functools
import importlib.metadata
import json
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import xarray as xr
from jaxtyping import Int

from simgeo.checks import require
from simgeo.problems import AbstractCell, precision
from simgeo.settings import KIND, SCHEMA, describe, source_of

PACKAGES = ("simgeo", "jax", "jaxlib", "optax", "numpy")

_LONG_NAMES = {
    "loss": "loss",
    "gradient_norm": "length of the last step's gradient",
    "update_norm": "length of the last step",
    "optimum_loss": "optimum of the loss",
    "zero_student_loss": "zero student's loss",
    "seed": "seed",
    "step": "steps of the optimiser done",
}


def data_set(
    cell: AbstractCell,
    seeds: Sequence[int],
    steps: Int[np.ndarray, " r"],
    records: Mapping[str, np.ndarray],
    levels: Mapping[str, np.ndarray],
    vectors: Mapping[str, tuple[tuple[str, ...], np.ndarray]],
    *,
    stopped: str = "",
    seconds: float,
) -> xr.Dataset:
    """The run of a cell as labelled arrays, with all that is needed to run it again.

    Args:
        records: arrays (seed, step).
        levels: arrays (seed,).
        vectors: other arrays, their first axis the seeds, with names of the others.
        stopped: why not all steps were done; empty if they were.
    """
    observer, problem = cell.observer(), cell.problem()
    more_records, more_levels = problem.derived(records, levels)
    ordered = {"loss": records["loss"], **more_records, **records}
    variables = {
        **{name: (("seed", "step"), values) for name, values in ordered.items()},
        **{name: ("seed", v) for name, v in {**levels, **more_levels}.items()},
        **{name: (("seed", *axes), values) for name, (axes, values) in vectors.items()},
    }
    # Looked up once: a method of a module is a module, made at every look.
    of_problem, of_observer = problem.attributes, observer.attributes
    about = {
        name: {
            "long_name": _LONG_NAMES.get(name, name.replace("_", " ")),
            "units": "1",
            **of_problem(name),
            **of_observer(name),
        }
        for name in (*variables, "seed", "step")
    }
    return xr.Dataset(
        {name: (*given, about[name]) for name, given in variables.items()},
        coords={
            "seed": ("seed", np.asarray(seeds, np.int64), about["seed"]),
            "step": ("step", np.asarray(steps, np.int64), about["step"]),
        },
        attrs={
            "title": cell.title,
            "fingerprint": cell.fingerprint if cell.is_described else "",
            "schema": SCHEMA,
            "settings": json.dumps(cell.identity),
            "labels": json.dumps(cell.labels),
            "precision": precision(),
            "complete": int(not stopped),  # netCDF has no booleans here
            "stopped": stopped,
            "seconds": float(seconds),
            "versions": json.dumps({name: _version(name) for name in PACKAGES}),
            "commit": _commit(),
            "source": source_of(cell),
        },
    )


def refuse_taken(names: Sequence[str], cell: AbstractCell) -> None:
    """Raises ValueError for a record or level with the name of something else."""
    own = {name for name in describe(cell) if name != KIND}
    taken = {"fingerprint", "precision", "seed", "step", *own}
    rule = "give names that are not taken, without '/' and '.'"
    for name in names:
        is_free = name not in taken and not {"/", "."} & {*name}
        require(is_free, "observe", rule, repr(name))


@functools.cache
def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "unknown"


@functools.cache
def _commit() -> str:
    """The commit of the package's own checkout, with `-dirty` where it was changed."""
    here = Path(__file__)

    def git(*arguments: str) -> str:
        return subprocess.run(
            ["git", *arguments],
            cwd=here.parent,
            capture_output=True,
            check=True,
            text=True,
            timeout=5,
        ).stdout.strip()

    try:
        # A package installed inside somebody else's checkout is not tracked by it.
        git("ls-files", "--error-unmatch", here.name)
        return git("describe", "--always", "--dirty", "--abbrev=40", "--exclude=*")
    except (OSError, subprocess.SubprocessError):
        return "unknown"
