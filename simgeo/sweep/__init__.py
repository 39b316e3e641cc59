"""Grids of experiments: described, planned, run on anything, kept cell by cell."""

from simgeo.sweep.grid import grid as grid
from simgeo.sweep.grid import load as load
from simgeo.sweep.grid import log_span as log_span
from simgeo.sweep.grid import span as span
from simgeo.sweep.grid import together as together
from simgeo.sweep.keep import Status as Status
from simgeo.sweep.keep import status as status
from simgeo.sweep.plan import Plan as Plan
from simgeo.sweep.plan import plan as plan
from simgeo.sweep.running import Progress as Progress
from simgeo.sweep.running import Report as Report
from simgeo.sweep.running import executor_of as executor_of
from simgeo.sweep.running import run as run
from simgeo.sweep.work import measure as measure
