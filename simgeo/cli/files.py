"""Files that a command writes: refused before the work, and written whole or not."""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path


def folder_to_write(flag: str, name: str) -> Path:
    """The folder of that name, made if it is not there.

    Raises:
        ValueError: in one line, if no file can be written there.
    """
    if not name:
        raise ValueError(
            f"`{flag}` must be a folder, or the name of a new one; got ''."
        )
    try:
        Path(name).mkdir(exist_ok=True)
    except OSError as error:
        raise ValueError(
            f"`{flag}` must be a folder, or the name of a new one; got {name}: "
            f"{error.strerror}."
        ) from error
    _require_writable(flag, Path(name))
    return Path(name)


def file_to_draw(flag: str, given: str, name: str) -> Path:
    """The file to draw, of that name if a folder is given; `new/` is made.

    Raises:
        ValueError: in one line, if it cannot be drawn or written.
    """
    from matplotlib.figure import Figure  # for which nobody else waits

    if given.endswith("/"):
        folder_to_write(flag, given)
    path = Path(given) / name if Path(given).is_dir() else Path(given)
    known = sorted(Figure().canvas.get_supported_filetypes())
    if path.suffix.lower()[1:] not in known:
        raise ValueError(
            f"`{flag}` must be a folder or end in one of {', '.join(known)}; "
            f"got {given}. A new folder ends in /."
        )
    require_file(flag, path)
    return path


def require_file(flag: str, path: Path) -> None:
    """Raises ValueError, in one line, for a file that cannot be written."""
    if path.is_dir():
        raise ValueError(f"`{flag}` must name a file; got the folder {path}.")
    _require_writable(flag, path.parent)
    try:
        if path.exists():
            path.open("ab").close()
    except OSError as error:
        raise ValueError(
            f"`{flag}` must be a file that can be written; got {path}: "
            f"{error.strerror}."
        ) from error


def _require_writable(flag: str, folder: Path) -> None:
    try:
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise ValueError(
            f"`{flag}` must be where files can be written; got the folder {folder}: "
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
