"""Laws that every objective is held to."""

import dataclasses
import inspect
import math
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import pinv
from scipy.optimize import minimize

from simgeo import functional, objectives
from simgeo.objectives import LOSSES, WRAPPERS

IN_DOUBLE = bool(jax.config.read("jax_enable_x64"))
TEACHER = np.random.default_rng(0).standard_normal((12, 6)) + 0.2
WIDTHS = (3, 6, 9)
SMALL = objectives.Minibatch(batch_size=8)  # of 12 vectors
UNSQUARED = (
    objectives.Procrustes(squared=False),
    objectives.FeatureGram(squared=False),
)
NO_FRAME = objectives.Framed(objectives.FeatureGram(), 0.0)
ALL = (*LOSSES, *UNSQUARED, *WRAPPERS, NO_FRAME)
ALL = tuple(SMALL if isinstance(each, objectives.Minibatch) else each for each in ALL)
EVERY = pytest.mark.parametrize("objective", ALL, ids=lambda each: each.label)

# Maps that are learned and not solved: their best is found by descent, or not at all.
LEARNED = (
    objectives.CosineProjection,
    objectives.MLPProjection,
    objectives.LogitKL,
    objectives.RelationCKA,
)


def _start(objective, width, seed=0):
    return objective.init(jax.random.key(seed), width, 6)


@jax.jit
def _graded_program(objective, teacher, parameters):
    def loss(parameters):
        student, learned = parameters
        return objective(student, teacher, learned)

    return jax.value_and_grad(loss)(parameters)


def _graded(objective, student, learned=None, teacher=TEACHER):
    """Value, and gradient of the student and of what is learned beside it.

    All tests share one program for each objective and width.
    """
    student, teacher = jnp.asarray(student, float), jnp.asarray(teacher, float)
    return _graded_program(objective, teacher, (student, learned))


def _value(objective, student, learned=None, teacher=TEACHER):
    return float(_graded(objective, student, learned, teacher)[0])


ROTATION = np.linalg.qr(np.random.default_rng(3).standard_normal((6, 6)))[0]
TRIANGLE = np.eye(6) + 0.3 * np.tri(6)
SHIFT = np.linspace(1, 2, 6)
CHANGES = {
    "rotation": lambda student: student @ ROTATION,
    "translation": lambda student: student + SHIFT,
    "scale": lambda student: 1.5 * student,
    "row scale": lambda student: student * np.linspace(1, 2, 12)[:, None],
    "linear map": lambda student: student @ TRIANGLE,
}
MAPS = {"rotation": ROTATION, "scale": 1.5 * np.eye(6), "linear map": TRIANGLE}


def _undone(objective, learned, name):
    """The map that answers a change of the student: what its best would do."""
    back = jnp.asarray(np.linalg.inv(MAPS.get(name, np.eye(6))), float)
    if isinstance(objective, objectives.CosineProjection):
        return back @ learned
    if isinstance(objective, objectives.MLPProjection):
        inner, shift, outer = learned
        moved = jnp.asarray(SHIFT, float) @ inner if name == "translation" else 0.0
        return back @ inner, shift - moved, outer
    if isinstance(objective, objectives.LogitKL | objectives.RelationCKA):
        return learned[0], back @ learned[1]
    # The others are compared with their best, but for what is drawn once.
    is_drawn = isinstance(objective, objectives.FixedProjection)
    return learned if is_drawn else None


@EVERY
@pytest.mark.parametrize("name", CHANGES)
def test_blind_exactly_to_what_it_declares(objective, name):
    student = np.random.default_rng(2).standard_normal((12, 6))
    learned = _start(objective, 6)
    before = _value(objective, student, _undone(objective, learned, ""))
    answer = _undone(objective, learned, name)
    after = _value(objective, CHANGES[name](student), answer)
    assert before > 0
    close = np.isclose(before, after, rtol=2e-4, atol=1e-5)
    assert close == (name in objective.invariant_to)


