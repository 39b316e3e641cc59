"""Which files of a folder are whole: by its index, and by reading what that lacks."""

import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from simgeo.results._errors import DamagedFileError, UnreadableFileError
from simgeo.results._seed_files import Listed, Part, files_of
from simgeo.results._shards import Entry, File, known_files, made_by, replace
from simgeo.settings import SCHEMA

_MOST_NAMES = 20  # in a warning


class Verified(NamedTuple):
    """Names of files that are not known to be whole."""

    damaged: list[str]
    unread: list[str]  # they could not be read, or are of a later simgeo


def verify(
    folder: str | Path,
    fingerprints: Iterable[str],
    sources: Mapping[str, str] = MappingProxyType({}),
) -> Verified:
    """Which files of these runs are damaged or cannot be read, with warnings.

    Another warning tells of runs that were computed by another version of simgeo, or by
    kinds of one's own that have another source now.

    Files that the index vouches for are not read; others are, and put into it. Nothing
    is to be run again for what cannot be read now.

    Args:
        folder: a store; one that does not exist holds nothing.
        fingerprints: of the cells that are looked for.
        sources: `settings.source_of` them, of those that are to be compared.
    """
    folder = Path(folder)
    if not folder.exists():
        return Verified([], [])
    wanted = set(fingerprints)
    found = found_in(folder, known_files(folder), wanted)
    if found.fresh:
        with suppress(OSError):
            replace(folder, found.fresh.values())
    if found.damaged:
        told = _told(folder, "damaged", found.damaged, "The seeds are run again.")
        warnings.warn(told, stacklevel=2)
    if found.unreadable:
        then = f"Not run again; could not be read ({found.reasons}), which may pass."
        told = _told(folder, "unreadable", [*found.unreadable], then)
        warnings.warn(told, stacklevel=2)
    newer = [
        name for name in found.newer if found.listed[name].part.fingerprint in wanted
    ]
    if newer:
        then = f"Of a schema above {SCHEMA}, and not run again. Update simgeo."
        warnings.warn(_told(folder, "newer", newer, then), stacklevel=2)
    if other := _made_otherwise(found.files, sources):
        warnings.warn(
            f"{len(other)} of {len(sources)} cells were computed by another version of "
            f"simgeo, or by kinds whose source has changed since: {other[0]} is one. "
            f"They are kept; to compute them anew, name another store.",
            stacklevel=2,
        )
    return Verified(found.damaged, [*found.unreadable, *newer])


def _made_otherwise(
    files: Iterable[Entry | File], sources: Mapping[str, str]
) -> list[str]:
    now = "unknown"
    with suppress(PackageNotFoundError):
        now = version("simgeo")
    return sorted(
        {
            each.fingerprint
            for each in files
            if each.fingerprint in sources
            and each.made_by
            not in (made_by(now, sources[each.fingerprint]), made_by(now, "?"))
        }
    )


def whole_parts(folder: str | Path) -> list[tuple[Part, int]]:
    """Every part whose file is whole, and when it was written, in ns.

    Files that the index does not know are read. One that is damaged, or cannot be read,
    is left out, with a warning that names it.

    Raises:
        ValueError: if the folder cannot be read.
    """
    folder = Path(folder)
    found = found_in(folder, known_files(folder))
    for each in left_out(folder, found):
        warnings.warn(each, stacklevel=2)
    listed = found.listed
    return [
        (listed[file.name].part, file.time)
        for file in found.files
        if file.schema == SCHEMA
    ]


class Found(NamedTuple):
    """What is known of files, by their names."""

    known: Mapping[str, Entry | File]  # to the index
    fresh: dict[str, Entry]  # what was read
    damaged: list[str]
    unreadable: dict[str, str]  # the system's reasons
    listed: Mapping[str, Listed]  # all that are there
    older: list[str]  # of schema 1

    @property
    def reasons(self) -> str:
        """Why files could not be read, each reason once."""
        return ", ".join(sorted(set(self.unreadable.values())))

    @property
    def newer(self) -> list[str]:
        """Files of a later simgeo."""
        return sorted(each.name for each in self.files if each.schema > SCHEMA)

    @property
    def files(self) -> list[Entry | File]:
        """All that are whole."""
        return [*self.known.values(), *self.fresh.values()]


def found_in(
    folder: Path,
    indexed: Mapping[str, Entry | File],
    wanted: set[str] | None = None,
) -> Found:
    """The files of a folder, of `wanted` runs or all, by what the index had before."""
    known: dict[str, Entry | File] = {}
    new = []
    found = Found(known, {}, [], {}, *files_of(folder))
    for name, listed in found.listed.items():
        file = indexed.get(name)
        if file and file.time == listed.time and file.size == listed.size:
            known[name] = file
        elif wanted is None or listed.part.fingerprint in wanted:
            new.append(name)
    if new:  # otherwise this needs no library of data sets
        from simgeo.results._index import read
    for name in sorted(new):
        try:
            found.fresh[name] = read(folder, name)
        except DamagedFileError:
            found.damaged.append(name)
        except (UnreadableFileError, OSError) as error:
            reason = error.__cause__ if isinstance(error, ValueError) else error
            if not isinstance(reason, FileNotFoundError):  # removed meanwhile
                found.unreadable[name] = getattr(reason, "strerror", None) or ""
    return found


def left_out(folder: Path, found: Found) -> Iterator[str]:
    """What is to be said of files that are not in a store, one line for each reason."""
    if found.damaged:
        then = "Left out and left as they are; running the cells again replaces them."
        yield _told(folder, "damaged", found.damaged, then)
    if found.unreadable:
        then = f"Left out; could not be read ({found.reasons}). Open the store again."
        yield _told(folder, "unreadable", [*found.unreadable], then)
    if newer := found.newer:
        then = f"Of a schema above {SCHEMA}, and left out. Update simgeo."
        yield _told(folder, "newer", newer, then)
    if found.older:
        then = f"Of schema 1, and left out. `simgeo convert {folder}` converts them."
        yield _told(folder, "older", sorted(found.older), then)


def _told(folder: Path, kind: str, names: Sequence[str], then: str) -> str:
    more = len(names) - _MOST_NAMES
    listed = ", ".join(names[:_MOST_NAMES]) + (f" and {more} more" if more > 0 else "")
    files = "file" if len(names) == 1 else "files"
    return f"{folder} holds {len(names)} {kind} {files}: {listed}. {then}"
