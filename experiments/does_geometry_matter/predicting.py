"""Which measures predict what a reader gets."""

import warnings

import numpy as np
import pandas as pd
import scipy.optimize
import scipy.stats
import xarray as xr

from experiments.does_geometry_matter.readers import RUN, SPARSITIES
from experiments.study import ends
from simgeo import measures, objectives

MEASURES = tuple(
    name
    for name in measures.DEFAULT
    # Counts are fractions times a constant; the teacher's are no measure of a student.
    if not name.startswith("pairs_")
    and not name.endswith("_teacher")
    or name == "r2_of_teacher"
)
DISTANCES = tuple(
    f"distance_{name}"
    for name in objectives.STANDARD
    # Which are one minus, or twice one minus, a measure.
    if name not in ("cka", "cka_uncentred", "procrustes_normalised")
)
CANDIDATES = ("student_dim", *MEASURES, *DISTANCES)


def last(frame: pd.DataFrame) -> pd.DataFrame:
    """The measures of every run at its end.

    A pattern that is constant, as of a student whose pairs are all orthogonal, has no
    pattern agreement and no precision; it says nothing of the teacher's: 0.
    """
    undefined = ["matthews", "pattern_precision", "pattern_recall"]
    names = [*RUN, *(name for name in CANDIDATES if name != "student_dim")]
    return ends(frame)[names].fillna(dict.fromkeys(undefined, 0.0))


def cube(runs: pd.DataFrame, names: list[str]) -> xr.DataArray:
    """Medians over seeds, by measure, teacher, objective and width."""
    axes = ["teacher", "objective", "width"]
    middle = runs.assign(width=runs["student_dim"]).groupby(axes, sort=False)[names]
    return middle.median().to_xarray().to_array("measure").transpose("measure", *axes)


def rank_correlations(
    values: np.ndarray, area: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Spearman's, the partial one given the width, and given teacher and width.

    Given a factor is, for ranks as for values, after the means of its levels are taken
    off. NaN where nothing varies.

    Args:
        values: measure, teacher, objective, width.
        area: teacher, objective, width.
    """
    both = np.concatenate([values, area[None]])
    ranks = scipy.stats.rankdata(both.reshape(len(both), -1), axis=1)
    ranks = ranks.reshape(both.shape)
    found = []
    for given in ((1, 2, 3), (1, 2), (2,)):
        left = ranks - ranks.mean(axis=given, keepdims=True)
        left = left.reshape(len(left), -1)
        sizes = np.sqrt(np.sum(left**2, axis=1))
        sizes[sizes < 1e-9 * len(left.T)] = np.nan
        found.append(left[:-1] @ left[-1] / (sizes[:-1] * sizes[-1]))
    return found[0], found[1], found[2]


def left_out_errors(values: np.ndarray, area: np.ndarray) -> np.ndarray:
    """Absolute errors of a monotone function of one measure at the teacher left out.

    At every width by itself, isotonic regression, rising or falling as the rank
    correlation of the other teachers' cells says, constant beyond what was seen.

    Args:
        values, area: teacher, objective, width.
    """
    errors = np.empty_like(area)
    for out in range(len(area)):
        for at in range(area.shape[2]):
            known = np.delete(np.arange(len(area)), out)
            x, y = values[known, :, at].ravel(), area[known, :, at].ravel()
            guess = _monotone(x, y, values[out, :, at])
            errors[out, :, at] = np.abs(guess - area[out, :, at])
    return errors


def _monotone(x: np.ndarray, y: np.ndarray, at: np.ndarray) -> np.ndarray:
    levels, group = np.unique(x, return_inverse=True)
    sizes = np.bincount(group)
    means = np.bincount(group, y) / sizes
    if len(levels) == 1:
        return np.full(at.shape, means[0])
    rising = scipy.stats.spearmanr(x, y).statistic >= 0
    fitted = scipy.optimize.isotonic_regression(means, weights=sizes, increasing=rising)
    return np.interp(at, levels, fitted.x)


def ranking(runs: pd.DataFrame, resamples: int) -> pd.DataFrame:
    """How well every measure predicts the area, for every reader and sparsity.

    `pooled`, `given_width` and `given_both` are the rank correlations; `error` is the
    mean error at a teacher left out, `skill` one minus its ratio to that of knowing
    the width alone. Intervals, 95 %, resample teachers and objectives, each as a whole
    (Owen, 2007): cells that share either are not independent.
    """
    tables = []
    for (reader, sparsity), part in runs.groupby(["reader", "sparsity"], sort=False):
        whole = cube(part, [*CANDIDATES, "area"])
        values, area = whole.values[:-1], whole.values[-1]
        correlations = np.stack(rank_correlations(values, area))
        errors = np.stack([left_out_errors(each, area) for each in values])
        table = pd.DataFrame({"reader": reader, "sparsity": sparsity}, index=CANDIDATES)
        names = ("pooled", "given_width", "given_both")
        table = table.assign(**dict(zip(names, correlations, strict=True)))
        means = errors.mean(axis=(1, 2, 3))
        table["error"] = means
        table["skill"] = 1 - means / means[0]  # the first candidate is the width
        if sparsity == SPARSITIES[0]:
            table = table.assign(**_intervals(values, area, errors, resamples))
        tables.append(table.rename_axis("measure").reset_index())
    return pd.concat(tables, ignore_index=True)


def _intervals(
    values: np.ndarray, area: np.ndarray, errors: np.ndarray, resamples: int
) -> dict[str, np.ndarray]:
    def statistics(t: np.ndarray, o: np.ndarray) -> np.ndarray:
        at = t.astype(int)[:, None], o.astype(int)[None]
        means = errors[:, *at].mean(axis=(1, 2, 3))
        correlations = rank_correlations(values[:, *at], area[at])
        return np.stack([*correlations, 1 - means / means[0]])

    with warnings.catch_warnings():
        # Of the width, which explains nothing once it is given.
        warnings.simplefilter("ignore")
        drawn = scipy.stats.bootstrap(
            tuple(map(np.arange, area.shape[:2])),
            statistics,
            vectorized=False,
            method="percentile",
            n_resamples=resamples,
            rng=np.random.default_rng(0),
        ).bootstrap_distribution
        low, high = np.nanquantile(drawn, [0.025, 0.975], axis=-1)
    names = ("pooled", "given_width", "given_both", "skill")
    return {
        f"{name}_{end}": each
        for end, values in (("low", low), ("high", high))
        for name, each in zip(names, values, strict=True)
    }
