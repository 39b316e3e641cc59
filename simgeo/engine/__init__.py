"""Runs cells of any kind: one loop, all seeds, one labelled data set for each cell."""

from simgeo.engine._engine import Engine as Engine
from simgeo.engine._engine import NotFiniteError as NotFiniteError
from simgeo.engine._engine import OnRecord as OnRecord
from simgeo.engine._engine import Record as Record
from simgeo.engine._lanes import num_workers as num_workers
from simgeo.engine._memory import TooLargeError as TooLargeError
from simgeo.engine._memory import host_memory as host_memory
from simgeo.engine._programs import compile_sooner as compile_sooner
from simgeo.engine._run import draw as draw
from simgeo.engine._run import is_cut_short as is_cut_short
from simgeo.engine._run import keep_programs as keep_programs
from simgeo.engine._run import run as run
from simgeo.engine._run import run_many as run_many
from simgeo.engine._run import shared_engine as shared_engine
from simgeo.engine._units import Batch as Batch
from simgeo.engine._units import Work as Work
from simgeo.engine._units import batches_of as batches_of
from simgeo.engine._units import most_units as most_units
from simgeo.engine._units import work_of as work_of
