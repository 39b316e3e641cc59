"""The engine: seeds, optima, refusals, and what the compiled step may not contain."""

import os
import pickle
import re
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from simgeo import experiment, objectives, teachers
from simgeo.experiment import Experiment, programs, running

SMALL = {
    "teacher": teachers.Gaussian(),
    "num_vectors": 24,
    "teacher_dim": 8,
    "student_dim": 4,
    "num_steps": 800,
    "num_records": 6,
    "num_seeds": 2,
    "learning_rate": 0.03,
    "schedule": "cosine",
}


@pytest.mark.slow
@pytest.mark.parametrize(
    "objective",
    [
        objectives.CKA(),
        objectives.CKA(centred=False),
        objectives.LinearProjection(),
        objectives.Procrustes(),
        objectives.Procrustes(centred=True, normalised=True),
        objectives.FeatureGram(),
        objectives.FeatureGram(centred=True),
    ],
    ids=lambda objective: objective.label,
)
def test_ends_within_one_percent_of_the_closed_form_optimum(objective):
    found = experiment.run(Experiment(objective=objective, **SMALL))
    last, best = found.records["loss"][:, -1], found.references["optimum_loss"]
    assert (last <= 1.01 * best).all()
    assert (last >= best * (1 - 1e-4) - 1e-6).all()


@pytest.mark.slow
def test_seeds_do_not_depend_on_their_company():
    both = experiment.run(Experiment(**SMALL))
    alone = experiment.run(
        Experiment(**{**SMALL, "num_seeds": 1, "first_seed": 1}),
    )
    assert np.allclose(both.teacher[1], alone.teacher[0])
    first = both.records["loss"][1, 0], alone.records["loss"][0, 0]
    assert np.isclose(*first, rtol=1e-5)
    last = both.records["loss"][1, -1], alone.records["loss"][0, -1]
    assert np.isclose(*last, rtol=1e-3)  # rounding grows along a run


def test_same_seed_same_numbers():
    cell = Experiment(**SMALL)
    first, second = experiment.run(cell), experiment.run(cell)
    for name, values in first.records.items():
        assert np.array_equal(values, second.records[name], equal_nan=True)


def test_a_run_that_is_not_finite_names_objective_seed_and_step():
    cell = Experiment(
        **{**SMALL, "learning_rate": 1e30, "optimiser": "sgd"},
        objective=objectives.FeatureGram(),
    )
    with pytest.raises(experiment.NotFiniteError, match=r"Gram.*seed 0, step \d+"):
        experiment.run(cell)


@pytest.mark.parametrize(
    ("last_finite", "message"),
    [([7, 10, 10], "seed 5, step 8 .1 of 3"), ([10, 9, 0], "seed 6, step 10 .2 of 3")],
)
def test_the_first_seed_that_was_lost_is_named(last_finite, message):
    cell = Experiment(**{**SMALL, "num_seeds": 3, "first_seed": 5})
    assert re.search(
        message, str(running.not_finite(cell, np.asarray(last_finite), 10))
    )
    assert running.not_finite(cell, np.full(3, 10), 10) is None


@pytest.mark.parametrize("spacing", ["log", "even"])
@pytest.mark.parametrize("num_records", [2, 3, 7])
def test_the_first_record_is_the_start_and_the_last_the_end(spacing, num_records):
    changes = {"num_records": num_records, "record_spacing": spacing, "num_steps": 50}
    steps = Experiment(**SMALL | changes).record_steps
    assert (steps[0], steps[-1], len(steps)) == (0, 50, num_records)


def test_an_interrupt_keeps_the_records_made_so_far():
    cell = Experiment(**SMALL)
    whole, seen = experiment.run(cell), []

    def interrupt(done, loss):
        seen.append((done, loss))
        if len(seen) == 3:
            raise KeyboardInterrupt

    part = experiment.run(cell, on_chunk=interrupt)
    assert whole.complete
    assert not part.complete
    assert part.steps.tolist() == cell.record_steps[:3].tolist()
    assert [done for done, _ in seen] == part.steps.tolist()
    for name, values in part.records.items():
        assert np.array_equal(values, whole.records[name][:, :3], equal_nan=True)
    medians = np.median(part.records["loss"], axis=0)
    assert np.allclose([loss for _, loss in seen], medians)
    # The student is the one of the last record, not of the last step.
    assert np.allclose(_cka_losses(part), part.records["loss"][:, -1], atol=1e-5)
    assert not np.allclose(part.student, whole.student)


def _cka_losses(trajectory):
    """One minus CKA by NumPy in float64, for every seed."""
    losses = []
    for student, teacher in zip(trajectory.student, trajectory.teacher, strict=True):
        sides = [np.asarray(side, np.float64) for side in (student, teacher)]
        sides = [side - side.mean(axis=0) for side in sides]
        kernels = [side @ side.T for side in sides]
        norms = np.prod([np.linalg.norm(kernel) for kernel in kernels])
        losses.append(1 - np.sum(kernels[0] * kernels[1]) / norms)
    return losses


