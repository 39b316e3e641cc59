"""What a distillation run minimises."""

from simgeo.objectives._base import AbstractObjective as AbstractObjective
from simgeo.objectives.cka import CKA as CKA
from simgeo.objectives.gram import FeatureGram as FeatureGram
from simgeo.objectives.hybrid import Hybrid as Hybrid
from simgeo.objectives.procrustes import Procrustes as Procrustes
from simgeo.objectives.projection import LinearProjection as LinearProjection

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
