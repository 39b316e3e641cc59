"""Vectors of one's own, from a file."""

from typing import Literal

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from simgeo.linalg import unit_rows
from simgeo.teachers._matrix_file import AbstractFile
from simgeo.teachers._teacher import About, AbstractTeacher


class FromFile(AbstractTeacher, AbstractFile):
    """Vectors read from a .npy, .npz, .csv or .safetensors file, to unit length.

    `vectors` says whether a vector is a row or a column of the matrix. Of more vectors
    than asked for, each draw takes a random choice, in their order, or the first.
    `path`, `name` of an array in the file, and `digest` of its content: see
    `AbstractFile`. The file is read when a draw is compiled.
    """

    about = About(
        control="the vectors themselves",
        feasible="finite, no zero vector, as wide as asked, at least as many",
        exact="to rounding",
        cost="reading up to 2 GiB",
    )
    vectors: Literal["rows", "columns"] = eqx.field(static=True, default="rows")
    choice: Literal["random", "first"] = eqx.field(static=True, default="random")

    def __check_init__(self) -> None:
        if self.vectors not in ("rows", "columns"):
            raise ValueError(
                f"`vectors` must be 'rows' or 'columns'; got {self.vectors!r}."
            )
        if self.choice not in ("random", "first"):
            raise ValueError(
                f"`choice` must be 'random' or 'first'; got {self.choice!r}."
            )

    def check(self, num_vectors: int, dim: int) -> None:
        super().check(num_vectors, dim)
        count, width = self._all().shape
        if width != dim:
            other = "columns" if self.vectors == "rows" else "rows"
            raise ValueError(
                f"`dim` must be {width}, the number of {other} of {self.path}; got "
                f"{dim}."
            )
        if num_vectors > count:
            raise ValueError(
                f"`num_vectors` must not exceed {count}, the number of {self.vectors} "
                f"of {self.path}; got {num_vectors}."
            )

    def __call__(
        self, key: PRNGKeyArray, num_vectors: int, dim: int
    ) -> Float[Array, "n d"]:
        self.check(num_vectors, dim)
        every = self._all()
        if self.choice == "first" or len(every) == num_vectors:
            return unit_rows(jnp.asarray(every[:num_vectors], float))
        order = jax.random.permutation(key, len(every))[:num_vectors]
        return unit_rows(jnp.asarray(every, float)[jnp.sort(order)])

    def _all(self) -> Float[np.ndarray, "all d"]:
        matrix = self.matrix()
        every = matrix if self.vectors == "rows" else matrix.T
        # Scaled by the largest entry, since squares must not vanish in float32.
        largest = np.max(np.abs(every), axis=1, keepdims=True)
        zero = np.flatnonzero(largest == 0)
        if zero.size:
            raise ValueError(
                f"`path` must not hold zero vectors, which have no direction; "
                f"{self.path} has {zero.size}, the first at place {zero[0]} of its "
                f"{self.vectors}."
            )
        return every / largest
