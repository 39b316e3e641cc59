"""Values, intervals and permutation tests of measures, for all layers at once."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
import pandas as pd
from jaxtyping import Array, Float, Int

from simgeo.calibration._dissimilarities import embedded
from simgeo.calibration._forms import (
    FORMS,
    Form,
    names_of,
)
from simgeo.calibration._resampling import Layers, Work
from simgeo.checks import require
from simgeo.measures import MEASURES
from simgeo.measures import require as require_measures

DEFAULT: tuple[str, ...] = (
    "cka",
    "cka_uncentred",
    "r2_of_teacher",
    "r2_of_student",
    "cosine_correlation",
    "matthews",
    "neighbour_overlap",
    "rsa",
)
"""The measures that are products of two tables, whose permutations are cheap."""

_LEAST = 4  # rows, for debiased CKA
_LEAST_TO_HALVE = 8
_MOST_AT_ONCE = 64
_SIDES = ("student", "teacher")

Given = Any  # an array of numbers, or several by their names
Found = dict[str, Float[np.ndarray, "_ _ _"]]  # of draws and both sides' layers


class Calibration(NamedTuple):
    """What `calibrate` returns."""

    frame: pd.DataFrame
    null: Found  # of every measure, its values under the permutations
    num_permutations: int  # that were done
    num_resamples: int  # that were done
    complete: bool  # whether nothing interrupted it


def calibrate(
    student: Given,
    teacher: Given,
    names: str | Sequence[str] = DEFAULT,
    epsilon: float = 0.1,
    *,
    num_permutations: int = 999,
    num_resamples: int = 200,
    confidence: float = 0.95,
    seed: int = 0,
    memory: int = 2**32,
    on_draws: Callable[[int], None] | None = None,
) -> Calibration:
    """Measures of a student and its teacher, beside what chance gives them.

    Chance is that rows do not belong together: the teacher's rows in a random order,
    the same one for all layers and measures. With b of B orders at least as good as the
    rows as they are, p = (b + 1) / (B + 1), which is valid however small B is (Phipson
    and Smyth, 2010). Rows must be exchangeable: of time series, or of several rows per
    item, p is too small.

    Of several layers, p is corrected for the search by the largest value over all pairs
    of layers (Westfall and Young, 1993): each pair's value is standardised by its mean
    and deviation over the orders, and compared with the largest of every order. Nothing
    is corrected for looking at several measures.

    The interval is of the corrected value, or of the value where there is none. It
    takes half of the rows at a time, without replacement, whose deviation about their
    median estimates that of all rows (Politis, Romano and Wolf, 1999): no row meets a
    copy of itself, as it would in a bootstrap, which is a pair of distance zero that
    raises every similarity. It is NaN below eight rows, and where half of the rows
    cannot tell, as for R2 if they are no more than the dimensions.

    Work and memory are O(n^2) for each permutation. `procrustes_similarity`, and a
    measure of one's own, is computed anew for every one.

    Args:
        student: vectors, of shape (n, m), those of several layers by name, or RDMs of
            rsatoolbox, for which see `embedded`.
        teacher: as for the student; vectors of shape (n, d).
        names: of the measures; those that say which way is better.
        epsilon: pairs with |cosine| <= epsilon are epsilon-orthogonal; in [0, 1].
        num_permutations: B, at least 1.
        num_resamples: halves of the rows for the intervals, 0 for none.
        confidence: of the interval, between 0 and 1.
        seed: of orders and halves; the first are the same however many are asked for.
        memory: most bytes that tables of n x n may take.
        on_draws: is told after every few permutations and halves how many are done.
            KeyboardInterrupt, there or elsewhere, ends the work after the first
            permutations, and keeps what is done.

    Returns:
        The frame has one row per measure and pair of layers: `measure`, `student`,
        `teacher`, `value`, `low`, `high`, `corrected` (without what chance gives, NaN
        where no correction is known), `chance` (exact, or the mean of the orders), `p`
        and `p_adjusted`.

    Raises:
        ValueError: in one line, if arguments do not fit together.

    >>> import numpy as np
    >>> from simgeo import calibration
    >>> rng = np.random.default_rng(0)
    >>> teacher, noise = rng.normal(size=(2, 40, 16))
    >>> for student in (teacher[:, ::-1], noise):
    ...     found = calibration.calibrate(student, teacher, "cka", num_resamples=0)
    ...     print(found.frame[["value", "corrected", "chance", "p"]].round(3).values)
    [[1.    1.    0.295 0.001]]
    [[0.294 0.004 0.293 0.505]]
    """
    names = (names,) if isinstance(names, str) else tuple(names)
    _require_comparing(names)
    require(0 <= epsilon <= 1, "epsilon", "lie in [0, 1]", epsilon)
    least = {"num_permutations": 1, "num_resamples": 0, "seed": 0}
    for name, count in zip(least, (num_permutations, num_resamples, seed), strict=True):
        require(count >= least[name], name, f"be at least {least[name]}", count)
    rule = "be 0 or at least 2, for an interval"
    require(num_resamples != 1, "num_resamples", rule, num_resamples)
    rule = "lie between 0 and 1, both excluded"
    require(0 < confidence < 1, "confidence", rule, confidence)
    sides = _layers(student, "student"), _layers(teacher, "teacher")
    n = _num_rows(*sides)
    fast = {name: FORMS[name] for name in names if name in FORMS}
    _require_memory(n, sides, fast, memory)

    orders = np.random.default_rng([seed, 0])
    halves = np.random.default_rng([seed, 1])
    at_once = min(_MOST_AT_ONCE, num_permutations)
    state = Work(sides, names, fast, epsilon, at_once)
    drawn, sampled, complete = [], [], True
    told = on_draws or (lambda done: None)
    try:
        draws = _draws(lambda: orders.permutation(n), num_permutations, state.at_once)
        for count, batch in draws:
            drawn.append(_first(state.permuted(batch), count))
            told(count)
        if n >= _LEAST_TO_HALVE:
            draws = _draws(
                lambda: np.sort(halves.permutation(n)[: n // 2]),
                num_resamples,
                state.at_once,
            )
            for count, batch in draws:
                sampled.append(_first(state.sampled(batch), count))
                told(count)
    except KeyboardInterrupt:
        if not drawn:
            raise
        complete = False
    null = _joined(drawn)
    resampled = _joined(sampled)
    frame = _frame(state, null, resampled, confidence, (n // 2) / (n - n // 2))
    num_halves = len(resampled.get(names[0], ()))
    return Calibration(frame, null, len(null[names[0]]), num_halves, complete)


def _frame(
    work: Work,
    null: Found,
    resampled: Found,
    confidence: float,
    shrinkage: float,
) -> pd.DataFrame:
    anew = work.anew()
    tables = []
    for name in work.names:
        draws = null[name]
        if name in work.fast:
            levels = work.values, work.chance, work.corrected
            value, chance_level, unbiased = (np.asarray(each[name]) for each in levels)
            best = unbiased
        else:
            best = value = np.asarray(anew[name])
            chance_level, unbiased = draws.mean(axis=0), np.full(value.shape, np.nan)
        low, high = np.full((2, *value.shape), np.nan)
        if name in resampled:
            halves = resampled[name]
            away = (halves - np.median(halves, axis=0)) * np.sqrt(shrinkage)
            tail = (1 - confidence) / 2
            low, high = best + np.quantile(away, [tail, 1 - tail], axis=0)
        p, adjusted = _p_values(value, draws, MEASURES[name].better)
        index = pd.MultiIndex.from_product(work.labels, names=["student", "teacher"])
        columns = {
            "value": value,
            "low": low,
            "high": high,
            "corrected": unbiased,
            "chance": chance_level,
            "p": p,
            "p_adjusted": adjusted,
        }
        table = pd.DataFrame(
            {key: np.asarray(each, float).ravel() for key, each in columns.items()},
            index=index,
        ).reset_index()
        table.insert(0, "measure", name)
        tables.append(table)
    return pd.concat(tables, ignore_index=True)


def _p_values(
    value: Float[np.ndarray, "a b"], draws: Float[np.ndarray, "draws a b"], better: str
) -> tuple[Float[np.ndarray, "a b"], Float[np.ndarray, "a b"]]:
    """p of every pair of layers, and corrected for the choice of the largest."""
    sign = -1.0 if better == "lower" else 1.0
    # Orders that differ in equal rows only give one value, up to rounding.
    slack = 8 * np.finfo(draws.dtype).eps
    every = sign * np.concatenate([value[None], draws]).astype(np.float64)
    p = np.mean(every >= every[0] - slack * np.maximum(1.0, abs(every[0])), axis=0)
    spread = every.std(axis=0)
    spread = np.where(spread > slack, spread, np.inf)  # where nothing can be told
    standard = (every - every.mean(axis=0)) / spread
    known = ~np.isnan(standard[0])
    most = np.max(standard, axis=(1, 2), where=known, initial=-np.inf)
    reached = most[:, None, None] >= standard[0] - slack / spread - 1e-9
    adjusted = np.mean(reached, axis=0)
    return np.where(known, p, np.nan), np.where(known, adjusted, np.nan)


def _draws(
    draw: Callable[[], Int[np.ndarray, " h"]], total: int, at_once: int
) -> Iterator[tuple[int, Int[np.ndarray, "c h"]]]:
    """So many at once, of one shape, and how many of them count."""
    for start in range(0, total, at_once):
        count = min(at_once, total - start)
        rows = np.stack([draw() for _ in range(count)]).astype(np.int32)
        yield count, np.concatenate([rows, np.repeat(rows[:1], at_once - count, 0)])


def _first(found: dict[str, Array], count: int) -> Found:
    return {name: np.asarray(each)[:count] for name, each in found.items()}


def _joined(parts: list[Found]) -> Found:
    if not parts:
        return {}
    return {name: np.concatenate([each[name] for each in parts]) for name in parts[0]}


def _layers(given: Given, setting: str) -> Layers:
    given = embedded(given) if hasattr(given, "get_matrices") else given
    layers = dict(given) if isinstance(given, Mapping) else {setting: given}
    require(len(layers) > 0, setting, "have a layer", "none")
    found = {}
    for name, each in layers.items():
        where = setting if name == setting else f"{setting} [{name}]"
        array = np.asarray(each)
        rule = "hold vectors, a matrix of real numbers"
        real = array.ndim == 2 and array.size > 0 and array.dtype.kind in "fiub"
        require(real, where, rule, f"{array.dtype} of shape {array.shape}")
        array = array.astype(np.float64)
        finite = np.isfinite(array)
        bad = f"{np.sum(~finite)} that are not"
        require(bool(finite.all()), where, "hold finite numbers", bad)
        # No measure sees the scale of a side, whose squares may overflow.
        largest = np.max(np.abs(array))
        found[str(name)] = array / largest if largest > 0 else array
    return found


def _num_rows(student: Layers, teacher: Layers) -> int:
    every = [(name, each) for side in (student, teacher) for name, each in side.items()]
    name, first = every[0]
    for other, each in every[1:]:
        if len(each) != len(first):
            raise ValueError(
                f"`student` and `teacher` must have the same rows; got shape "
                f"{first.shape} of {name} and {each.shape} of {other}."
            )
    rule = f"have at least {_LEAST} rows"
    require(len(first) >= _LEAST, "student", rule, f"shape {first.shape}")
    return len(first)


def _require_comparing(names: tuple[str, ...]) -> None:
    require_measures(names)
    require(len(names) > 0, "names", "name a measure", "none")
    for name in names:
        if not MEASURES[name].better:
            comparing = ", ".join(key for key, each in MEASURES.items() if each.better)
            raise ValueError(
                f"`measures` must compare two sides; got {name!r}, of which neither "
                f"more nor less is better. Choose among {comparing}."
            )


def _require_memory(
    n: int, sides: tuple[Layers, Layers], forms: dict[str, Form], memory: int
) -> None:
    most = 0
    chosen = list(forms.values())
    for side, name in zip(sides, ("student", "teacher"), strict=True):
        # Those of this side, its distances, and what is being computed.
        most += len(side) * (len(names_of(chosen, name, True)) + 2) + 2
    need = most * n * n * jnp.zeros(()).dtype.itemsize
    if chosen and need > memory:
        fit = int(n * (memory / need) ** 0.5)
        raise ValueError(
            f"`memory` must hold tables of all pairs of rows; {n:,} rows need "
            f"{need / 2**30:.1f} GiB of {memory / 2**30:.1f}. Take fewer layers or "
            f"measures, or a sample of {fit:,} rows."
        )
