"""Does the order of objectives on synthetic vectors predict their order in networks?

The features of each teacher network have a synthetic twin: Gaussian vectors of the same
mean and covariance. Free student vectors are distilled from twins, and networks from
the networks, under the same objectives, at the same width and number of vectors. The
weight of an objective in a network's loss is the one that does best on validation.

Prediction: the order of what is preserved carries over, with a Spearman correlation
above 0.5, since widths and means decide it and the twin has both. The order of what an
objective brings to the task does not: the interval of its correlation includes zero.

Outcome: the prediction failed, and the order is rather reversed. On twins every
uncentred distance ends above 0.98, the centred ones near 0.78 and the projection below
them, as theory says. In networks the centred Procrustes distance and the relational one
preserve more than a network without a term does in all settings, and most in four of
them; of the uncentred ones only Procrustes on MNIST preserves much more. Only at a
weight of a hundred times the term's start is the correlation positive, and its interval
includes zero. The order among uncentred distances on twins is one of third digits, and
counts in a rank correlation of eight. We do not know why networks differ so.
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
    """Gaussian vectors with the mean and covariance of a teacher's test features.

    They are scaled to a mean squared length of 1, as long as other teachers' vectors.
    """
    one = dataclasses.replace(base, num_seeds=1)
    test = base.dataset.split().num_test
    layer = engine.draw(one, place=1).layers[base.teacher_layers[-1]]
    features = layer[0, -test:].astype(np.float64)
    features /= np.sqrt(np.mean(np.sum(features**2, axis=1)))
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
        for loss in distilling.compared(quick):
            one = dataclasses.replace(cell, objective=loss)
            found.append(Cell(one, {"setting": name}))
    return found


def data(quick: bool) -> pd.DataFrame:
    """The twin's and the network's rows, of every setting, objective, weight and seed.

    `is_chosen` are those of the weight that does best on validation.
    """
    rows = distilling.with_gains(ends(distilling.frame(quick)))
    by = ["setting", "objective", "seed"]
    best = distilling.chosen(rows)[[*by, "relative_weight"]].assign(is_chosen=True)
    free = ends(cells.compute(synthetic(quick)))[[*by, MEASURE]]
    rows = rows.rename(columns={MEASURE: "real"})
    rows = rows.merge(free.rename(columns={MEASURE: "synthetic"}), on=by)
    rows = rows.merge(best, on=[*by, "relative_weight"], how="left")
    return rows.assign(is_chosen=rows["is_chosen"].notna())


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
    """Of each row of one with the same row of the other.

    What differs in the fifth digit is a tie: the csv that is drawn from is rounded.
    """
    ranks = [rankdata(np.round(each, 4), axis=1) for each in (one, other)]
    a, b = (each - each.mean(axis=1, keepdims=True) for each in ranks)
    return (a * b).sum(axis=1) / np.sqrt((a**2).sum(axis=1) * (b**2).sum(axis=1))


def by_weight(rows: pd.DataFrame) -> pd.DataFrame:
    """The correlations of both orders, at every weight and at the chosen ones."""
    parts = {"chosen": rows[rows["is_chosen"]]}
    parts |= {f"{w:g}": part for w, part in rows.groupby("relative_weight")}
    found = [
        correlations(part, value).assign(order_of=value, weight=weight)
        for value in _ORDERS
        for weight, part in parts.items()
    ]
    return pd.concat(found, ignore_index=True)


def draw(rows: pd.DataFrame, sheet: Sheet) -> None:
    """Network against twin at the chosen weights; correlations over the weight."""
    middle = (
        rows[rows["is_chosen"]]
        .groupby(["setting", "objective"], sort=False, as_index=False)[
            ["synthetic", "real", "gain"]
        ]
        .mean()
    )
    panels = sheet.line([*_ORDERS, "order"], 2.2, sharex=False, sharey=False)
    axes = [ax for ax, _ in panels]
    for ax, (value, said) in zip(axes, _ORDERS.items(), strict=False):
        for loss in LOSSES:
            part = where(middle, objective=loss.label)
            marks = plots.style_of(loss.label).marks | {"ls": "", "ms": 4}
            ax.plot(part["synthetic"], part[value], label=loss.label, **marks)
        ax.set_title(said)
        ax.set(xlabel="cosine correlation,\nsynthetic twin", xlim=(None, 1.02))
    axes[0].set(ylabel="cosine correlation, network")
    axes[1].set(ylabel="points of accuracy over none")
    axes[1].axhline(0, color="0.6", lw=0.8, zorder=-1)
    _over_weight(where(by_weight(rows), setting="mean"), axes[2])
    sheet.legend([loss.label for loss in LOSSES])


def _over_weight(found: pd.DataFrame, ax: Axes) -> None:
    """The mean correlation of both orders over the weight; at the left, the chosen."""
    names = ["chosen", *(f"{each:g}" for each in distilling.RELATIVE)]
    ends_of = {"real": ("preserve", "0.1", "o"), "gain": ("gain", "0.55", "s")}
    for value, (said, colour, marker) in ends_of.items():
        part = where(found, order_of=value).set_index("weight").reindex(names)
        middle = part["correlation"].to_numpy()
        gaps = np.abs(part[["low", "high"]].to_numpy().T - middle)
        at = np.arange(len(names)) + (0.08 if value == "gain" else -0.08)
        marks = {"color": colour, "marker": marker, "ms": 3, "elinewidth": 0.8}
        for some in (slice(1), slice(1, None)):  # the chosen ones stand apart
            ax.errorbar(at[some], middle[some], gaps[:, some], **marks)
        plots.direct(ax, at[-1] + 0.2, middle[-1], said, color=colour)
    ax.axhline(0, color="0.6", lw=0.8, zorder=-1)
    ax.set_xticks(range(len(names)), ["best", *names[1:]])
    ax.set(ylim=(-1.05, 1.05), xlabel="weight of the term,\nover its start")
    ax.set(title="do the orders agree?", ylabel="mean Spearman correlation")


STUDY = Study(
    __doc__,
    data=data,
    tables=lambda rows: {"bridge_correlations.csv": by_weight(rows)},
    figures={
        "bridge": Figure(
            "Left and middle: what objectives preserve of networks, and what they "
            "bring to their accuracy, over what they preserve of a synthetic twin of "
            "the teacher's features. Points: means over seeds of an objective in one "
            "of five settings, at the weight that does best on validation. Right: the "
            "rank correlation of both with the twin's, over objectives and averaged "
            "over settings, at that weight and at each; intervals resample seeds and "
            "settings.",
            "The order on synthetic vectors does not predict that on networks: at the "
            "weights that do best on validation the mean rank correlation is -0.42 "
            "for what is preserved, with an interval from -0.64 to -0.15, and -0.11 "
            "for the gain in accuracy, from -0.36 to 0.17.",
            draw,
            columns="setting objective seed relative_weight is_chosen synthetic real "
            "accuracy gain",
        )
    },
    note=distilling.NOTE,
    real=True,
    order=40,
)
