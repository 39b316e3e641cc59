"""What does one small distance prove about the others, about readouts and the pattern?

Prediction: Procrustes and Gram distance each bound all else, the pattern included, and
a frame makes a certificate of CKA; CKA itself and the projection prove nothing but what
is weaker by definition, and a right pattern proves nothing. The proven bounds are right
in their order and loose by a factor of ten where they chain two steps, and for the
pattern. The runs of descent lie far inside: they do not end at the worst student.

Outcome: which bounds which is as predicted, and no student, run or found, breaks a
bound. At a CKA, projection, readout or pattern of .001, students are found with others
at .05 to .9 where nothing is proven; nine tenths of the pairs of blocks are lost at a
CKA loss of .0001. At .001 single steps are within a factor of 7 of what is found, most
within 3; chains from a framed CKA lose 17 to Procrustes and 80 to readouts. The pairs
of blocks are bounded to 8 (Gram) and 24 (Procrustes) times what is found, and to none
at .0001; on the common mean, whose cosines lie near the edge, to a third and a half of
all. The runs are not all inside: half of them are within a factor of 1.3 of the bound
of CKA by a framed one and of the projection by Procrustes, and of 2.5 of CKA by Gram.
For the pattern they stay below a quarter of it.
"""

import functools

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from experiments import cells
from experiments.cells import Cell, crossed
from experiments.certificates.searching import DIM, EPSILON, FRAME, worst
from experiments.study import Figure, Sheet, Study, where
from simgeo import objectives, plots, teachers, theory

NAMES = {
    "cka": "CKA",
    "framed_cka": "CKA, framed",
    "procrustes": "Procrustes",
    "gram": "Gram",
    "projection": "projection",
    "readout": "worst readout",
    "pattern": "pairs lost\nor gained",
}
TEACHERS = {
    "blocks": teachers.OrthogonalBlocks(num_blocks=4, cosine=0.5),
    "common mean": teachers.CommonMean(cosine=0.1),
}
_FOUND = {"color": "0.1", "lw": 0.7, "ls": "--"}


def grid(quick: bool) -> list[Cell]:
    """Runs of every length under every objective, all of one teacher of each kind."""
    chosen = [*cells.OBJECTIVES, objectives.Framed(frame=FRAME)]
    return crossed(
        quick,
        {"blocks": TEACHERS["blocks"]} if quick else TEACHERS,
        [objectives.CKA()] if quick else chosen,
        num_vectors=3 * DIM,
        teacher_dim=DIM,
        student_dim=DIM,
        teacher_seed=0,
        num_steps=[30] if quick else [10, 30, 100, 300, 1000],
        num_records=2,
        num_seeds=4,
    )


def data(quick: bool) -> pd.DataFrame:
    """For each teacher the runs, the worst students found, and what is proven."""
    rows, drawn = [], {}
    for cell, seeds, students, targets in cells.vectors(grid(quick)):
        drawn[cell.labels["teacher"]] = targets[0]
        labels = {"what": "run", "objective": cell.experiment.objective.label}
        labels |= {"steps": cell.experiment.num_steps, **cell.labels}
        for seed, student in zip(seeds, students, strict=True):
            found = theory.deviations(student, targets[0], EPSILON, FRAME)
            rows.append(labels | {"seed": seed} | found)
    for name, teacher in drawn.items():
        asked = {"teacher": teacher.tolist(), "quick": quick, "frame": FRAME}
        found = cells.cached(worst, asked).assign(what="found", teacher=name)
        rows += found.to_dict("records")
        for given in NAMES:
            for value in np.logspace(-5, 0, 41):
                most = theory.frontier(teacher, {given: value}, EPSILON, FRAME, DIM)
                rows.append({"what": "proven", "teacher": name, "given": given} | most)
    return pd.DataFrame(rows)


def draw(frame: pd.DataFrame, sheet: Sheet) -> None:
    """What is measured from left to right, what follows from top to bottom."""
    for ax, of, given in sheet.grid(NAMES, NAMES, 0.95):
        if of != given:
            _panel(frame, given, of, ax)
        ax.set(xscale="log", yscale="log", xlim=(1e-5, 1.3), ylim=(1e-5, 1.5))
        ax.set(xticks=[1e-4, 1e-2, 1], yticks=[1e-4, 1e-2, 1])
        ax.minorticks_off()
        ax.tick_params(labelsize=plots.SMALLEST)
        ax.set_facecolor("0.97" if of == given else "white")
    sheet.label([*NAMES.values()], [*NAMES.values()])
    dots = {"ls": "", "marker": "o", "ms": 3}
    labels = where(frame, what="run")["objective"].unique()
    others = [
        Line2D([], [], color="0.1", label="proven bound"),
        Line2D([], [], label="worst student found", **_FOUND),
        *(
            Line2D([], [], color=plots.style_of(label).colour, label=label, **dots)
            for label in labels
        ),
    ]
    sheet.legend(others=others)


def _panel(frame: pd.DataFrame, given: str, of: str, ax: Axes) -> None:
    proven = where(frame, what="proven", given=given)
    ax.fill_between(proven[given], proven[of], 10, color="0.85", lw=0)
    ax.plot(proven[given], proven[of], color="0.1", lw=0.9)
    known = frame[frame["what"] != "proven"].sort_values(given)
    ax.step(known[given], known[of].cummax(), where="post", **_FOUND)
    for label, runs in where(frame, what="run").groupby("objective"):
        options = {"color": plots.style_of(str(label)).colour, "ms": 2, "mew": 0}
        ax.plot(runs[given], runs[of], "o", alpha=0.6, **options)


STUDY = Study(
    __doc__,
    cells=grid,
    data=data,
    figures={
        f"certificates_{name.replace(' ', '_')}": Figure(
            f"What one deviation from the teacher proves of another: {name}. Across: "
            "what is measured; down: how large another may be then; grey: proven "
            "impossible; points: runs at their end. Distances are at the best scale, "
            "as shares of the teacher's, the worst readout of the strongest, and pairs "
            f"of all; the frame is r = {FRAME:g}.",
            finding,
            draw,
            rows=functools.partial(where, teacher=name),
            narrow=False,
        )
        for name, finding in {
            "blocks": "A Procrustes or Gram distance of 1e-4 proves that no pair is "
            "lost, and a framed CKA bounds all else; CKA and the pattern bound "
            "nothing, the projection only readouts.",
            "common mean": "Where pairs lie near the edge of the pattern, no distance "
            "proves much of it; what bounds what is as with blocks.",
        }.items()
    },
    note="n = {one.num_vectors}, d = m = {one.teacher_dim}, epsilon = "
    "{one.epsilon:g}, one teacher; runs of 10 to 1,000 steps of Adam at 0.03 with "
    "cosine decay, {one.num_seeds} seeds.",
    order=18,
)
