"""Every loss as a plain function of (student, teacher), for use in any training loop.

All run under jit, vmap and grad, take any widths, and count in float32 or wider, also
for inputs in bfloat16. Where there is an `axis_name`, the rows may be spread over the
devices of that axis of a `jax.shard_map`: only products of feature size are summed over
it, and value and gradient are those of all rows together.
"""

from simgeo.functional.alignment import angular_cka as angular_cka
from simgeo.functional.alignment import cka as cka
from simgeo.functional.alignment import debiased_cka as debiased_cka
from simgeo.functional.alignment import patch_cka as patch_cka
from simgeo.functional.alignment import rbf_cka as rbf_cka
from simgeo.functional.alignment import relation_cka as relation_cka
from simgeo.functional.alignment import squared_angle as squared_angle
from simgeo.functional.distances import angular_procrustes as angular_procrustes
from simgeo.functional.distances import covariance_wasserstein as covariance_wasserstein
from simgeo.functional.distances import feature_gram as feature_gram
from simgeo.functional.distances import procrustes as procrustes
from simgeo.functional.distances import similarity_preserving as similarity_preserving
from simgeo.functional.projections import cca as cca
from simgeo.functional.projections import cosine_projection as cosine_projection
from simgeo.functional.projections import linear_projection as linear_projection
from simgeo.functional.projections import logit_kl as logit_kl
from simgeo.functional.projections import mlp_projection as mlp_projection
from simgeo.functional.projections import orthogonal_projection as orthogonal_projection
from simgeo.functional.projections import svcca as svcca
from simgeo.functional.relations import neighbour_kl as neighbour_kl
from simgeo.functional.relations import pattern_hinge as pattern_hinge
from simgeo.functional.relations import quantise as quantise
from simgeo.functional.relations import relational_angle as relational_angle
from simgeo.functional.relations import relational_distance as relational_distance
