"""How much of the teacher's geometry a student has.

A measure is called by its name, as in `measures.matthews(student, teacher)`, and
`battery` computes many at once. `MEASURES` holds all, also those of one's own, which
the decorator `measure` registers. Pairs are always those of different vectors.
"""

from simgeo.measures._agreement import Pattern as Pattern
from simgeo.measures._agreement import fraction_student as fraction_student
from simgeo.measures._agreement import fraction_teacher as fraction_teacher
from simgeo.measures._agreement import isolated_student as isolated_student
from simgeo.measures._agreement import isolated_teacher as isolated_teacher
from simgeo.measures._agreement import matthews as matthews
from simgeo.measures._agreement import pairs_both as pairs_both
from simgeo.measures._agreement import pairs_student as pairs_student
from simgeo.measures._agreement import pairs_teacher as pairs_teacher
from simgeo.measures._agreement import pattern_agreement as pattern_agreement
from simgeo.measures._agreement import pattern_precision as pattern_precision
from simgeo.measures._agreement import pattern_recall as pattern_recall
from simgeo.measures._battery import DEFAULT as DEFAULT
from simgeo.measures._battery import MEASURES as MEASURES
from simgeo.measures._battery import Measure as Measure
from simgeo.measures._battery import battery as battery
from simgeo.measures._battery import measure as measure
from simgeo.measures._battery import needs_root as needs_root
from simgeo.measures._battery import require as require
from simgeo.measures._battery import root_of as root_of
from simgeo.measures._dimension import coherence as coherence
from simgeo.measures._dimension import effective_rank as effective_rank
from simgeo.measures._dimension import feature_dimensionality as feature_dimensionality
from simgeo.measures._dimension import frame_potential as frame_potential
from simgeo.measures._order import neighbour_overlap as neighbour_overlap
from simgeo.measures._order import rsa as rsa
from simgeo.measures._similarity import cka as cka
from simgeo.measures._similarity import cka_uncentred as cka_uncentred
from simgeo.measures._similarity import cosine_correlation as cosine_correlation
from simgeo.measures._similarity import gram_error as gram_error
from simgeo.measures._similarity import procrustes_similarity as procrustes_similarity
from simgeo.measures._similarity import r2_of_student as r2_of_student
from simgeo.measures._similarity import r2_of_teacher as r2_of_teacher
from simgeo.measures._tiles import PairCounts as PairCounts
from simgeo.measures._tiles import PairSums as PairSums
from simgeo.measures._tiles import count_pairs as count_pairs
