"""Which objective gets there first, in steps and in seconds, and what is a step's cost?

Arrived: the loss has fallen by 95 % of the way from its start to its optimum, or, the
fairer comparison, the Matthews correlation is within 0.02 of where it ends; and both
stay so. All run at one rate, which decays to zero at the last step.

Prediction: where spectra are flat all arrive at their loss within 100 steps. On the
power law CKA and Gram need several times as many steps as Procrustes, and at the kept
geometry more so than at the loss. CCA, which weighs all directions alike, is last on
flat spectra and not held up by the power law. A step of Procrustes costs twice that of
CKA, one of CCA five times, and no order in steps is turned round by seconds but CCA's.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd

from benchmarks.rows import interleaved
from experiments.cells import OBJECTIVES, TEACHERS, Cell, preset
from simgeo import experiment, objectives, teachers
from simgeo.experiment import Experiment, programs

CHOSEN = (
    *OBJECTIVES,
    objectives.OrthogonalProjection(),
    objectives.CosineProjection(),
    objectives.CCA(),
)
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
        self.common = (arrays.objective, arrays.student, rate, jnp.asarray(num_steps))
        self.teacher = experiment.draw_teachers(described)
        keys = programs.keys_of(described.seeds, "student")
        own = (keys, self.teacher)
        self.state = programs.start(
            self.common[:3], own, described.student_dim, self.rule, self.mesh
        )

    def __call__(self) -> None:
        self.state = programs.advance(
            self.common, self.state, self.teacher, self.rule, self.mesh
        )
        jax.block_until_ready(self.state)
