"""What is kept of a run: labelled arrays in one file, under the run's fingerprint."""

import errno
import functools
import importlib.metadata
import json
import os
import re
import secrets
import subprocess
import threading
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
import xarray as xr
from jaxtyping import Bool, Float, Int, Num, Shaped

from simgeo.results._frames import columns
from simgeo.settings import SCHEMA, digest

PACKAGES = ("simgeo", "jax", "jaxlib", "optax", "numpy")

_TEMPORARY = ".tmp-"
_HOUR = 60 * 60.0
_DAY = 24 * _HOUR
# Barely smaller, but a flipped bit anywhere in the numbers is noticed.
_ENCODING = {"zlib": True, "complevel": 1, "shuffle": True, "fletcher32": True}
# Errors of a system, not of a file, that may be over in a moment.
_PASSING = {errno.EAGAIN, errno.EIO, errno.EINTR, errno.ESTALE, errno.ENOLCK}
_PAUSE = 0.02  # seconds
_NEXT_SWEEP: dict[Path, float] = {}
_LOCK = threading.Lock()  # the netCDF library is not safe between threads


class DamagedFileError(ValueError):
    """A file of results that was read, and does not hold what was written there."""


class UnreadableFileError(ValueError):
    """A file that could not be read. It may well be whole."""


class SchemaError(ValueError):
    """A file of results that another version of simgeo wrote."""


def dataset(
    *,
    settings: Mapping[str, Any],
    steps: Int[np.ndarray, " r"],
    seeds: Int[np.ndarray, " s"],
    records: Mapping[str, Num[np.ndarray, "s r"] | Bool[np.ndarray, "s r"]],
    references: Mapping[str, Shaped[np.ndarray, " s"]],
    student: Float[np.ndarray, "s n m"] | None,
    teacher: Float[np.ndarray, "s n d"] | None,
    complete: bool,
    seconds: float,
    precision: str,
) -> xr.Dataset:
    """One run as labelled arrays, with all that is needed to run it again.

    Records have the dimensions (seed, step); references (seed), their names with
    `reference_` before them; `student` and `teacher` the final and the given vectors,
    left out where they are None.

    Args:
        settings: the description of the experiment.
        precision: `float32` or `float64`; part of the fingerprint.

    Raises:
        ValueError: if a record's name is taken or cannot be stored, or shapes differ.
    """
    variables: dict[str, Any] = {
        name: (("seed", "step"), values) for name, values in records.items()
    }
    for name, values in references.items():
        variables[f"reference_{name}"] = ("seed", values)
    taken = {"student", "teacher", "fingerprint", "precision", "seed", "step"}
    taken |= columns(settings).keys()
    for name in variables:
        if name in taken or "/" in name:
            raise ValueError(
                f"`records` must have names that are not taken, without '/'; got "
                f"{name!r}."
            )
    for name, vectors in (("student", student), ("teacher", teacher)):
        if vectors is not None:
            variables[name] = (("seed", "vector", f"{name}_axis"), vectors)
    return xr.Dataset(
        variables,
        coords={
            "seed": ("seed", seeds, {"long_name": "seed", "units": "1"}),
            "step": (
                "step",
                steps,
                {"long_name": "steps of the optimiser done", "units": "1"},
            ),
        },
        attrs={
            "fingerprint": digest(settings, {"precision": precision}),
            "schema": SCHEMA,
            "settings": json.dumps(dict(settings)),
            "precision": precision,
            "complete": int(complete),  # netCDF has no booleans here
            "seconds": float(seconds),
            "versions": json.dumps({name: _version(name) for name in PACKAGES}),
            "commit": _commit(),
        },
    )


def save(dataset: xr.Dataset, folder: str | Path, packed: bool = False) -> Path:
    """The file of a run in `folder`, which is made if its parent exists.

    The file is written beside and moved, so that it is never seen half-written. A run
    that is not complete is kept as `<fingerprint>.partial.nc` until it is.

    Args:
        packed: all variables of equal dimensions as one, which is written in a fifth of
            the time; `load` gives them back.

    Raises:
        ValueError: if a loss is NaN, naming the seed and the step.
        OSError: if the file cannot be written, in one line.
    """
    _refuse_nan(dataset)
    folder = Path(folder)
    name = dataset.attrs.get("fingerprint", "")
    complete = bool(dataset.attrs.get("complete"))
    path = path_of(folder, name, complete)
    written = _pack(dataset) if packed else dataset
    with _moved(path) as temporary, _LOCK:
        written.to_netcdf(
            temporary,
            engine="netcdf4",
            encoding={each: _ENCODING for each in written.variables},
        )
    if complete:
        path_of(folder, name, complete=False).unlink(missing_ok=True)
    return path


def write(path: Path, content: bytes) -> None:
    """A file of that content, written beside and moved; its folder is made.

    Raises:
        OSError: if the file cannot be written, in one line.
    """
    with _moved(path) as temporary:
        temporary.write_bytes(content)


