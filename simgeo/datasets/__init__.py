"""Examples that networks are trained on: installed, generated, or of one's own."""

from simgeo.datasets._dataset import AbstractDataset as AbstractDataset
from simgeo.datasets._dataset import Examples as Examples
from simgeo.datasets._dataset import Split as Split
from simgeo.datasets._file import ExampleFile as ExampleFile
from simgeo.datasets._generated import Instructions as Instructions
from simgeo.datasets._generated import TwoViews as TwoViews
from simgeo.datasets._installed import Digits as Digits
from simgeo.datasets._installed import Mnist as Mnist
from simgeo.datasets._text_blocks import TextBlocks as TextBlocks
from simgeo.datasets._texts import Docstrings as Docstrings
from simgeo.datasets._texts import News as News
