"""One file of results, read: what it holds, or why it cannot be had. Never changed."""

import errno
import json
import time
from pathlib import Path

import xarray as xr

from simgeo.results._errors import DamagedFileError, SchemaError, UnreadableFileError
from simgeo.results._netcdf import from_bytes
from simgeo.results._seed_files import part_of
from simgeo.settings import SCHEMA, digest

# Errors of a system, not of a file, that may be over in a moment.
_PASSING = {errno.EAGAIN, errno.EIO, errno.EINTR, errno.ESTALE, errno.ENOLCK}
_PAUSE = 0.02  # seconds


def load(path: str | Path) -> xr.Dataset:
    """The run in one file, in memory. The file is left as it is, whatever it holds.

    Args:
        path: a file that `save` wrote, complete or partial.

    Returns:
        The labelled data set, dimensions seed and step.

    Raises:
        UnreadableFileError: a ValueError, if the file cannot be read.
        DamagedFileError: a ValueError, if it is not what `save` wrote.
        SchemaError: a ValueError, if another version of simgeo wrote it.
    """
    path = Path(path)
    content = content_of(path)
    try:
        found = from_bytes(content)
        schema = int(found.attrs["schema"])
        if schema != SCHEMA:
            advice = f"`simgeo convert {path.parent}` converts it"
            raise SchemaError(
                f"`path` must be a file of schema {SCHEMA}; got {path} of schema "
                f"{schema}. {advice if schema < SCHEMA else 'Update simgeo'}."
            )
        settings = json.loads(found.attrs["settings"])
        labels = json.loads(found.attrs["labels"])
        seeds = found["seed"].values.tolist()
        name = digest(settings, {"precision": found.attrs["precision"]})
        fault = ""
        if not isinstance(labels, dict) or name != found.attrs["fingerprint"]:
            fault = "whose settings were changed"
        part = part_of(path.name)
        if part and (part.fingerprint, [*part.seeds]) != (name, seeds):
            fault = "which holds another run"
    except (MemoryError, SchemaError):
        raise
    except Exception as error:  # what a broken file raises depends on where it broke
        raise DamagedFileError(_damaged(path, "which is damaged")) from error
    if fault:
        raise DamagedFileError(_damaged(path, fault))
    return found


def content_of(path: Path) -> bytes:
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


def _damaged(path: Path, fault: str) -> str:
    return (
        f"`path` must be a file of results; got {path}, {fault}. Run the cell again, "
        f"which replaces it, or remove it."
    )
