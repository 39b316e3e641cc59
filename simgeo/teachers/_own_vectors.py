"""Vectors of one's own, from an array or a file."""

import hashlib
from typing import Any, Literal

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, PRNGKeyArray

from simgeo.checks import check_fields, require
from simgeo.teachers._matrix_file import AbstractFile, real_matrix
from simgeo.teachers._teacher import About, AbstractTeacher, Rows

_SHORTEST, _LONGEST = 1e-18, 1e18  # vectors whose squared lengths float32 holds


class AbstractGiven(AbstractTeacher):
    """Vectors that are given: each draw takes some of them, or all.

    Of more vectors than asked for, each draw takes a random choice, in their order, or
    the first. Lengths are kept unless `unit_rows`. With `centre` the mean of all that
    are given is subtracted first, so that a vector is the same in every draw.
    """

    choice: eqx.AbstractVar[Literal["random", "first"]]
    unit_rows: eqx.AbstractVar[bool]
    centre: eqx.AbstractVar[bool]

    def size(self) -> tuple[int, int] | None:
        count, width = self._all().shape
        return count, width

    def check(self, num_vectors: int, teacher_dim: int) -> None:
        super().check(num_vectors, teacher_dim)
        count, width = self._all().shape
        rule = f"be {width}, the width of the vectors in {self._source()}"
        require(teacher_dim == width, "teacher_dim", rule, teacher_dim)
        rule = f"not exceed {count}, the number of vectors in {self._source()}"
        require(num_vectors <= count, "num_vectors", rule, num_vectors)

    def __call__(self, key: PRNGKeyArray, num_vectors: int, teacher_dim: int) -> Rows:
        self.check(num_vectors, teacher_dim)
        every = self._all()
        if self.choice == "first" or len(every) == num_vectors:
            return jnp.asarray(every[:num_vectors], float)
        order = jax.random.permutation(key, len(every))[:num_vectors]
        return jnp.asarray(every, float)[jnp.sort(order)]

    def _given(self) -> Float[np.ndarray, "all d"]:
        """The vectors as they are given, in float64."""
        raise NotImplementedError

    def _source(self) -> str:
        """What they are in, for refusals."""
        raise NotImplementedError

    def _all(self) -> Float[np.ndarray, "all d"]:
        every = self._given()
        if self.centre:
            every = every - every.mean(axis=0, keepdims=True)
        # Scaled by the largest entry, since squares must not vanish.
        largest = np.max(np.abs(every), axis=1, keepdims=True)
        zero = np.flatnonzero(largest == 0)
        if zero.size:
            raise ValueError(
                f"`{self._setting}` must not hold zero vectors, which have no "
                f"direction; {self._source()} has {zero.size}, the first at place "
                f"{zero[0]}{' once the mean is subtracted' if self.centre else ''}."
            )
        scaled = every / largest
        lengths = largest * np.linalg.norm(scaled, axis=1, keepdims=True)
        if self.unit_rows:
            return scaled / np.linalg.norm(scaled, axis=1, keepdims=True)
        least, most = np.min(lengths), np.max(lengths)
        rule = f"hold vectors of lengths between {_SHORTEST:g} and {_LONGEST:g}"
        got = f"some from {least:.2g} to {most:.2g} in {self._source()}"
        is_right = bool(_SHORTEST <= least and most <= _LONGEST)
        advice = ". Set `unit_rows`, or scale them"
        require(is_right, self._setting, rule, got + advice)
        return every

    @property
    def _setting(self) -> str:
        return "path" if isinstance(self, AbstractFile) else "vectors"


class _Frozen:
    """An array that is equal to another of the same content, and hashable."""

    def __init__(self, array: Any) -> None:
        if array is None:
            raise ValueError(
                "`vectors` must be given in Python; got None. Settings do not hold "
                "arrays: save it with `numpy.save` and use `FromFile`."
            )
        try:
            self.given = np.array(array)  # a copy, which nobody changes
        except ValueError as error:  # of a ragged list
            raise ValueError(
                f"`vectors` must be a matrix; got rows of different lengths: {error}"
            ) from error
        self.given.setflags(write=False)
        self.real = real_matrix(self.given, "vectors", "the array")
        shape = "x".join(map(str, self.given.shape))
        content = hashlib.sha256(np.ascontiguousarray(self.given)).hexdigest()[:16]
        self.digest = f"{content} {shape} {self.given.dtype}"

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.array(self.given, dtype=dtype, copy=copy)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Frozen) and other.digest == self.digest

    def __hash__(self) -> int:
        return hash(self.digest)

    def __repr__(self) -> str:
        return f"<{self.digest}>"


