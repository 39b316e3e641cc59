"""How parameters are moved: optimisers as frozen, described objects."""

from simgeo.optimisers._rules import LBFGS as LBFGS
from simgeo.optimisers._rules import NAMES as NAMES
from simgeo.optimisers._rules import SCHEDULES as SCHEDULES
from simgeo.optimisers._rules import SGD as SGD
from simgeo.optimisers._rules import AbstractOptimiser as AbstractOptimiser
from simgeo.optimisers._rules import Adam as Adam
from simgeo.optimisers._rules import Named as Named
from simgeo.optimisers._rules import optimiser_of as optimiser_of
