"""What a distillation run minimises."""

from simgeo.objectives._base import About as About
from simgeo.objectives._base import AbstractObjective as AbstractObjective
from simgeo.objectives._catalogue import LOSSES as LOSSES
from simgeo.objectives._catalogue import WRAPPERS as WRAPPERS
from simgeo.objectives._catalogue import markdown as markdown
from simgeo.objectives.cca import CCA as CCA
from simgeo.objectives.cca import SVCCA as SVCCA
from simgeo.objectives.cka import CKA as CKA
from simgeo.objectives.cka import DebiasedCKA as DebiasedCKA
from simgeo.objectives.cka import KernelCKA as KernelCKA
from simgeo.objectives.cka import PatchCKA as PatchCKA
from simgeo.objectives.covariance import CovarianceWasserstein as CovarianceWasserstein
from simgeo.objectives.gram import FeatureGram as FeatureGram
from simgeo.objectives.gram import SimilarityPreserving as SimilarityPreserving
from simgeo.objectives.hybrid import Hybrid as Hybrid
from simgeo.objectives.logits import LogitKL as LogitKL
from simgeo.objectives.logits import RelationCKA as RelationCKA
from simgeo.objectives.neighbours import NeighbourKL as NeighbourKL
from simgeo.objectives.orthogonal import OrthogonalProjection as OrthogonalProjection
from simgeo.objectives.pattern import PatternHinge as PatternHinge
from simgeo.objectives.procrustes import Procrustes as Procrustes
from simgeo.objectives.projection import CosineProjection as CosineProjection
from simgeo.objectives.projection import FixedProjection as FixedProjection
from simgeo.objectives.projection import LinearProjection as LinearProjection
from simgeo.objectives.projection import MLPProjection as MLPProjection
from simgeo.objectives.relational import RelationalAngle as RelationalAngle
from simgeo.objectives.relational import RelationalDistance as RelationalDistance
from simgeo.objectives.several import SeveralTeachers as SeveralTeachers
from simgeo.objectives.stepwise import Constrained as Constrained
from simgeo.objectives.stepwise import Minibatch as Minibatch
from simgeo.objectives.stepwise import Scheduled as Scheduled
from simgeo.objectives.targets import Angular as Angular
from simgeo.objectives.targets import Quantised as Quantised
from simgeo.objectives.targets import WhitenedTargets as WhitenedTargets

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
