"""A folder of many runs, opened at once: from its index, and what that lacks."""

import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from simgeo.results._index import Entry, files_of, known, read, replace
from simgeo.results._reading import DamagedFileError, UnreadableFileError
from simgeo.results._seed_files import schema_1
from simgeo.results._store import Store
from simgeo.settings import SCHEMA

_MOST_SHARDS = 8
_MOST_NAMES = 20  # in a warning


def open(folder: str | Path) -> Store:
    """The store in a folder: its tidy frame, its tree and its runs.

    Files that the index does not know are read, and put into it where that can be
    written. No run is ever changed: one that is damaged, or cannot be read, is left out
    and left as it is, with a warning that names it.

    Raises:
        ValueError: if the folder cannot be read.
    """
    folder = Path(folder)
    # In this order: the index may be written to meanwhile, after the files.
    indexed, shards = known(folder)
    entries: dict[str, Entry] = {}
    has_changed = len(shards) > _MOST_SHARDS
    damaged: list[str] = []
    unreadable: dict[str, str] = {}
    for name, (size, time) in files_of(folder).items():
        entry = indexed.get(name)
        if entry is not None and (entry.size, entry.time) == (size, time):
            entries[name] = entry
            continue
        try:
            entries[name] = read(folder, name)
            has_changed = True
        except DamagedFileError:
            damaged.append(name)
        except (UnreadableFileError, OSError) as error:
            reason = error.__cause__ if isinstance(error, ValueError) else error
            if not isinstance(reason, FileNotFoundError):  # removed meanwhile
                unreadable[name] = getattr(reason, "strerror", None) or ""
    if has_changed and entries:
        # All in one. What others add meanwhile is in files of its own.
        with suppress(OSError):
            replace(folder, entries.values())
            for each in shards:
                each.unlink(missing_ok=True)
    newer = [name for name, each in entries.items() if each.schema > SCHEMA]
    for each in _left_out(folder, damaged, unreadable, newer):
        warnings.warn(each, stacklevel=2)
    return Store(folder, [each for each in entries.values() if each.schema == SCHEMA])


def verify(folder: str | Path, fingerprints: Iterable[str]) -> list[str]:
    """The names of files of these runs that are damaged, with a warning.

    Files that the index vouches for are not read; others are, and put into it. One
    that cannot be read is taken to be whole: nothing is run again for an error of the
    system.

    Args:
        folder: a store; one that does not exist holds nothing.
        fingerprints: of the cells that are looked for.
    """
    folder = Path(folder)
    if not folder.exists():
        return []
    wanted = set(fingerprints)
    indexed, _ = known(folder)
    fresh, damaged = [], []
    for name, (size, time) in files_of(folder).items():
        entry = indexed.get(name)
        vouched = entry is not None and (entry.size, entry.time) == (size, time)
        if vouched or name.partition(".")[0] not in wanted:
            continue
        try:
            fresh.append(read(folder, name))
        except DamagedFileError:
            damaged.append(name)
        except (UnreadableFileError, OSError):
            continue
    if fresh:
        with suppress(OSError):
            replace(folder, fresh)
    if damaged:
        warnings.warn(
            f"{folder} holds {len(damaged)} damaged files: {_listed(damaged)}. Their "
            f"seeds are run again.",
            stacklevel=2,
        )
    return damaged


def _left_out(
    folder: Path, damaged: list[str], unreadable: dict[str, str], newer: list[str]
) -> Iterator[str]:
    """What is to be said of files that are not in a store, one line for each reason."""
    if damaged:
        yield (
            f"{folder} holds {len(damaged)} damaged files, which are left out and left "
            f"as they are: {_listed(damaged)}. Running their cells again replaces them."
        )
    if unreadable:
        reasons = ", ".join(sorted(set(unreadable.values())))
        yield (
            f"{folder} holds {len(unreadable)} files that could not be read and are "
            f"left out: {_listed(list(unreadable))} ({reasons}). They are left as they "
            f"are; open the store again."
        )
    if newer:
        yield (
            f"{folder} holds {len(newer)} files of a newer schema than {SCHEMA}, which "
            f"are left out. Update simgeo."
        )
    old = schema_1(folder)
    if old:
        yield (
            f"{folder} holds {len(old)} files of schema 1, which are left out. `simgeo "
            f"convert {folder}` converts them."
        )


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _MOST_NAMES
    return ", ".join(names[:_MOST_NAMES]) + (f" and {more} more" if more > 0 else "")
