"""What the engine runs: the cells, what is given to them, optimised and observed."""

from simgeo.problems._cell import AbstractCell as AbstractCell
from simgeo.problems._cell import precision as precision
from simgeo.problems._distillation import Distillation as Distillation
from simgeo.problems._network_losses import NetworkDistillation as NetworkDistillation
from simgeo.problems._network_observer import NetworkObserver as NetworkObserver
from simgeo.problems._parts import AbstractObserver as AbstractObserver
from simgeo.problems._parts import AbstractProblem as AbstractProblem
from simgeo.problems._parts import AbstractStage as AbstractStage
from simgeo.problems._parts import Data as Data
from simgeo.problems._teaching import AbstractNetworkTeacher as AbstractNetworkTeacher
from simgeo.problems._teaching import GivenTeacher as GivenTeacher
from simgeo.problems._teaching import TrainedTeacher as TrainedTeacher
from simgeo.problems._vector_observer import VectorObserver as VectorObserver
from simgeo.problems._vectors import Experiment as Experiment
from simgeo.problems._vectors import VectorDistillation as VectorDistillation