def _awkward(draw):
    """Vectors where a root, a quotient or a decomposition may lose its derivative."""
    width = draw.shape[1]
    basis = np.linalg.qr(np.pad(draw, ((0, 0), (0, 9 - width))))[0][:, :width]
    yield "zero row", np.vstack([np.zeros((1, width)), draw[1:]])
    yield "two equal rows", np.vstack([draw[1:2], draw[1:]])
    yield "zero", np.zeros((12, width))
    yield "equal rows", np.ones((12, width))
    yield "equal rows, rounded", np.tile(draw[0], (12, 1))
    yield "one row", np.vstack([draw[:1], np.zeros((11, width))])
    yield "rank one", np.outer(draw[:, 0], draw[0])
    yield "repeated singular values", basis
    yield "constant columns", np.hstack([np.ones((12, 2)), draw[:, 2:]])
    yield "tiny", 1e-4 * draw
    yield "huge", 1e4 * draw
    if width >= 6:
        yield "identical", np.pad(TEACHER, ((0, 0), (0, width - 6)))


def _free(objective, width):
    """The losses to be judged: with the parameters drawn, and at their best."""
    yield _start(objective, width)
    if isinstance(objective, objectives.OrthogonalProjection):
        yield None


def _is_finite(tree):
    return jax.tree.all(jax.tree.map(lambda x: bool(np.isfinite(x).all()), tree))


def _largest(objective, num_vectors):
    """The end of the range that the table states."""
    bounds = (objective.about or functional.About("", "", "", "")).range
    numbers = re.fullmatch(r"\[0, ([^;]*)\]", bounds)
    words = {"pi": math.pi, "n": num_vectors, "w": 1, "epsilon": 0.1}
    words |= {"temperature": 0.1}
    return eval(numbers[1].replace("^", "**"), words) if numbers else math.inf


