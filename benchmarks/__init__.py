"""Timings of simgeo, run on demand: `python -m benchmarks`, or `make bench`."""
