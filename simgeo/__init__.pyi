from simgeo import calibration as calibration
from simgeo import datasets as datasets
from simgeo import engine as engine
from simgeo import functional as functional
from simgeo import limits as limits
from simgeo import measures as measures
from simgeo import networks as networks
from simgeo import objectives as objectives
from simgeo import optimisers as optimisers
from simgeo import plots as plots
from simgeo import problems as problems
from simgeo import results as results
from simgeo import settings as settings
from simgeo import stats as stats
from simgeo import students as students
from simgeo import sweep as sweep
from simgeo import teachers as teachers
from simgeo import theory as theory
from simgeo import torch as torch
from simgeo.engine import run as run
from simgeo.engine import run_many as run_many
from simgeo.problems import Distillation as Distillation
from simgeo.problems import Experiment as Experiment
from simgeo.results import open as open

__version__: str
