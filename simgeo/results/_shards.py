"""The files of an index: of many runs what they share once, and their last records.

Every writer adds files of its own, of which it joins the smallest when there are many.
What is told twice is read once; a file that is gone was joined to another.
"""

import functools
import io
import json
import re
import secrets
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np
from jaxtyping import Float

from simgeo.results._writing import write

FOLDER = ".index"
_VERSION = 4
_MANY = 128
_JOINED = 64  # of these, at once
_LOOKS = 5  # at a folder in which files are joined meanwhile


def made_by(version: str, source: str) -> str:
    """What computed a run: simgeo's version, and `settings.source_of` its cell."""
    return f"{version} {source}"


class Entry(NamedTuple):
    """One file as the index has it: its settings, and the last record of its seeds."""

    name: str
    size: int
    time: int  # of the last change, in ns
    fingerprint: str
    precision: str
    schema: int
    seconds: float
    made_by: str  # see `made_by`
    settings: dict[str, Any]
    labels: dict[str, str]
    names: tuple[str, ...]  # of the columns of `values`; the seed is the first
    kinds: tuple[str, ...]  # their types
    values: Float[np.ndarray, "s k"]


class File(NamedTuple):
    """One file as the index has it, without what is in it."""

    name: str
    size: int
    time: int
    fingerprint: str
    precision: str
    schema: int
    seconds: float
    made_by: str


Made = TypeVar("Made")
Told = TypeVar("Told", Entry, File)


def known(folder: Path) -> tuple[dict[str, Entry], list[Path]]:
    """What the index says by files' names, and those of its files that were read."""
    found: dict[str, Entry] = {}
    shards = []
    for shard, entries in _each(folder, _entries_in):
        shards.append(shard)
        _add(found, entries)
    return found, shards


def known_files(folder: Path) -> dict[str, File]:
    """The same without settings and records, in a fraction of the time."""
    found: dict[str, File] = {}
    for _, files in _each(folder, _files_in):
        _add(found, files)
    return found


def compact(folder: Path) -> None:
    """Joins the smallest files of an index that has many.

    Raises:
        OSError: if the folder cannot be read or written.
    """
    sizes: dict[Path, int] = {}
    for path in _shards_of(folder):
        with suppress(FileNotFoundError):  # another joins them too
            sizes[path] = path.stat().st_size
    if len(sizes) < _MANY:
        return
    found: dict[str, Entry] = {}
    smallest = sorted(sizes, key=lambda path: sizes[path])[:_JOINED]
    for path in smallest:
        with suppress(FileNotFoundError):
            _add(found, _entries_in(path))
    replace(folder, found.values())
    for path in smallest:
        path.unlink(missing_ok=True)


def _each(folder: Path, read: Callable[[Path], Made]) -> Iterator[tuple[Path, Made]]:
    """What is read from every file of an index, also of those made of it meanwhile."""
    seen: set[Path] = set()
    for _ in range(_LOOKS):
        new = [path for path in _shards_of(folder) if path not in seen]
        seen.update(new)
        is_gone = False
        for path in new:
            try:
                yield path, read(path)
            except FileNotFoundError:
                is_gone = True
            except OSError:
                continue
        if not is_gone:
            return


def _entries_in(path: Path) -> list[Entry]:
    content = path.read_bytes()
    with suppress(Exception):  # half of one, or none: its runs are read again
        return _shard(content)
    return []


def _files_in(path: Path) -> list[File]:
    with path.open("rb") as content, suppress(Exception):
        with np.load(content, allow_pickle=False) as archive:
            return [*_files(archive)]
    return []


def _shards_of(folder: Path) -> list[Path]:
    found = sorted((folder / FOLDER).glob("*.npz"))
    return [path for path in found if re.fullmatch(r"[0-9a-f]+\.npz", path.name)]


def _add(found: dict[str, Told], files: Iterable[Told]) -> None:
    for file in files:
        kept = found.get(file.name)
        if kept is None or kept.time < file.time:
            found[file.name] = file


def _json(archive: Any, name: str) -> dict[str, Any]:
    told = json.loads(archive[name].tobytes())
    if told["version"] != _VERSION:
        raise ValueError("the index is of another version")
    return told


def _files(archive: Any) -> Iterator[File]:
    """The files that an index file tells of: by columns, which are read sooner."""
    columns = _json(archive, "files")["columns"]
    return map(File, *columns) if columns else iter(())


def replace(folder: Path, entries: Iterable[Entry]) -> None:
    """Writes entries as one new file of the index.

    What many runs have in common, such as a teacher's settings, is written once.
    """
    layouts: dict[tuple, list[np.ndarray]] = {}
    place_of: dict[tuple, int] = {}
    table, number = _table()
    keys = functools.cache(lambda names: number([*names]))
    runs, files = [], []
    for each in entries:
        layout = (each.names, each.kinds)
        place = place_of.setdefault(layout, len(place_of))
        layouts.setdefault(layout, []).append(each.values)
        settings = [number(value) for value in each.settings.values()]
        about = [keys(tuple(each.settings)), settings, number(each.labels)]
        runs.append([*about, place, len(each.values)])
        files.append(each[: len(File._fields)])
    about = {"version": _VERSION, "layouts": [*layouts], "table": table, "runs": runs}
    told = {"version": _VERSION, "columns": [*zip(*files, strict=True)]}
    arrays = {f"values_{k}": np.concatenate(v) for k, v in enumerate(layouts.values())}
    for name, own in (("files", told), ("about", about)):
        arrays[name] = np.frombuffer(json.dumps(own).encode(), np.uint8)
    content = io.BytesIO()
    np.savez(content, **arrays)
    write(folder / FOLDER / f"{secrets.token_hex(8)}.npz", content.getvalue())


def _table() -> tuple[list[Any], Callable[[Any], int]]:
    """A list of values that differ, and what adds to it and gives a value's place."""
    table: list[Any] = []
    places: dict[Any, int] = {}
    same: dict[int, tuple[int, Any]] = {}  # places of objects, which are held

    def number(value: Any) -> int:
        if id(value) not in same:
            is_plain = value is None or isinstance(value, bool | int | float | str)
            key = (type(value), value) if is_plain else json.dumps(value)
            if key not in places:
                places[key] = len(table)
                table.append(value)
            same[id(value)] = places[key], value
        return same[id(value)][0]

    return table, number


def _shard(content: bytes) -> list[Entry]:
    with np.load(io.BytesIO(content), allow_pickle=False) as archive:
        files, about = [*_files(archive)], _json(archive, "about")
        values = [archive[f"values_{k}"] for k in range(len(about["layouts"]))]
    layouts = [(tuple(names), tuple(kinds)) for names, kinds in about["layouts"]]
    table = about["table"]
    entries, ends = [], [0] * len(layouts)
    for file, run in zip(files, about["runs"], strict=True):
        keys, settings, labels, place, num = run
        start, ends[place] = ends[place], ends[place] + num
        rows = values[place][start : ends[place]]
        if len(rows) != num:
            raise ValueError("the index is cut short")
        values_of = map(table.__getitem__, settings)
        described = dict(zip(table[keys], values_of, strict=True))
        entries.append(Entry(*file, described, table[labels], *layouts[place], rows))
    return entries
