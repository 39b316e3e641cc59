"""Every loss as a plain function of (student, teacher), for use in any training loop.

All run under jit, vmap and grad, take any widths, lists and arrays of NumPy and PyTorch
too, and count in float32 or wider, also for inputs in bfloat16. Where there is an
`axis_name`, the rows may be spread over the devices of that axis of a `jax.shard_map`:
only products of feature size are summed over it, and value and gradient are those of
all rows together.
"""

from simgeo.functional._alignment import angular_cka as angular_cka
from simgeo.functional._alignment import cka as cka
from simgeo.functional._alignment import debiased_cka as debiased_cka
from simgeo.functional._alignment import patch_cka as patch_cka
from simgeo.functional._alignment import rbf_cka as rbf_cka
from simgeo.functional._alignment import relation_cka as relation_cka
from simgeo.functional._alignment import squared_angle as squared_angle
from simgeo.functional._gram_distances import angular_procrustes as angular_procrustes
from simgeo.functional._gram_distances import (
    covariance_wasserstein as covariance_wasserstein,
)
from simgeo.functional._gram_distances import feature_gram as feature_gram
from simgeo.functional._gram_distances import procrustes as procrustes
from simgeo.functional._gram_distances import (
    similarity_preserving as similarity_preserving,
)
from simgeo.functional._loss import KNOBS as KNOBS
from simgeo.functional._loss import About as About
from simgeo.functional._loss import about as about
from simgeo.functional._loss import check_knobs as check_knobs
from simgeo.functional._loss import documented as documented
from simgeo.functional._projections import cca as cca
from simgeo.functional._projections import cosine_projection as cosine_projection
from simgeo.functional._projections import linear_projection as linear_projection
from simgeo.functional._projections import logit_kl as logit_kl
from simgeo.functional._projections import mlp_projection as mlp_projection
from simgeo.functional._projections import (
    orthogonal_projection as orthogonal_projection,
)
from simgeo.functional._projections import svcca as svcca
from simgeo.functional._relations import neighbour_kl as neighbour_kl
from simgeo.functional._relations import pattern_hinge as pattern_hinge
from simgeo.functional._relations import quantise as quantise
from simgeo.functional._relations import relational_angle as relational_angle
from simgeo.functional._relations import relational_distance as relational_distance
from simgeo.functional._rows import framed as framed
from simgeo.functional._rows import removed_share as removed_share
from simgeo.linalg import as_matrix as as_matrix
