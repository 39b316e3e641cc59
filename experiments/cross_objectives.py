"""What does each distance do while another is optimised? Claims C6 and C7.

Prediction: Procrustes and Gram vanish together; CKA jumps under the unsquared
Procrustes distance at a fixed rate, not under the squared one.

Outcome: Procrustes and Gram vanish together for all three teachers, as predicted. Under
the unsquared distance CKA jumps at both rates: the largest rise of 1 - CKA is 2.6- to
3.0-fold in the median of seeds on two machines. The jumps are chaotic, so that rounding
moves them. Under the squared distance the largest rise at rate 0.1 is 1.9- and 2.1-fold
on the two machines, which is not surely 2. At rate 0.01 there is none: 1 - CKA stays
below 1e-5, where the leaps of the picture are the rounding of float32 and are not
judged. The study of spikes explains the jumps.
"""

import functools
from typing import NamedTuple

import pandas as pd

from experiments import cells
from experiments.cells import RATE, Cell, preset
from experiments.claims import RESOLUTION
from experiments.study import Figure, Sheet, Study, ends, where
from simgeo import objectives, plots

NAMES = {
    "cka": "CKA",
    "cka_uncentred": "CKA, uncentred",
    "projection": "Projection",
    "procrustes": "Procrustes",
    "procrustes_normalised": "Procrustes, centred,\nnormalised",
    "gram": "Gram",
    "gram_centred": "Gram, centred",
}


class Runs(NamedTuple):
    """Those of the main grid, and those at fixed rates."""

    main: pd.DataFrame
    spikes: pd.DataFrame


def spike_grid(quick: bool) -> list[Cell]:
    """Squared and unsquared Procrustes at fixed rates, densely recorded."""
    size = {"student_dim": 48, "num_vectors": 96, "teacher_dim": 48}
    size |= {"num_steps": 400 if quick else 800, "num_records": 101 if quick else 201}
    return [
        Cell(
            preset(
                quick,
                rate=rate,
                schedule="constant",
                teacher=cells.TEACHERS["high fraction"],
                objective=objectives.Procrustes(squared=squared),
                record_spacing="even",
                **size,
            ),
            {"teacher": "high fraction"},
        )
        for squared in (True, False)
        for rate in (0.01, 0.1)
    ]


@functools.lru_cache(2)
def spike_frame(quick: bool) -> pd.DataFrame:
    """The runs of the spike grid, by which claim C7 is judged too."""
    return cells.compute(spike_grid(quick))


def distances(frame: pd.DataFrame) -> pd.DataFrame:
    """Every distance at the end, relative to the zero student's: medians over seeds."""
    last = ends(where(frame, student_dim=frame["student_dim"].max()))
    rows = []
    for place, runs in last.groupby(["teacher", "objective"], sort=False):
        for name, label in NAMES.items():
            zero = runs[f"zero_student_distance_{name}"]
            rows.append((*place, label, (runs[f"distance_{name}"] / zero).median()))
    return pd.DataFrame(rows, columns=["teacher", "optimised", "recorded", "relative"])


def draw(table: pd.DataFrame, sheet: Sheet) -> pd.DataFrame:
    """Optimised by recorded, one grid per teacher, at the teacher's width."""
    if sheet.narrow:
        table = where(table, teacher=table["teacher"].iloc[-1])
    names = table["teacher"].unique()
    for ax, _, name in sheet.grid([""], names, (2.1, 2.4), sharex=False):
        part = where(table, teacher=name)
        plots.distance_grid(part, ax, cbar=False, cmap="cividis", square=True)
        ax.set_title(name)
    sheet.label("recorded", "optimised")
    sheet.colour_bar("log10 of the distance /\nthat of the zero student", 0.6)
    return table


def draw_spikes(frame: pd.DataFrame, sheet: Sheet) -> pd.DataFrame:
    """CKA along squared and unsquared Procrustes at fixed rates."""
    shown = frame.assign(
        shown=frame["distance_cka"].clip(lower=plots.FLOOR),
        chance_shown=frame["chance_distance_cka"],
    )
    for ax, rate in sheet.line(frame[RATE].unique(), 1.9):
        ax.set_yscale("log")
        plots.over_steps(shown[shown[RATE] == rate], "shown", ax)
        ax.set(xscale="linear", title=f"rate {rate:g}", ylim=(plots.FLOOR / 2, 2))
        plots.rounding(ax, "y", RESOLUTION)
    sheet.label("steps", "1 - CKA")
    sheet.legend(frame["objective"].unique())
    drawn = ["objective", RATE, "seed", "step", "loss", "distance_cka"]
    return frame[[*drawn, "chance_distance_cka"]]


STUDY = Study(
    __doc__,
    cells=cells.main_grid,
    data=lambda quick: Runs(cells.main_frame(quick), spike_frame(quick)),
    figures={
        "cross_objectives": Figure(
            "Every distance (columns) after another was optimised (rows), at the "
            "teacher's width; logarithms, relative to the zero student; medians over "
            "seeds.",
            "Procrustes and Gram vanish together, and all other distances with them; "
            "CKA, centred Procrustes and the projection reach zero while the others "
            "are far from it.",
            draw,
            rows=lambda runs: distances(runs.main),
        ),
        "cka_spikes": Figure(
            "1 - CKA while Procrustes is optimised, squared and unsquared, at two "
            "fixed rates of Adam, high fraction, m = d; thin: seeds.",
            "Under the unsquared distance the CKA loss jumps 2.8-fold at the lower "
            "and 2.9-fold at the higher rate; under the squared one it jumps 2.0-fold "
            "at the higher rate, and at the lower rate only below 1e-5, which is "
            "rounding and is not judged.",
            draw_spikes,
            levels=("chance",),
            rows=lambda runs: runs.spikes,
            note=lambda quick: cells.describe(spike_grid(quick)[0].experiment),
        ),
    },
    main=True,
    order=4,
)
