"""The pieces of a sweep as a queue: leased, computed, and seen in the store.

What is finished is told by the store alone. A piece that another worker holds is waited
for; one that a dead worker held is leased again.
"""

import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

from simgeo import engine
from simgeo.engine import Record
from simgeo.sweep._leases import Leases
from simgeo.sweep._pace import Measured, seconds_left
from simgeo.sweep._plan import Part, Piece, Seeds
from simgeo.sweep._unfinished import Queue
from simgeo.sweep._work import Outcome, Worker

_LEASE_SECONDS = 30.0  # of work that a worker leases at once
_SHARE = 2  # leases at least that are left for each of several workers
_POLL = 0.25, 2.0  # seconds between two looks of one who waits: first, and at most
_GENTLE = 20  # by what one who waits rests longer than a look took
_MOST_TRIES = 3  # of a piece by one worker
_MOST_TRIED = 8  # programs that a worker begins one after the other

# Of seeds by cell, all of one group, and of the program's number.
Batches = Callable[[Sequence[Piece], Seeds], Part]


def costs_of(pieces: Sequence[Piece]) -> dict[int, float]:
    """What they cost, by program."""
    costs: dict[int, float] = {}
    for piece in pieces:
        costs[piece.program] = costs.get(piece.program, 0.0) + piece.cost
    return costs


class Step(NamedTuple):
    """What a worker did last, and how long its sweep takes from there."""

    outcome: Outcome
    seconds_left: float


