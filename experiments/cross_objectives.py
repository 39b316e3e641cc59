"""What does each distance do while another is optimised? Claims C6 and C7.

Prediction: Procrustes and Gram vanish together; CKA jumps under the unsquared
Procrustes distance at a fixed rate, not under the squared one.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd

from simgeo import plots

NAMES = {
    "cka": "CKA",
    "cka_uncentred": "CKA, uncentred",
    "projection": "Projection",
    "procrustes": "Procrustes",
    "procrustes_normalised": "Procrustes, centred, normalised",
    "gram": "Gram",
    "gram_centred": "Gram, centred",
}


def draw(frame: pd.DataFrame, folder: Path) -> None:
    """Optimised by recorded, one grid per teacher, at the teacher's width."""
    last = frame[frame["student_dim"] == frame["student_dim"].max()]
    last = last[last["step"] == last["step"].max()]
    rows = []
    for (teacher, optimised), runs in last.groupby(
        ["teacher", "objective"], sort=False
    ):
        for name, label in NAMES.items():
            scale = runs[f"scale_distance_{name}"]
            value = (runs[f"distance_{name}"] / scale).median()
            rows.append((teacher, optimised, label, value))
    table = pd.DataFrame(rows, columns=["teacher", "optimised", "recorded", "relative"])
    names = table["teacher"].unique()
    with plots.style():
        figure, axes = plt.subplots(1, len(names), figsize=(7.2, 3.9), sharey=True)
        for ax, name in zip(axes, names, strict=True):
            part = table[table["teacher"] == name]
            last_one = name == names[-1]
            bar = {"label": "log10 relative distance", "shrink": 0.9}
            plots.distance_grid(
                part, ax, cbar=last_one, cbar_kws=bar, cmap="cividis", square=True
            )
            ax.set_title(name)
            if ax is not axes[0]:
                ax.set_ylabel("")
        plots.save(figure, folder, "cross_objectives", table)
        plt.close(figure)


def draw_spikes(frame: pd.DataFrame, folder: Path) -> None:
    """CKA along squared and unsquared Procrustes at a fixed rate."""
    with plots.style():
        figure, ax = plt.subplots(figsize=(3.4, 2.8))
        drawn = frame.assign(drawn=frame["distance_cka"].clip(lower=plots.FLOOR))
        drawn = drawn.rename(columns={"drawn": "one_minus_cka"})
        drawn["chance_one_minus_cka"] = drawn["chance_distance_cka"]
        drawn["svd_one_minus_cka"] = float("nan")
        plots.over_steps(drawn, "one_minus_cka", ax)
        ax.set(yscale="log", ylabel="1 - CKA", xlabel="steps")
        ax.set_title("CKA while Procrustes is optimised, fixed rate 0.01")
        plots.legend(figure, list(frame["objective"].unique()), {"chance": ":"})
        columns = ["objective", "seed", "step", "loss", "distance_cka"]
        plots.save(figure, folder, "cka_spikes", frame[columns])
        plt.close(figure)
