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

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pandas as pd
from jaxtyping import Array, Float
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from experiments import cells
from experiments.cells import Cell, crossed
from experiments.study import Figure, Sheet, Study, where
from simgeo import functional, linalg, objectives, plots, teachers, theory

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
EPSILON, FRAME, DIM = 0.1, 0.25, 8
TARGETS = (1e-4, 1e-3, 1e-2, 0.05, 0.2, 0.5)
_FOUND = {"color": "0.1", "lw": 0.7, "ls": "--"}
_SOFT = 0.02  # of |cos| at the edge of the pattern, in the search


def grid(quick: bool) -> list[Cell]:
    """Runs of every length under every objective, all of one teacher of each kind."""
    return [
        cell
        for steps in ((30,) if quick else (10, 30, 100, 300, 1000))
        for cell in crossed(
            quick,
            dict([*TEACHERS.items()][:1]) if quick else TEACHERS,
            [objectives.CKA()]
            if quick
            else [*cells.OBJECTIVES, objectives.Framed(frame=FRAME)],
            num_vectors=3 * DIM,
            teacher_dim=DIM,
            student_dim=DIM,
            teacher_seed=0,
            num_steps=steps,
            num_records=2,
            num_seeds=4,
        )
    ]


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


def worst(teacher: list[list[float]], quick: bool, frame: float) -> pd.DataFrame:
    """Students that nothing found beats in some pair of quantities.

    Descent from several starts on -log(y) with a penalty where x exceeds a target, for
    every pair of quantities x and y and every target, all in one program.
    """
    vectors = np.array(teacher)
    size, targets = (1, TARGETS[::3]) if quick else (3, TARGETS)
    asked = np.array([pair for pair in np.ndindex(7, 7) if pair[0] != pair[1]])
    asked = np.repeat(asked, len(targets) * size, axis=0)
    target = np.tile(np.repeat(targets, size), 42)
    keys = jax.random.split(jax.random.key(0), len(asked))
    steps = 50 if quick else 400
    given = jnp.asarray(vectors, jnp.float32)
    students = np.asarray(_search(given, asked, target, keys, steps))
    found = [
        theory.deviations(each, vectors, EPSILON, frame)
        for each in students.reshape(-1, *vectors.shape)
        if np.isfinite(each).all()
    ]
    values = np.array([[*each.values()] for each in found])
    kept: set[int] = set()
    for given, of in {*map(tuple, asked.tolist())}:
        order = np.lexsort((-values[:, of], values[:, given]))
        highest = np.maximum.accumulate(values[order, of])
        kept |= {*order[np.flatnonzero(np.diff(highest, prepend=-1) > 0)].tolist()}
    return pd.DataFrame([found[place] for place in sorted(kept)])


