"""Ctrl-C and SIGTERM: one orderly end for both."""

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Iterator
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM)
_CODE = 130  # what a command returns that was interrupted, by either
# Seconds after SIGTERM: whoever sent it kills soon, Docker after ten.
GRACE = 8.0


class Termination:
    """SIGTERM ends a command as Ctrl-C does, by KeyboardInterrupt.

    `code` tells the two apart: 128 and the number of the signal. While `held`, the
    first signal waits: modules catch what is raised at their import, or are left half
    imported, and then another error is all that is seen.
    """

    def __enter__(self) -> "Termination":
        self.received, self.is_held = _received, False
        self.received.clear()
        self.previous = _handled_by(self.on_signal)
        return self

    def __exit__(self, *_: object) -> None:
        _handled_by(self.previous)

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Raises KeyboardInterrupt at its end if a signal came meanwhile."""
        self.is_held = True
        try:
            yield
        finally:
            self.is_held = False
        if self.received:
            raise KeyboardInterrupt

    def on_signal(self, number: int, frame: object) -> None:
        """The handler of both signals."""
        waits = self.is_held and not self.received
        self.received.add(number)
        if not waits:
            raise KeyboardInterrupt

    def code(self, code: int) -> int:
        """The exit code, given that of the command."""
        terminated = code == _CODE and signal.SIGTERM in _received
        return 128 + signal.SIGTERM if terminated else code


class Interrupts:
    """Ctrl-C or SIGTERM ends the run at its next record; before the first, at once.

    The second one ends it at once in any case; after SIGTERM it comes by itself, should
    the next record be far. Raised wherever it comes, it could be lost in a callback of
    JAX, which drops what is raised there.
    """

    def __init__(self) -> None:
        self.recorded = self.asked = False
        self.second: threading.Timer | None = None

    def __enter__(self) -> "Interrupts":
        self.previous = _handled_by(self.on_signal)
        return self

    def __exit__(self, *_: object) -> None:
        self._wait_no_longer()
        _handled_by(self.previous)

    def on_signal(self, number: int, frame: object) -> None:
        """The handler of both signals."""
        _received.add(number)
        if self.asked or not self.recorded:
            self.asked = True
            raise KeyboardInterrupt
        self.asked = True
        from tqdm import tqdm

        then = "Ctrl-C again stops now"
        if number == signal.SIGTERM:
            then = f"{GRACE:g} seconds from now without it"
            self.second = threading.Timer(GRACE, os.kill, (os.getpid(), number))
            self.second.daemon = True
            self.second.start()
        tqdm.write(f"Stopping at the next record; {then}.", sys.stderr)

    def at_a_record(self) -> None:
        """Ends the run if that was asked for."""
        self.recorded = True
        if self.asked:
            self._wait_no_longer()
            raise KeyboardInterrupt

    def _wait_no_longer(self) -> None:
        if self.second is not None:
            self.second.cancel()


_received: set[int] = set()  # since the command began


def _handled_by(handlers: Any) -> dict[int, Any]:
    """Sets the handler of both signals, or one for each; those of before, by signal.

    Only a program's main thread may: elsewhere nothing is set.
    """
    if threading.current_thread() is not threading.main_thread():
        return {}
    if callable(handlers):
        handlers = dict.fromkeys(SIGNALS, handlers)
    return {each: signal.signal(each, own) for each, own in handlers.items()}