def work(
    queue: Queue,
    worker: Worker,
    leases: Leases,
    batch: Batches,
    room: Mapping[int, int],
    on_record: Callable[[int, int], Any] | None = None,
    on_wait: Callable[[int], Any] | None = None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Iterator[Step]:
    """Computes what is free, and waits for what others hold, until all is finished.

    While one batch is written, the next is computed.

    Args:
        batch: makes a batch of seeds of pieces of one group.
        room: the units that are computed side by side at most, by program.
        on_record: called with steps of all units, done and in total, of a batch.
        on_wait: called with the number of cells that others compute, at every look.
        should_stop: asked at every record; ends the batch with the records so far.

    Raises:
        OSError: if the store is gone or cannot be written.
        KeyboardInterrupt: after what was recorded by then is kept.
    """
    pace, tries = Measured(), Counter[str]()

    def settled(
        pieces: list[Piece], saving: Future[Outcome], computed: Sequence[Piece] = ()
    ) -> Step:
        try:
            outcome = saving.result()
        except OSError:
            queue.look()  # which tells if the store is gone
            raise
        leases.release([p.name for p in pieces], not outcome.interrupted)
        queue.look()
        left = [piece for piece in queue.left() if piece not in computed]
        return Step(outcome, seconds_left(costs_of(left), leases.paces()))

    with ThreadPoolExecutor(1) as writer:
        pending: tuple[list[Piece], Future[Outcome]] | None = None
        pause, was_stopped = _POLL[0], False
        while not (was_stopped or should_stop()):
            begin = time.perf_counter()
            taken = _lease(queue, leases, pace, room)
            if not taken and pending is not None:
                step, pending = settled(*pending), None
                yield step
            elif not taken:
                begin = time.perf_counter()
                queue.look()
                left = queue.left()
                if not left:
                    return
                if on_wait is not None:
                    on_wait(len(queue.missing(left)))
                time.sleep(max(pause, _GENTLE * (time.perf_counter() - begin)))
                pause = min(2 * pause, _POLL[1])
            else:
                pause = _POLL[0]
                # Others may have finished what was free at the last look.
                queue.look()
                missing = queue.missing(taken)
                if not missing:
                    leases.release([piece.name for piece in taken], finished=True)
                    continue
                _refuse_loss(taken, tries, queue.folder)
                part, program = batch(taken, missing), taken[0].program
                found, start = _computed(worker, part, leases, on_record, should_stop)
                was_stopped = worker.engine.was_stopped
                pace.fits[program] = worker.engine.side_by_side
                if leases.is_lost:  # nothing may be written where the store was
                    queue.look()
                    leases.look()
                if pending is not None:
                    pending[1].exception()  # waits, if writing takes longer
                seconds = time.perf_counter() - begin
                pace.add(program, part.batch.cost, seconds, start - begin)
                leases.tell(pace.pace)
                if pending is not None:
                    yield settled(*pending, taken)
                pending = taken, writer.submit(worker.save, found)
        if pending is not None:
            step = settled(*pending)
            yield step._replace(outcome=step.outcome._replace(interrupted=True))
        raise KeyboardInterrupt


def _computed(
    worker: Worker,
    part: Part,
    leases: Leases,
    on_record: Callable[[int, int], Any] | None,
    should_stop: Callable[[], bool],
) -> tuple[list, float]:
    """What was found, and when the first record was made."""
    works = part.batch.works
    total = sum(len(work.seeds) * work.cell.num_steps for work in works)
    first = []

    def tell(record: Record) -> None:
        first.append(time.perf_counter())
        if on_record is not None:
            on_record(record.unit_steps, total)
        if leases.is_lost or should_stop():
            raise KeyboardInterrupt

    found = worker.compute(part, tell)
    return found, (first or [time.perf_counter()])[0]


def _lease(
    queue: Queue,
    leases: Leases,
    pace: Measured,
    room: Mapping[int, int],
) -> list[Piece]:
    """Free pieces of one group, as many as are right for one batch of this worker.

    At first one of each program that nobody has begun, so that the time that is left is
    known; then of a program that it has compiled, if there are any. Where others are at
    work, half of its share at most, so that the last leases are small and all end
    together.
    """
    live, dead = leases.look()
    left = queue.left()
    free = [piece for piece in left if piece.name not in live.pieces]
    if not free:
        return []
    known = _not_begun(queue, left, live.pieces) if _can_try(pace) else []
    known = known or [p for p in free if pace.speed(p.program) is not None] or free
    held = Counter(piece.group for piece in left if piece.name in live.pieces)
    costs = Counter[int]()
    for piece in known:
        costs[piece.group] += piece.cost
    group = max(costs, key=lambda each: costs[each] / (1 + held[each]))
    chosen = [piece for piece in known if piece.group == group]
    program = chosen[0].program
    speed = pace.speed(program)
    unit = chosen[0].cost / chosen[0].num_units
    aim = unit * engine.num_workers() if speed is None else _LEASE_SECONDS * speed
    share = sum(piece.cost for piece in free)
    if live.hosts.total() > 1:
        share /= _SHARE * live.hosts.total()
    most = min(aim, share)
    fits = min(room[program], pace.fits.get(program, room[program]))
    taken: list[Piece] = []
    cost, units = 0.0, 0
    for piece in chosen:
        if taken and (cost + piece.cost > most or units + piece.num_units > fits):
            break
        if leases.take(piece.name, dead.get(piece.name)):
            taken.append(piece)
            cost, units = cost + piece.cost, units + piece.num_units
    return taken


def _can_try(pace: Measured) -> bool:
    """Whether another program can be compiled without another being dropped for it."""
    return len(pace.pace.speeds) < _MOST_TRIED


def _not_begun(
    queue: Queue, left: Sequence[Piece], held: Collection[str]
) -> list[Piece]:
    """Pieces of programs of which none is finished, nor held by anyone."""
    names = {piece.name for piece in left}
    begun = {
        piece.program
        for piece in queue.pieces
        if piece.name in held or piece.name not in names
    }
    return [piece for piece in left if piece.program not in begun]


def _refuse_loss(taken: Collection[Piece], tries: Counter[str], folder: Path) -> None:
    """Ends where what was written is gone each time that it is looked for."""
    tries.update(piece.name for piece in taken)
    if max(tries[piece.name] for piece in taken) > _MOST_TRIES:
        raise OSError(
            f"cells that were written to {folder} are not there; does another program "
            f"remove them? What is there is kept."
        )
