"""A problem of another kind, from outside the package: run, swept, kept and drawn."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from matplotlib.figure import Figure

from simgeo import engine, measures, objectives, plots, results, sweep
from simgeo.problems import AbstractCell, AbstractProblem, AbstractStage, Experiment

pytestmark = pytest.mark.once

NUM_ROWS, NUM_INPUTS = 64, 3


class Rows(AbstractStage):
    """Inputs and targets of a regression."""

    noise: float

    def draw(self, key, *before):
        input_key, noise_key = jax.random.split(key)
        inputs = jax.random.normal(input_key, (NUM_ROWS, NUM_INPUTS))
        noise = self.noise * jax.random.normal(noise_key, (NUM_ROWS,))
        return inputs, jnp.tanh(inputs[:, 0] - inputs[:, 1]) + noise


class Regression(AbstractProblem):
    """A network of two layers, fitted to minibatches."""

    hidden: int = eqx.field(static=True)
    batch_size: int = eqx.field(static=True)
    decay: float

    def init(self, key, data):
        first, second = jax.random.split(key)
        return (
            jax.random.normal(first, (NUM_INPUTS, self.hidden)) / NUM_INPUTS**0.5,
            jax.random.normal(second, (self.hidden,)) / self.hidden**0.5,
        )

    def loss(self, parameters, data):
        inputs, targets = data[0]
        return self._error(parameters, inputs, targets)

    def step_loss(self, parameters, data, memory, key):
        inputs, targets = data[0]
        rows = jax.random.choice(key, NUM_ROWS, (self.batch_size,), replace=False)
        penalty = sum(jnp.sum(leaf**2) for leaf in parameters)
        return self._error(parameters, inputs[rows], targets[rows]) + (
            self.decay * penalty
        )

    def observe(self, subject, data):
        return {"weight_norm": jnp.sqrt(sum(jnp.sum(leaf**2) for leaf in subject))}

    def baselines(self, data):
        zero = np.zeros((NUM_INPUTS, self.hidden), np.float32)
        return {"zero": (zero, zero[0])}

    def optima(self, data):
        return {"optimum_loss": 0.0}

    def _error(self, parameters, inputs, targets):
        first, second = parameters
        return jnp.mean((jnp.tanh(inputs @ first) @ second - targets) ** 2)


class Fit(AbstractCell):
    """A regression, described."""

    hidden: int = eqx.field(static=True, default=8)
    batch_size: int = eqx.field(static=True, default=16)
    noise: float = 0.1
    decay: float = 0.0

    def stages(self):
        return (Rows(self.noise),)

    def problem(self):
        return Regression(self.hidden, self.batch_size, self.decay)


CELL = Fit(num_steps=100, num_records=5, num_seeds=3)


def test_it_is_run_and_its_minibatches_differ_from_step_to_step():
    found = engine.run(CELL)
    assert (found["loss"].isel(step=-1) < 0.7 * found["loss"].isel(step=0)).all()
    assert (found["zero_weight_norm"] == 0).all()
    assert (found["optimum_loss"] == 0).all()
    whole = dataclasses.replace(CELL, batch_size=NUM_ROWS)
    assert not np.allclose(engine.run(whole)["loss"][:, -1], found["loss"][:, -1])
    again = engine.run(dataclasses.replace(CELL, num_seeds=1, first_seed=2))
    assert np.array_equal(again["loss"][0], found["loss"][2])


def test_it_is_swept_kept_and_drawn(tmp_path):
    cells = sweep.grid(CELL, noise=[0.0, 0.1], decay=[0.0, 0.01], hidden=[4, 8])
    report = sweep.run(cells, tmp_path / "store")
    assert (report.done, report.failed) == (8, {})
    rows = results.open(tmp_path / "store").frame
    assert len(rows) == 8 * 3
    chosen = results.rows(rows, "hidden == 4")
    figure = plots.sweep(chosen, x="noise", y="loss", hue="decay")
    assert isinstance(figure, Figure)
    more = sweep.run([dataclasses.replace(each, num_seeds=5) for each in cells],
                     tmp_path / "store")  # fmt: skip
    assert (more.found, more.done) == (0, 8)
    store = results.open(tmp_path / "store")
    assert len(store.frame) == 8 * 5
    whole = store.load(cells[0].fingerprint)
    assert whole["seed"].values.tolist() == [0, 1, 2, 3, 4]
    assert np.array_equal(
        whole["loss"], engine.run(dataclasses.replace(cells[0], num_seeds=5))["loss"]
    )


@pytest.mark.parametrize(
    "name", ["gradient_norm", "seed", "precision", "num_steps", "noise", "a/b", "a.b"]
)
def test_names_that_are_taken_are_refused(name):
    class Taken(Regression):
        def observe(self, subject, data):
            return {name: jnp.asarray(0.0)}

    class TakenFit(Fit):
        def problem(self):
            return Taken(self.hidden, self.batch_size, self.decay)

    told = []
    with pytest.raises(ValueError, match=f"names that are not taken.* got '{name}'"):
        engine.run(TakenFit(num_records=2, num_seeds=1), on_record=told.append)
    assert told == []


def test_names_that_one_of_many_cells_has_taken_are_refused(tmp_path):
    class Heavy(Fit):
        weight_norm: float = 0.5  # as a record is called

    class Light(Fit):
        pass

    sizes = {"num_steps": 10, "num_records": 2, "num_seeds": 1}
    cells = [Light(**sizes), Heavy(**sizes)]
    with pytest.raises(ValueError, match="got 'weight_norm'"):
        engine.run_many(cells)
    report = sweep.run(cells, tmp_path / "store")
    assert [*report.failed] == [cells[1].fingerprint]
    assert report.done == 1


root_of = jax.jit(measures.root_of)


@jax.jit
def evaluated(objective, student, teacher):
    return objective(student, teacher)


@jax.jit
def observed(observer, student, data):
    return observer.observe(student, data)


@pytest.mark.parametrize("names", [("cka", "matthews"), ("matthews",)])
@pytest.mark.parametrize(
    "change",
    [
        lambda rows: rows,
        lambda rows: rows[::-1] * 1e15,
        lambda rows: 0.0 * rows,
        lambda rows: 0.0 * rows + 1.0,
        lambda rows: rows.at[0, 0].set(jnp.nan),
        lambda rows: rows.at[0, 0].set(jnp.inf),
    ],
    ids=["alike", "large", "zero", "equal", "nan", "infinite"],
)
def test_recorded_distances_are_those_of_the_objectives(names, change):
    teacher = jax.random.normal(jax.random.key(0), (20, 8))
    student = change(teacher[:, :4])
    cell = Experiment(num_vectors=20, teacher_dim=8, student_dim=4, measures=names)
    data = (teacher, teacher, teacher[:, :4], root_of(teacher))
    seen = observed(cell.observer(), student, data)
    assert [name for name in seen if "distance" not in name] == [*names]
    for name, objective in objectives.STANDARD.items():
        wanted = float(evaluated(objective, student, teacher))
        assert float(seen[f"distance_{name}"]) == pytest.approx(
            wanted, rel=1e-5, nan_ok=True
        )
