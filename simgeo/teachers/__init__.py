"""Sets of vectors with controlled orthogonality, or of one's own, to be distilled."""

from simgeo.teachers import grams as grams
from simgeo.teachers import patterns as patterns
from simgeo.teachers._composed import Concatenated as Concatenated
from simgeo.teachers._composed import Noisy as Noisy
from simgeo.teachers._composed import Rotated as Rotated
from simgeo.teachers._composed import UnevenRows as UnevenRows
from simgeo.teachers._fraction import OrthogonalFraction as OrthogonalFraction
from simgeo.teachers._laws import CommonMean as CommonMean
from simgeo.teachers._laws import Gaussian as Gaussian
from simgeo.teachers._laws import PowerLawSpectrum as PowerLawSpectrum
from simgeo.teachers._low_coherence import LowCoherence as LowCoherence
from simgeo.teachers._matrix_file import read_matrices as read_matrices
from simgeo.teachers._own_vectors import FromArray as FromArray
from simgeo.teachers._own_vectors import FromFile as FromFile
from simgeo.teachers._report import markdown as markdown
from simgeo.teachers._report import report as report
from simgeo.teachers._report import table as table
from simgeo.teachers._structured import Hierarchy as Hierarchy
from simgeo.teachers._structured import OrthogonalBlocks as OrthogonalBlocks
from simgeo.teachers._structured import Superposition as Superposition
from simgeo.teachers._teacher import About as About
from simgeo.teachers._teacher import AbstractTeacher as AbstractTeacher
from simgeo.teachers.grams import FromGram as FromGram
from simgeo.teachers.patterns import OrthogonalPattern as OrthogonalPattern
