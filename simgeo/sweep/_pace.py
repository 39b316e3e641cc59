"""How fast workers are, and how long a sweep takes from there."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

_OLD = 0.5  # weight of what was measured before, at every new measurement


class Pace(NamedTuple):
    """How fast one worker is, as it tells others."""

    speeds: dict[int, float]  # cost per second, by program
    start: float  # seconds that a program took to start, in the mean


class Measured:
    """How fast this worker is, by what it did."""

    def __init__(self) -> None:
        self.fits: dict[int, int] = {}  # units that memory holds, by program
        self._done: dict[int, tuple[float, float]] = {}  # cost and seconds, by program
        self._starts: dict[int, float] = {}  # until a new program's first record

    def add(self, program: int, cost: float, seconds: float, start: float) -> None:
        """A batch.

        Args:
            program: its number.
            cost: of its units.
            seconds: it took in all, with what was written meanwhile.
            start: of these, those until its first record.
        """
        if program not in self._starts:
            self._starts[program] = start
            seconds -= start
        old = [_OLD * each for each in self._done.get(program, (0.0, 0.0))]
        self._done[program] = old[0] + cost, old[1] + max(seconds, 1e-3)

    def speed(self, program: int) -> float | None:
        """Cost per second of a program that this worker has run."""
        return self.pace.speeds.get(program)

    @property
    def pace(self) -> Pace:
        """What others are told."""
        speeds = {n: cost / seconds for n, (cost, seconds) in self._done.items()}
        return Pace(speeds, sum(self._starts.values()) / max(1, len(self._starts)))


def seconds_left(left: Mapping[int, float], paces: Sequence[Pace]) -> float:
    """How long some workers take for what is left; infinity before their first batch.

    A worker that has not told of a program is taken to be as fast as those that have;
    a program of which none has is taken to be one as the others.

    Args:
        left: cost of what is left, by program.
        paces: of all workers.
    """
    told = [pace for pace in paces if pace.speeds]
    if not left or not told:
        return float("inf") if left else 0.0
    slowness = [1 / speed for pace in told for speed in pace.speeds.values()]
    start = _mean([pace.start for pace in told])
    seconds = 0.0
    for program, cost in left.items():
        speeds = [pace.speeds[program] for pace in told if program in pace.speeds]
        seconds += cost / _mean(speeds) if speeds else cost * _mean(slowness)
        seconds += 0.0 if speeds else start
    return seconds / len(paces)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
