"""What a distillation run minimises."""

from simgeo.functional import About as About
from simgeo.objectives._catalogue import LOSSES as LOSSES
from simgeo.objectives._catalogue import WRAPPERS as WRAPPERS
from simgeo.objectives._catalogue import markdown as markdown
from simgeo.objectives._map_losses import CosineProjection as CosineProjection
from simgeo.objectives._map_losses import FixedProjection as FixedProjection
from simgeo.objectives._map_losses import LinearProjection as LinearProjection
from simgeo.objectives._map_losses import LogitKL as LogitKL
from simgeo.objectives._map_losses import MLPProjection as MLPProjection
from simgeo.objectives._map_losses import OrthogonalProjection as OrthogonalProjection
from simgeo.objectives._map_losses import RelationCKA as RelationCKA
from simgeo.objectives._objective import AbstractObjective as AbstractObjective
from simgeo.objectives._stepwise import Constrained as Constrained
from simgeo.objectives._stepwise import Minibatch as Minibatch
from simgeo.objectives._stepwise import Scheduled as Scheduled
from simgeo.objectives._sums import Hybrid as Hybrid
from simgeo.objectives._sums import SeveralTeachers as SeveralTeachers
from simgeo.objectives._targets import Angular as Angular
from simgeo.objectives._targets import Framed as Framed
from simgeo.objectives._targets import Quantised as Quantised
from simgeo.objectives._targets import WhitenedTargets as WhitenedTargets
from simgeo.objectives._vector_losses import CCA as CCA
from simgeo.objectives._vector_losses import CKA as CKA
from simgeo.objectives._vector_losses import SVCCA as SVCCA
from simgeo.objectives._vector_losses import (
    CovarianceWasserstein as CovarianceWasserstein,
)
from simgeo.objectives._vector_losses import DebiasedCKA as DebiasedCKA
from simgeo.objectives._vector_losses import FeatureGram as FeatureGram
from simgeo.objectives._vector_losses import KernelCKA as KernelCKA
from simgeo.objectives._vector_losses import NeighbourKL as NeighbourKL
from simgeo.objectives._vector_losses import PatchCKA as PatchCKA
from simgeo.objectives._vector_losses import PatternHinge as PatternHinge
from simgeo.objectives._vector_losses import Procrustes as Procrustes
from simgeo.objectives._vector_losses import RelationalAngle as RelationalAngle
from simgeo.objectives._vector_losses import RelationalDistance as RelationalDistance
from simgeo.objectives._vector_losses import (
    SimilarityPreserving as SimilarityPreserving,
)

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
