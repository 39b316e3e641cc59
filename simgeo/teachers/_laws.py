"""Teachers drawn from simple laws."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from simgeo.linalg import unit_rows
from simgeo.teachers._teacher import (
    About,
    AbstractTeacher,
    check_cosine,
    known,
    lean,
    random_units,
)


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

    def __call__(
        self, key: PRNGKeyArray, num_vectors: int, dim: int
    ) -> Float[Array, "n d"]:
        self.check(num_vectors, dim)
        return random_units(key, num_vectors, dim)


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
    cosine: float = 0.1

    def __check_init__(self) -> None:
        check_cosine(self.cosine)

    def check(self, num_vectors: int, dim: int) -> None:
        super().check(num_vectors, dim)
        if dim < 2:
            raise ValueError(f"`dim` must be at least 2; got {dim}. Use `Gaussian`.")

    def __call__(
        self, key: PRNGKeyArray, num_vectors: int, dim: int
    ) -> Float[Array, "n d"]:
        self.check(num_vectors, dim)
        mean_key, own_key = jax.random.split(key)
        mean = random_units(mean_key, 1, dim)
        return lean(mean, random_units(own_key, num_vectors, dim), self.cosine)


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
    exponent: float = 0.75

    def __check_init__(self) -> None:
        if known(self.exponent) and not self.exponent >= 0:
            raise ValueError(
                f"`exponent` must not be negative; got {self.exponent}. "
                "The first coordinates are the large ones."
            )

    def __call__(
        self, key: PRNGKeyArray, num_vectors: int, dim: int
    ) -> Float[Array, "n d"]:
        self.check(num_vectors, dim)
        draw = jax.random.normal(key, (num_vectors, dim))
        rank = jnp.arange(1, dim + 1, dtype=draw.dtype)
        return unit_rows(draw * rank[None, :] ** -self.exponent)
