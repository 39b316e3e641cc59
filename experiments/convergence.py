"""Which objective gets there first, in steps and in seconds, and what is a step's cost?

Arrived: the loss has fallen by 95 % of the way from its start to its optimum, or, the
fairer comparison, the Matthews correlation is within 0.02 of where it ends; and both
stay so. All run at one rate, which decays to zero at the last step.

Prediction: where spectra are flat all arrive at their loss within 100 steps. On the
power law CKA and Gram need several times as many steps as Procrustes, and at the kept
geometry more so than at the loss. CCA, which weighs all directions alike, is last on
flat spectra and not held up by the power law. A step of Procrustes costs twice that of
CKA, one of CCA five times, and no order in steps is turned round by seconds but CCA's.

Outcome, medians: all losses arrive within 36 steps, on the power law as well, where CKA
is the first, at 6, and not the last. The geometry tells them apart: on the power law it
takes CKA 147 steps (219 uncentred), Gram 114, Procrustes 60; on blocks the centred take
96 to 273 and the uncentred 18 to 30. CCA is early everywhere, at 12 steps, and keeps
0.00 to 0.19. A step of Procrustes costs 1.4 times that of CKA, one of CCA 3.2 times and
one of the orthogonal projection 4.3 times, which is the last at its loss in seconds.
"""

from pathlib import Path

import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from benchmarks.rows import interleaved
from experiments import cells
from experiments.cells import OBJECTIVES, TEACHERS, Cell, preset
from experiments.gallery import Shown
from simgeo import experiment, objectives, plots, stats, teachers
from simgeo.experiment import Experiment, programs

CHOSEN = (
    *OBJECTIVES,
    objectives.OrthogonalProjection(),
    objectives.CosineProjection(),
    objectives.CCA(),
)
LEFT = 0.05  # of the way from the start to the optimum
NEAR = 0.02  # of the Matthews correlation at the end
RUN = ["teacher", "objective", "seed"]
SPECTRA = TEACHERS | {"power law": teachers.PowerLawSpectrum(exponent=1.0)}


def grid(quick: bool) -> list[Cell]:
    """Every teacher and objective at half the teacher's width, densely recorded."""
    dim = preset(quick).teacher_dim
    return [
        Cell(
            "convergence",
            name,
            preset(
                quick,
                teacher=teacher,
                objective=objective,
                student_dim=dim // 2,
                num_steps=200 if quick else 600,
                num_records=51 if quick else 101,
                record_spacing="even",
                num_seeds=4 if quick else 8,
            ),
        )
        for objective in CHOSEN
        for name, teacher in SPECTRA.items()
    ]


def arrivals(frame: pd.DataFrame) -> pd.DataFrame:
    """One row per run: the first record from which on loss and geometry have arrived.

    `steps_loss` and `steps_matthews` are NaN where never. Where no optimum is known,
    the least loss of the run stands for it.
    """
    runs = frame.groupby(RUN, sort=False)
    best = frame["optimum_loss"].fillna(runs["loss"].transform("min"))
    first, last = (runs[name].transform(how) for name, how in _ENDS)
    gaps = frame[[*RUN, "step"]].assign(
        loss=(frame["loss"] - best) / (first - best),
        matthews=(frame["matthews"] - last).abs(),
    )
    ends = frame.loc[runs["step"].idxmax(), [*RUN, *_KEPT]]
    for name, threshold in (("loss", LEFT), ("matthews", NEAR)):
        gaps["worst"] = gaps[::-1].groupby(RUN)[name].cummax()[::-1]
        steps = stats.steps_to(gaps, "worst", threshold, RUN)
        ends = ends.merge(steps.rename(columns={"steps": f"steps_{name}"}), on=RUN)
    return ends


_ENDS = (("loss", "first"), ("matthews", "last"))
_KEPT = ["matthews", "chance_matthews", "svd_matthews"]


def compare(arrived: pd.DataFrame) -> pd.DataFrame:
    """Steps of every objective less those of CKA, seed by seed."""
    long = arrived.melt(RUN, ["steps_loss", "steps_matthews"], "measure", "steps")
    return stats.paired_comparisons(
        long, "steps", "objective", within=["measure", "teacher"], baseline="CKA"
    ).drop(columns="value")


def settings(quick: bool) -> dict:
    """What is timed: the objectives on one teacher, which does not change the cost."""
    chosen = [cell.experiment for cell in grid(quick) if cell.teacher == "blocks"]
    return {"described": tuple(chosen), "rounds": 3 if quick else 15}


def time_steps(described: tuple[Experiment, ...], rounds: int) -> pd.DataFrame:
    """Seconds of a step of all seeds, the objectives taking turns."""
    num_steps = 20
    cases = {each.objective.label: _Steps(each, num_steps) for each in described}
    return pd.DataFrame(
        {
            "objective": label,
            "seconds_per_step": float(np.median(seconds)) / num_steps,
            "least": float(np.min(seconds)) / num_steps,
            "rounds": rounds,
            "num_seeds": described[0].num_seeds,
            "devices": len(jax.devices()),
        }
        for label, seconds in interleaved(cases, rounds).items()
    )


