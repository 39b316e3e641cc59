"""What a measure is, where all of them are registered, and how many are computed."""

import functools
import inspect
import re
from collections.abc import Callable, Sequence

import jax.numpy as jnp
from jaxtyping import Array, Float

from simgeo.linalg import (
    Vectors,
    all_finite,
    as_matrices,
    as_matrix,
    as_wide,
    centre,
    in_full_precision,
    whitening,
)
from simgeo.measures._tiles import pair_sums
from simgeo.settings import suggest

_GIVEN = ("student", "teacher", "epsilon", "pairs", "root")
_DIRECTIONS = ("higher", "lower", "")
# Records, levels, dimensions and settings have these names beside the measures.
_TAKEN = {
    *("seed", "step", "vector", "student_axis", "teacher_axis"),
    *("student", "teacher", "objective", "optimiser", "epsilon", "n", "d", "m"),
    *("loss", "relative_loss", "excess_loss", "gradient_norm", "update_norm"),
    *("optimum_loss", "relative_optimum", "ceiling_fraction_student"),
    *("fingerprint", "precision"),
}
_PREFIXES = ("chance_", "svd_", "optimum_", "distance_", "zero_student_")

DEFAULT: tuple[str, ...] = (
    "pairs_student",
    "pairs_teacher",
    "pairs_both",
    "fraction_student",
    "fraction_teacher",
    "pattern_recall",
    "pattern_precision",
    "matthews",
    "isolated_student",
    "isolated_teacher",
    "gram_error",
    "cosine_correlation",
    "cka",
    "cka_uncentred",
    "procrustes_similarity",
    "r2_of_teacher",
    "r2_of_student",
    "coherence",
    "effective_rank",
)


class Measure:
    """One number that compares a student with its teacher, with what a reader needs.

    The decorator `measures.measure` makes one of a function. A measure is called as
    `measures.matthews(student, teacher, epsilon=0.1)`, whichever of these it reads. One
    that reads the student alone may be called without a teacher.
    """

    name: str  # of the function, and of the number in records, files and frames
    label: str  # what stands on an axis
    bounds: str  # the range of values
    limits: tuple[float, float] | None  # its ends, where it says two numbers
    better: str  # "higher", "lower", or "" where neither is
    chance: str  # the value for a student that knows nothing of the teacher
    units: str  # of the value, "1" where it has none
    wants: tuple[str, ...]  # the function's parameters, each given by its name

    def __init__(
        self,
        function: Callable,
        label: str,
        bounds: str,
        better: str,
        chance: str,
        units: str = "1",
    ) -> None:
        functools.update_wrapper(self, function)
        self.__signature__ = inspect.signature(self.__call__)
        self.name = function.__name__
        self.label, self.bounds = label, bounds
        numbers = re.fullmatch(r"\[(-?\d+), (\d+)\]", bounds)
        self.limits = tuple(map(float, numbers.groups())) if numbers else None
        self.better, self.chance, self.units = better, chance, units
        parameters = inspect.signature(function).parameters.values()
        self.wants = tuple(each.name for each in parameters)
        unknown = [name for name in self.wants if name not in _GIVEN]
        if unknown or not self.wants:
            raise ValueError(
                f"The parameters of measure {self.name!r} must be named among "
                f"{', '.join(_GIVEN)}; got {', '.join(self.wants) or 'none'}."
            )
        if better not in _DIRECTIONS:
            raise ValueError(
                f"`better` of measure {self.name!r} must be 'higher', 'lower' or ''; "
                f"got {better!r}."
            )

    def __call__(
        self,
        student: Vectors,
        teacher: Vectors | None = None,
        epsilon: Float[Array, ""] | float = 0.1,
    ) -> Float[Array, ""]:
        """The measure of one student, of shape (n, m), and its teacher, (n, d)."""
        if teacher is None and not {*self.wants} <= {"student", "epsilon"}:
            raise TypeError(
                f"Measure {self.name!r} compares a student with its teacher; "
                f"got no teacher."
            )
        return _values((self,), student, teacher, epsilon)[self.name]

    def __repr__(self) -> str:
        better = f", {self.better} is better" if self.better else ""
        return f"<measure {self.name}: {self.label}, {self.bounds}{better}>"


MEASURES: dict[str, Measure] = {}


