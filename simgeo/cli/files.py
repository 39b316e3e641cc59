"""Files that a command writes: refused before the work, and written whole or not."""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path


def require_writable(flag: str, folder: Path) -> None:
    """Refuses before the run what would fail after it."""
    try:
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise ValueError(
            f"`{flag}` must be where files can be written; got the folder {folder}: "
            f"{error.strerror}."
        ) from error


def require_file(flag: str, path: Path) -> None:
    """The same for a file, which may be there already."""
    if path.is_dir():
        raise ValueError(f"`{flag}` must name a file; got the folder {path}.")
    require_writable(flag, path.parent)
    try:
        if path.exists():
            path.open("ab").close()
    except OSError as error:
        raise ValueError(
            f"`{flag}` must be a file that can be written; got {path}: "
            f"{error.strerror}."
        ) from error


@contextlib.contextmanager
def replaced(path: Path) -> Iterator[Path]:
    """A name beside the path, to write to; what is there takes its place at the end."""
    part = path.with_name(f".tmp-{os.getpid()}-{path.name}")
    try:
        yield part
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
