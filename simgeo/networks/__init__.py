"""Networks that teach and learn, described by their sizes."""

from simgeo.networks._described import AbstractNetwork as AbstractNetwork
from simgeo.networks._described import Outputs as Outputs
from simgeo.networks._described import Task as Task
from simgeo.networks._feed_forward import MLP as MLP
from simgeo.networks._feed_forward import ConvNet as ConvNet
from simgeo.networks._quantised import Quantised as Quantised
from simgeo.networks._transformer import CausalTransformer as CausalTransformer
from simgeo.networks._transformer import Encoder as Encoder
