"""Files that are written whole or not at all."""

import os
import secrets
import time
from contextlib import suppress
from pathlib import Path

_TEMPORARY = ".tmp-"
_HOUR = 60 * 60.0
_DAY = 24 * _HOUR
_NEXT_SWEEP: dict[Path, float] = {}


def write(path: Path, content: bytes) -> None:
    """Writes a file beside its place and moves it there; its folder is made.

    Args:
        path: the file; what was there is replaced.
        content: all of it.

    Raises:
        OSError: if the file cannot be written, in one line with the system's reason.
    """
    folder = path.parent
    # Not `mkstemp`, whose files only their owner can read.
    temporary = folder / f"{_TEMPORARY}{path.stem}-{secrets.token_hex(8)}"
    try:
        folder.mkdir(exist_ok=True)
        _sweep(folder)
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        place = path if path.is_dir() else folder
        raise OSError(
            error.errno,
            f"`folder` must be a place with room where files can be written; got "
            f"{place}: {error.strerror or error}.",
        ) from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


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
