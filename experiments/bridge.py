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
from collections.abc import Callable

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from experiments import cells, distilling
from experiments.cells import RESULTS, Cell, preset
from experiments.distilling import LOSSES, NONE
from experiments.study import Figure, Sheet, Study, columns, ends, where
from simgeo import engine, plots, teachers
from simgeo.problems import Distillation

MEASURE = "cosine_correlation"
_RESAMPLES = 2000
_SAID = {"real": "what networks\npreserve", "gain": "what networks gain\nin accuracy"}


def twin(name: str, base: Distillation) -> teachers.FromFile:
    """Gaussian vectors with the mean and covariance of a teacher's test features."""
    one = dataclasses.replace(base, num_seeds=1)
    outputs = engine.draw(one, place=1)
    test = base.dataset.split().num_test
    features = outputs.layers[base.teacher_layers[-1]][0, -test:].astype(np.float64)
    centred = features - features.mean(axis=0)
    random = np.random.default_rng(0)
    mixed = random.normal(size=(4 * base.num_vectors, test)) @ centred / test**0.5
    folder = RESULTS / "twins"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{one.fingerprint}.npy"
    np.save(path, (mixed + features.mean(axis=0)).astype(np.float32))
    return teachers.FromFile(path=str(path))


def synthetic(quick: bool) -> list[Cell]:
    """Free students of every twin, under every objective."""
    found = []
    for name, base in distilling.settings(quick).items():
        teacher = twin(name, base)
        size = {"student_dim": base.student.widths[base.student_layers[-1]]}
        size |= {"num_vectors": base.num_vectors, "teacher_dim": teacher.size()[1]}
        size |= {"num_seeds": base.num_seeds, "num_records": 2}
        for loss in LOSSES:
            cell = preset(quick, teacher=teacher, objective=loss, **size)
            cell = dataclasses.replace(cell, measures=distilling.MEASURED)
            found.append(Cell(cell, {"setting": name}))
    return found


def data(quick: bool) -> pd.DataFrame:
    """A row for every setting, objective and seed: the twin's and the network's."""
    bases = distilling.settings(quick)
    networks = distilling.chosen(cells.compute(distilling.weighted(bases)))
    by = ["setting", "objective", "seed"]
    free = ends(cells.compute(synthetic(quick)))[[*by, MEASURE]]
    rows = networks.merge(
        free.rename(columns={MEASURE: "synthetic"}), on=by, how="left"
    ).rename(columns={MEASURE: "real"})
    alone = where(rows, objective=NONE).set_index(["setting", "seed"])
    keys = pd.MultiIndex.from_frame(rows[["setting", "seed"]])
    rows["gain"] = rows["accuracy"] - alone["accuracy"].reindex(keys).to_numpy()
    rows["real_alone"] = alone["real"].reindex(keys).to_numpy()
    kept = "setting objective seed relative_weight synthetic real real_alone accuracy"
    return columns(rows, f"{kept} gain validation_accuracy agreement")


def correlations(rows: pd.DataFrame, value: str) -> pd.DataFrame:
    """Spearman's of a value with the synthetic measure over objectives, by setting.

    The interval resamples seeds, and in the last row, the mean, settings as well.
    """
    random = np.random.default_rng(0)
    drawn = rows[rows["objective"] != NONE]
    names = drawn["setting"].unique()
    found, resampled = [], []
    for name in names:
        part = where(drawn, setting=name)
        sides = [
            part.pivot(index="objective", columns="seed", values=each).to_numpy()
            for each in ("synthetic", value)
        ]
        num = sides[0].shape[1]
        whole = _spearman(*(side.mean(axis=1)[None] for side in sides))[0]
        means = []
        for side in sides:
            seeds = random.integers(0, num, (_RESAMPLES, num))
            means.append(side[:, seeds].mean(axis=2).T)
        resampled.append(_spearman(*means))
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
    both = [correlations(rows, name).assign(order_of=name) for name in _SAID]
    return {"bridge_correlations.csv": pd.concat(both)}


def draw(rows: pd.DataFrame, sheet: Sheet) -> pd.DataFrame:
    """Network against twin for both orders, and the correlations."""
    axes = sheet.panels(*((3, 1) if sheet.narrow else (1, 3)), 2.3, False, False).flat
    middle = (
        rows[rows["objective"] != NONE]
        .groupby(["setting", "objective"], as_index=False)
        .mean(numeric_only=True)
    )
    scaled: dict[str, Callable] = {"real": lambda v: v, "gain": lambda v: 100 * v}
    for ax, value in zip(axes, scaled, strict=False):
        for name in (loss.label for loss in LOSSES):
            part = where(middle, objective=name)
            marks = plots.style_of(name).marks | {"ls": "", "ms": 4}
            y = scaled[value](part[value])
            ax.plot(part["synthetic"], y, label=name, **marks)
        ax.set_xlabel("cosine correlation,\nfree vectors of the twin")
    return rows


STUDY = Study(
    __doc__,
    data=data,
    tables=tables,
    figures={
        "bridge": Figure(
            "What objectives preserve of networks, and what they bring to their task, "
            "over what they preserve of a synthetic twin of the teacher's features.",
            "Not written yet.",
            draw,
        )
    },
    note=lambda quick: distilling.note(quick),
    order=40,
)
