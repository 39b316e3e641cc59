"""Sets of unit vectors with controlled orthogonality, to be distilled."""

from simgeo.teachers._base import AbstractTeacher as AbstractTeacher
from simgeo.teachers._report import report as report
from simgeo.teachers.blocks import OrthogonalBlocks as OrthogonalBlocks
from simgeo.teachers.fraction import OrthogonalFraction as OrthogonalFraction
from simgeo.teachers.random import CommonMean as CommonMean
from simgeo.teachers.random import Gaussian as Gaussian
from simgeo.teachers.random import PowerLawSpectrum as PowerLawSpectrum
