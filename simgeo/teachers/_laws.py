"""Teachers drawn from simple laws."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import PRNGKeyArray

from simgeo.checks import BELOW_1, NOT_NEGATIVE, require
from simgeo.linalg import unit_rows
from simgeo.teachers._teacher import About, AbstractTeacher, Rows, lean, random_units


class Gaussian(AbstractTeacher):
    """Independent, uniformly distributed directions: normalised Gaussian vectors.

    Cosines have mean 0 and variance 1/d; `limits.random_fraction` is their expected
    fraction of epsilon-orthogonal pairs.
    """

    about = About(
        control="none: chance",
        feasible="any n and d",
        exact="in distribution",
        cost="n d; milliseconds",
    )

    def __call__(self, key: PRNGKeyArray, num_vectors: int, teacher_dim: int) -> Rows:
        self.check(num_vectors, teacher_dim)
        return random_units(key, num_vectors, teacher_dim)


class CommonMean(AbstractTeacher):
    """Random directions leaning towards one common, random direction u.

    x_i = sqrt(c) u + sqrt(1 - c) z_i, c = `cosine`, z_i uniform unit vectors orthogonal
    to u: the cosine of two vectors has mean c and standard deviation
    (1 - c) / sqrt(d - 1). Centred objectives do not see u.
    """

    about = About(
        control="mean cosine",
        feasible="0 to 1, 1 excluded; d >= 2",
        exact="in expectation",
        cost="n d; milliseconds",
    )
    cosine: float = eqx.field(default=0.1, metadata=BELOW_1)

    def check(self, num_vectors: int, teacher_dim: int) -> None:
        super().check(num_vectors, teacher_dim)
        rule = "be at least 2 for a common mean"
        require(teacher_dim >= 2, "teacher_dim", rule, teacher_dim)

    def __call__(self, key: PRNGKeyArray, num_vectors: int, teacher_dim: int) -> Rows:
        self.check(num_vectors, teacher_dim)
        mean_key, own_key = jax.random.split(key)
        mean = random_units(mean_key, 1, teacher_dim)
        return lean(mean, random_units(own_key, num_vectors, teacher_dim), self.cosine)


class PowerLawSpectrum(AbstractTeacher):
    """Gaussian vectors whose k-th coordinate is scaled by k^-exponent, to unit length.

    Before rows are normalised the covariance has eigenvalues k^(-2 exponent); after,
    the spectrum decays slightly slower. Zero gives `Gaussian`.
    """

    about = About(
        control="decay of the spectrum",
        feasible="any exponent from 0",
        exact="in expectation; FromGram of a Spectrum is exact",
        cost="n d; milliseconds",
    )
    exponent: float = eqx.field(default=0.75, metadata=NOT_NEGATIVE)

    def __call__(self, key: PRNGKeyArray, num_vectors: int, teacher_dim: int) -> Rows:
        self.check(num_vectors, teacher_dim)
        draw = jax.random.normal(key, (num_vectors, teacher_dim))
        rank = jnp.arange(1, teacher_dim + 1, dtype=draw.dtype)
        return unit_rows(draw * rank[None, :] ** -self.exponent)
