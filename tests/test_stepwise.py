"""Objectives that carry a memory from step to step."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from simgeo import engine, objectives, optimisers, settings, teachers
from simgeo.objectives import (
    CCA,
    CKA,
    Constrained,
    FeatureGram,
    Hybrid,
    LinearProjection,
    Minibatch,
    PatternHinge,
    Procrustes,
    Quantised,
    Scheduled,
    WhitenedTargets,
)
from simgeo.problems import AbstractCell, AbstractProblem, Experiment

RNG = np.random.default_rng(0)
STUDENT = jnp.asarray(RNG.standard_normal((12, 4)), float)
TEACHER = jnp.asarray(RNG.standard_normal((12, 6)), float)
KEY = jax.random.key(1)


@jax.jit
def _program(objective, student, teacher):
    return objective(student, teacher)


def _value(objective, student=STUDENT, teacher=TEACHER):
    """In one program for each objective, whatever its knobs."""
    return float(_program(objective, student, teacher))


@jax.jit
def _begun(objective):
    return objective.begin(KEY, TEACHER)


@jax.jit
def _next(objective, memory):
    return objective.remember(memory, STUDENT, TEACHER)


@jax.jit
def _then(objective, memory):
    return objective.at(memory)(STUDENT, TEACHER, None)


def _remembered(objective, num_steps):
    memory = _begun(objective)
    for _ in range(num_steps):
        memory = _next(objective, memory)
    return memory


def _at(objective, num_steps):
    return float(_then(objective, _remembered(objective, num_steps)))


@pytest.mark.parametrize("shape", ["linear", "cosine"])
def test_a_weight_follows_the_schedule_of_optax(shape):
    objective = Scheduled(Procrustes(), first=2.0, last=0.5, num_steps=8, shape=shape)
    schedule = {
        "linear": optax.linear_schedule(2.0, 0.5, 8),
        "cosine": lambda step: 0.5 + optax.cosine_decay_schedule(1.5, 8)(step),
    }[shape]
    value = _value(Procrustes())
    for step in (0, 3, 8, 11):
        assert np.isclose(_at(objective, step), schedule(step) * value)
    assert np.isclose(_value(objective), 0.5 * value)


def test_a_batch_is_of_rows_that_change_and_repeat_with_the_key():
    objective = Minibatch(FeatureGram(), batch_size=5)
    values = [_at(objective, step) for step in range(4)]
    assert len(set(values)) == 4
    assert values == [_at(objective, step) for step in range(4)]
    memory = _remembered(objective, 2)
    rows = np.asarray(jax.random.permutation(memory.own, 12)[:5])
    assert len(set(rows.tolist())) == 5
    batch = np.asarray(STUDENT)[rows], np.asarray(TEACHER)[rows]
    assert np.isclose(values[2], _value(FeatureGram(), *batch))
    assert np.isclose(_value(objective), _value(FeatureGram()))


def test_a_batch_larger_than_the_data_is_refused():
    with pytest.raises(ValueError, match="`batch_size` must not exceed the 12 vectors"):
        _at(Minibatch(batch_size=13), 0)


def test_a_multiplier_moves_once_in_a_period_and_never_below_zero():
    hinge = PatternHinge(epsilon=0.1)
    value = _value(hinge)
    assert value > 0.01
    asked = Constrained(CKA(), hinge, bound=0.01, penalty=3.0, period=2)
    after = [float(_remembered(asked, step).multiplier) for step in range(5)]
    step = 3.0 * (value - 0.01)
    assert np.allclose(after, [0, 0, step, step, 2 * step], rtol=1e-5)
    met = Constrained(CKA(), hinge, bound=value + 0.1, period=1)
    assert float(_remembered(met, 3).multiplier) == 0
    # The penalty is zero where the bound is met, and mu g + rho g^2 / 2 beyond it.
    assert np.isclose(_at(met, 1), _value(CKA()))
    expected = _value(CKA()) + step * (value - 0.01)
    expected += 3.0 * (value - 0.01) ** 2 / 2
    assert np.isclose(_at(asked, 2), expected, rtol=1e-5)


def test_a_hybrid_keeps_the_memory_of_every_part():
    scheduled = Scheduled(Procrustes(), first=0.0, last=1.0, num_steps=4)
    both = Hybrid((CKA(), scheduled), (2.0, 0.1))
    own = 2.0 * _value(CKA())
    other = _value(Procrustes())
    assert np.isclose(_at(both, 0), own)
    assert np.isclose(_at(both, 2), own + 0.1 * 0.5 * other)


def test_whitened_targets_are_whitened_once():
    objective = WhitenedTargets(Procrustes())
    target = _remembered(objective, 3).own
    covariance = np.cov(np.asarray(target).T, bias=True)
    assert np.allclose(covariance, np.eye(6), atol=1e-4)
    assert np.isclose(_at(objective, 3), _value(objective))
    centred = np.asarray(TEACHER) - np.asarray(TEACHER).mean(axis=0)
    left, _, right = np.linalg.svd(centred, full_matrices=False)
    polar = jnp.asarray(12**0.5 * left @ right, float)
    expected = _value(Procrustes(), teacher=polar)
    assert np.isclose(_value(objective), expected, rtol=1e-4)


def test_cca_is_the_solved_projection_onto_whitened_targets():
    student = jnp.asarray(RNG.standard_normal((12, 8)), float)
    whitened = WhitenedTargets(LinearProjection(solved=True, centred=True))
    found, other = (_value(each, student) for each in (CCA(), whitened))
    assert np.isclose(found, other / 6, atol=1e-4)


SMALL = {
    "teacher": teachers.Gaussian(),
    "num_vectors": 24,
    "teacher_dim": 8,
    "student_dim": 6,
    "num_seeds": 2,
    "num_steps": 200,
    "num_records": 3,
    "measures": ("matthews",),  # one, for their compilation
    "optimiser": optimisers.Adam(0.03),
}


@pytest.mark.slow
@pytest.mark.parametrize(
    "objective",
    [
        Scheduled(Procrustes(), num_steps=100),
        Minibatch(Procrustes(), batch_size=12),
        Quantised(Procrustes(), num_bits=6),
        WhitenedTargets(Procrustes()),
        Hybrid((Minibatch(CKA(), 16), Scheduled(num_steps=50)), (1.0, 1.0)),
    ],
    ids=lambda each: each.label,
)
def test_a_run_minimises_them(objective):
    loss = engine.run(Experiment(objective=objective, **SMALL))["loss"].values
    assert np.all(loss[:, -1] < 0.6 * loss[:, 0])


@pytest.mark.slow
def test_a_constraint_is_met_by_a_run_that_would_not_meet_it_otherwise():
    constraint = PatternHinge(epsilon=0.1)
    asked = Constrained(CKA(), constraint, bound=0.01, penalty=5.0)
    changes = {**SMALL, "num_steps": 1500}
    found = {}
    for name, objective in (("free", CKA()), ("asked", asked)):
        kept = engine.run(Experiment(objective=objective, **changes))
        pairs = zip(kept["student"].values, kept["teacher"].values, strict=True)
        pairs = [(jnp.asarray(s), jnp.asarray(t)) for s, t in pairs]
        found[name] = [_value(constraint, *pair) for pair in pairs]
        # What a run records is what it minimises, without the penalty.
        last = [_value(CKA(), *pair) for pair in pairs]
        assert np.allclose(kept["loss"].values[:, -1], last, atol=1e-5)
    assert min(found["free"]) > 0.02
    assert max(found["asked"]) < 0.012


class Counted(AbstractProblem):
    """A number that is pushed by how many steps are remembered."""

    def init(self, key, data):
        return jnp.zeros(())

    def loss(self, parameters, data):
        return parameters

    def step_loss(self, parameters, data, memory, key):
        return parameters * memory

    def begin(self, key, data):
        return jnp.zeros(())

    def remember(self, memory, parameters, data):
        return memory + 1


class Counting(AbstractCell):
    """A run of it."""

    def problem(self):
        return Counted()


def test_descent_remembers_after_every_step():
    options = {"num_steps": 7, "num_records": 8, "record_spacing": "even"}
    cell = Counting(optimiser=optimisers.SGD(0.1), num_seeds=1, **options)
    before = [sum(range(step)) for step in range(8)]  # remembered before each step
    expected = -0.1 * np.array(before)
    assert np.allclose(engine.run(cell)["loss"].values, [expected])


def test_every_wrapper_is_built_from_its_description():
    for each in objectives.WRAPPERS:
        one = Experiment(objective=each, **{**SMALL, "num_vectors": 80})
        again = settings.build(Experiment, settings.describe(one))
        assert settings.fingerprint(one) == settings.fingerprint(again)