def _frozen(array: Any) -> _Frozen:
    return array if isinstance(array, _Frozen) else _Frozen(array)


class FromArray(AbstractGiven):
    """Vectors of one's own: the rows of an array.

    Of more vectors than asked for, each draw takes a random choice, in their order. A
    description of settings says `digest`, the first 16 digits of the SHA-256 of the
    array's bytes, its shape and its type, and not the array: what is to run from a file
    of settings, or in another process, needs the array saved and `FromFile`.

    Args:
        vectors: (n, d) real, finite numbers, no row of zeros: a NumPy, JAX or PyTorch
            array on the CPU, or nested lists. It is copied.
        choice: of more rows than asked for, "random" ones (the default) or the "first".
        unit_rows: whether rows are scaled to length 1. They keep their lengths unless
            asked.
        centre: whether the mean of all rows is subtracted first; not unless asked.
        digest: left out, or what the array must have.

    >>> import jax
    >>> import numpy as np
    >>> from simgeo import teachers
    >>> teacher = teachers.FromArray(np.arange(6.0).reshape(3, 2))
    >>> teacher.size()
    (3, 2)
    >>> teacher(jax.random.key(0), 3, 2)[2].tolist()
    [4.0, 5.0]
    """

    about = About(
        control="the vectors themselves",
        feasible="finite, no zero vector, as wide as asked, at least as many",
        exact="to rounding",
        cost="n d; milliseconds",
    )
    vectors: Any = eqx.field(
        static=True, default=None, converter=_frozen, metadata={"describe": False}
    )
    choice: Literal["random", "first"] = eqx.field(static=True, default="random")
    unit_rows: bool = eqx.field(static=True, default=False)
    centre: bool = eqx.field(static=True, default=False)
    digest: str = eqx.field(static=True, default="")

    def __check_init__(self) -> None:
        check_fields(self)
        found = self.vectors.digest
        rule = f"be left out, or {found!r}, that of the array"
        require(self.digest in ("", found), "digest", rule, repr(self.digest))
        object.__setattr__(self, "digest", found)

    def _given(self) -> Float[np.ndarray, "all d"]:
        return self.vectors.real

    def _source(self) -> str:
        return "the array"


class FromFile(AbstractGiven, AbstractFile):
    """Vectors of one's own, from a .npy, .npz, .csv or .safetensors file.

    Of more vectors than asked for, each draw takes a random choice, in their order. The
    file is read when a draw is compiled.

    Args:
        path: of the file, as text or a path.
        name: of an array in a .npz or .safetensors file, if it holds several.
        digest: of the file's content, noted when the teacher is made; given, it is what
            the file must have. See `AbstractFile`.
        axis: whether a vector is one of the "rows" (the default) or "columns".
        choice: of more than asked for, "random" ones (the default) or the "first".
        unit_rows: whether vectors are scaled to length 1. They keep their lengths
            unless asked.
        centre: whether the mean of all vectors in the file is subtracted first; not
            unless asked.
    """

    about = About(
        control="the vectors themselves",
        feasible="finite, no zero vector, as wide as asked, at least as many",
        exact="to rounding",
        cost="reading up to 2 GiB",
    )
    axis: Literal["rows", "columns"] = eqx.field(static=True, default="rows")
    choice: Literal["random", "first"] = eqx.field(static=True, default="random")
    unit_rows: bool = eqx.field(static=True, default=False)
    centre: bool = eqx.field(static=True, default=False)

    def _given(self) -> Float[np.ndarray, "all d"]:
        return self.matrix() if self.axis == "rows" else self.matrix().T

    def _source(self) -> str:
        return self.path
