"""Intervals over seeds and comparisons in pairs; frames in, frames out.

Seeds are what is resampled: within a group, each has one row. NaN values are dropped.
"""

import itertools
import warnings
from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
import scipy  # whose parts are imported when they are asked for
from jaxtyping import Float, Int

STATISTICS = {"median": np.median, "mean": np.mean}

_LEAST = 3  # seeds below which an interval says nothing
_BATCH = 2**23  # numbers resampled at once: 64 MB


def summarise(
    frame: pd.DataFrame,
    by: Sequence[str],
    values: Sequence[str],
    confidence: float = 0.95,
    num_resamples: int = 2000,
    seed: int = 0,
    statistic: str = "median",
) -> pd.DataFrame:
    """The middle over seeds of every value in every group, with its interval.

    The interval is the bias-corrected and accelerated bootstrap (Efron, 1987), or the
    percentile one where that is undefined, as for constant data; it is NaN below three
    seeds. It depends on the group's own values and `seed`, not on other rows or their
    order.

    Args:
        by: columns that make a group.
        values: columns summarised.
        statistic: `median` or `mean`.

    Returns:
        One row per value and group: `by`, `value` (the column's name), `estimate`,
        `low`, `high`, and `num`, the seeds that were not NaN.

    Raises:
        ValueError: if a column is missing, or a group has two rows of one seed.

    >>> import pandas as pd
    >>> from simgeo import stats
    >>> frame = pd.DataFrame(
    ...     {"m": [2] * 4 + [4] * 4, "seed": [0, 1, 2, 3] * 2, "matthews": range(8)}
    ... )
    >>> found = stats.summarise(frame, by=["m"], values=["matthews"])
    >>> found[["m", "estimate", "num"]]
       m  estimate  num
    0  2       1.5    4
    1  4       5.5    4
    """
    by = list(by)
    _require_columns(frame, [*by, *values, "seed"])
    if statistic not in STATISTICS:
        raise ValueError(
            f"`statistic` must be one of {', '.join(STATISTICS)}; got {statistic!r}."
        )
    _require_unique(frame, [*by, "seed"], "by")
    groups, codes = _groups(frame, by)
    tables = []
    for name in values:
        estimate, low, high, num = _summary(
            frame[name].to_numpy(float),
            codes,
            len(groups),
            confidence=confidence,
            num_resamples=num_resamples,
            seed=seed,
            statistic=statistic,
        )
        tables.append(
            groups.assign(value=name, estimate=estimate, low=low, high=high, num=num)
        )
    return pd.concat(tables, ignore_index=True)


def paired_comparisons(
    frame: pd.DataFrame,
    value: str,
    condition: str,
    pair: Sequence[str] = ("seed",),
    within: Sequence[str] = (),
    baseline: object = None,
    seed: int = 0,
    confidence: float = 0.95,
    num_resamples: int = 2000,
) -> pd.DataFrame:
    """Every two conditions compared pair by pair, in every group.

    Differences are `condition` minus `baseline`. With D the differences of the pairs:
    the effect d_z = mean(D) / sd(D) (Cohen, 1988), NaN where D is constant; the
    matched-pairs rank-biserial correlation, (W+ - W-) / (W+ + W-) over the signed
    ranks (Kerby, 2014), in [-1, 1] and 0 where no pair differs; the Wilcoxon
    signed-rank p, 1 where no pair differs; and p adjusted over all rows returned, to
    bound the false discovery rate (Benjamini and Hochberg, 1995).

    Args:
        condition: the column whose values are compared.
        pair: columns that tell which rows belong together.
        within: columns that make a group.
        baseline: the condition all others are compared with; all pairs, if None.

    Returns:
        One row per comparison: `within`, `value` (the column's name), `condition`,
        `baseline`, `difference` (the median), `low`, `high`, `d_z`, `rank_biserial`,
        `p`, `p_adjusted`, and `num`, the pairs that were not NaN.

    Raises:
        ValueError: if a pair lacks a partner; it names them.
    """
    pair, within = list(pair), list(within)
    _require_columns(frame, [*within, condition, *pair, value])
    _require_unique(frame, [*within, condition, *pair], "pair")
    groups, codes = _groups(frame, within)
    rows: list[dict] = []
    differences: list[np.ndarray] = []
    for code, place in enumerate(groups.to_dict("records")):
        group = frame.loc[codes == code].set_index(pair)
        runs: dict[object, pd.Series] = {
            level: group.loc[group[condition] == level, value].astype(float)
            for level in group[condition].drop_duplicates().tolist()
        }
        for one, other in _contrasts(list(runs), baseline, place):
            _require_partners(runs, one, other, place)
            rows.append({**place, "value": value, "condition": one, "baseline": other})
            theirs = runs[other].reindex(runs[one].index)
            differences.append(runs[one].to_numpy() - theirs.to_numpy())
    names = [*within, "value", "condition", "baseline"]
    result = pd.DataFrame(rows, columns=names)
    estimate, low, high, num = _summary(
        np.concatenate([np.zeros(0), *differences]),
        np.repeat(np.arange(len(rows)), [len(each) for each in differences]),
        len(rows),
        confidence=confidence,
        num_resamples=num_resamples,
        seed=seed,
        statistic="median",
    )
    kept = [each[~np.isnan(each)] for each in differences]
    p = np.array([_signed_rank_p(each) for each in kept], float)
    return result.assign(
        difference=estimate,
        low=low,
        high=high,
        d_z=np.array([_standardised(each) for each in kept], float),
        rank_biserial=np.array([_rank_biserial(each) for each in kept], float),
        p=p,
        p_adjusted=_adjusted(p),
        num=num,
    )


