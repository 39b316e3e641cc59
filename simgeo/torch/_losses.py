"""The losses: every formula is that of `simgeo.functional`."""

from simgeo import functional
from simgeo.torch._bridge import bridged

angular_cka = bridged(functional.angular_cka)
angular_procrustes = bridged(functional.angular_procrustes)
cca = bridged(functional.cca)
cka = bridged(functional.cka)
cosine_projection = bridged(functional.cosine_projection)
covariance_wasserstein = bridged(functional.covariance_wasserstein)
debiased_cka = bridged(functional.debiased_cka)
feature_gram = bridged(functional.feature_gram)
linear_projection = bridged(functional.linear_projection)
logit_kl = bridged(functional.logit_kl)
mlp_projection = bridged(functional.mlp_projection)
neighbour_kl = bridged(functional.neighbour_kl)
orthogonal_projection = bridged(functional.orthogonal_projection)
patch_cka = bridged(functional.patch_cka)
pattern_hinge = bridged(functional.pattern_hinge)
procrustes = bridged(functional.procrustes)
rbf_cka = bridged(functional.rbf_cka)
relation_cka = bridged(functional.relation_cka)
relational_angle = bridged(functional.relational_angle)
relational_distance = bridged(functional.relational_distance)
similarity_preserving = bridged(functional.similarity_preserving)
svcca = bridged(functional.svcca)

# These give arrays, for a loss to take.
framed = bridged(functional.framed, gives_number=False)
quantise = bridged(functional.quantise, gives_number=False)
squared_angle = bridged(functional.squared_angle, gives_number=False)
