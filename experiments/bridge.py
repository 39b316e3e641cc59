"""Does the order of objectives on synthetic vectors predict their order in networks?

The features of each teacher network have a synthetic twin: Gaussian vectors of the same
mean and covariance. Free student vectors are distilled from twins, and networks from
the networks, under the same objectives, at the same width and number of vectors. The
weight of an objective in a network's loss is the one that does best on validation.

Prediction: the order of what is preserved carries over, with a Spearman correlation
above 0.5, since widths and means decide it and the twin has both. The order of what an
objective brings to the task does not: the interval of its correlation includes zero.

Outcome: not written yet.
"""

import dataclasses

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from scipy.stats import rankdata

from experiments import cells, distilling
from experiments.cells import RESULTS, Cell, preset
from experiments.distilling import LOSSES
from experiments.study import Figure, Sheet, Study, ends, where
from simgeo import engine, plots, teachers
from simgeo.problems import Distillation

MEASURE = "cosine_correlation"
_RESAMPLES = 2000
_ORDERS = {
    "real": "what networks preserve",
    "gain": "what networks gain",
}


def twin(base: Distillation) -> teachers.FromFile:
    """Gaussian vectors with the mean and covariance of a teacher's test features."""
    one = dataclasses.replace(base, num_seeds=1)
    test = base.dataset.split().num_test
    layer = engine.draw(one, place=1).layers[base.teacher_layers[-1]]
    features = layer[0, -test:].astype(np.float64)
    mean = features.mean(axis=0)
    random = np.random.default_rng(0).normal(size=(4 * base.num_vectors, test))
    folder = RESULTS / "twins"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{one.fingerprint}.npy"
    vectors = random @ (features - mean) / test**0.5 + mean
    np.save(path, vectors.astype(np.float32))
    return teachers.FromFile(path=str(path))


def synthetic(quick: bool) -> list[Cell]:
    """Free students of every twin, under every objective."""
    found = []
    for name, base in distilling.settings(quick).items():
        teacher = twin(base)
        cell = preset(
            quick,
            teacher=teacher,
            num_vectors=base.num_vectors,
            teacher_dim=teacher.size()[1],
            student_dim=base.student.widths[base.student_layers[-1]],
            num_seeds=base.num_seeds,
            num_records=2,
            measures=distilling.MEASURED,
        )
        for loss in LOSSES:
            one = dataclasses.replace(cell, objective=loss)
            found.append(Cell(one, {"setting": name}))
    return found


def data(quick: bool) -> pd.DataFrame:
    """A row for every setting, objective and seed: the twin's and the network's."""
    rows = distilling.chosen_runs(quick).rename(columns={MEASURE: "real"})
    by = ["setting", "objective", "seed"]
    free = ends(cells.compute(synthetic(quick)))[[*by, MEASURE]]
    return rows.merge(free.rename(columns={MEASURE: "synthetic"}), on=by)


def correlations(rows: pd.DataFrame, value: str) -> pd.DataFrame:
    """Spearman's of a value with the synthetic measure over objectives, by setting.

    The interval resamples seeds; that of the mean, in the last row, settings as well.
    """
    random = np.random.default_rng(0)
    names = rows["setting"].unique()
    found, resampled = [], []
    for name in names:
        sides = [
            where(rows, setting=name)
            .pivot(index="objective", columns="seed", values=each)
            .to_numpy()
            for each in ("synthetic", value)
        ]
        num = sides[0].shape[1]
        chosen = [random.integers(0, num, (_RESAMPLES, num)) for _ in sides]
        means = [s[:, c].mean(axis=2).T for s, c in zip(sides, chosen, strict=True)]
        resampled.append(_spearman(*means))
        whole = _spearman(*(side.mean(axis=1)[None] for side in sides))[0]
        found.append((name, whole, *np.quantile(resampled[-1], [0.025, 0.975])))
    places = random.integers(0, len(names), (_RESAMPLES, len(names)))
    means = np.array(resampled)[places, np.arange(_RESAMPLES)[:, None]].mean(axis=1)
    middle = float(np.mean([one for _, one, *_ in found]))
    found.append(("mean", middle, *np.quantile(means, [0.025, 0.975])))
    return pd.DataFrame(found, columns=["setting", "correlation", "low", "high"])


def _spearman(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Of each row of one with the same row of the other."""
    ranks = [rankdata(each, axis=1) for each in (one, other)]
    a, b = (each - each.mean(axis=1, keepdims=True) for each in ranks)
    return (a * b).sum(axis=1) / np.sqrt((a**2).sum(axis=1) * (b**2).sum(axis=1))


def tables(rows: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The correlations of both orders."""
    both = [correlations(rows, name).assign(order_of=name) for name in _ORDERS]
    return {"bridge_correlations.csv": pd.concat(both)}


def draw(rows: pd.DataFrame, sheet: Sheet) -> None:
    """Network against twin for both orders, and the correlations."""
    columns = "synthetic real gain"
    by = ["setting", "objective"]
    middle = rows.groupby(by, sort=False, as_index=False)[columns.split()].mean()
    panels = sheet.line([*_ORDERS, "order"], 2.4, sharex=False, sharey=False)
    axes = [ax for ax, _ in panels]
    for ax, value in zip(axes, _ORDERS, strict=False):
        for loss in LOSSES:
            part = where(middle, objective=loss.label)
            marks = plots.style_of(loss.label).marks | {"ls": "", "ms": 4}
            ax.plot(part["synthetic"], part[value], label=loss.label, **marks)
        ax.set_title(_ORDERS[value])
    axes[1].axhline(0, color="0.6", lw=0.8, zorder=-1)
    _orders(rows, axes[2])
    order = "Spearman correlation\nover objectives"
    sheet.label(
        ["cosine correlation,\nsynthetic twin"] * 2 + [order],
        ["cosine correlation, network", "points of accuracy", ""],
    )
    sheet.legend([loss.label for loss in LOSSES])


def _orders(rows: pd.DataFrame, ax: Axes) -> None:
    for shift, (value, said) in zip((-0.15, 0.15), _ORDERS.items(), strict=True):
        found = correlations(rows, value)
        at = np.arange(len(found)) + shift
        colour = {"real": "0.1", "gain": "0.6"}[value]
        gaps = found["correlation"] - found["low"], found["high"] - found["correlation"]
        ax.errorbar(
            found["correlation"], at, xerr=gaps, color=colour, fmt="o", ms=3, lw=0.8
        )
        plots.direct(ax, 1.02, at[0], said.removeprefix("what networks "), color=colour)
    ax.axvline(0, color="0.6", lw=0.8, zorder=-1)
    ax.set_yticks(range(len(found)), found["setting"])
    ax.set(ylim=(len(found) - 0.5, -0.5), xlim=(-1.05, 1.05))


STUDY = Study(
    __doc__,
    data=data,
    tables=tables,
    figures={
        "bridge": Figure(
            "What objectives preserve of networks, and what they bring to the accuracy "
            "of networks, over what they preserve of a synthetic twin of the teacher's "
            "features. Points: means over seeds of an objective in a setting; right: "
            "correlations of both orders with the twin's, with intervals that resample "
            "seeds, and in the last row settings.",
            "Not written yet.",
            draw,
            columns="setting objective seed relative_weight synthetic real accuracy "
            "gain validation_accuracy agreement",
        )
    },
    note=distilling.NOTE,
    real=True,
    order=40,
)