def steps_to(
    frame: pd.DataFrame, value: str, threshold: float, by: Sequence[str]
) -> pd.DataFrame:
    """The first recorded step at which a value is no larger than `threshold`.

    Args:
        by: columns that, with the seed, tell one run from another.

    Returns:
        One row per group and seed: `by`, `seed` and `steps`, NaN where never.
    """
    keys = [*(name for name in by if name != "seed"), "seed"]
    _require_columns(frame, [*keys, value, "step"])
    _require_unique(frame, [*keys, "step"], "by")
    groups, codes = _groups(frame, keys)
    steps = np.full(len(groups), np.inf)
    reached = frame[value].to_numpy(float) <= threshold
    np.minimum.at(steps, codes[reached], frame["step"].to_numpy(float)[reached])
    return groups.assign(steps=np.where(np.isinf(steps), np.nan, steps))


def _groups(
    frame: pd.DataFrame, by: list[str]
) -> tuple[pd.DataFrame, Int[np.ndarray, " k"]]:
    """The groups in order of appearance, and the group of every row."""
    if not by:
        codes = np.zeros(len(frame), int)
        return pd.DataFrame(index=range(min(1, len(frame)))), codes
    grouped = frame.groupby(by, sort=False, dropna=False, observed=True)
    codes = grouped.ngroup().to_numpy(int)
    _, first = np.unique(codes, return_index=True)
    return frame[by].iloc[first].reset_index(drop=True), codes


def _summary(
    values: Float[np.ndarray, " k"],
    codes: Int[np.ndarray, " k"],
    num_groups: int,
    *,
    confidence: float,
    num_resamples: int,
    seed: int,
    statistic: str,
) -> tuple[
    Float[np.ndarray, " g"],
    Float[np.ndarray, " g"],
    Float[np.ndarray, " g"],
    Int[np.ndarray, " g"],
]:
    """Estimate, low, high and number of values of every group."""
    if not 0 < confidence < 1:
        raise ValueError(
            f"`confidence` must lie between 0 and 1, both excluded; got {confidence}."
        )
    if num_resamples < 1:
        raise ValueError(f"`num_resamples` must be at least 1; got {num_resamples}.")
    known = ~np.isnan(values)
    values, codes = values[known], codes[known]
    # Sorted within groups, so that the order of rows cannot matter.
    order = np.lexsort((values, codes))
    values = values[order]
    num = np.bincount(codes, minlength=num_groups)
    starts = np.cumsum(num) - num
    estimate, low, high = np.full((3, num_groups), np.nan)
    for n in np.unique(num[num > 0]):
        # All groups of one size at once: they share the resampled positions.
        same = np.flatnonzero(num == n)
        table = values[starts[same][:, None] + np.arange(n)]
        estimate[same] = STATISTICS[statistic](table, axis=-1)
        if n >= _LEAST:
            low[same], high[same] = _interval(
                table, confidence, num_resamples, seed, statistic
            )
            # Of constant data, a mean over other strides may differ in its last bit.
            constant = same[table[:, 0] == table[:, -1]]
            low[constant] = high[constant] = estimate[constant]
    return estimate, low, high, num


