"""Students of zero loss and ruined geometry, in closed form. Claim C6 made visible.

Prediction: a translation is invisible to CKA, an invertible map to the projection, and
neither to Procrustes or Gram.
"""

from pathlib import Path

import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns

from simgeo import linalg, measures, objectives, plots, teachers

EPSILON = 0.1


def students() -> dict[str, jax.Array]:
    """The teacher (24 vectors in 12 dimensions, 4 blocks) and maps of it."""
    keys = jax.random.split(jax.random.key(0), 4)
    teacher = teachers.OrthogonalBlocks(num_blocks=4, cosine=0.7)(keys[0], 24, 12)
    # Blocks one after the other: each has three coordinates of its own.
    teacher = teacher[jnp.argsort(jnp.argmax(jnp.abs(teacher), axis=1) // 3)]
    rotation = linalg.polar_factor(jax.random.normal(keys[1], (12, 12)))
    shift = linalg.unit_rows(jax.random.normal(keys[2], (1, 12)))
    return {
        "teacher": teacher,
        "rotated": teacher @ rotation,
        "translated": 2.0 * (teacher @ rotation) + 2.0 * shift,
        "mapped": teacher @ jax.random.normal(keys[3], (12, 12)),
    }


def table() -> pd.DataFrame:
    """Every distance of every student, relative to the zero student's."""
    made = students()
    teacher = made["teacher"]
    rows = []
    for name, student in made.items():
        found = measures.battery(student, teacher, EPSILON)
        row = {"student": name, "matthews": float(found["matthews"])}
        for key, objective in objectives.STANDARD.items():
            scale = objective(jnp.zeros_like(student), teacher)
            row[key] = float(objective(student, teacher) / scale)
        rows.append(row)
    return pd.DataFrame(rows)


def draw(folder: Path) -> None:
    """Heat maps of the cosines, the distances under each."""
    frame = table()
    shown = {
        "cka": "CKA loss",
        "projection": "projection loss",
        "procrustes": "Procrustes",
        "gram": "Gram",
        "matthews": "Matthews",
    }
    with plots.style():
        figure, axes = plt.subplots(1, 4, figsize=(7, 2.9))
        for ax, (name, student) in zip(axes, students().items(), strict=True):
            cosines = np.asarray(linalg.cosines(student))
            last = name == "mapped"
            sns.heatmap(
                cosines,
                ax=ax,
                vmin=-1,
                vmax=1,
                cmap="vlag",
                square=True,
                cbar=last,
                cbar_kws={"label": "cosine", "shrink": 0.6},
                xticklabels=False,
                yticklabels=False,
            )
            row = frame[frame["student"] == name].iloc[0]
            lines = [
                f"{label} {max(row[key], 0) if abs(row[key]) > 1e-5 else 0:.2g}"
                for key, label in shown.items()
            ]
            ax.set(title=name)
            ax.set_xlabel("\n".join(lines))
        plots.save(figure, folder, "zero_loss_students", frame)
        plt.close(figure)
