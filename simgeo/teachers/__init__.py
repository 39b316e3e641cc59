"""Sets of unit vectors with controlled orthogonality, to be distilled."""

from simgeo.teachers import grams as grams
from simgeo.teachers import patterns as patterns
from simgeo.teachers._base import About as About
from simgeo.teachers._base import AbstractTeacher as AbstractTeacher
from simgeo.teachers._report import markdown as markdown
from simgeo.teachers._report import report as report
from simgeo.teachers._report import table as table
from simgeo.teachers.blocks import OrthogonalBlocks as OrthogonalBlocks
from simgeo.teachers.coherence import LowCoherence as LowCoherence
from simgeo.teachers.compose import Concatenated as Concatenated
from simgeo.teachers.compose import Noisy as Noisy
from simgeo.teachers.compose import Rotated as Rotated
from simgeo.teachers.compose import UnevenRows as UnevenRows
from simgeo.teachers.file import FromFile as FromFile
from simgeo.teachers.fraction import OrthogonalFraction as OrthogonalFraction
from simgeo.teachers.gram import FromGram as FromGram
from simgeo.teachers.pattern import OrthogonalPattern as OrthogonalPattern
from simgeo.teachers.random import CommonMean as CommonMean
from simgeo.teachers.random import Gaussian as Gaussian
from simgeo.teachers.random import PowerLawSpectrum as PowerLawSpectrum
from simgeo.teachers.structure import Hierarchy as Hierarchy
from simgeo.teachers.structure import Superposition as Superposition
