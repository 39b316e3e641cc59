"""How much of the mean must an objective see to preserve the pattern?

Rows of zeros, r for every vector, are added to both sides before the mean is removed:
CKA is centred at r = 0 and uncentred without bound, and so are Procrustes and Gram.

Prediction: at m = d the optimum preserves the whole pattern at every r above zero,
for every teacher; a run finds it from about r* = l_m / (n |t|^2 - l_m) on, where the
teacher's mean t, as shortened, is as strong as its m-th direction, and before that
only Procrustes, which falls behind least where a direction is weak. At m = d/2 the
optimum changes hands at r*: it drops the mean below and keeps it above, and pattern
agreement goes from the centred to the uncentred value in one step; without a mean,
r* is infinite and r hardly matters. No r is better than uncentred.

Outcome: the optimum is as predicted, the runs are not. At m = d the optimum preserves
the whole pattern from the first r on, where the centred optimum has none of it on a
common mean and the wrong pairs on a strong one (-0.50). Runs of Procrustes follow from
1/256 on (0.94 and 0.90 there, else 0.97 and more), those of Gram from 1/16 and those of
CKA from 1/4 (0.70 on the common mean at 1/16), though r* is 0 there: what falls short
of the mean is not the optimum, but how slowly squared spectra find it. At m = d/2 the
step is at r*, 0.05 to 0.15, for both means and blocks: from 0.11 to 0.72 on the common
mean. It is one step for the means; blocks (0.72 to 0.85) and the power law (0.73 to
0.96, r* 0.42) gain before it, as soon as a translation is seen at all. No r exceeds
uncentred by more than 0.014. To choose: r = 1/4 gives every loss its uncentred value,
while a fifth of the mean's square counts; at m = d 1/16 is enough for Procrustes and
Gram.
"""

from collections.abc import Iterable

import numpy as np
import pandas as pd

from experiments import cells, judging
from experiments.cells import Cell, crossed
from experiments.study import Figure, Sheet, Study, ends
from simgeo import functional, limits, objectives, plots, teachers

FRAMES = (0.0, 1 / 256, 1 / 64, 1 / 16, 1 / 4, 1.0, 4.0, 1e6)  # r; as good as uncentred
TEACHERS = cells.TEACHERS | {
    "Gaussian": teachers.Gaussian(),
    "strong mean": teachers.CommonMean(cosine=0.2),
    "power law": teachers.PowerLawSpectrum(),
}
LOSSES = {
    "CKA": objectives.CKA(centred=False),
    "Procrustes": objectives.Procrustes(),
    "Gram": objectives.FeatureGram(),
}


def grid(quick: bool) -> list[Cell]:
    """Every width, frame, objective and teacher."""
    size = {"num_vectors": 64, "teacher_dim": 32, "num_steps": 100}
    size = size if quick else {"num_vectors": 128, "teacher_dim": 64, "num_steps": 600}
    size |= {"num_records": 2, "num_seeds": 2 if quick else 4}
    widths, names = ((16,), ("CKA",)) if quick else ((64, 32), (*LOSSES,))
    chosen = {"common mean": TEACHERS["common mean"]} if quick else TEACHERS
    return [
        cell
        for width in widths
        for frame in FRAMES[:: 3 if quick else 1]
        for name in names
        for cell in crossed(
            quick,
            chosen,
            [objectives.Framed(LOSSES[name], frame)],
            labels={"frame": frame, "objective": name},
            student_dim=width,
            **size,
        )
    ]


def data(quick: bool) -> pd.DataFrame:
    """The ends of the runs, and the pattern of the optimum beside them."""
    whole = grid(quick)
    width = whole[0].experiment.student_dim
    ours = [cell for cell in whole if cell.labels["objective"] == "CKA"]
    first = [cell for cell in ours if not cell.labels["frame"]]
    first = [cell for cell in first if cell.experiment.student_dim == width]
    drawn = {cell.labels["teacher"]: both[-1] for cell, *both in cells.vectors(first)}
    best = [best_of(drawn[cell.labels["teacher"]], cell) for cell in ours]
    runs = ends(cells.compute(whole))
    return runs.merge(pd.concat(best), on=["teacher", "student_dim", "frame", "seed"])


def best_of(drawn: np.ndarray, cell: Cell) -> pd.DataFrame:
    """The pattern of the truncated SVD of each seed's framed teacher, and its r*."""
    width, frame = cell.experiment.student_dim, cell.labels["frame"]
    mean = drawn.mean(axis=1, keepdims=True)
    share = functional.removed_share(frame)
    students = [limits.optimal_student(each, width) for each in drawn - share * mean]
    best = np.stack(students)
    # What was taken off is put back; without a frame, nothing says how much.
    back = share / (1 - share) if share < 1 else 0.0
    best = best + back * best.mean(axis=1, keepdims=True)
    found = judging.patterns(best, drawn, cell.experiment.epsilon)["matthews"]
    values = np.linalg.svd(drawn - mean, compute_uv=False)[:, width - 1] ** 2
    left = drawn.shape[1] * np.sum(mean**2, axis=(1, 2)) - values
    return pd.DataFrame(
        {
            "seed": cell.experiment.seeds,
            "optimum_matthews": found,
            "turn": np.where(left > 0, values / np.where(left > 0, left, 1), np.inf),
        }
    ).assign(teacher=cell.labels["teacher"], student_dim=width, frame=frame)


def draw(frame: pd.DataFrame, sheet: Sheet) -> None:
    """A row for each width, a column for each teacher, over what is left of a mean."""
    frame = frame.assign(left=_left(frame["frame"]))
    widths = frame["student_dim"].unique()
    best = {"color": "0.1", "lw": 2.2, "alpha": 0.35, "label": "optimum"}
    turn = {"color": "0.85", "lw": 3, "zorder": -2}
    for ax, part in sheet.facets(frame, (1.5, 1.2), "teacher", "student_dim"):
        at = part["turn"].median()
        if at < FRAMES[-1]:
            ax.axvline(_left([at])[0], **turn)
        optimum = part.groupby("left")["optimum_matthews"].median()
        ax.plot(optimum.index, optimum, **best)
        plots.over_setting(part, "left", "matthews", ax)
        if part["student_dim"].iloc[0] == widths[0] or sheet.narrow:
            ax.set_title(part["teacher"].iloc[0], fontsize=7)
        ax.set_xticks(_left([0.0, 1 / 4, 1.0, 1e6]), ["0", "1/4", "1", r"$\infty$"])
    sheet.label("frame r", [f"pattern agreement\nm = {width}" for width in widths])
    sheet.names()


def _left(frames: Iterable[float]) -> np.ndarray:
    """The share of the mean that frames leave."""
    shares = map(functional.removed_share, np.clip([*frames], 0, 1e9))
    return 1 - np.array([*shares])


STUDY = Study(
    __doc__,
    cells=grid,
    data=data,
    figures={
        "framed_centring": Figure(
            "Pattern agreement at the end over the frame r, for six teachers, at m = d "
            "(above) and at half of it. Points: seeds; lines: medians; pale: the "
            "optimum. The axis is in sqrt(r / (1 + r)), the share of the mean that is "
            "left; grey bar: r*, where the optimum takes the mean in.",
            "A few rows of zeros beside the vectors mend what centring loses: r = 1/4 "
            "brings CKA, Procrustes and Gram to their uncentred values everywhere.",
            draw,
            columns="teacher student_dim objective frame turn seed loss optimum_loss "
            "matthews optimum_matthews chance_matthews svd_matthews",
            levels=("chance", "svd"),
        )
    },
    order=17,
)
