"""What is made of the same things once: for grids, whose cells share their parts."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

Made = TypeVar("Made")

_MOST = 2**15  # things that are held at once
_BY_VALUE = {bool, int, str, type(None)}  # a float is no key: 0.0 is -0.0
_KEPT: ContextVar[dict[tuple, tuple] | None] = ContextVar("kept", default=None)


@contextmanager
def sharing() -> Iterator[None]:
    """Within it, `shared` makes nothing twice of the same things, in this thread.

    What `describe` gives then shares its tables, which nobody may change.
    """
    if _KEPT.get() is not None:
        yield
        return
    token = _KEPT.set({})
    try:
        yield
    finally:
        _KEPT.reset(token)


def shared(make: Callable[..., Made], *things: Any) -> Made:
    """`make(*things)`; within `sharing`, what it made of the same things before.

    Things are the same if they are one object, or equal numbers or texts.

    Args:
        make: a function of nothing else, whose result nobody changes.
        things: what it takes: frozen modules, tuples of these, numbers, texts.

    >>> from simgeo import settings
    >>> part = {"size": 3}
    >>> with settings.sharing():
    ...     settings.shared(dict, part) is settings.shared(dict, part)
    True
    >>> settings.shared(dict, part) is settings.shared(dict, part)
    False
    """
    kept = _KEPT.get()
    if kept is None:
        return make(*things)
    key = (make, *map(_key, things))
    found = kept.get(key)
    if found is None:
        made = make(*things)
        if len(kept) >= _MOST:
            kept.clear()
        # With the things themselves, so that no other takes their place in memory.
        kept[key] = found = (made, things)
    return found[0]


def _key(thing: Any) -> Any:
    kind = type(thing)
    if kind is float:
        return kind, thing.hex()
    return (kind, thing) if kind in _BY_VALUE else id(thing)