@functools.partial(jax.jit, static_argnums=4)
def _search(
    teacher: Float[Array, "n d"], asked: Array, target: Array, keys: Array, steps: int
) -> Float[Array, "s k n d"]:
    """Students at a few moments of every search."""
    optimiser = optax.adam(optax.cosine_decay_schedule(0.03, steps))
    others = ~np.eye(len(teacher), dtype=bool)
    cosines = jnp.abs(linalg.cosines(teacher))
    size = jnp.sum(teacher**2)

    def logs(student: Float[Array, "n d"]) -> Float[Array, " 7"]:
        framed = [functional.framed(each, FRAME) for each in (student, teacher)]
        turned = functional.procrustes(student, teacher, normalised=True) / 2
        aligned = functional.cka(student, teacher, centred=False)
        inner = student.T @ student
        ridge = 1e-6 * jnp.trace(inner) * jnp.eye(len(inner))
        rest = teacher - student @ jnp.linalg.solve(inner + ridge, student.T @ teacher)
        power = rest.T @ rest
        fourth = power @ power @ power @ power
        out = jnp.abs(linalg.cosines(student)) - EPSILON
        changed = jax.nn.sigmoid(jnp.where(cosines <= EPSILON, out, -out) / _SOFT)
        values = (
            functional.cka(student, teacher),
            functional.cka(*framed, centred=False),
            turned * (2 - turned),
            aligned * (2 - aligned),
            jnp.trace(power) / size,
            jnp.trace(fourth) ** 0.25 / size * len(inner),
            jnp.mean(changed, where=others),
        )
        return jnp.log(jnp.maximum(jnp.stack(values), 0.0) + 1e-7)

    def one(pair: Array, target: Array, key: Array) -> Float[Array, "k n d"]:
        def loss(student: Float[Array, "n d"]) -> Float[Array, ""]:
            found = logs(student)
            over = jnp.maximum(found[pair[0]] - jnp.log(target), 0.0)
            return 10 * over**2 - found[pair[1]]

        def step(carry: tuple, _: None) -> tuple[tuple, None]:
            student, state = carry
            slopes, state = optimiser.update(jax.grad(loss)(student), state)
            return (optax.apply_updates(student, slopes), state), None

        noise, move, scale = jax.random.split(key, 3)
        start = teacher + jax.random.uniform(scale, maxval=0.5) * (
            jax.random.normal(noise, teacher.shape) / DIM**0.5
            + jax.random.normal(move, (1, DIM)) / DIM**0.5
        )
        carry, ends = (start, optimiser.init(start)), []
        for _ in range(2):
            carry, _ = jax.lax.scan(step, carry, length=steps // 2)
            ends.append(carry[0])
        return jnp.stack(ends)

    return jax.lax.map(lambda each: one(*each), (asked, target, keys), batch_size=256)


def draw(name: str, frame: pd.DataFrame, sheet: Sheet) -> pd.DataFrame:
    """What is measured from left to right, what follows from top to bottom."""
    frame = where(frame, teacher=name)
    for ax, of, given in sheet.grid(NAMES, NAMES, 0.95):
        if of != given:
            _panel(frame, given, of, ax)
        ax.set(xscale="log", yscale="log", xlim=(1e-5, 1.3), ylim=(1e-5, 1.5))
        ax.set(xticks=[1e-4, 1e-2, 1], yticks=[1e-4, 1e-2, 1])
        ax.minorticks_off()
        ax.tick_params(labelsize=plots.SMALLEST)
        ax.set_facecolor("0.97" if of == given else "white")
    sheet.label([*NAMES.values()], [*NAMES.values()])
    others = [
        Line2D([], [], color="0.1", label="proven bound"),
        Line2D([], [], label="worst student found", **_FOUND),
    ]
    dots = {"ls": "", "marker": "o", "ms": 3}
    for label in where(frame, what="run")["objective"].unique():
        colour = plots.style_of(label).colour
        others.append(Line2D([], [], color=colour, label=label, **dots))
    sheet.legend(others=others)
    return frame


def _panel(frame: pd.DataFrame, given: str, of: str, ax: Axes) -> None:
    proven = where(frame, what="proven", given=given)
    ax.fill_between(proven[given], proven[of], 10, color="0.85", lw=0)
    ax.plot(proven[given], proven[of], color="0.1", lw=0.9)
    known = frame[frame["what"] != "proven"].sort_values(given)
    ax.step(known[given], known[of].cummax(), where="post", **_FOUND)
    for label, runs in where(frame, what="run").groupby("objective"):
        options = {"color": plots.style_of(str(label)).colour, "ms": 2, "mew": 0}
        ax.plot(runs[given], runs[of], "o", alpha=0.6, **options)


def _note(quick: bool) -> str:
    one = grid(quick)[0].experiment
    return (
        f"n = {one.num_vectors}, d = m = {DIM}, epsilon = {EPSILON:g}, one teacher; "
        f"runs of 10 to 1,000 steps of Adam at 0.03 with cosine decay, "
        f"{one.num_seeds} seeds."
    )


STUDY = Study(
    __doc__,
    data=data,
    figures={
        f"certificates_{name.replace(' ', '_')}": Figure(
            f"What one deviation from the teacher proves of another: {name}. Across: "
            "what is measured; down: how large another may be then; grey: proven "
            "impossible; points: runs at their end. Distances are at the best scale, "
            "as shares of the teacher's, the worst readout of the strongest, and pairs "
            f"of all; the frame is r = {FRAME:g}.",
            finding,
            functools.partial(draw, name),
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
    note=_note,
    order=18,
)
