"""Read before JAX is imported; NumPy is, but not yet in the workers of a run."""

import importlib.util

from experiments import hurry

# Most of a test is its compilation: `make figures` runs what users have.
hurry.compile_in_a_hurry()

# There are no examples to run where an extra is not installed.
collect_ignore = [] if importlib.util.find_spec("torch") else ["simgeo/torch"]
