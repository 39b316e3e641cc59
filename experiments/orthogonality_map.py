"""How many pairs can be epsilon-orthogonal, over dimensions and epsilon?

Prediction: the ceiling lies close to one for all but the smallest dimensions, far above
chance, and the generator reaches it except just below it.

Outcome: from d = 16 on the generator comes within 0.04 of the ceiling, as predicted. At
d = 8 it stays at 0.878 for every epsilon, below ceilings of 0.913 (epsilon 0.2) and
0.965 (epsilon 0.3), which need not be attained.
"""

import jax
import numpy as np
import pandas as pd
from tqdm import tqdm

from experiments import cells
from experiments.study import Figure, Sheet, Study
from simgeo import limits, plots, teachers

PANELS = {
    "random": "random vectors (expected)",
    "reached": "reached by OrthogonalFraction",
    "ceiling": "ceiling (Turan, packing bounds)",
}


def settings(quick: bool) -> dict:
    """What is looked at."""
    return {
        "num_vectors": 64 if quick else 256,
        "dims": [4, 16, 64] if quick else [4, 8, 16, 32, 64, 128],
        "epsilons": [0.05, 0.1, 0.2] if quick else [0.02, 0.05, 0.1, 0.15, 0.2, 0.3],
        "num_steps": 500 if quick else 2000,
    }


def compute(
    num_vectors: int, dims: list[int], epsilons: list[float], num_steps: int
) -> pd.DataFrame:
    """Fractions of pairs for every dimension and epsilon."""
    tables = []
    for dim in tqdm(dims, desc="orthogonality_map"):
        ceilings = [
            limits.max_orthogonal_fraction(epsilon, num_vectors, dim)
            for epsilon in epsilons
        ]

        def reach(fraction, epsilon, dim=dim):
            asked = teachers.OrthogonalFraction(fraction, epsilon, num_steps)
            return asked(jax.random.key(0), num_vectors, dim)

        drawn = jax.jit(jax.vmap(reach))(np.array(ceilings), np.array(epsilons))
        reports = map(teachers.report, np.asarray(drawn), epsilons)
        table = {
            "num_vectors": num_vectors,
            "dim": dim,
            "epsilon": epsilons,
            "random": [limits.random_fraction(epsilon, dim) for epsilon in epsilons],
            "reached": [report["fraction"] for report in reports],
            "ceiling": ceilings,
        }
        tables.append(pd.DataFrame(table))
    return pd.concat(tables)


def draw(frame: pd.DataFrame, sheet: Sheet) -> None:
    """Three maps with one scale."""
    for ax, column in sheet.line(PANELS, (1.9, 1.5)):
        table = frame.pivot(index="dim", columns="epsilon", values=column)
        plots.fractions(table, ax)
        ax.set(title=PANELS[column])
    sheet.label("epsilon", "dimensions d")
    label = "fraction of pairs\nepsilon-orthogonal"
    sheet.colour_bar(label, 0.6 if sheet.narrow else 1.0)


STUDY = Study(
    __doc__,
    data=lambda quick: cells.cached(compute, settings(quick)),
    figures={
        "orthogonality_map": Figure(
            "Fraction of epsilon-orthogonal pairs, over dimensions and epsilon: "
            "expected of random vectors, reached by our generator when asked for the "
            "ceiling, and the ceiling. The numbers in the panels are cut after two "
            "digits, not rounded: 1.00 is all pairs. The ceiling is an upper bound and "
            "need not be attained.",
            "The generator comes within 0.04 of the ceiling from d = 16 on; at small "
            "d and large epsilon its groups on axes (0.878 of all pairs at d = 8, "
            "epsilon 0.3) fall short of a bound of 0.965 that need not be attained.",
            draw,
        )
    },
    note="n = {asked[num_vectors]} vectors; one draw for every cell.",
    asked=settings,
    order=1,
)
