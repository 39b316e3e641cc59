"""Leases: which worker computes which piece of a sweep, so that no other does.

A lease is a file that only one worker can create: `O_CREAT | O_EXCL` is atomic on local
file systems, and on NFS from version 3 (open(2) of Linux). It names its worker, whose
own file a thread touches every few seconds. A worker whose file was not touched for a
minute, or whose process is gone from this machine, is dead. Its lease is not removed
but followed by one of the next generation, `<piece>.<generation>`, created in the same
way: of many contenders exactly one gets it, and none can remove a new lease.

Times are compared with those that the file system itself writes, never with a clock of
this machine.
"""

import json
import os
import platform
import re
import secrets
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from simgeo import results
from simgeo.sweep._pace import Pace

FOLDER = ".leases"
BEAT, EXPIRY = 5.0, 60.0  # seconds: a worker tells that it lives; it counts as dead
_LEASE = re.compile(r"([0-9a-f]+)\.(\d+)")
_WORKER = ".worker"


class AtWork(NamedTuple):
    """The workers of a store that live, and what they hold."""

    pieces: set[str]  # by their names
    hosts: Counter[str]  # how many workers there are on each machine
    paces: dict[str, list[Pace]]  # how fast they are, by the names of their sweeps


class Leases:
    """The leases of one worker, kept alive while it is entered.

    Args:
        store: that the pieces are of.
        beat: seconds between two signs of life.
        expiry: seconds without one after which a worker counts as dead.
        on_beat: called by the thread at every sign of life.
        suffix: of the worker's file; another than the usual one is not counted.
        sweep: the name of what is worked on.
    """

    def __init__(
        self,
        store: Path,
        beat: float = BEAT,
        expiry: float = EXPIRY,
        on_beat: Callable[[], Any] = lambda: None,
        suffix: str = _WORKER,
        sweep: str = "",
    ) -> None:
        self.store, self.beat, self.expiry = store, beat, expiry
        self.sweep = sweep
        self.on_beat = on_beat
        self.path = store / FOLDER / f"{secrets.token_hex(8)}{suffix}"
        self.is_lost = False  # whether the worker's own file is gone
        self._held: dict[str, int] = {}  # generations, by pieces
        self._ended = threading.Event()

    def __enter__(self) -> "Leases":
        pid = os.getpid()
        self._about = {
            "host": platform.node(),
            "machine": _machine(),
            "pid": pid,
            "born": _born(pid),
            "started": time.time(),
            "sweep": self.sweep,
        }
        self._write(Pace({}, 0.0))
        self._thread = threading.Thread(target=self._live, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self.release([*self._held])
        with suppress(OSError):
            self.path.unlink(missing_ok=True)
        self._thread.join()

    def tell(self, pace: Pace) -> None:
        """Lets others know how fast this worker is."""
        with suppress(OSError):  # what must be told is told by what it holds
            if self.path.exists():
                self._write(pace)

    def _write(self, pace: Pace) -> None:
        about = self._about | {"pace": pace}
        results.write(self.path, json.dumps(about).encode())

    def take(self, piece: str, after: int | None = None) -> bool:
        """Whether this worker has the lease of a piece now.

        Args:
            after: the generation of a dead worker's lease; None where there is none.
        """
        generation = 0 if after is None else after + 1
        path = self.path.with_name(f"{piece}.{generation}")
        try:
            file = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666)
        except FileExistsError:
            return False
        self._held[piece] = generation
        with open(file, "w") as lease:
            lease.write(self.path.name)
        return True

    def release(self, pieces: Iterable[str], finished: bool = False) -> None:
        """Returns leases; of finished pieces also those that dead workers left."""
        for piece in pieces:
            generation = self._held.pop(piece, None)
            if generation is not None:
                for each in range(0 if finished else generation, generation + 1):
                    with suppress(OSError):
                        self.path.with_name(f"{piece}.{each}").unlink(missing_ok=True)

    def look(self) -> tuple[AtWork, dict[str, int]]:
        """What is held by workers that live, and dead workers' leases by piece.

        Raises:
            OSError: if the worker's own file is gone.
        """
        try:
            os.utime(self.path)
            now = self.path.stat().st_mtime
        except FileNotFoundError as error:
            raise OSError(
                f"{self.path.parent} was changed by another program while a sweep ran; "
                f"finished cells are kept, and the same sweep goes on."
            ) from error
        return look(self.store, self.expiry, now)

    def paces(self) -> list[Pace]:
        """How fast those are who work on the same sweep, with this one."""
        return self.look()[0].paces.get(self.sweep, [])

    def tidy(self, pieces: Iterable[str]) -> None:
        """Removes what dead workers left of these pieces, which are finished."""
        with suppress(OSError):
            _, dead = self.look()
            for piece in dead.keys() & {*pieces}:
                for generation in range(dead[piece] + 1):
                    left = self.path.with_name(f"{piece}.{generation}")
                    left.unlink(missing_ok=True)
            now = self.path.stat().st_mtime
            for worker in self.path.parent.iterdir():
                is_lease = _LEASE.fullmatch(worker.name)
                if not is_lease and not is_live(worker, self.expiry, now):
                    worker.unlink(missing_ok=True)

    def _live(self) -> None:
        while not self._ended.wait(self.beat):
            try:
                os.utime(self.path)
            except FileNotFoundError:
                self.is_lost = True
            except OSError:  # it may be over at the next
                continue
            self.on_beat()


