"""Workers that an executor starts: each takes its own pieces from the store."""

import importlib
import json
import shutil
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import (
    CancelledError,
    Executor,
    Future,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
    wait,
)
from contextlib import closing
from pathlib import Path
from typing import Any

import jax

from simgeo import engine, results, settings
from simgeo.checks import require
from simgeo.problems import AbstractCell
from simgeo.sweep import _keep as keep
from simgeo.sweep import _worker
from simgeo.sweep._leases import BEAT, EXPIRY, Leases, at_work, is_live
from simgeo.sweep._leases import FOLDER as LEASES
from simgeo.sweep._pace import seconds_left
from simgeo.sweep._plan import Part, Piece, Plan, Seeds, part_of
from simgeo.sweep._queue import Step, costs_of, work
from simgeo.sweep._unfinished import Queue
from simgeo.sweep._work import Outcome, Worker

_FOLDER, _PLAN = ".queue", "plan.json"
_TOGETHER = 32  # pieces whose cells are in one file
_LOOK = 1.0  # seconds between two looks at the store
_MORE_LOSSES = 3  # of workers, beside one of each, until another cell is finished
_WATCHER = ".watcher"
# An engine is for one thread at a time, and uses all cores of its process.
_ONE_AT_A_TIME = threading.Lock()


def executor_of(name: str) -> Executor:
    """What `module:factory` makes, called without arguments.

    Raises:
        ValueError: if there is no such factory, or it makes something else.
    """
    module, _, factory = name.partition(":")
    try:
        made = getattr(importlib.import_module(module), factory)()
    except (ImportError, AttributeError, ValueError, TypeError) as error:
        raise ValueError(
            f"`executor` must be a module:factory that can be called; got {name!r}: "
            f"{error}."
        ) from error
    got = f"a {type(made).__name__} from {name!r}"
    rule = "make an executor with `submit`"
    require(hasattr(made, "submit"), "executor", rule, got)
    return made


def num_workers_of(executor: Executor) -> int:
    """How many processes an executor has.

    Raises:
        ValueError: if it starts them by a fork, which JAX does not survive.
    """
    if isinstance(executor, ThreadPoolExecutor):
        return 1
    if isinstance(executor, ProcessPoolExecutor):
        context = getattr(executor, "_mp_context", None)
        method = context.get_start_method() if context else "spawn"
        rule = "start its processes anew, as JAX does not survive a fork"
        advice = "Give it mp_context=multiprocessing.get_context('spawn')"
        got = f"a ProcessPoolExecutor with {method!r}. {advice}"
        require(method != "fork", "executor", rule, got)
        return getattr(executor, "_max_workers", 1)
    client = getattr(executor, "_client", None)  # of Dask
    return max(1, len(client.nthreads()) if hasattr(client, "nthreads") else 1)


def elsewhere(
    whole: Plan,
    queue: Queue,
    executor: Executor,
    num_workers: int | None = None,
    memory: int | None = None,
    keep_vectors: bool = False,
) -> Iterator[Step]:
    """Starts workers on an executor and watches the store until all is finished.

    A worker that is lost is started again, until several are lost in a row.

    Args:
        num_workers: that are started; default: the executor's own.
        memory: in bytes, of one worker.

    Raises:
        OSError: if workers are lost, or the store is.
    """
    its_own = num_workers_of(executor)
    number = its_own if num_workers is None else num_workers
    require(number >= 1, "num_workers", "be at least 1", number)
    if memory is None and isinstance(executor, ProcessPoolExecutor):
        memory = engine.host_memory() // 2 // its_own
    futures: set[Future] = set()
    with Leases(queue.folder, suffix=_WATCHER) as watcher:
        place = queue.folder / _FOLDER / watcher.path.name
        try:
            _write(whole, queue, place, memory, keep_vectors)
            yield from _watched(executor, futures, place, number, queue)
        finally:
            watcher.path.unlink(missing_ok=True)  # which workers see at their next beat
            wait(futures, 2 * watcher.beat)
            for future in futures:
                future.cancel()
            shutil.rmtree(place, ignore_errors=True)


def _watched(
    executor: Executor, futures: set[Future], place: Path, number: int, queue: Queue
) -> Iterator[Step]:
    started, losses = 0, 0
    loss: BaseException | None = None
    failed = {*queue.failed}
    while queue.left():
        while len(futures) < number:
            started += 1
            try:  # Dask would take calls of equal arguments for one
                futures.add(executor.submit(_worker.work_at, str(place), started))
            except Exception as error:
                raise _lost(error) from error
        for future in wait(futures, _LOOK).done:
            futures.discard(future)
            loss = _loss(future) or loss
            losses += bool(_loss(future))
        new = queue.look()
        broken = queue.failed - failed
        if new or broken:
            failed, losses = {*queue.failed}, 0
            paces = at_work(queue.folder).paces.get(queue.mark.stem, [])
            seconds = seconds_left(costs_of(queue.left()), paces)
            reasons = keep.reasons(queue.folder, broken)
            yield Step(Outcome(tuple(new), reasons), seconds)
        elif loss and losses > number + _MORE_LOSSES:
            raise _lost(loss) from loss
        elif len(futures) < number:  # one that ended may not see yet what is left
            time.sleep(_LOOK)


