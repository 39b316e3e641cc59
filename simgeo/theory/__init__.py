"""What the distances imply about one another, and students that show what they do not.

Everything runs in NumPy float64 on the host and nothing is traced. docs/theory.md has
the statements with their proofs.
"""

from simgeo.theory.bounds import Bounds as Bounds
from simgeo.theory.bounds import gram_bounds as gram_bounds
from simgeo.theory.bounds import procrustes_bounds as procrustes_bounds
from simgeo.theory.certificates import QUANTITIES as QUANTITIES
from simgeo.theory.certificates import deviations as deviations
from simgeo.theory.certificates import frontier as frontier
from simgeo.theory.distances import Comparison as Comparison
from simgeo.theory.distances import Constants as Constants
from simgeo.theory.distances import compare as compare
from simgeo.theory.distances import constants as constants
from simgeo.theory.distances import gram_distance as gram_distance
from simgeo.theory.distances import procrustes_distance as procrustes_distance
from simgeo.theory.fallacies import FALLACIES as FALLACIES
from simgeo.theory.fallacies import Fallacy as Fallacy
from simgeo.theory.floors import antipodal_axes as antipodal_axes
from simgeo.theory.floors import balanced as balanced
from simgeo.theory.floors import cka_floor as cka_floor
from simgeo.theory.floors import lost_share as lost_share
from simgeo.theory.floors import most_lost as most_lost
from simgeo.theory.inequalities import INEQUALITIES as INEQUALITIES
from simgeo.theory.inequalities import Inequality as Inequality
from simgeo.theory.inequalities import both as both
from simgeo.theory.pairs import awkward_pairs as awkward_pairs
from simgeo.theory.projected import projected_student as projected_student
from simgeo.theory.projected import translated_student as translated_student
from simgeo.theory.search import Found as Found
from simgeo.theory.search import losing_student as losing_student
from simgeo.theory.table import markdown as markdown
from simgeo.theory.table import ratios as ratios