def at_work(store: str | Path) -> AtWork:
    """Who works on the sweeps of a store now, by this machine's clock.

    Args:
        store: a folder, which is not changed.
    """
    return look(Path(store), EXPIRY, time.time())[0]


def look(store: Path, expiry: float, now: float) -> tuple[AtWork, dict[str, int]]:
    """What is held by workers that live, and dead workers' leases by piece.

    Args:
        expiry: seconds without a sign of life after which a worker counts as dead.
        now: as the file system has it.
    """
    leases: dict[str, tuple[int, Path]] = {}
    workers: dict[str, dict[str, Any] | None] = {}
    folder = store / FOLDER
    for name in os.listdir(folder) if folder.exists() else ():
        found = _LEASE.fullmatch(name)
        if found is not None:
            last = leases.get(found[1], (-1, folder))
            leases[found[1]] = max(last, (int(found[2]), folder / name))
        elif name.endswith(_WORKER):
            workers[name] = _about(folder / name, expiry, now)
    live = {
        piece
        for piece, (_, path) in leases.items()
        if _is_held(path, workers, expiry, now)
    }
    there = [about for about in workers.values() if about is not None]
    hosts = Counter(str(about.get("host", "?")) for about in there)
    paces: dict[str, list[Pace]] = {}
    for about in there:
        paces.setdefault(str(about.get("sweep")), []).append(_pace(about))
    dead = {piece: last for piece, (last, _) in leases.items() if piece not in live}
    return AtWork(live, hosts, paces), dead


def is_live(worker: Path, expiry: float, now: float) -> bool:
    """Whether the worker that has this file lives."""
    return _about(worker, expiry, now) is not None


def _is_held(
    path: Path,
    workers: dict[str, dict[str, Any] | None],
    expiry: float,
    now: float,
) -> bool:
    try:
        owner, touched = _content(path)
    except OSError:  # returned meanwhile, which the next look will show
        return True
    if not owner:  # it is being written, or its worker died just then
        return now - touched < expiry
    if owner not in workers:  # it began after the folder was listed, or has ended
        workers[owner] = _about(path.with_name(owner), expiry, now)
    return workers[owner] is not None


def _about(worker: Path, expiry: float, now: float) -> dict[str, Any] | None:
    """What a worker that lives says of itself; None for one that is dead."""
    try:
        content, touched = _content(worker)
    except FileNotFoundError:
        return None
    except OSError:
        return {}
    if now - touched >= expiry:
        return None
    try:
        about = json.loads(content)
        is_here = about["machine"] == _machine()
        if is_here and _born(int(about["pid"])) != about["born"]:
            return None
    except (ValueError, KeyError, TypeError):
        return {}
    return about


def _pace(about: dict[str, Any]) -> Pace:
    try:
        speeds, start = about["pace"]
        return Pace({int(n): float(speed) for n, speed in speeds.items()}, float(start))
    except (ValueError, KeyError, TypeError, AttributeError):
        return Pace({}, 0.0)


def _content(path: Path) -> tuple[str, float]:
    """A file's text and its time, which NFS asks the server for at every opening."""
    with path.open(errors="replace") as file:
        return file.read(), os.fstat(file.fileno()).st_mtime


def _machine() -> str:
    """Other than that of every machine, and container, with other processes."""
    told = [platform.node()]
    with suppress(OSError):
        told.append(Path("/proc/sys/kernel/random/boot_id").read_text().strip())
        told.append(os.readlink("/proc/self/ns/pid"))
    return " ".join(told)


def _born(pid: int) -> str:
    """When a process of this machine began; empty where it has ended or is not told."""
    try:
        told = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if told[0] in "ZX" else told[19]
