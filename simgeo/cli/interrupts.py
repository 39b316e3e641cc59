"""Ctrl-C and SIGTERM: one orderly end for both."""

import signal
import sys
import threading

SIGNALS = (signal.SIGINT, signal.SIGTERM)
_CODE = 130  # what a command returns that was interrupted, by either


class Termination:
    """SIGTERM ends a command as Ctrl-C does, by KeyboardInterrupt.

    `code` tells the two apart: 128 and the number of the signal.
    """

    def __enter__(self) -> "Termination":
        _received.clear()
        self.previous = None
        if threading.current_thread() is threading.main_thread():
            self.previous = signal.signal(signal.SIGTERM, _interrupt)
        return self

    def __exit__(self, *_: object) -> None:
        if self.previous is not None:
            signal.signal(signal.SIGTERM, self.previous)

    def code(self, code: int) -> int:
        """The exit code, given that of the command."""
        terminated = code == _CODE and signal.SIGTERM in _received
        return 128 + signal.SIGTERM if terminated else code


class Interrupts:
    """Ctrl-C or SIGTERM ends the run at its next record; before the first, at once.

    The second one ends it at once in any case. Raised wherever it comes, it could be
    lost in a callback of JAX, which drops what is raised there.
    """

    def __init__(self) -> None:
        self.recorded = self.asked = False

    def __enter__(self) -> "Interrupts":
        self.previous = {}
        if threading.current_thread() is threading.main_thread():
            self.previous = {
                each: signal.signal(each, self.on_signal) for each in SIGNALS
            }
        return self

    def __exit__(self, *_: object) -> None:
        for each, handler in self.previous.items():
            signal.signal(each, handler)

    def on_signal(self, number: int, frame: object) -> None:
        """The handler of both signals."""
        _received.add(number)
        if self.asked or not self.recorded:
            self.asked = True
            raise KeyboardInterrupt
        self.asked = True
        from tqdm import tqdm

        tqdm.write("Stopping at the next record; Ctrl-C again stops now.", sys.stderr)

    def at_a_record(self) -> None:
        """Ends the run if that was asked for."""
        self.recorded = True
        if self.asked:
            raise KeyboardInterrupt


_received: set[int] = set()  # since the command began


def _interrupt(number: int, frame: object) -> None:
    _received.add(number)
    raise KeyboardInterrupt