def _loss(future: Future) -> BaseException | None:
    """Why a worker ended, otherwise than by having nothing to do."""
    try:
        future.result()
    except (OSError, ValueError, ImportError):
        raise  # of the store or of a cell's module; another worker would meet the same
    except (Exception, CancelledError) as error:
        return error
    return None


def _lost(error: BaseException) -> OSError:
    reason = " ".join(f"{type(error).__name__}: {error}".split()).rstrip(": .")
    return OSError(
        f"the workers were lost ({reason}); finished cells are kept, and the same "
        f"sweep goes on."
    )


def _write(
    whole: Plan,
    queue: Queue,
    place: Path,
    memory: int | None,
    keep_vectors: bool,
) -> None:
    """What workers need, as plain data: a plan, and the cells of some pieces a file."""
    cells = {name: work.cell for name, work in whole.works.items()}
    place.parent.mkdir(exist_ok=True)
    now = _watcher_of(place).stat().st_mtime
    for left in place.parent.iterdir():  # by one that was killed
        if not is_live(_watcher_of(left), EXPIRY, now):
            shutil.rmtree(left, ignore_errors=True)
    for at in range(0, len(queue.pieces), _TOGETHER):
        pieces = queue.pieces[at : at + _TOGETHER]
        names = {name for piece in pieces for name in piece.wanted}
        with settings.sharing():
            told = {name: settings.describe(cells[name]) for name in names}
        path = place / f"cells-{at // _TOGETHER}.json"
        results.write(path, json.dumps(told).encode())
    with settings.sharing():
        homes = sorted(settings.homes([*cells.values()]))
    about = {
        "homes": homes,
        "pieces": queue.pieces,
        "room": whole.room,
        "precision": whole.precision,
        "memory": memory,
        "keep_vectors": keep_vectors,
        "damaged": queue.damaged,
        "store": str(queue.folder.absolute()),
        "mark": str(queue.mark.absolute()),
    }
    results.write(place / _PLAN, json.dumps(about).encode())


def _watcher_of(place: Path) -> Path:
    """The file that tells whether the one who wrote a place is there to watch."""
    return place.parents[1] / LEASES / place.name


def work_at(place: str, number: int) -> int:
    """Works in this process on the pieces that are written at a place.

    Until all is finished, or whoever wrote them is gone.

    Args:
        place: a folder within the store, which must be at the same path here.
        number: of the worker; the return value.
    """
    with _ONE_AT_A_TIME:
        try:
            about = json.loads((Path(place) / _PLAN).read_text())
        except FileNotFoundError:  # it is over
            return number
        _prepare(about)
        _work(Path(place), about)
    return number


def _prepare(about: dict[str, Any]) -> None:
    engine.keep_programs()
    in_double = about["precision"] == "float64"
    if jax.config.read("jax_enable_x64") != in_double:
        jax.config.update("jax_enable_x64", in_double)
    for home in about["homes"]:
        importlib.import_module(home)


def _work(place: Path, about: dict[str, Any]) -> None:
    pieces = [
        Piece(*own, {name: tuple(seeds) for name, seeds in wanted.items()})
        for *own, wanted in about["pieces"]
    ]
    file_of = {piece.name: at // _TOGETHER for at, piece in enumerate(pieces)}
    room = {int(program): units for program, units in about["room"].items()}

    def batch(chosen: Sequence[Piece], wanted: Seeds) -> Part:
        described: dict[str, Any] = {}
        for at in {file_of[piece.name] for piece in chosen}:
            described |= json.loads((place / f"cells-{at}.json").read_text())
        works = {
            name: engine.work_of(settings.build(AbstractCell, described[name]), seeds)
            for name, seeds in wanted.items()
        }
        return part_of(works, room[chosen[0].program])

    stop = threading.Event()

    def on_beat() -> None:
        if not is_live(_watcher_of(place), EXPIRY, leases.path.stat().st_mtime):
            stop.set()

    store = Path(about["store"])
    queue = Queue(store, pieces, Path(about["mark"]), about["damaged"])
    memory = about["memory"] or _memory_here()
    worker = Worker(store, memory, about["keep_vectors"])
    leases = Leases(store, BEAT, on_beat=on_beat, sweep=queue.mark.stem)
    steps = work(queue, worker, leases, batch, room, should_stop=stop.is_set)
    try:
        with leases, closing(steps):
            for _ in steps:
                pass
    except (KeyboardInterrupt, OSError):
        if not stop.is_set():
            raise


def _memory_here() -> int | None:
    """Half of what Dask lets a worker have, in bytes; None elsewhere."""
    distributed = sys.modules.get("distributed")
    try:
        limit = distributed.get_worker().memory_manager.memory_limit
    except (AttributeError, ValueError):  # there is no worker here, or no limit
        return None
    return limit and limit // 2