@contextmanager
def _moved(path: Path) -> Iterator[Path]:
    """A new file beside `path` to write to, which then takes its place."""
    folder = path.parent
    # Not `mkstemp`, whose files only their owner can read.
    temporary = folder / f"{_TEMPORARY}{path.stem}-{secrets.token_hex(8)}.nc"
    try:
        folder.mkdir(exist_ok=True)
        _sweep(folder)
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except (OSError, RuntimeError) as error:  # RuntimeError: netCDF, on a full disk
        reason = getattr(error, "strerror", None) or str(error)
        raise OSError(
            f"`folder` must be a place with room where files can be written; got "
            f"{folder}: {reason}."
        ) from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def load(path: str | Path) -> xr.Dataset:
    """The run in a file, in memory. The file is left as it is, whatever it holds.

    Raises:
        UnreadableFileError: a ValueError, if the file cannot be read.
        DamagedFileError: a ValueError, if it is not what `save` wrote.
        SchemaError: a ValueError, if it comes from a newer simgeo.
    """
    path = Path(path)
    content = _content(path)
    try:
        found = _unpack(_parsed(content))
        schema = int(found.attrs["schema"])
        settings = json.loads(found.attrs["settings"])
        name = digest(settings, {"precision": found.attrs["precision"]})
        # Another schema has another fingerprint of the same settings.
        intact = schema != SCHEMA or name == found.attrs["fingerprint"]
    except MemoryError:
        raise
    except Exception as error:  # what a broken file raises depends on where it broke
        raise DamagedFileError(
            f"`path` must be a file of results; got {path}, which is damaged. Run "
            f"the cell again, which replaces it, or remove it."
        ) from error
    if schema > SCHEMA:
        raise SchemaError(
            f"`path` must have schema {SCHEMA} or older; got {schema} in {path}. "
            f"Update simgeo."
        )
    if not intact:
        raise DamagedFileError(
            f"`path` must hold the run of its fingerprint; got {path}, whose settings "
            f"were changed. Run the cell again, which replaces it, or remove it."
        )
    return found


def _content(path: Path) -> bytes:
    """A whole file, so that its system's errors are not taken for damage."""
    for pause in (_PAUSE, None):
        try:
            return path.read_bytes()
        except OSError as error:
            if pause is not None and error.errno in _PASSING:
                time.sleep(pause)
                continue
            raise UnreadableFileError(
                f"`path` must be a file that can be read; got {path}, which could not "
                f"be read: {error.strerror or error}."
            ) from error
    raise AssertionError


def _parsed(content: bytes) -> xr.Dataset:
    with _LOCK:
        file = netCDF4.Dataset("in memory", memory=content)
        return xr.load_dataset(xr.backends.NetCDF4DataStore(file))


def find(folder: str | Path, fingerprint: str) -> xr.Dataset | None:
    """The complete run of that fingerprint in `folder`, or None.

    A damaged file is left as it is, with a warning.

    Raises:
        UnreadableFileError: a ValueError, if the file is there and cannot be read.
        SchemaError: a ValueError, if it comes from a newer simgeo.
    """
    path = path_of(Path(folder), fingerprint, complete=True)
    if not path.exists():
        return None
    try:
        found = load(path)
        if found.attrs["fingerprint"] == fingerprint and found.attrs["complete"]:
            return found
        reason = f"{path} holds another run"
    except DamagedFileError:
        reason = f"{path} is damaged"
    warnings.warn(
        f"{reason}, and is left as it is. Running the cell again replaces it.",
        stacklevel=2,
    )
    return None


def _refuse_nan(dataset: xr.Dataset) -> None:
    if "loss" not in dataset:
        return
    seeds, steps = np.nonzero(np.isnan(dataset["loss"].values))
    if seeds.size:
        raise ValueError(
            f"`loss` must not be NaN; got it at seed {dataset['seed'].values[seeds[0]]}"
            f", step {dataset['step'].values[steps[0]]}. Try a smaller learning rate."
        )


def path_of(folder: Path, fingerprint: str, complete: bool) -> Path:
    """Where a run is kept."""
    if not re.fullmatch("[0-9a-f]{16}", fingerprint):
        raise ValueError(
            f"`fingerprint` must be 16 hexadecimal digits; got {fingerprint!r}."
        )
    return folder / (f"{fingerprint}.nc" if complete else f"{fingerprint}.partial.nc")


def _pack(dataset: xr.Dataset) -> xr.Dataset:
    groups: dict[tuple, list[str]] = {}
    for name, values in dataset.data_vars.items():
        groups.setdefault((values.dims, values.dtype.str), []).append(str(name))
    joined = {
        f"packed_{index}": (
            (f"variable_{index}", *dims),
            np.stack([dataset[name].values for name in names]),
        )
        for index, ((dims, _), names) in enumerate(groups.items())
    }
    order = [list(map(str, dataset.data_vars)), *groups.values()]
    return xr.Dataset(
        joined, dataset.coords, dataset.attrs | {"packed": json.dumps(order)}
    )


def _unpack(dataset: xr.Dataset) -> xr.Dataset:
    attributes = dict(dataset.attrs)
    if "packed" not in attributes:
        return dataset
    order, *groups = json.loads(attributes.pop("packed"))
    found = {
        name: (joined.dims[1:], joined.values[place])
        for index, names in enumerate(groups)
        for joined in [dataset[f"packed_{index}"]]
        for place, name in enumerate(names)
    }
    return xr.Dataset({name: found[name] for name in order}, dataset.coords, attributes)


def _sweep(folder: Path) -> None:
    """Removes what killed runs left behind, but not what others are writing.

    Once an hour: in a folder of many thousand files every look takes milliseconds.
    """
    if time.monotonic() < _NEXT_SWEEP.get(folder, 0):
        return
    _NEXT_SWEEP[folder] = time.monotonic() + _HOUR
    for each in folder.glob(f"{_TEMPORARY}*"):
        with suppress(OSError):
            if time.time() - each.stat().st_mtime > _DAY:
                each.unlink()


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
