"""What of a sweep is not finished, by the names of the files in its store."""

import os
import secrets
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from simgeo import results
from simgeo.sweep import _keep as keep
from simgeo.sweep._plan import Piece
from simgeo.sweep._status import FAILED


class Queue:
    """What of some pieces is not finished, by the last look at the store.

    A look goes through the names that are new. Only where one is gone, all are looked
    at again.

    Args:
        folder: the store.
        pieces: all of the sweep.
        mark: a file that is there as long as the store is.
        damaged: names of files that do not count, until they change.
    """

    def __init__(
        self,
        folder: Path,
        pieces: Sequence[Piece],
        mark: Path,
        damaged: Mapping[str, int],
    ) -> None:
        self.folder, self.pieces = folder, pieces
        self.mark, self.damaged = mark, damaged
        self._begin()
        self.look()

    def look(self) -> set[str]:
        """Sees what is in the store now; the cells of which there is more.

        Raises:
            OSError: if it is gone.
        """
        if not self.mark.exists():
            raise OSError(
                f"{self.folder} was removed while its sweep ran; what was in it is "
                f"lost, and the same sweep computes it again."
            )
        names = self._listed()
        if not self._names <= names:
            self._begin()
        more = self._add(names - self._names)
        self._names = names
        return more

    def missing(self, pieces: Sequence[Piece]) -> dict[str, tuple[int, ...]]:
        """Seeds of these pieces that are neither there nor of a cell that failed."""
        found: dict[str, tuple[int, ...]] = {}
        for piece in pieces:
            for name, seeds in piece.wanted.items():
                there = self.seeds.get(name, set())
                left = tuple(seed for seed in seeds if seed not in there)
                if left and name not in self.failed:
                    found[name] = (*found.get(name, ()), *left)
        return found

    def left(self) -> list[Piece]:
        """The pieces that are not finished."""
        self._left = [piece for piece in self._left if self.missing([piece])]
        return [*self._left]

    def _begin(self) -> None:
        self.seeds: dict[str, set[int]] = {}  # that are finished, by fingerprint
        self.failed: set[str] = set()
        self._names: set[str] = set()
        self._left = [*self.pieces]

    def _listed(self) -> set[str]:
        """The names of files that count, temporary ones not among them."""
        # What this machine changes in a folder makes NFS ask for its names again.
        mark = self.folder / f".tmp-{secrets.token_hex(8)}"
        with suppress(OSError):
            mark.touch()
            mark.unlink()
        with os.scandir(self.folder) as found:
            names = {one.name for one in found if one.name[0] != "." and one.is_file()}
        return names.difference(
            name
            for name, time in self.damaged.items()
            if keep.time_of(self.folder / name) == time
        )

    def _add(self, names: Iterable[str]) -> set[str]:
        more = set()
        for name in names:
            if name.endswith(FAILED):
                self.failed.add(name.removesuffix(FAILED))
            part = results.part_of(name)
            if part is not None and part.complete:
                self.seeds.setdefault(part.fingerprint, set()).update(part.seeds)
                more.add(part.fingerprint)
        return more
