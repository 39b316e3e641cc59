"""One experiment: checked on construction, run over many seeds at once."""

from simgeo.experiment.batch import Program as Program
from simgeo.experiment.batch import Together as Together
from simgeo.experiment.batch import program_of as program_of
from simgeo.experiment.batch import run_together as run_together
from simgeo.experiment.description import OPTIMISERS as OPTIMISERS
from simgeo.experiment.description import SCHEDULES as SCHEDULES
from simgeo.experiment.description import SPACINGS as SPACINGS
from simgeo.experiment.description import Experiment as Experiment
from simgeo.experiment.levels import Levels as Levels
from simgeo.experiment.running import NotFiniteError as NotFiniteError
from simgeo.experiment.running import Trajectory as Trajectory
from simgeo.experiment.running import draw_teachers as draw_teachers
from simgeo.experiment.running import keep_programs as keep_programs
from simgeo.experiment.running import prepare_host as prepare_host
from simgeo.experiment.running import run as run
