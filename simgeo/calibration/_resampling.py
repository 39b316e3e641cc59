"""Both sides on the device, and the programs that permute and halve their rows."""

from collections.abc import Mapping, Sequence
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int
from scipy.spatial.distance import pdist, squareform

from simgeo.calibration._forms import (
    ROOTS,
    Form,
    Side,
    Tables,
    by_roots,
    chance,
    corrected,
    inner,
    names_of,
    product,
    rows_of,
    scale,
    tables_of,
)
from simgeo.measures import MEASURES

_ENTRIES = 2**24  # gathered before the next look at Ctrl-C
_NARROW = 16  # products of widths, in rows, below which roots cost less than tables

Vectors = Float[np.ndarray, "_ _"]
Layers = Mapping[str, Vectors]


class Work:
    """The sides on the device, and their tables."""

    def __init__(
        self,
        sides: tuple[Layers, Layers],
        names: Sequence[str],
        fast: dict[str, Form],
        epsilon: float,
        most_at_once: int,
    ) -> None:
        self.names, self.fast, self.epsilon = names, fast, epsilon
        self.labels = tuple(tuple(side) for side in sides)
        self.arrays = [
            [jnp.asarray(each, float) for each in side.values()] for side in sides
        ]
        self.slow = tuple(name for name in names if name not in fast)
        n = len(self.arrays[0][0])
        per_draw = n * n * len(self.labels[1]) * len(names)
        self.at_once = min(most_at_once, max(1, _ENTRIES // per_draw))
        self.permutable = fast
        if not fast:
            return
        self.stacked = [_stacked([*side.values()], "rsa" in fast) for side in sides]
        widths = [each.vectors.shape[2] for each in self.stacked]
        if widths[0] * widths[1] <= _NARROW * n:
            self.permutable = {name: by_roots(form) for name, form in fast.items()}
        levels, self.tables = _prepared(
            tuple(fast.items()), tuple(self.permutable.values()), *self.stacked, epsilon
        )
        self.values, self.corrected, self.chance, self.scales = levels

    def permuted(self, orders: Int[np.ndarray, "c n"]) -> dict[str, Array]:
        found = {}
        if self.fast:
            forms = tuple(self.permutable.items())
            found = _permuted(forms, *self.tables, self.scales, orders)
        return found | self._anew(np.sort(orders, axis=1), orders)

    def sampled(self, rows: Int[np.ndarray, "c h"]) -> dict[str, Array]:
        found = {}
        if self.fast:
            forms = tuple(self.fast.items())
            found = _sampled(forms, *self.stacked, rows, self.epsilon)
        return found | self._anew(rows, rows)

    def anew(self) -> dict[str, Array]:
        """The values of the measures that have no tables, of all rows as they are."""
        # As many times as orders are drawn at once, for which a program is compiled.
        rows = np.arange(len(self.arrays[0][0]))[None].repeat(self.at_once, axis=0)
        return {name: each[0] for name, each in self._anew(rows, rows).items()}

    def _anew(
        self, ours: Int[np.ndarray, "c h"], theirs: Int[np.ndarray, "c h"]
    ) -> dict[str, Array]:
        if not self.slow:
            return {}
        pairs = [
            [
                _directly(self.slow, one, other, ours, theirs, self.epsilon)
                for other in self.arrays[1]
            ]
            for one in self.arrays[0]
        ]
        return {
            name: jnp.stack(
                [jnp.stack([found[name] for found in row], -1) for row in pairs], 1
            )
            for name in self.slow
        }


@partial(jax.jit, static_argnums=(0, 1))
def _prepared(
    forms: tuple[tuple[str, Form], ...],
    permutable: tuple[Form, ...],
    student: Side,
    teacher: Side,
    epsilon: float | Array,
) -> tuple[list[dict[str, Float[Array, "a b"]]], list[Tables]]:
    """Value, corrected value, chance and scale, and the tables to be permuted."""
    chosen = [form for _, form in forms]
    with jax.default_matmul_precision("highest"):
        tables, kept = [], []
        for side, name in ((student, "student"), (teacher, "teacher")):
            wanted = names_of([*permutable], name, False)
            every = dict.fromkeys((*names_of(chosen, name, True), *wanted))
            found = tables_of(side, tuple(every), epsilon)
            tables.append(found)
            kept.append({each: found[each] for each in wanted})
        levels = [
            {name: of(form, *tables) for name, form in forms}
            for of in (product, corrected, chance, scale)
        ]
    return levels, kept


@partial(jax.jit, static_argnums=0)
def _permuted(
    forms: tuple[tuple[str, Form], ...],
    student: Tables,
    teacher: Tables,
    scales: dict[str, Float[Array, "a b"]],
    orders: Int[Array, "c n"],
) -> dict[str, Float[Array, "c a b"]]:

    def of_order(order: Int[Array, " n"]) -> dict[str, Float[Array, "a b"]]:
        # Each gathered once for all measures. Clipped, for the check of every index
        # that is the default costs more than the gather.
        moved = {}
        for name, table in teacher.items():
            moved[name] = jnp.take(table, order, axis=1, mode="clip")
            if name not in ROOTS:
                moved[name] = jnp.take(moved[name], order, axis=2, mode="clip")
        return {
            name: inner(form, student, moved) * scales[name] for name, form in forms
        }

    with jax.default_matmul_precision("highest"):
        return jax.lax.map(of_order, orders)


@partial(jax.jit, static_argnums=0)
def _sampled(
    forms: tuple[tuple[str, Form], ...],
    student: Side,
    teacher: Side,
    rows: Int[Array, "c h"],
    epsilon: float | Array,
) -> dict[str, Float[Array, "c a b"]]:
    chosen = [form for _, form in forms]

    def of_rows(kept: Int[Array, " h"]) -> dict[str, Float[Array, "a b"]]:
        tables = [
            tables_of(rows_of(each, kept), names_of(chosen, name, True), epsilon)
            for each, name in ((student, "student"), (teacher, "teacher"))
        ]
        return {name: corrected(form, *tables) for name, form in forms}

    with jax.default_matmul_precision("highest"):
        return jax.lax.map(of_rows, rows)


@partial(jax.jit, static_argnums=0)
def _directly(
    names: tuple[str, ...],
    student: Float[Array, "n m"],
    teacher: Float[Array, "n d"],
    ours: Int[Array, "c h"],
    theirs: Int[Array, "c h"],
    epsilon: float | Array,
) -> dict[str, Float[Array, " c"]]:
    def of_rows(rows: tuple[Int[Array, " h"], Int[Array, " h"]]) -> dict[str, Array]:
        own, target = student[rows[0]], teacher[rows[1]]
        return {name: MEASURES[name](own, target, epsilon) for name in names}

    with jax.default_matmul_precision("highest"):
        return jax.lax.map(of_rows, (ours, theirs))


def _stacked(layers: list[Vectors], ranked: bool) -> Side:
    """Layers of one width, by columns of zeros, which no table sees."""
    width = max(each.shape[1] for each in layers)
    wide = [np.pad(each, ((0, 0), (0, width - each.shape[1]))) for each in layers]
    vectors = jnp.asarray(np.stack(wide), float)
    if not ranked:
        return Side(vectors, None)
    # From differences, in float64: equal distances stay equal.
    places = [
        squareform(np.unique(pdist(each, "sqeuclidean"), return_inverse=True)[1])
        for each in layers
    ]
    return Side(vectors, jnp.asarray(np.stack(places), jnp.int32))
