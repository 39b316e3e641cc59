"""Grids of experiments: described, planned, run on anything, kept cell by cell."""

from simgeo._on_demand import homes_of, on_demand

# `__init__.pyi` says the same to editors and type checkers. `status` needs no JAX.
_HOMES = homes_of(
    {
        "_executors": "executor_of",
        "_grid": "grid load log_span span together",
        "_leases": "AtWork at_work",
        "_plan": "Piece Plan plan",
        "_running": "Progress Report run",
        "_status": "Status status",
        "_work": "measure",
    }
)
__getattr__, __dir__ = on_demand(__name__, _HOMES)
__all__ = [*_HOMES]
