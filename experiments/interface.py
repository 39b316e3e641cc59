"""How should a narrow student's layer meet a wide teacher's?

Either side may be mapped to the other: the teacher down to the student's eight units,
by its main directions, by a random map or by a learned one; or the student up to the
teacher's 64, by a random map, by a learned one with or without an intercept, by the
best one at every step, by a rotation, by a map that is judged by cosines alone, or by
a small network. Procrustes needs no map: it takes the best rotation at every step.

Prediction: none gains as much as Procrustes. The teacher's main directions gain about
one point and preserve more than any learned map, and a random map of the teacher gains
less than half of that. Learned maps gain less than half a point, since what a map can
do the student need not, and the rotation, which cannot stretch, is the best of them.
The map that is best at every step has the highest R2 of the teacher, which is what it
minimises. A learned map of the teacher gains nothing and preserves no more than a
student without a term, since it can follow any student.

Outcome: the best interface depends on the data, and most of the prediction failed. On
digits Procrustes gains more than all maps, as predicted; the map that is best at every
step gains over one point, a learned map of the teacher almost one and preserves more
than no term, and the teacher's main directions gain nothing. On two views a learned map
with an intercept gains more than Procrustes does, and a learned rotation and the
teacher's main directions gain about as much as it; without the intercept a learned map
gains nothing that a test tells from zero. On digits R2 is highest under Procrustes,
which does not ask for it. A random map of the student gains nowhere. Procrustes alone
preserves more cosines than no term in both. A step with it costs about four times the
processor's time of one without a term, and one with the best map three times.
"""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
from jaxtyping import Array, Float, PRNGKeyArray
from matplotlib.axes import Axes

from experiments import cells, distilling
from experiments.cells import RESULTS, Cell
from experiments.distilling import NONE
from experiments.study import Figure, Sheet, Study, where
from simgeo import engine, functional, objectives, plots, stats
from simgeo.objectives import AbstractObjective
from simgeo.problems import Distillation


class TeacherMap(AbstractObjective):
    """Mean squared error per vector to the teacher after a linear map, both centred.

    |S - T W|^2 / n. W (d x m) has Gaussian entries of variance 1 / d, or is read from
    a file.

    Args:
        name: in tables and figures.
        is_frozen: whether W stays as it is; else it is learned beside the student.
        path: of a .npy file that holds W, or none.
    """

    name: str = eqx.field(static=True, default="map")
    is_frozen: bool = eqx.field(static=True, default=True)
    path: str = eqx.field(static=True, default="")

    @property
    def label(self) -> str:
        return self.name

    def init(
        self, key: PRNGKeyArray, student_dim: int, teacher_dim: int
    ) -> Float[Array, "d m"]:
        if self.path:
            return jnp.asarray(np.load(self.path), dtype=float)
        return jax.random.normal(key, (teacher_dim, student_dim)) / teacher_dim**0.5

    def __call__(
        self,
        student: Float[Array, "n m"],
        teacher: Float[Array, "n d"],
        learned: Float[Array, "d m"] | None = None,
    ) -> Float[Array, ""]:
        if self.is_frozen and learned is not None:
            learned = jax.lax.stop_gradient(learned)
        return functional.linear_projection(teacher, student, learned, centred=True)


def main_directions(base: Distillation) -> str:
    """The file of as many of the teacher's, of its training features, as are units."""
    one = dataclasses.replace(base, num_seeds=1)
    train = base.dataset.split().num_train
    features = engine.draw(one, place=1).layers[-1][0, :train].astype(np.float64)
    _, _, rows = np.linalg.svd(features - features.mean(axis=0), full_matrices=False)
    rows = rows[: base.student.widths[-1]]
    largest = np.take_along_axis(rows, np.abs(rows).argmax(axis=1)[:, None], axis=1)
    folder = RESULTS / "directions"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{one.fingerprint}.npy"
    np.save(path, (rows * np.sign(largest)).T.astype(np.float32))
    return str(path)


# What each is called in the figure; of the teacher, of the student, and without a map.
DOWN = {
    "PCA of the teacher, frozen": "PCA, frozen",
    "random map of the teacher, frozen": "random, frozen",
    "map of the teacher, learned": "learned",
}
UP = {
    "Projection, fixed": "random, frozen",
    "Projection": "learned",
    "Projection, centred": "learned, intercept",
    "Projection, solved": "best at every step",
    "Projection, orthogonal": "rotation, learned",
    "Projection, cosine": "learned, cosines",
    "Projection, MLP": "learned, network",
}
_SETTINGS = "digits, m = 8", "two views, m = 8"
PROCRUSTES = "Procrustes, centred, normalised"
SAID = {**DOWN, **UP, PROCRUSTES: "Procrustes"}


def interfaces(base: Distillation) -> tuple[AbstractObjective, ...]:
    """All of them, in the order of the figure."""
    pca, random, learned = DOWN
    return (
        TeacherMap(pca, path=main_directions(base)),
        TeacherMap(random),
        TeacherMap(learned, is_frozen=False),
        objectives.FixedProjection(),
        objectives.LinearProjection(),
        objectives.LinearProjection(centred=True),
        objectives.LinearProjection(solved=True),
        objectives.OrthogonalProjection(),
        objectives.CosineProjection(),
        objectives.MLPProjection(),
        objectives.Procrustes(centred=True, normalised=True),
    )


