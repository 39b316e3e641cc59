"""Programs compiled ahead: those of sizes and objectives near the current choice.

Another process of the lowest priority compiles them into the user's cache folder, where
the page finds them. In a thread it would hold up what the page does meanwhile.
"""

import contextlib
import functools
import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator

from simgeo_apps.explorer.controls import OBJECTIVES, RANGES, Wish

_FAR = 3  # the most steps of sliders away


def nearby(wish: Wish) -> list[Wish]:
    """Choices that need other programs than this one, the nearest first.

    Both widths move together; the number of vectors or the objective alone.
    """
    far = {wish: 0}
    for d, away in _steps(wish, "teacher_dim"):
        for m, further in _steps(wish, "student_dim"):
            other = wish._replace(teacher_dim=d, student_dim=m)
            far.setdefault(other, away + further)
    for n, away in _steps(wish, "num_vectors"):
        far.setdefault(wish._replace(num_vectors=n), away + 1)
    for label in OBJECTIVES:
        far.setdefault(wish._replace(objective=label), _FAR)
    del far[wish]
    return sorted((each for each in far if far[each] <= _FAR), key=far.__getitem__)


def _steps(wish: Wish, name: str) -> Iterator[tuple[int, int]]:
    """The values of a slider, and how many steps away each is."""
    values = RANGES[name].values
    place = values.index(getattr(wish, name))
    for at, value in enumerate(values):
        yield value, abs(at - place)


class Ahead:
    """Follows the current choice, and compiles what is near it and not yet there."""

    def __init__(self) -> None:
        self._wanted: queue.SimpleQueue[Wish] = queue.SimpleQueue()
        threading.Thread(target=self._work, daemon=True).start()

    def follow(self, wish: Wish) -> None:
        """Tells what the controls say now; its own programs are compiled elsewhere."""
        self._wanted.put(wish)

    def _work(self) -> None:
        done: set[tuple] = set()
        wish = self._wanted.get()
        with subprocess.Popen(
            [sys.executable, "-m", "simgeo_apps.explorer.ahead"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            while process.stdin and process.stdout:
                while not self._wanted.empty():
                    wish = self._wanted.get()
                done.add(_programs(wish))
                left = (each for each in nearby(wish) if _programs(each) not in done)
                nearest = next(left, None)
                if nearest is None:
                    wish = self._wanted.get()
                    continue
                done.add(_programs(nearest))
                try:
                    print(json.dumps(nearest), file=process.stdin, flush=True)
                except BrokenPipeError:
                    return  # it was ended, and the page goes on without it
                process.stdout.readline()


def _programs(wish: Wish) -> tuple:
    """Equal for choices that run the same programs."""
    same = {"knob": None, "weight": 1, "epsilon": 0, "log_rate": 0, "num_steps": 0}
    return wish._replace(**same)


@functools.cache
def shared() -> Ahead:
    """That of this server, whoever looks at its page."""
    return Ahead()


def serve() -> None:
    """Reads choices, a line each, compiles their programs, and says when it has."""
    os.nice(19)
    lines: queue.SimpleQueue[str] = queue.SimpleQueue()

    def read() -> None:
        for line in sys.stdin:
            lines.put(line)
        os._exit(0)  # whoever asked is gone, in the middle of a compilation perhaps

    threading.Thread(target=read, daemon=True).start()
    from simgeo_apps.explorer import controls, jobs

    jobs.prepare()
    while True:
        wish = Wish(*json.loads(lines.get()))
        short = wish._replace(num_steps=RANGES["num_steps"].least)
        with contextlib.suppress(ValueError):  # of sizes that do not go together
            jobs.Job(controls.experiment_of(short)).run()
        print("done", flush=True)


if __name__ == "__main__":
    serve()