def _interval(
    table: Float[np.ndarray, "g n"],
    confidence: float,
    num_resamples: int,
    seed: int,
    statistic: str,
) -> tuple[Float[np.ndarray, " g"], Float[np.ndarray, " g"]]:
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        # Where the interval is degenerate, which is handled below.
        warnings.simplefilter("ignore")
        result = scipy.stats.bootstrap(
            (table,),
            STATISTICS[statistic],
            axis=-1,
            vectorized=True,
            confidence_level=confidence,
            n_resamples=num_resamples,
            batch=max(1, _BATCH // table.size),
            method="BCa",
            rng=np.random.default_rng(seed),
        )
        low, high = map(np.array, result.confidence_interval)
        degenerate = np.isnan(low) | np.isnan(high)
        tail = (1 - confidence) / 2
        low[degenerate], high[degenerate] = np.quantile(
            result.bootstrap_distribution[degenerate], [tail, 1 - tail], axis=-1
        )
    return low, high


def _contrasts(
    levels: list, baseline: object, place: dict
) -> Iterator[tuple[object, object]]:
    if baseline is None:
        for other, one in itertools.combinations(levels, 2):
            yield one, other
        return
    if baseline not in levels:
        raise ValueError(
            f"`baseline` must be in every group; got {baseline!r}, not one of "
            f"{', '.join(map(repr, levels))}{_where(place)}."
        )
    for one in levels:
        if one != baseline:
            yield one, baseline


def _require_partners(
    runs: dict[object, pd.Series], one: object, other: object, place: dict
) -> None:
    for name, partner in ((one, other), (other, one)):
        lacking = runs[partner].index.difference(runs[name].index)
        if len(lacking):
            raise ValueError(
                f"`pair` must match in every condition; got no "
                f"{', '.join(map(str, lacking.names))} "
                f"{', '.join(map(str, lacking))} for {name!r}{_where(place)}. "
                f"Run what is missing, or leave it out everywhere."
            )


def _signed_rank_p(differences: Float[np.ndarray, " k"]) -> float:
    if not differences.size:
        return np.nan
    if not differences.any():
        return 1.0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of samples too small for the normal limit
        return scipy.stats.wilcoxon(differences).pvalue


def _standardised(differences: Float[np.ndarray, " k"]) -> float:
    # Not by the deviation itself, which rounding makes positive for constant data.
    if differences.size < 2 or np.ptp(differences) == 0:
        return np.nan
    return float(np.mean(differences) / np.std(differences, ddof=1))


def _rank_biserial(differences: Float[np.ndarray, " k"]) -> float:
    if not differences.size:
        return np.nan
    differences = differences[differences != 0]
    ranks = scipy.stats.rankdata(np.abs(differences))
    total = ranks.sum()
    return float(np.sum(np.sign(differences) * ranks) / total) if total else 0.0


def _adjusted(p: Float[np.ndarray, " k"]) -> Float[np.ndarray, " k"]:
    adjusted = np.full_like(p, np.nan)
    known = ~np.isnan(p)
    if known.any():
        adjusted[known] = scipy.stats.false_discovery_control(p[known], method="bh")
    return adjusted


def _where(place: dict) -> str:
    named = ", ".join(f"{name}={value!r}" for name, value in place.items())
    return f" where {named}" if named else ""


def _require_columns(frame: pd.DataFrame, names: list[str]) -> None:
    missing = [name for name in names if name not in frame]
    if missing:
        raise ValueError(
            f"`frame` must have the columns asked for; got no {', '.join(missing)}. "
            f"It has: {', '.join(map(str, frame.columns))}."
        )


def _require_unique(frame: pd.DataFrame, keys: list[str], argument: str) -> None:
    repeated = frame.duplicated(keys)
    if repeated.any():
        (first,) = frame.loc[repeated, keys].head(1).to_dict("records")
        raise ValueError(
            f"`{argument}` must tell all rows apart; got two{_where(first)}. "
            f"Add the column in which they differ, or select rows first."
        )