def data(quick: bool) -> pd.DataFrame:
    """The ends at the weights that do best on validation, with their gains."""
    known = distilling.settings(quick)
    grid = []
    for name in [each for each in _SETTINGS if each in known]:
        base = known[name]
        losses = interfaces(base)[:: 2 if quick else 1]  # each is compiled
        grid += distilling.weighted({name: base}, losses=losses)
    rows = distilling.with_gains(distilling.chosen(cells.compute(grid)))
    if quick:  # compilation would be most of it
        return rows.assign(microseconds=np.nan)
    return rows.merge(cells.cached(costs, {}), on="objective")


def costs() -> pd.DataFrame:
    """What a step takes with every interface, and with none, on digits."""
    base = distilling.settings(False)[_SETTINGS[0]]
    terms = (None, *interfaces(base))
    changed = [dataclasses.replace(base, objective=one, weight=0.01) for one in terms]
    return distilling.step_costs([Cell(each, {}) for each in changed])


_GROUPS = {"teacher": DOWN, "student": UP}
_MEASURES = {"cosine_correlation": "o", "r2_of_teacher": "s"}  # and their marks


def draw(rows: pd.DataFrame, sheet: Sheet) -> None:
    """Gains of every interface on the left, what it preserves on the right."""
    places = [*rows["setting"].unique()]
    names = [each for each in SAID if each in {*rows["objective"]}]
    if sheet.narrow:
        axes = sheet.panels(2 * len(places), 1, 2.0, sharex=False).reshape(-1, 2)
    else:
        axes = sheet.panels(len(places), 2, 2.0, sharex=False)
    for place, (left, right) in zip(places, axes, strict=True):
        part = where(rows, setting=place)
        values = {name: where(part, objective=name)["gain"] for name in names}
        distilling.strip(values, [_hue(name) for name in names], left)
        left.set_title(f"{place}: gain")
        left.set_xlabel("points of accuracy over none")
        _preserved(part, names, right)
        right.set_title(f"{place}: preserved")
        right.set_xlabel("circles: cosine correlation,\nsquares: R2 of the teacher")
        for ax in (left, right):
            distilling.rows([SAID[name] for name in names], ax)
            if ax.yaxis.get_tick_params().get("labelleft", True):
                for said, group in _GROUPS.items():
                    at = [1 + names.index(name) for name in names if name in group]
                    plots.bracket(ax, said, min(at) - 0.4, max(at) + 0.4, 76.0)


def _hue(name: str) -> str:
    """The objective in whose marks an interface is drawn."""
    return PROCRUSTES if name == PROCRUSTES else "Projection"


def _preserved(rows: pd.DataFrame, names: list[str], ax: Axes) -> None:
    """Medians and intervals of both measures, and lines where no term is."""
    middle = stats.summarise(rows, ["objective"], [*_MEASURES])
    for measure, marker in _MEASURES.items():
        part = where(middle, value=measure).set_index("objective")
        ax.axvline(part.loc[NONE, "estimate"], color="0.6", lw=0.8, zorder=-1)
        for row, name in enumerate(names, start=1):
            one = part.loc[[name]]
            distilling.intervals(one, [row], _hue(name), ax, marker=marker)


def compared(rows: pd.DataFrame) -> pd.DataFrame:
    """Every interface against none, and against Procrustes."""
    terms = rows[rows["objective"] != NONE]
    others = stats.paired_comparisons(
        terms, "accuracy", "objective", within=["setting"], baseline=PROCRUSTES
    )
    return pd.concat([distilling.gains(rows, ["setting"]), others], ignore_index=True)


STUDY = Study(
    __doc__,
    data=data,
    tables=lambda rows: {"interface_compared.csv": compared(rows)},
    figures={
        "interface": Figure(
            "What a term brings and preserves by the map between eight units of the "
            "student and 64 of the teacher. Left, points: seeds, paired with the same "
            "seed without a term; bars: medians. Right: the correlation of cosines, "
            "and how much of the teacher a linear map reads from the student, R2; "
            "medians and intervals over seeds, lines without a term. Brackets: whose "
            "features are mapped.",
            "On digits Procrustes gains 2.23 points, more than every map; the map that "
            "is best at every step comes next with 1.39. On two views a learned map "
            "with an intercept gains 2.63, more than Procrustes, which gains 1.75 "
            "(signed-rank tests, adjusted, below five percent); without the intercept "
            "it gains 0.75, which no test tells from zero.",
            draw,
            columns="setting objective seed relative_weight accuracy gain "
            "validation_accuracy cosine_correlation r2_of_teacher microseconds",
        )
    },
    note=distilling.NOTE + " The csv has microseconds of the processor, a step and "
    "seed, on digits.",
    real=True,
    order=43,
)
