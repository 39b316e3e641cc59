"""Files that a command writes: refused before the work, and written whole or not."""

import argparse
import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from simgeo.checks import require


def add_store(parser: argparse.ArgumentParser) -> None:
    """Adds the store that a command reads."""
    about = "default: results"
    parser.add_argument(
        "store", metavar="STORE", nargs="?", default="results", help=about
    )


def folder_to_write(flag: str, name: str) -> Path:
    """The folder of that name, made if it is not there; ValueError if it cannot be."""
    rule = "be a folder, or the name of a new one"
    try:
        Path(name).mkdir(exist_ok=True)
    except OSError as error:
        require(False, flag, rule, f"{name}: {error.strerror}")
    _require_writable(flag, Path(name))
    return Path(name)


def file_to_draw(flag: str, given: str, name: str) -> Path:
    """The file to draw, of that name if a folder is given; `new/` is made."""
    from matplotlib.figure import Figure  # for which nobody else waits

    if given.endswith("/"):
        folder_to_write(flag, given)
    path = Path(given) / name if Path(given).is_dir() else Path(given)
    known = sorted(Figure().canvas.get_supported_filetypes())
    rule = f"be a folder or end in one of {', '.join(known)}"
    got = f"{given}. A new folder ends in /"
    require(path.suffix.lower()[1:] in known, flag, rule, got)
    require_file(flag, path)
    return path


def require_file(flag: str, path: Path) -> None:
    """Raises ValueError, in one line, for a file that cannot be written."""
    require(not path.is_dir(), flag, "name a file", f"the folder {path}")
    _require_writable(flag, path.parent)
    try:
        if path.exists():
            path.open("ab").close()
    except OSError as error:
        require(
            False, flag, "be a file that can be written", f"{path}: {error.strerror}"
        )


def _require_writable(flag: str, folder: Path) -> None:
    try:
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        got = f"the folder {folder}: {error.strerror}"
        require(False, flag, "be where files can be written", got)


@contextlib.contextmanager
def replaced(path: Path) -> Iterator[Path]:
    """A name beside the path, to write to; what is there takes its place at the end."""
    part = path.with_name(f".tmp-{os.getpid()}-{path.name}")
    try:
        yield part
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
