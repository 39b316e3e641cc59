"""Names of files: a part of a run is its fingerprint and the seeds from one to another.

What is there is known from the names alone, so that asking for more seeds costs a look
at the folder.
"""

import os
import re
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple, SupportsIndex

from simgeo.checks import require

_NAME = re.compile(r"([0-9a-f]{16})\.(\d+)-(\d+)(\.partial)?\.nc")
_SCHEMA_1 = re.compile(r"[0-9a-f]{16}(\.partial)?\.nc")


class Part(NamedTuple):
    """Contiguous seeds of one run, kept in one file."""

    fingerprint: str
    first: int
    last: int
    complete: bool = True

    @property
    def name(self) -> str:
        """That of its file."""
        end = "nc" if self.complete else "partial.nc"
        return f"{self.fingerprint}.{self.first}-{self.last}.{end}"

    @property
    def seeds(self) -> range:
        return range(self.first, self.last + 1)


def part_of(name: str) -> Part | None:
    """The part that a file of that name holds; None if it is no name of a part."""
    found = _NAME.fullmatch(name)
    if found is None:
        return None
    fingerprint, first, last, partial = found.groups()
    return Part(fingerprint, int(first), int(last), partial is None)


def require_fingerprint(fingerprint: str) -> None:
    """Raises ValueError for what names no run, so that no path is made of it."""
    is_one = re.fullmatch("[0-9a-f]{16}", fingerprint) is not None
    require(is_one, "fingerprint", "be 16 hexadecimal digits", repr(fingerprint))


def listing(folder: Path) -> Iterator[os.DirEntry]:
    """The files of a folder; ValueError if it cannot be read."""
    try:
        with os.scandir(folder) as found:
            yield from filter(os.DirEntry.is_file, found)
    except OSError as error:
        raise ValueError(
            f"`folder` must be a store of runs; got {folder}: {error.strerror}."
        ) from error


class Listed(NamedTuple):
    """A file of a complete part, as its folder has it."""

    part: Part
    size: int
    time: int  # of the last change, in ns


def files_of(folder: Path) -> tuple[dict[str, Listed], list[str]]:
    """The files of all complete parts, by name, and the names of those of schema 1.

    Raises:
        ValueError: if the folder cannot be read.
    """
    found, older = {}, []
    for each in listing(folder):
        name = each.name
        part = part_of(name)
        if part is None:
            if is_of_schema_1(name):
                older.append(name)
        elif part.complete:
            try:
                status = each.stat()
            except FileNotFoundError:
                continue
            found[name] = Listed(part, status.st_size, status.st_mtime_ns)
    return found, older


def is_of_schema_1(name: str) -> bool:
    """Whether simgeo wrote such files before runs were kept in parts."""
    return _SCHEMA_1.fullmatch(name) is not None


def schema_1(folder: Path) -> list[Path]:
    """Those files."""
    names = (each.name for each in listing(folder))
    return [folder / name for name in sorted(filter(is_of_schema_1, names))]


def parts(folder: Path, start: str = "") -> dict[str, list[Part]]:
    """The complete parts of runs whose fingerprints start so, in the order of names."""
    if not folder.exists():
        return {}
    found: dict[str, list[Part]] = {}
    names = [each.name for each in listing(folder) if each.name.startswith(start)]
    for part in filter(None, map(part_of, sorted(names))):
        if part.complete:
            found.setdefault(part.fingerprint, []).append(part)
    return found


def seeds_of(folder: str | Path, damaged: Collection[str] = ()) -> dict[str, set[int]]:
    """The seeds of every run that have a finished file, by fingerprint.

    Taken from the names of the files in one look: no file is read. `Store.seeds` has
    those that are whole.

    Args:
        folder: a store; one that does not exist holds nothing.
        damaged: names of files that do not count, as `verify` gives them.

    Raises:
        ValueError: if the folder cannot be read.
    """
    return {
        fingerprint: {s for part in own if part.name not in damaged for s in part.seeds}
        for fingerprint, own in parts(Path(folder)).items()
    }


def missing_seeds(
    folder: str | Path,
    fingerprint: str,
    seeds: Iterable[SupportsIndex],
    damaged: Collection[str] = (),
) -> list[int]:
    """Of these seeds, those of which a run has no finished file, in their order.

    From the names of the files alone; for many runs `seeds_of` looks only once.

    Args:
        folder: a store; one that does not exist holds nothing.
        fingerprint: of the cell, 16 hexadecimal digits.
        seeds: whole numbers from 0 on.
        damaged: names of files that do not count.

    Raises:
        ValueError: if the folder cannot be read, or the fingerprint is none.

    >>> from simgeo import results
    >>> results.missing_seeds("nowhere", "0123456789abcdef", range(3))
    [0, 1, 2]
    """
    require_fingerprint(fingerprint)
    there = seeds_of(folder, damaged).get(fingerprint, set())
    return [seed for seed in map(int, seeds) if seed not in there]