FLOAT = np.float64 if IN_DOUBLE else np.float32
EDITS = {
    "plain": lambda x: x,
    "far from the origin": lambda x: x + 1e3,
    "loud row": lambda x: x * np.geomspace(1e9, 1, len(x))[:, None],
    "loud column": lambda x: x * np.geomspace(1e6, 1, x.shape[1])[None, :],
    "duplicates": lambda x: x[np.arange(len(x)) // 2],
    "mostly one row": lambda x: np.where(np.arange(len(x))[:, None] < 9, x[:1], x),
    "orthonormal": lambda x: np.linalg.qr(x)[0],
    "tiny": lambda x: 1e-9 * x,
    "huge": lambda x: 1e9 * x,
}
AWKWARD = [
    *("zero row", "two equal rows", "zero", "equal rows", "equal rows, rounded"),
    *("one row", "rank one", "repeated singular values", "constant columns"),
]


@EVERY
@settings(max_examples=10)
@given(
    names=st.tuples(*2 * (st.sampled_from([*EDITS, *AWKWARD]),)),
    scales=st.tuples(*2 * (st.integers(-60, 60),)),  # powers of two
    seed=st.integers(0, 2**16),
)
def test_values_and_gradients_whatever_is_given(objective, names, scales, seed):
    rng = np.random.default_rng(seed)
    sides = []
    for name, width in zip(names, (3, 6), strict=True):
        draw = rng.standard_normal((12, width))
        side = dict(_awkward(draw))[name] if name in AWKWARD else EDITS[name](draw)
        sides.append(np.asarray(side, FLOAT))
    learned = _start(objective, 3)
    value, slopes = _graded(objective, sides[0], learned, sides[1])
    is_large = {"huge", "loud row", "loud column"} & {*names}
    sees_scale = "scale" not in objective.invariant_to
    if not (is_large and (sees_scale or "Gram" in objective.label)):
        assert 0 <= value <= _largest(objective, 12) * (1 + 1e-5)
        assert _is_finite(slopes)
    if _is_blind_to_both_scales(objective) and not is_large and "tiny" not in names:
        factor, other = (FLOAT(2.0**power) for power in scales)
        scaled = factor * sides[0], other * sides[1]
        again, (slope, _) = _graded(objective, scaled[0], learned, scaled[1])
        assert np.isclose(again, value, rtol=1e-5, atol=1e-6)
        size = np.max(np.abs(slopes[0]))
        assert np.allclose(factor * slope, slopes[0], rtol=0, atol=1e-4 * size)
    # What is not finite, anywhere, is never made up for.
    bad = rng.choice([np.nan, np.inf, -np.inf])
    place = rng.integers(3 if jax.tree.leaves(learned) else 2)
    if place < 2:
        sides[place][rng.integers(12), rng.integers(3)] = bad
    else:
        leaves, structure = jax.tree.flatten(learned)
        chosen = rng.integers(len(leaves))
        leaves[chosen] = leaves[chosen].at[(0,) * leaves[chosen].ndim].set(bad)
        learned = jax.tree.unflatten(structure, leaves)
    assert np.isnan(_value(objective, sides[0], learned, sides[1]))


def _is_blind_to_both_scales(objective):
    kinds = (
        *(objectives.CKA, objectives.Angular, objectives.DebiasedCKA),
        *(objectives.KernelCKA, objectives.PatchCKA, objectives.CCA, objectives.SVCCA),
        *(objectives.SimilarityPreserving, objectives.RelationalDistance),
        *(objectives.RelationalAngle, objectives.NeighbourKL, objectives.PatternHinge),
    )
    is_normalised = getattr(objective, "normalised", False)
    return isinstance(objective, kinds) or is_normalised


@pytest.mark.double
@EVERY
def test_a_copy_of_the_teacher_is_no_trouble(objective):
    given = np.pad(TEACHER, ((0, 0), (0, 3)))
    assert _is_finite(_graded(objective, given, _start(objective, 9)))


@pytest.mark.double
@EVERY
def test_few_vectors_of_many_dimensions_or_of_one_are_no_trouble(objective):
    rng = np.random.default_rng(7)
    student, teacher = rng.standard_normal((8, 10)), rng.standard_normal((8, 1))
    if isinstance(objective, objectives.SeveralTeachers):
        teacher = np.hstack([teacher, -teacher])
    learned = objective.init(jax.random.key(0), 10, teacher.shape[1])
    value, slopes = _graded(objective, student, learned, teacher)
    assert 0 <= value <= _largest(objective, 8) * (1 + 1e-5)
    assert _is_finite(slopes)


# A cosine with a vector of no length jumps as soon as that has a direction.
JUMPS = {
    objectives.SimilarityPreserving: ("zero row", "one row"),
    objectives.RelationalAngle: ("two equal rows", "one row"),
}


@pytest.mark.double
@EVERY
@pytest.mark.parametrize("width", [3, 9])
def test_a_small_step_down_the_gradient_goes_down_at_awkward_points(objective, width):
    if isinstance(objective, objectives.Quantised):
        pytest.skip("its gradient is that of the loss without rounding")
    other = np.random.default_rng(6).standard_normal((12, width))
    draw = np.random.default_rng(5).standard_normal((12, width))
    for name, student in _awkward(draw):
        learned = _start(objective, width)
        value, (slope, _) = _graded(objective, student, learned)
        size = np.max(np.abs(slope))
        if size == 0 or name in JUMPS.get(type(objective), ()):
            continue
        rounding = 1e-14 * (_value(objective, other, learned) + abs(value))
        scale = np.max(np.abs(student))
        for step in (1e-7, 1e-9):  # where the loss bends sharply, only the second
            moved = student - step * scale * np.asarray(slope) / size
            change = _value(objective, moved, learned) - value
            if change <= rounding:
                break
        else:
            raise AssertionError((name, change, value))


WITH_A_MAP = (
    *LEARNED,
    objectives.LinearProjection,
    objectives.FixedProjection,
    objectives.OrthogonalProjection,
    objectives.WhitenedTargets,
)
SEES_COPIES = [each for each in LOSSES if not isinstance(each, WITH_A_MAP)]


@pytest.mark.parametrize("objective", SEES_COPIES, ids=lambda each: each.label)
def test_a_copy_has_no_loss_and_no_gradient(objective):
    value, (gradient, _) = _graded(objective, TEACHER)
    # In float32, what sums of squares cancel to.
    assert np.isclose(value, 0, atol=1e-9 if IN_DOUBLE else 5e-3)
    assert np.allclose(gradient, 0, atol=1e-6 if IN_DOUBLE else 5e-3)
    assert np.isclose(objective.optimum(TEACHER, 6), 0, atol=1e-9)


@pytest.mark.double
@EVERY
@pytest.mark.parametrize("width", WIDTHS)
def test_gradients_agree_with_finite_differences(objective, width):
    if isinstance(objective, objectives.Quantised):
        pytest.skip("its gradient is that of the loss without rounding")
    rng = np.random.default_rng(8)
    student, along = rng.standard_normal((2, 12, width))
    for learned in _free(objective, width):
        beside = jax.tree.map(lambda x: rng.standard_normal(x.shape), learned)
        _, (slope, slopes) = _graded(objective, student, learned)

        def value(step, learned=learned, beside=beside):
            moved = jax.tree.map(lambda x, y: x + step * y, learned, beside)
            return _value(objective, student + step * along, moved)

        found = np.sum(slope * along)
        if isinstance(objective, objectives.FixedProjection):
            beside = jax.tree.map(np.zeros_like, learned)
        if isinstance(objective, objectives.LogitKL | objectives.RelationCKA):
            beside = (np.zeros(learned[0].shape), beside[1])
        found += sum(
            np.sum(one * other)
            for one, other in zip(
                jax.tree.leaves(slopes), jax.tree.leaves(beside), strict=True
            )
        )
        expected = (value(1e-5, beside=beside) - value(-1e-5, beside=beside)) / 2e-5
        assert np.isclose(found, expected, rtol=1e-5, atol=1e-7)


# Unit rows and batches have other optima than free rows: theirs are lower bounds.
BOUNDS_ONLY = (objectives.Quantised, objectives.Constrained, objectives.Scheduled)
KNOWN = [
    (objective, width)
    for objective in ALL
    for width in (3, 6)
    if not isinstance(objective, BOUNDS_ONLY)
    and not getattr(objective, "unit_rows", False)
    and not math.isnan(objective.optimum(TEACHER, width))
]


@pytest.mark.double
@pytest.mark.parametrize(
    ("objective", "width"), KNOWN, ids=[f"{each.label}-{m}" for each, m in KNOWN]
)
def test_descent_from_five_starts_reaches_the_optimum_and_no_less(objective, width):
    optimum = objective.optimum(TEACHER, width)
    scale = _value(objective, np.zeros((12, width)), _start(objective, width))
    enough = optimum + 1e-3 * max(optimum, 1e-3 * scale)

    def stop(intermediate_result):
        if optimum == 0 and intermediate_result.fun < enough:
            raise StopIteration

    ends = []
    for seed in range(5 if optimum > 0 else 1):  # zero is a bound by itself
        learned = _start(objective, width, seed)
        start = np.random.default_rng(seed).standard_normal((12, width))
        leaves, structure = jax.tree.flatten((start, learned))
        shapes = [np.shape(leaf) for leaf in leaves]
        ends_of = np.cumsum([np.size(leaf) for leaf in leaves])
        flat = np.concatenate([np.ravel(leaf) for leaf in leaves])

        def loss(flat, shapes=shapes, at=ends_of, tree=structure):
            # NumPy takes apart and joins what is called ten thousand times.
            parts = zip(np.split(flat, at[:-1]), shapes, strict=True)
            given = jax.tree.unflatten(tree, [each.reshape(to) for each, to in parts])
            value, slopes = _graded_program(objective, TEACHER, given)
            joined = [np.ravel(leaf) for leaf in jax.tree.leaves(slopes)]
            return float(value), np.concatenate(joined)

        options = {"maxiter": 3000, "maxfun": 4000, "ftol": 1e-15, "gtol": 1e-10}
        found = minimize(
            loss, flat, jac=True, method="L-BFGS-B", options=options, callback=stop
        )
        ends.append(found.fun)
    assert min(ends) >= optimum - 1e-7 * scale
    assert min(ends) <= enough


@pytest.mark.parametrize("centred", [False, True])
def test_unit_rows_never_go_below_their_bound(centred):
    objective = objectives.FeatureGram(centred=centred, unit_rows=True)
    bound = objective.optimum(TEACHER, 3)
    rng = np.random.default_rng(9)
    values = [_value(objective, rng.standard_normal((12, 3))) for _ in range(50)]
    assert min(values) >= bound > 0


def test_a_fixed_map_is_met_by_its_inverse():
    objective = objectives.FixedProjection()
    drawn = _start(objective, 9)
    student = TEACHER @ pinv(np.asarray(drawn))
    assert np.isclose(_value(objective, student, drawn), 0, atol=1e-6)
    _, (_, slope) = _graded(objective, TEACHER[:, :3], _start(objective, 3))
    assert not slope.any()


@pytest.mark.parametrize(
    "objective",
    [objectives.FixedProjection(), *(kind() for kind in LEARNED)],
    ids=lambda each: each.label,
)
def test_what_has_no_closed_form_must_be_at_hand(objective):
    with pytest.raises(ValueError, match="`learned` must be .*; got None"):
        _value(objective, TEACHER)


@pytest.mark.parametrize(
    ("kind", "fields", "message"),
    [
        (objectives.RelationalDistance, {"delta": 0.0}, "`delta` must .*; got 0.0"),
        (objectives.RelationalAngle, {"delta": -1.0}, "`delta` must .*; got -1.0"),
        (objectives.PatternHinge, {"epsilon": -0.1}, "`epsilon` must .*; got -0.1"),
        (objectives.PatternHinge, {"epsilon": math.nan}, "`epsilon` must .*; got nan"),
        (objectives.NeighbourKL, {"temperature": 0.0}, "`temperature` must .*; got 0"),
        (objectives.FixedProjection, {"scale": -1.0}, "`scale` must .*; got -1.0"),
        (objectives.LinearProjection, {"start_scale": -1.0}, "`start_scale` must .*-1"),
        (objectives.KernelCKA, {"bandwidth": 0.0}, "`bandwidth` must .*; got 0.0"),
        (objectives.PatchCKA, {"num_patches": 1}, "`num_patches` must .*; got 1"),
        (objectives.SVCCA, {"threshold": 1.0}, "`threshold` must .*; got 1.0"),
        (objectives.MLPProjection, {"hidden_dim": 0}, "`hidden_dim` must .*; got 0"),
        (objectives.LogitKL, {"temperature": 0.0}, "`temperature` must .*; got 0.0"),
        (objectives.LogitKL, {"num_classes": 1}, "`num_classes` must .*; got 1"),
        (objectives.RelationCKA, {"class_weight": -1.0}, "`class_weight` must .*-1.0"),
        (objectives.Quantised, {"num_bits": 17}, "`num_bits` must .*; got 17"),
        (objectives.Minibatch, {"batch_size": 1}, "`batch_size` must .*; got 1"),
        (objectives.Scheduled, {"first": -1.0}, "`first` must .*; got -1.0"),
        (objectives.Scheduled, {"shape": "square"}, "`shape` must .*; got 'square'"),
        (objectives.Constrained, {"penalty": 0.0}, "`penalty` must .*; got 0.0"),
        (objectives.Constrained, {"period": 0}, "`period` must .*; got 0"),
        (
            objectives.Angular,
            {"objective": objectives.Procrustes()},
            "`objective` must be CKA or .*; got Procrustes",
        ),
        (
            objectives.Framed,
            {"objective": objectives.CKA()},
            "`objective` must see a translation, .*; got CKA",
        ),
        (objectives.Framed, {"frame": -1.0}, "`frame` must be .*; got -1.0"),
        (objectives.SeveralTeachers, {"shares": (1, 0)}, "`shares` must be .*(1, 0)"),
        (objectives.SeveralTeachers, {"shares": ()}, "`shares` must not be empty"),
        (
            objectives.SeveralTeachers,
            {"shares": (1, 1, 1)},
            "`weights` must be as many as `shares`; got 2 for 3",
        ),
        (
            objectives.SeveralTeachers,
            {"weights": (1.0, -1.0)},
            "`weights` must be finite and not negative",
        ),
        (
            objectives.Hybrid,
            {"parts": (objectives.CKA(),), "weights": (1.0, 2.0)},
            "`weights` must be as many as `parts`; got 2 for 1",
        ),
    ],
)
def test_settings_without_sense_are_refused(kind, fields, message):
    with pytest.raises(ValueError, match=message):
        kind(**fields)


def test_knobs_are_swept_without_another_compilation():
    traces = []

    @jax.jit
    def value(objective):
        traces.append(None)
        student = jnp.asarray(TEACHER[:, :3], float)
        return objective(student, jnp.asarray(TEACHER, float))

    found = [
        float(value(objectives.PatternHinge(epsilon=epsilon))) for epsilon in (0.1, 0.3)
    ]
    assert len(traces) == 1
    assert found[0] > found[1]


class OwnKL(objectives.AbstractObjective):
    """One of a user's own, with nothing but its call."""

    centred: bool = True
    weight: float = 1.0

    def __call__(self, student, teacher, learned=None):
        return self.weight * jnp.sum((student[:, :1] - teacher[:, :1]) ** 2)


def test_an_objective_of_ones_own_needs_only_its_call():
    own = OwnKL()
    assert own.label == "Own KL"
    assert own.invariant_to == frozenset()
    assert math.isnan(own.optimum(TEACHER, 3))
    hybrid = objectives.Hybrid((own, objectives.CKA()), (1.0, 2.0))
    assert hybrid.invariant_to == frozenset()
    assert _value(hybrid, TEACHER[:, :3]) > 0


def test_an_objective_without_a_call_is_refused_where_it_is_defined():
    with pytest.raises(TypeError, match="`Lacking` must define `__call__.*gives the"):

        class Lacking(objectives.AbstractObjective):
            def optimum(self, teacher, student_dim):
                return 0.0


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"centred": "no"}, "`centred` must be true or false; got 'no'."),
        ({"weight": "1"}, "`weight` must be a number; got '1'."),
    ],
)
def test_fields_are_held_to_their_annotations(fields, message):
    with pytest.raises(ValueError, match="must be") as refused:
        OwnKL(**fields)
    assert str(refused.value) == message


