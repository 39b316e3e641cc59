"""What a distillation run minimises."""

from simgeo.objectives._base import AbstractObjective as AbstractObjective
from simgeo.objectives.cka import CKA as CKA
from simgeo.objectives.cka import DebiasedCKA as DebiasedCKA
from simgeo.objectives.gram import FeatureGram as FeatureGram
from simgeo.objectives.hybrid import Hybrid as Hybrid
from simgeo.objectives.neighbours import NeighbourKL as NeighbourKL
from simgeo.objectives.orthogonal import OrthogonalProjection as OrthogonalProjection
from simgeo.objectives.pattern import PatternHinge as PatternHinge
from simgeo.objectives.procrustes import Procrustes as Procrustes
from simgeo.objectives.projection import FixedProjection as FixedProjection
from simgeo.objectives.projection import LinearProjection as LinearProjection
from simgeo.objectives.relational import RelationalDistance as RelationalDistance
from simgeo.objectives.similarity import SimilarityPreserving as SimilarityPreserving

# Recorded along every run, whatever is optimised.
STANDARD: dict[str, AbstractObjective] = {
    "cka": CKA(),
    "cka_uncentred": CKA(centred=False),
    "projection": LinearProjection(solved=True),
    "procrustes": Procrustes(),
    "procrustes_normalised": Procrustes(centred=True, normalised=True),
    "gram": FeatureGram(),
    "gram_centred": FeatureGram(centred=True),
    "gram_unit_rows": FeatureGram(unit_rows=True),
}
