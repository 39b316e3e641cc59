"""The losses of `simgeo.functional` on torch tensors, with autograd.

JAX computes value and gradient in one program, compiled once for each shape; tensors
cross by DLPack without a copy. Inputs in bfloat16 and float16 count in float32, and the
loss is then float32; float64 counts in float64, whatever JAX is set to. Gradients have
the type of their tensor. There is no second derivative.

Losses that learn a map beside the student are `torch.nn.Module`s. This is an extra:
from a checkout, `pip install '.[torch]'`.
"""

try:
    import torch as _  # noqa: F401
except ModuleNotFoundError as error:
    if error.name != "torch":
        raise
    raise ModuleNotFoundError(
        "`simgeo.torch` must have PyTorch; got no module `torch`. From a checkout of "
        "simgeo: pip install '.[torch]'.",
        name="torch",
    ) from None

from simgeo.torch._compilation import keep_programs as keep_programs
from simgeo.torch._compilation import program_counts as program_counts
from simgeo.torch._learned import CosineProjection as CosineProjection
from simgeo.torch._learned import LinearProjection as LinearProjection
from simgeo.torch._learned import MLPProjection as MLPProjection
from simgeo.torch._learned import OrthogonalProjection as OrthogonalProjection
from simgeo.torch._losses import angular_cka as angular_cka
from simgeo.torch._losses import angular_procrustes as angular_procrustes
from simgeo.torch._losses import cca as cca
from simgeo.torch._losses import cka as cka
from simgeo.torch._losses import cosine_projection as cosine_projection
from simgeo.torch._losses import covariance_wasserstein as covariance_wasserstein
from simgeo.torch._losses import debiased_cka as debiased_cka
from simgeo.torch._losses import feature_gram as feature_gram
from simgeo.torch._losses import framed as framed
from simgeo.torch._losses import linear_projection as linear_projection
from simgeo.torch._losses import logit_kl as logit_kl
from simgeo.torch._losses import mlp_projection as mlp_projection
from simgeo.torch._losses import neighbour_kl as neighbour_kl
from simgeo.torch._losses import orthogonal_projection as orthogonal_projection
from simgeo.torch._losses import patch_cka as patch_cka
from simgeo.torch._losses import pattern_hinge as pattern_hinge
from simgeo.torch._losses import procrustes as procrustes
from simgeo.torch._losses import quantise as quantise
from simgeo.torch._losses import rbf_cka as rbf_cka
from simgeo.torch._losses import relation_cka as relation_cka
from simgeo.torch._losses import relational_angle as relational_angle
from simgeo.torch._losses import relational_distance as relational_distance
from simgeo.torch._losses import similarity_preserving as similarity_preserving
from simgeo.torch._losses import squared_angle as squared_angle
from simgeo.torch._losses import svcca as svcca