def test_an_epsilon_that_is_not_given_is_a_tenth():
    # Outside of an experiment, which has one.
    student = np.random.default_rng(1).standard_normal((12, 3))
    found = _value(objectives.PatternHinge(), student)
    assert found == _value(objectives.PatternHinge(epsilon=0.1), student)
    assert found != _value(objectives.PatternHinge(epsilon=0.2), student)


# Settings that a function does not take, and what they are for.
NOT_PASSED_ON = {
    *("solved", "start_scale", "scale", "hidden_dim"),  # the map that is drawn
    *("num_classes", "readout_scale"),  # the readout
}


def test_every_setting_is_one_of_the_function_or_of_what_is_drawn():
    for kind in {type(each) for each in LOSSES if hasattr(each, "function")}:
        names = {field.name for field in dataclasses.fields(kind)}
        arguments = {*inspect.signature(kind.function).parameters}
        assert names - arguments <= NOT_PASSED_ON, kind
        assert functional.about(kind.function).formula in kind.__doc__


@pytest.mark.once
def test_every_kind_is_in_the_catalogue():
    kinds = {each for each in vars(objectives).values() if isinstance(each, type)} - {
        objectives.AbstractObjective,
        objectives.About,
    }
    assert kinds == {type(each) for each in (*LOSSES, *WRAPPERS)}
    labels = [each.label for each in (*LOSSES, *WRAPPERS)]
    assert len(set(labels)) == len(labels)