class _Steps:
    """The program that `experiment.run` calls between records; a call does steps."""

    def __init__(self, described: Experiment, num_steps: int):
        arrays = jax.tree.map(jnp.asarray, described)
        rate = programs.Rate(arrays.learning_rate, arrays.num_steps)
        self.rule = programs.Rule(described.optimiser, described.schedule)
        self.mesh = programs.mesh_of(described.num_seeds)
        self.common = (jnp.asarray(num_steps), arrays.objective, arrays.student, rate)
        self.teacher = experiment.draw_teachers(described)
        keys = programs.keys_of(described.seeds, "student")
        own = (keys, self.teacher)
        self.state = programs.start(
            self.common[1:], own, described.student_dim, self.rule, self.mesh
        )

    def __call__(self) -> None:
        self.state = programs.advance(
            self.common, (), self.state, self.teacher, self.rule, self.mesh
        )
        jax.block_until_ready(self.state)


def seconds(arrived: pd.DataFrame, timed: pd.DataFrame) -> pd.DataFrame:
    """What arriving takes on this machine: median steps times the seconds of one."""
    middle = arrived.groupby(["teacher", "objective"], sort=False)[
        ["steps_loss", "steps_matthews"]
    ].median()
    table = middle.reset_index().merge(timed, on="objective")
    for name in ("loss", "matthews"):
        table[f"seconds_{name}"] = table[f"steps_{name}"] * table["seconds_per_step"]
    return table


FIGURES = {
    "convergence": Shown(
        "Steps until the loss is within 5 % of its way to the optimum, steps until "
        "the kept pattern stays within .02 of its end, and what is kept. Points: "
        "seeds; bars: medians.",
        "The loss arrives within 36 steps for all; the geometry takes up to 219, and "
        "longest for CKA where spectra fall.",
        ("chance", "svd"),
    ),
}


def note(quick: bool) -> str:
    """The settings that the runs share."""
    return cells.describe(grid(quick)[0].experiment)


def main(quick: bool, folder: Path) -> None:
    """Computes and draws."""
    timed = cells.cached(time_steps, settings(quick))
    arrived = arrivals(cells.compute(grid(quick)))
    for name, table in (
        ("comparisons", compare(arrived)),
        ("seconds", seconds(arrived, timed)),
    ):
        path = folder / f"convergence_{name}.csv"
        table.to_csv(path, index=False, float_format="%.6g")
    one = grid(quick)[0].experiment
    step = one.num_steps // (one.num_records - 1)
    told = f"{note(quick)}\nm = {one.student_dim}; a record every {step} steps. "
    told += "Bars: medians over seeds; black: their 95 % intervals."
    draw(arrived, step, one.num_steps, folder, told)
    last = arrived[arrived["teacher"] == arrived["teacher"].iloc[-1]]
    draw(last, step, one.num_steps, folder, told, narrow=True)


def draw(
    arrived: pd.DataFrame,
    step: int,
    num_steps: int,
    folder: Path,
    note: str,
    narrow: bool = False,
) -> None:
    """Steps to the loss, steps to the kept geometry, and what is kept then."""
    panels = {
        "steps_loss": f"steps until {1 - LEFT:.0%}\nof the loss is gone",
        "steps_matthews": f"steps until Matthews is\nwithin {NEAR:g} of its end",
        "matthews": "Matthews correlation\nat the end",
    }
    names = arrived["teacher"].unique()
    with plots.style(narrow):
        figure, axes = plots.panels(
            len(names), 3, 2.0 if narrow else 1.75, narrow, sharex="col", sharey=True
        )
        for row, name in zip(axes, names, strict=True):
            part = arrived[arrived["teacher"] == name]
            middle = stats.summarise(part, ["objective"], list(panels))
            middle = middle.set_index(["value", "objective"])
            for ax, measure in zip(row, panels, strict=True):
                plots.ends(part, measure, ax)
                for place, label in enumerate(ax.get_yticklabels()):
                    objective = " ".join(label.get_text().split())
                    low, high = middle.loc[measure, objective][["low", "high"]]
                    ax.plot([low, high], [place, place], color="black", lw=0.8)
                ax.set_title(name)
        for ax in axes[:, :2].flat:
            ax.set_xscale("symlog", linthresh=step)
            ax.set_xticks([0, 10, 100], ["0", "10", "100"])
            ax.set_xlim(-0.2 * step, 1.2 * num_steps)
        plots.label(axes, list(panels.values()), "")
        plots.legend(figure, note=note)
        plots.save(figure, folder, "convergence", arrived, narrow)
        plt.close(figure)
