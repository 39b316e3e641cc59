"""What is kept of runs: labelled data sets in files, found by their fingerprints."""

from simgeo._on_demand import homes_of, on_demand

# `__init__.pyi` says the same to editors and type checkers. What `simgeo status` asks
# for needs no library of data sets.
_HOMES = homes_of(
    {
        "_convert": "USUAL Conversion convert kinds_of",
        "_errors": "DamagedFileError SchemaError UnreadableFileError",
        "_index": "index",
        "_reading": "load",
        "_runs": "find save",
        "_seed_files": "Part missing_seeds part_of seeds_of",
        "_store": "open Store",
        "_tidy": "axis_label columns final frame",
        "_where": "column rows",
        "_whole_files": "Verified verify whole_parts",
        "_writing": "write",
    }
)
__getattr__, __dir__ = on_demand(__name__, _HOMES)
__all__ = [*_HOMES]
