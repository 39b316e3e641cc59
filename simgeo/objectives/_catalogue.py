"""Everything that can be minimised, one of each kind and variant."""

import math

import numpy as np

from simgeo.functional import About
from simgeo.objectives._map_losses import (
    CosineProjection,
    FixedProjection,
    LinearProjection,
    LogitKL,
    MLPProjection,
    OrthogonalProjection,
    RelationCKA,
)
from simgeo.objectives._objective import (
    AbstractObjective,
)
from simgeo.objectives._stepwise import (
    Constrained,
    Minibatch,
    Scheduled,
)
from simgeo.objectives._sums import (
    Hybrid,
    SeveralTeachers,
)
from simgeo.objectives._targets import (
    Angular,
    Framed,
    Quantised,
    WhitenedTargets,
)
from simgeo.objectives._vector_losses import (
    CCA,
    CKA,
    SVCCA,
    CovarianceWasserstein,
    DebiasedCKA,
    FeatureGram,
    KernelCKA,
    NeighbourKL,
    PatchCKA,
    PatternHinge,
    Procrustes,
    RelationalAngle,
    RelationalDistance,
    SimilarityPreserving,
)

LOSSES: tuple[AbstractObjective, ...] = (
    CKA(),
    CKA(centred=False),
    Angular(CKA()),
    DebiasedCKA(),
    KernelCKA(),
    KernelCKA(centred=False),
    PatchCKA(num_patches=4),
    PatchCKA(num_patches=4, centred=False),
    RelationCKA(),
    RelationCKA(centred=False),
    CCA(),
    CCA(squared=False),
    SVCCA(),
    LinearProjection(),
    LinearProjection(centred=True),
    LinearProjection(solved=True),
    CosineProjection(),
    FixedProjection(),
    OrthogonalProjection(),
    MLPProjection(),
    WhitenedTargets(),
    Procrustes(),
    Procrustes(centred=True),
    Procrustes(normalised=True),
    Procrustes(centred=True, normalised=True),
    Angular(Procrustes(centred=True, normalised=True)),
    FeatureGram(),
    FeatureGram(centred=True),
    FeatureGram(unit_rows=True),
    FeatureGram(centred=True, unit_rows=True),
    SimilarityPreserving(),
    CovarianceWasserstein(),
    RelationalDistance(),
    RelationalAngle(),
    NeighbourKL(),
    PatternHinge(),
    LogitKL(),
)
WRAPPERS: tuple[AbstractObjective, ...] = (
    Hybrid((CKA(), Procrustes()), (1.0, 0.1)),
    Scheduled(),
    Constrained(),
    Minibatch(),
    Framed(),
    Quantised(),
    SeveralTeachers(),
)


def markdown() -> str:
    """All of them in a table: docs/objectives.md is kept equal to it by a test."""
    head = ("objective", "minimised", "range", "blind to", "optimum", "cost", "source")
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    for each in (*LOSSES, *WRAPPERS):
        formula, bounds, cost, source = each.about or About("", "", "", "")
        cells = (
            each.label,
            f"`{formula}`",
            bounds,
            ", ".join(sorted(each.invariant_to)) or "nothing",
            _known_optimum(each),
            cost,
            source,
        )
        # A bar inside a cell would end it.
        lines.append(
            f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"
        )
    return "\n".join(lines)


def _known_optimum(objective: AbstractObjective) -> str:
    """For a generic teacher: at every width, or only where a copy of it fits."""
    teacher = np.random.default_rng(0).standard_normal((8, 4))
    below, at = (not math.isnan(objective.optimum(teacher, k)) for k in (2, 4))
    if not at:
        return "not known"
    return "known" if below else "0 from m = rank on"