def measure(
    *bare: object,
    label: str | None = None,
    bounds: str | None = None,
    better: str | None = None,
    chance: str | None = None,
    units: str = "1",
) -> Callable[[Callable], Measure]:
    """A decorator that makes a `Measure` of a function and registers it in `MEASURES`.

    The parameters of the function say by their names what it reads: `student` (n x m),
    `teacher` (n x d), `epsilon`, `pairs` (the `PairSums`, which all measures share) or
    `root` (`root_of` the teacher). It returns one number, and NaN where that is
    undefined. It need not look for NaN in its arguments: `battery` does.

    A function that its own module defines again replaces the first.

    Args:
        label: what stands on an axis.
        bounds: the range of values, such as "[0, 1]".
        better: "higher", "lower", or "" where neither is.
        chance: the value for a student that knows nothing of the teacher, or how it is
            known.
        units: of the value, such as "rad", which axes and files show; "1" for none.

    Raises:
        TypeError: if it is used without brackets, or one of these is not given.
        ValueError: if another module has a measure of that name, if the name has
            another meaning in a data set, or if a parameter has an unknown name.
    """
    said = [each for each in (label, bounds, better, chance) if each is not None]
    if bare or len(said) < 4:
        raise TypeError(
            "`@measure` must be given its texts, as in @measure(label=..., bounds=..., "
            "better=..., chance=...); got none, or not all of them."
        )

    def register(function: Callable) -> Measure:
        made = Measure(function, *said, units)
        name = made.name
        if not name.isidentifier():
            raise ValueError(f"A measure needs a function with a name; got {name!r}.")
        if name in _TAKEN or name.startswith(_PREFIXES):
            raise ValueError(
                f"A measure cannot be called {name!r}: data sets use that name, or its "
                f"beginning, for something else."
            )
        known = MEASURES.get(name)
        if known is not None and known.__module__ != made.__module__:
            raise ValueError(
                f"Measure {name!r} exists in {known.__module__}; give that of "
                f"{made.__module__} another name."
            )
        MEASURES[name] = made
        return made

    return register


def battery(
    student: Vectors,
    teacher: Vectors,
    epsilon: Float[Array, ""] | float,
    names: Sequence[str] = DEFAULT,
    root: Float[Array, "d d"] | None = None,
) -> dict[str, Array]:
    """Many measures of one student and its teacher, by name, in the order of `names`.

    Sums over pairs are computed once, for all that read them. Every value is a float,
    NaN where it is undefined, and wherever an argument is not finite. A count is
    therefore exact up to 2^24 (float32), that is to n = 5,793, or 2^53 (float64);
    `count_pairs` gives the integers.

    Args:
        student: vectors, of shape (n, m): real numbers of any type.
        teacher: as many vectors, of shape (n, d).
        epsilon: pairs with |cosine| <= epsilon are epsilon-orthogonal; in [0, 1].
        names: keys of `MEASURES`.
        root: `root_of` the teacher, where many students have the same one; else it is
            computed if a measure needs it, which at m = d / 2 is a quarter to a third
            of the work of all.

    Returns:
        A scalar for each name.

    Raises:
        ValueError: if a name is unknown, or the two are not matrices of as many rows.

    >>> import jax.numpy as jnp
    >>> from simgeo import measures
    >>> teacher = jnp.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
    >>> student = teacher.at[1, 1].set(1.0)  # two of four orthogonal pairs are lost
    >>> names = ("pattern_recall", "pattern_precision", "matthews")
    >>> for name, value in measures.battery(student, teacher, 0.1, names).items():
    ...     print(name, f"{value:.2f}")
    pattern_recall 0.50
    pattern_precision 1.00
    matthews 0.50
    """
    require(names)
    chosen = [MEASURES[name] for name in names]
    return _values(chosen, student, teacher, epsilon, root)


def require(names: Sequence[str]) -> None:
    """Raises ValueError, with the nearest name, unless all are keys of `MEASURES`."""
    if isinstance(names, str):
        raise ValueError(f"`measures` must be a list of names; got {names!r}.")
    for name in names:
        if name not in MEASURES:
            known = suggest(str(name), list(MEASURES))
            raise ValueError(f"`measures` must be known names; got {name!r}.{known}")
    if len({*names}) < len(names):
        raise ValueError(f"`measures` must name each once; got {', '.join(names)}.")


def needs_root(names: Sequence[str]) -> bool:
    """Whether one of the measures of these names reads `root_of` the teacher."""
    return any("root" in MEASURES[name].wants for name in names)


@in_full_precision
def root_of(teacher: Vectors) -> Float[Array, "d d"]:
    """The whitening of the centred teacher, which `battery` takes if known."""
    return whitening(centre(as_wide(as_matrix(teacher, "teacher", "(n, d)"))))


@in_full_precision
def _values(
    chosen: Sequence[Measure],
    student: Vectors,
    teacher: Vectors | None,
    epsilon: Float[Array, ""] | float,
    root: Float[Array, "d d"] | None = None,
) -> dict[str, Array]:
    wanted = {name for each in chosen for name in each.wants}
    if teacher is None:
        student = as_wide(as_matrix(student, "student"))
        given = {"student": student, "epsilon": epsilon}
    else:
        student, teacher = as_matrices(student, teacher)
        given = {"student": student, "teacher": teacher, "epsilon": epsilon}
    finite = all_finite(*given.values())
    if "pairs" in wanted:
        given["pairs"] = pair_sums(student, teacher, epsilon)
    if "root" in wanted:
        given["root"] = root_of(teacher) if root is None else root
    values = {}
    for each in chosen:
        value = each.__wrapped__(**{name: given[name] for name in each.wants})
        if jnp.shape(value) != ():
            raise ValueError(
                f"Measure {each.name!r} must return one number; got an array of shape "
                f"{jnp.shape(value)}."
            )
        if each.limits is not None:  # which rounding may leave
            value = jnp.clip(value, *each.limits)
        values[each.name] = jnp.where(finite, value, jnp.nan)
    return values
