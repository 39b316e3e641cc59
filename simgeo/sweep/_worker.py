"""Where a worker's process begins, before it imports JAX."""

import importlib
import os

_LEVEL, _OF_JAX = "TF_CPP_MIN_LOG_LEVEL", "1"  # which JAX sets, also for its children


def work_at(place: str, number: int) -> int:
    """`_executors.work_at`, whose arguments it has.

    jaxlib 0.10.1 prints screens of text over every kept program that it reads, on two
    traits that no machine has; only before its import can it be asked not to.
    """
    if os.environ.get(_LEVEL) in (None, _OF_JAX):
        os.environ[_LEVEL] = "3"
    return importlib.import_module("simgeo.sweep._executors").work_at(place, number)
