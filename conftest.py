"""What of the package has no examples to run where an extra is not installed."""

import importlib.util

collect_ignore = [] if importlib.util.find_spec("torch") else ["simgeo/torch"]
