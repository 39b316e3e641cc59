"""What is possible: packing bounds, levels of chance, and the optimum of objectives.

Everything runs in NumPy float64 on the host and nothing is traced. A vector here is a
direction: lengths and signs do not matter, only |cos|. Two vectors are
epsilon-orthogonal when |cos| <= epsilon.
"""

from simgeo.limits._chance import random_coherence as random_coherence
from simgeo.limits._chance import random_fraction as random_fraction
from simgeo.limits._chance import random_fraction_spread as random_fraction_spread
from simgeo.limits._chance import random_gram_error as random_gram_error
from simgeo.limits._chance import random_pairs as random_pairs
from simgeo.limits._coherence import bukh_cox as bukh_cox
from simgeo.limits._coherence import coherence_bound as coherence_bound
from simgeo.limits._coherence import levenshtein as levenshtein
from simgeo.limits._coherence import orthoplex as orthoplex
from simgeo.limits._coherence import packing as packing
from simgeo.limits._coherence import sidelnikov as sidelnikov
from simgeo.limits._coherence import welch as welch
from simgeo.limits._constructions import known_coherence as known_coherence
from simgeo.limits._constructions import (
    known_orthogonal_vectors as known_orthogonal_vectors,
)
from simgeo.limits._largest import count_bounds as count_bounds
from simgeo.limits._largest import (
    guaranteed_orthogonal_vectors as guaranteed_orthogonal_vectors,
)
from simgeo.limits._largest import max_orthogonal_fraction as max_orthogonal_fraction
from simgeo.limits._largest import max_orthogonal_pairs as max_orthogonal_pairs
from simgeo.limits._largest import max_orthogonal_vectors as max_orthogonal_vectors
from simgeo.limits._largest import min_dim as min_dim
from simgeo.limits._largest import turan as turan
from simgeo.limits._optima import cka_optimum as cka_optimum
from simgeo.limits._optima import gram_optimum as gram_optimum
from simgeo.limits._optima import (
    normalised_procrustes_optimum as normalised_procrustes_optimum,
)
from simgeo.limits._optima import optimal_student as optimal_student
from simgeo.limits._optima import procrustes_optimum as procrustes_optimum
from simgeo.limits._optima import projection_optimum as projection_optimum
from simgeo.limits._summary import Limit as Limit
from simgeo.limits._summary import summary as summary
from simgeo.limits._summary import table as table
from simgeo.limits._unit_rows import unit_row_gram_bound as unit_row_gram_bound
from simgeo.limits._unit_rows import (
    unit_row_procrustes_bound as unit_row_procrustes_bound,
)
