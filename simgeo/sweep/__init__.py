"""Grids of experiments: described, planned, run on anything, kept cell by cell."""

import importlib
from typing import Any

# Where each name comes from, imported when it is first asked for: `status` answers
# without JAX. `__init__.pyi` says the same to editors and type checkers.
_NAMES = {
    "_executors": "executor_of",
    "_grid": "grid load log_span span together",
    "_leases": "AtWork at_work",
    "_plan": "Piece Plan plan",
    "_running": "Progress Report run",
    "_status": "Status status",
    "_work": "measure",
}
_HOMES = {name: home for home, names in _NAMES.items() for name in names.split()}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'simgeo.sweep' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"simgeo.sweep.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(_HOMES)