@pytest.mark.double
def test_float64_is_float64_throughout():
    found = experiment.run(Experiment(**SMALL))
    arrays = {"student": found.student, "teacher": found.teacher, **found.records}
    for name, values in arrays.items():
        assert values.dtype in (np.float64, np.int32, np.int64), name
    # A float32 anywhere on the way would leave 1e-7.
    last = found.records["loss"][:, -1]
    assert np.allclose(last, _cka_losses(found), rtol=0, atol=1e-14)
    state = _programs(Experiment(**SMALL))[0]
    kinds = {leaf.dtype for leaf in jax.tree.leaves(state)}
    assert kinds == {np.dtype(np.float64), np.dtype(np.int32)}


def _programs(cell):
    """The state before the first step, and the programs of a step and of a record."""
    arrays = jax.tree.map(jnp.asarray, cell)
    objective, student = arrays.objective, arrays.student
    rule = programs.Rule(cell.optimiser, cell.schedule)
    rate = programs.Rate(arrays.learning_rate, jnp.asarray(cell.num_steps))
    mesh = programs.mesh_of(cell.num_seeds)
    shape = (cell.num_seeds, cell.num_vectors, cell.teacher_dim)
    teacher = jax.ShapeDtypeStruct(shape, jnp.zeros(()).dtype)

    def start(keys, teacher):
        common, own = (objective, student, rate), (keys, teacher)
        return programs.start(common, own, cell.student_dim, rule, mesh)

    state = jax.eval_shape(start, programs.keys_of(cell.seeds, "student"), teacher)
    common = (jnp.asarray(1), objective, student, rate)
    own = (state.parameters, teacher)
    vectors = state.parameters[0]
    root = jax.eval_shape(lambda each: programs.prepare(each, mesh), teacher)
    return state, [
        programs.prepare.lower(teacher, mesh),
        programs.advance.lower(common, (), state, teacher, rule, mesh),
        programs.judge.lower((objective, student), own, mesh),
        programs.observe.lower((arrays.epsilon,), (vectors, teacher, root), mesh),
    ]


@pytest.mark.parametrize(
    "objective",
    [*objectives.STANDARD.values(), objectives.LinearProjection()],
    ids=lambda objective: objective.label,
)
@pytest.mark.parametrize("student_dim", [4, 12])
def test_no_program_calls_a_library_inside_the_loop(objective, student_dim):
    changes = {"student_dim": student_dim, "objective": objective}
    _, programs = _programs(Experiment(**{**SMALL, **changes}))
    assert not any("custom_call" in program.as_text() for program in programs)


class _ByDecomposition(objectives.AbstractObjective):
    """What the test above is there to catch."""

    def __call__(self, student, teacher, learned=None):
        return -jnp.sum(jnp.linalg.svd(student.T @ teacher, compute_uv=False))

    @property
    def label(self):
        return "by decomposition"

    @property
    def invariant_to(self):
        return frozenset({"rotation"})

    def optimum(self, teacher, student_dim):
        return np.nan


def test_a_decomposition_inside_the_loop_would_be_seen():
    _, programs = _programs(Experiment(**SMALL, objective=_ByDecomposition()))
    assert ["custom_call" in program.as_text() for program in programs] == [
        False,
        True,
        True,
        False,
    ]


ON_TWO_DEVICES = """
import pickle, sys
import jax
jax.config.update("jax_num_cpu_devices", 2)
from simgeo import experiment
cells = pickle.load(sys.stdin.buffer)
assert experiment.programs.mesh_of(2).size == 2
found = [experiment.run(cell) for cell in cells]
pickle.dump([(each.teacher, each.records) for each in found], sys.stdout.buffer)
"""


@pytest.mark.slow
def test_two_devices_give_the_numbers_of_one():
    cells = [
        Experiment(**{**SMALL, "num_steps": 200}, objective=objective)
        for objective in (objectives.Procrustes(), objectives.CKA())
    ]
    # A deadlock is what this is there to catch: it once took LAPACK and two devices.
    child = subprocess.run(
        [sys.executable, "-c", ON_TWO_DEVICES],
        input=pickle.dumps(cells),
        stdout=subprocess.PIPE,
        env=os.environ | {"JAX_PLATFORMS": "cpu"},
        cwd=Path(__file__).parent.parent,
        check=True,
        timeout=300,
    )
    for cell, (teacher, records) in zip(cells, pickle.loads(child.stdout), strict=True):
        alone = experiment.run(cell)
        assert np.allclose(teacher, alone.teacher, atol=1e-6)
        for name in ("pairs_teacher", "isolated_teacher"):
            assert np.array_equal(records[name], alone.records[name]), name
        first, last = records["loss"][:, 0], records["loss"][:, -1]
        assert np.allclose(first, alone.records["loss"][:, 0], rtol=1e-5)
        # Rounding grows along a run.
        assert np.allclose(last, alone.records["loss"][:, -1], rtol=1e-3)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"epsilon": 1.5}, "`epsilon`"),
        ({"num_steps": 0}, "`num_steps`"),
        ({"learning_rate": -1.0}, "`learning_rate`"),
        ({"optimiser": "adma"}, "`optimiser`"),
        (
            {"teacher": teachers.OrthogonalFraction(fraction=1.0, epsilon=0.05)},
            "`fraction`",
        ),
    ],
)
def test_bad_settings_are_refused_at_construction(changes, message):
    with pytest.raises(ValueError, match=message):
        Experiment(**{**SMALL, **changes})
