"""Grids of experiments: described, planned, run on anything, kept cell by cell."""

from simgeo.sweep._executors import executor_of as executor_of
from simgeo.sweep._keep import Status as Status
from simgeo.sweep._keep import status as status
from simgeo.sweep._leases import AtWork as AtWork
from simgeo.sweep._leases import at_work as at_work
from simgeo.sweep._plan import Piece as Piece
from simgeo.sweep._plan import Plan as Plan
from simgeo.sweep._plan import plan as plan
from simgeo.sweep._running import Progress as Progress
from simgeo.sweep._running import Report as Report
from simgeo.sweep._running import run as run
from simgeo.sweep._work import measure as measure
from simgeo.sweep.grid import grid as grid
from simgeo.sweep.grid import load as load
from simgeo.sweep.grid import log_span as log_span
from simgeo.sweep.grid import span as span
from simgeo.sweep.grid import together as together
