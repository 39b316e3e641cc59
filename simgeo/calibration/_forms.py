"""The n x n tables of one side whose products with the other side's are measures.

Permuting the rows of vectors permutes the rows and columns of a table and changes
nothing else in it: what a table costs, centring and ranks included, is paid once.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from simgeo.linalg import centre, cosines, gram, polar_factor, squared_norm

_NUM_NEIGHBOURS = 10  # as in `measures.neighbour_overlap`


class Side(NamedTuple):
    """One layer of one side, or several of them stacked."""

    vectors: Float[Array, "*a n k"]
    places: Int[Array, "*a n n"] | None  # of distances among those that differ


class Form(NamedTuple):
    """A measure as the product <A, B> of two tables, over |A| |B| if `cosine`."""

    student: str
    teacher: str
    cosine: bool = True
    debiased: str = ""  # the table of either side whose cosine is the corrected value


FORMS = {
    "cka": Form("centred", "centred", debiased="debiased"),
    "cka_uncentred": Form("uncentred", "uncentred", debiased="others"),
    "r2_of_teacher": Form("span", "centred", cosine=False),
    "r2_of_student": Form("centred", "span", cosine=False),
    "cosine_correlation": Form("cosines", "cosines"),
    "matthews": Form("pattern", "pattern"),
    "neighbour_overlap": Form("near", "near"),
    "rsa": Form("ranks", "ranks"),
}

Tables = dict[str, Float[Array, "_ n _"]]  # of all layers, by name


def rows_of(side: Side, rows: Int[Array, " h"]) -> Side:
    """The layers of these rows alone."""
    places = side.places
    if places is not None:
        places = places[:, rows][:, :, rows]
    return Side(side.vectors[:, rows], places)


def tables_of(
    side: Side, names: tuple[str, ...], epsilon: Float[Array, ""] | float
) -> Tables:
    """The tables of these names, of every layer."""

    def of_layer(layer: Side) -> dict[str, Float[Array, "n _"]]:
        return {
            name: ROOTS[name](layer) if name in ROOTS else _TABLES[name](layer, epsilon)
            for name in names
        }

    return jax.lax.map(of_layer, side)


def product(form: Form, student: Tables, teacher: Tables) -> Float[Array, "a b"]:
    """The measure of every layer of the student with every layer of the teacher."""
    return inner(form, student, teacher) * scale(form, student, teacher)


def scale(form: Form, student: Tables, teacher: Tables) -> Float[Array, "a b"]:
    """What the product is multiplied by, the same for all orders of rows."""
    ours, theirs = student[form.student], teacher[form.teacher]
    if not form.cosine:
        return jnp.ones((len(ours), len(theirs)), ours.dtype)
    norms = [
        jnp.sqrt(jnp.sum(jnp.sum(table**2, axis=2), axis=1)) for table in (ours, theirs)
    ]
    return 1.0 / _nonzero(jnp.outer(*norms))


def inner(form: Form, student: Tables, teacher: Tables) -> Float[Array, "a b"]:
    """The product alone, which is all that a permutation changes.

    Of the tables X X' and Y Y' that are given by their roots, as |X'Y|^2.
    """
    ours, theirs = student[form.student], teacher[form.teacher]
    if form.student in ROOTS:
        return jnp.sum(jnp.einsum("aik,bil->abkl", ours, theirs) ** 2, axis=(2, 3))
    # Row by row, for one long sum of n^2 terms would round more.
    return jnp.sum(jnp.sum(ours[:, None] * theirs[None], axis=3), axis=2)


def by_roots(form: Form) -> Form:
    """The same, of the roots of both tables where they have some."""
    roots = f"{form.student} root", f"{form.teacher} root"
    return (
        form._replace(student=roots[0], teacher=roots[1])
        if {*roots} <= {*ROOTS}
        else form
    )


def chance(form: Form, student: Tables, teacher: Tables) -> Float[Array, "a b"]:
    """The mean of the measure over all n! orders of the teacher's rows.

    An entry of the diagonal meets every other of it, and every other entry every other:
    E <A, B> = tr A tr B / n + (1'A1 - tr A)(1'B1 - tr B) / (n (n - 1)). Mantel (1967).
    """
    ours, theirs = student[form.student], teacher[form.teacher]
    n = ours.shape[1]
    traces, others = zip(*map(_sums, (ours, theirs)), strict=True)
    mean = jnp.outer(*traces) / n + jnp.outer(*others) / (n * (n - 1.0))
    return mean * scale(form, student, teacher)


def corrected(form: Form, student: Tables, teacher: Tables) -> Float[Array, "a b"]:
    """The measure without the part of it that chance gives.

    It takes both CKA by tables without their diagonals, which are unbiased (Song et
    al., 2012), and the others by (v - c) / (1 - c), c the level of chance (Hubert and
    Arabie, 1985): for R2 this is the adjusted R2 (Ezekiel, 1930), and where c = 0 it is
    v. NaN where chance alone gives the largest value.
    """
    if form.debiased:
        return product(Form(form.debiased, form.debiased), student, teacher)
    level = chance(form, student, teacher)
    room = 1.0 - level
    full = room < 1e-4  # a share of the rows' dimensions, which are never that many
    value = product(form, student, teacher)
    return jnp.where(full, jnp.nan, (value - level) / jnp.where(full, 1.0, room))


def names_of(forms: list[Form], side: str, debiased: bool) -> tuple[str, ...]:
    """The tables that the forms read of a side, each once."""
    names = [getattr(form, side) for form in forms]
    if debiased:
        names += [form.debiased for form in forms if form.debiased]
    return tuple(dict.fromkeys(names))


def _nonzero(value: Float[Array, "..."]) -> Float[Array, "..."]:
    """NaN for zero, by which a quotient is undefined."""
    return jnp.where(value == 0.0, jnp.nan, value)


def _sums(
    table: Float[Array, "a n n"],
) -> tuple[Float[Array, " a"], Float[Array, " a"]]:
    trace = jnp.trace(table, axis1=1, axis2=2)
    return trace, jnp.sum(jnp.sum(table, axis=2), axis=1) - trace


def _others(table: Float[Array, "n n"]) -> Float[Array, "n n"]:
    """The table with its diagonal zeroed."""
    return jnp.where(np.eye(len(table), dtype=bool), 0.0, table)


def _of_norm_one(vectors: Float[Array, "n k"]) -> Float[Array, "n k"]:
    return vectors / _nonzero(jnp.sqrt(squared_norm(vectors)))


def _centred_root(side: Side) -> Float[Array, "n k"]:
    return _of_norm_one(centre(side.vectors))


def _uncentred_root(side: Side) -> Float[Array, "n k"]:
    return _of_norm_one(side.vectors)


def _span_root(side: Side) -> Float[Array, "n k"]:
    """Times its transpose, the projection onto the span of the centred columns."""
    return polar_factor(_centred_root(side))


def _centred(side: Side, epsilon: Float[Array, ""] | float) -> Float[Array, "n n"]:
    return gram(_centred_root(side))


def _uncentred(side: Side, epsilon: Float[Array, ""] | float) -> Float[Array, "n n"]:
    return gram(_uncentred_root(side))


def _span(side: Side, epsilon: Float[Array, ""] | float) -> Float[Array, "n n"]:
    return gram(_span_root(side))


def _debiased(side: Side, epsilon: Float[Array, ""] | float) -> Float[Array, "n n"]:
    """U-centred, so that products are HSIC_1. Székely and Rizzo (2014), section 3."""
    table = _others(_centred(side, epsilon))
    n = len(table)
    means = jnp.sum(table, axis=1, keepdims=True) / (n - 2)
    return _others(table - means - means.T + jnp.sum(means) / (n - 1))


def _without_diagonal(
    side: Side, epsilon: Float[Array, ""] | float
) -> Float[Array, "n n"]:
    return _others(_uncentred(side, epsilon))


def _from_mean(table: Float[Array, "n n"]) -> Float[Array, "n n"]:
    """Entries off the diagonal less their mean, zero on it."""
    n = len(table)
    table = _others(table)
    mean = jnp.sum(jnp.sum(table, axis=1)) / (n * (n - 1.0))
    return _others(table - mean)


def _known(side: Side, table: Float[Array, "n n"]) -> Float[Array, "n n"]:
    """The table, or NaN: a zero row has no direction, and so no cosines."""
    whole = jnp.all(jnp.any(side.vectors != 0.0, axis=1))
    return jnp.where(whole, table, jnp.nan)


def _cosines(side: Side, epsilon: Float[Array, ""] | float) -> Float[Array, "n n"]:
    return _known(side, _from_mean(cosines(side.vectors)))


def _pattern(side: Side, epsilon: Float[Array, ""] | float) -> Float[Array, "n n"]:
    orthogonal = jnp.abs(cosines(side.vectors)) <= epsilon
    return _known(side, _from_mean(orthogonal.astype(side.vectors.dtype)))


def _near(side: Side, epsilon: Float[Array, ""] | float) -> Float[Array, "n n"]:
    table = cosines(side.vectors)
    n = len(table)
    itself = np.eye(n, dtype=bool)
    _, nearest = jax.lax.top_k(
        jnp.where(itself, -2.0, table), min(_NUM_NEIGHBOURS, n - 1)
    )
    near = jnp.zeros_like(table).at[np.arange(n)[:, None], nearest].set(1.0)
    return _known(side, near)


def _ranks(side: Side, epsilon: Float[Array, ""] | float) -> Float[Array, "n n"]:
    """Ranks of the distances of all pairs, over their number; ties share their mean.

    Counted, for a sort of n^2 numbers takes longer than all else.
    """
    assert side.places is not None
    n = len(side.places)
    places = side.places[np.triu_indices(n, 1)]
    # Places are those among all rows, of which these may be half.
    counts = jnp.zeros(n * (2 * n + 1), jnp.int32).at[places].add(1)
    not_above = jnp.cumsum(counts)
    twice = (2 * not_above - counts - len(places))[side.places]
    return _others(twice.astype(side.vectors.dtype) / len(places))


ROOTS: dict[str, Callable] = {
    "centred root": _centred_root,
    "uncentred root": _uncentred_root,
    "span root": _span_root,
}
_TABLES: dict[str, Callable] = {
    "centred": _centred,
    "uncentred": _uncentred,
    "debiased": _debiased,
    "others": _without_diagonal,
    "span": _span,
    "cosines": _cosines,
    "pattern": _pattern,
    "near": _near,
    "ranks": _ranks,
}
