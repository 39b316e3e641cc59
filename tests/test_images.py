"""Every kind of plot against a picture that was looked at.

Without its picture in tests/images a test draws one there and fails: look at it, and
run again. Pictures are of single-column width.
"""

import itertools
from functools import partial
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.testing.compare import compare_images

from simgeo import plots

pytestmark = pytest.mark.once

IMAGES = Path(__file__).parent / "images"
TOLERANCE = 4.0  # root mean square of 255: fonts are hinted a little differently


def runs() -> pd.DataFrame:
    """Two objectives, three seeds, records over the steps."""
    rng = np.random.default_rng(0)
    rows = []
    for objective, seed in itertools.product(("CKA", "Procrustes"), range(3)):
        reached = {"CKA": 0.4, "Procrustes": 0.9}[objective] + 0.03 * rng.random()
        for step in (0, 1, 3, 10, 30, 100, 300):
            gone = 1 - np.exp(-step / 20)
            rows.append(
                {
                    "objective": objective,
                    "seed": seed,
                    "step": step,
                    "student_dim": 8,
                    "relative_loss": 1e-6 + np.exp(-step / (15 + seed)),
                    "relative_optimum": 1e-6,
                    "loss": 1e-6 + np.exp(-step / (15 + seed)),
                    "optimum_loss": 1e-6,
                    "matthews": reached * gone,
                    "chance_matthews": 0.02,
                    "svd_matthews": 0.93,
                    "fraction_student": 0.6 + 0.3 * gone,
                    "fraction_teacher": 0.92,
                    "chance_fraction_student": 0.6,
                    "ceiling_fraction_student": 0.97,
                }
            )
    return pd.DataFrame(rows)


def widths() -> pd.DataFrame:
    """The ends of runs at several widths."""
    last = runs().query("step == 300")
    parts = [
        last.assign(
            student_dim=width,
            matthews=last["matthews"] * width / 32,
            svd_matthews=width / 32,
        )
        for width in (4, 8, 16, 32)
    ]
    return pd.concat(parts, ignore_index=True)


def on_axes(draw, *arguments):
    def make():
        figure, ax = plt.subplots(figsize=(3.4, 2.6))
        draw(*arguments, ax)
        return figure

    return make


def with_legend():
    figure, ax = plt.subplots(figsize=(3.4, 3.2))
    plots.over_steps(runs(), "fraction_student", ax)
    ax.set(xlabel="steps", ylabel="fraction")
    levels = ("chance", "ceiling")
    plots.legend(figure, ["CKA", "Procrustes"], levels, "n = 8, d = 4; made up.")
    return figure


grid = pd.DataFrame(
    [("CKA", "CKA", 1e-9), ("CKA", "Gram", 0.3), ("Gram", "CKA", 1.0)]
    + [("Gram", "Gram", 1e-4)],
    columns=["optimised", "recorded", "relative"],
).assign(teacher="a")
fractions = pd.DataFrame(
    [[0.25, 0.999], [0.5, 1.0]],
    index=pd.Index([4, 8], name="dim"),
    columns=pd.Index([0.1, 0.2], name="epsilon"),
)
coherences = pd.DataFrame(
    {
        "num_vectors": [5, 6, 8, 12],
        "random": [0.9, 0.92, 0.94, 0.96],
        "welch": [0.25, 0.32, 0.37, 0.42],
        "bound": [0.25, 0.33, 0.38, 0.5],
        "known": [0.25, 0.45, 0.41, 0.5],
        "reached": [0.25, 0.33, 0.41, 0.5],
    }
)

frontier = pd.DataFrame(
    {
        "margin": [1.0, 1.0, 2.0, 2.0],
        "asked": [0.5, 1.0, 0.5, 1.0],
        "share": [0.5, 1.0, 0.5, 1.0],
        "floor": [1e-3, 3e-3, 5e-3, 2e-2],
        "width_floor": [0.0, 0.0, 0.0, 0.0],
        "found": [2e-3, 4e-3, 7e-3, 4e-2],
    }
)
cosines = np.eye(6) + 0.5 * np.kron(np.eye(2), np.ones((3, 3)) - np.eye(3))


def of_one_run():
    figure, axes = plots.panels(1, 2, 1.6)
    frame = runs().query("objective == 'CKA'").assign(svd_fraction_student=0.9)
    frame["excess_loss"] = frame["relative_loss"]
    plots.run_summary(frame, list(axes[0]))
    return figure


def in_one_column():
    """Two rows of three panels, which stand in three rows of two."""
    figure, axes = plots.panels(2, 3, 1.2, narrow=True, sharex=True, sharey="row")
    for row, measure in zip(axes, ("matthews", "fraction_student"), strict=True):
        for ax, title in zip(row, "abc", strict=True):
            plots.over_steps(runs(), measure, ax)
            ax.set_title(title)
    plots.label(axes, "steps", ["Matthews", "fraction"])
    plots.legend(figure, ["CKA", "Procrustes"], note="Made up. " * 12)
    return figure


DRAWN = {
    "loss_against_geometry": on_axes(plots.loss_against_geometry, runs(), "matthews"),
    "over_steps": on_axes(plots.over_steps, runs(), "matthews"),
    "over_setting": on_axes(plots.over_setting, widths(), "student_dim", "matthews"),
    "ends": on_axes(plots.ends, runs().query("step == 300"), "matthews"),
    "distance_grid": on_axes(plots.distance_grid, grid),
    "fractions": on_axes(plots.fractions, fractions),
    "coherences": on_axes(plots.coherences, coherences),
    "frontier": on_axes(plots.frontier, frontier),
    "pairs_map": on_axes(partial(plots.pairs_map, cosines, title="cosines")),
    "run_summary": of_one_run,
    "sweep": lambda: plots.sweep(widths(), "student_dim", "matthews", "objective"),
    "legend": with_legend,
}
NARROW = {"one_column": in_one_column}


@pytest.mark.parametrize("name", [*DRAWN, *NARROW])
def test_a_plot_looks_as_it_did(name, tmp_path):
    expected, drawn = IMAGES / f"{name}.png", tmp_path / f"{name}.png"
    with plots.style(narrow=name in NARROW):
        figure = (DRAWN | NARROW)[name]()
        figure.savefig(drawn, dpi=100)
        plt.close(figure)
    if not expected.exists():
        expected.write_bytes(drawn.read_bytes())
        pytest.fail(f"there was no {expected.name}: look at the new one.")
    difference = compare_images(expected, drawn, TOLERANCE)
    assert difference is None, difference
