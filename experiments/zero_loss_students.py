"""Can a student of zero loss have a ruined geometry? Claim C6, in closed form.

Prediction: a translation is invisible to CKA, an invertible map to the projection, and
neither to Procrustes or Gram. The projection lets any pattern of cosines through where
the student is wide enough; CKA of unit rows and centred columns is low, not zero, for a
student that has lost every orthogonal pair.

Outcome: every student is as predicted, by construction. The student on tilted axes has
lost every orthogonal pair at a CKA loss of 0.018.
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import seaborn as sns

from experiments.study import Figure, Sheet, Study, where
from simgeo import linalg, measures, objectives, teachers, theory

EPSILON = 0.1
ORDER = ("teacher", "rotated", "translated", "mapped")
# What each student is compared with, where that is not "teacher".
TEACHERS = {"axes": "axes", "tilted": "axes"}
TITLES = {
    "raised": "raised to 0.5,\nm = 13",
    "wanted": "wanted: another\nteacher's cosines",
    "projected": "projection zero,\nas wanted, m = 12",
    "projected_wide": "projection zero,\nas wanted, m = 24",
    "axes": "second teacher:\nantipodal axes",
    "tilted": "its axes tilted\nto cosine 0.11",
}
SHOWN = {
    "cka": "CKA loss",
    "projection": "projection loss",
    "procrustes": "Procrustes",
    "gram": "Gram",
    "matthews": "agreement",
}


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


def built(teacher: jax.Array) -> dict[str, jax.Array]:
    """Students from the theory: chosen cosines, and a second, balanced teacher's."""
    other = teachers.OrthogonalBlocks(num_blocks=3, cosine=0.7)(
        jax.random.key(1), *teacher.shape
    )
    wanted = np.asarray(linalg.cosines(other))
    made = {
        "raised": theory.translated_student(teacher, 0.5),
        "wanted": np.asarray(other),
        "projected": theory.projected_student(teacher, wanted),
        "projected_wide": theory.projected_student(teacher, wanted, len(teacher)),
        "axes": theory.antipodal_axes((3, 3, 3, 3)),
        "tilted": theory.antipodal_axes((3, 3, 3, 3), 1.1 * EPSILON),
    }
    return {name: jnp.asarray(student, float) for name, student in made.items()}


def distances(student: jax.Array, teacher: jax.Array) -> dict[str, jax.Array]:
    """The pattern agreement, and every distance relative to the zero student's."""
    return {"matthews": measures.matthews(student, teacher, EPSILON)} | {
        name: objective(student, teacher) / objective(0.0 * student, teacher)
        for name, objective in objectives.STANDARD.items()
    }


@functools.cache
def compute() -> tuple[dict[str, jax.Array], pd.DataFrame]:
    """Teachers and students by name, and the distances of each from its teacher."""
    compiled = jax.jit(students)()  # sorted by name
    made = {name: compiled[name] for name in ORDER}
    made |= built(made["teacher"])
    judge = jax.jit(distances)
    found = {
        name: judge(student, made[TEACHERS.get(name, "teacher")])
        for name, student in made.items()
    }
    table = pd.DataFrame(found).T.astype(float)
    table.insert(0, "matthews", table.pop("matthews"))
    return made, table.rename_axis("student").reset_index()


def draw(frame: pd.DataFrame, sheet: Sheet) -> None:
    """Heat maps of the cosines, the distances under each."""
    made, _ = compute()
    names = ORDER if sheet.narrow else tuple(made)
    axes = sheet.panels(2, len(names) // 2, 2.05)
    for ax, name in zip(axes.flat, names, strict=True):
        options = {"vmin": -1, "vmax": 1, "cmap": "vlag", "cbar": False}
        options |= {"square": True, "xticklabels": False, "yticklabels": False}
        sns.heatmap(np.asarray(linalg.cosines(made[name])), ax=ax, **options)
        row = where(frame, student=name).iloc[0]
        lines = [f"{label} {_short(row[key])}" for key, label in SHOWN.items()]
        ax.set(title=TITLES.get(name, name), xlabel="\n".join(lines))
    sheet.colour_bar("cosine", 0.4)


def _short(value: float) -> str:
    if np.isnan(value):
        return "undefined"
    if abs(value) < 1e-5:
        return "0"
    return f"{value:.0f}" if value >= 10 else f"{value:.2g}"


STUDY = Study(
    __doc__,
    data=lambda quick: compute(),  # there is nothing to make smaller
    figures={
        "zero_loss_students": Figure(
            "Cosines of students built in closed form, and their distances from the "
            "teacher, relative to the zero student's and below 1e-5 shown as 0. The "
            "last two: vectors on 4 axes, compared with the second teacher. The "
            "agreement is undefined where no pair is epsilon-orthogonal.",
            "A translated student has no CKA loss and no orthogonal pair left; an "
            "invertible map leaves no projection loss and another pattern (agreement "
            "0.17). Procrustes and Gram see both.",
            draw,
            rows=lambda data: data[1],
        )
    },
    note=f"24 vectors in 12 dimensions, 4 blocks, epsilon = {EPSILON:g}; one draw.",
    main=True,
    order=5,
)
