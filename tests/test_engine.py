"""The engine: seeds, optima, refusals, and what the compiled step may not contain."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from simgeo import engine, objectives, optimisers, teachers
from simgeo.engine import _label, _lanes, _units
from simgeo.engine import _programs as programs
from simgeo.engine._units import parts_of, shapes_of_run
from simgeo.problems import Experiment

SMALL = {
    "teacher": teachers.Gaussian(),
    "num_vectors": 24,
    "teacher_dim": 8,
    "student_dim": 4,
    "num_steps": 800,
    "num_records": 6,
    "num_seeds": 2,
    "measures": ("matthews", "gram_error", "cka"),  # few, for their compilation
    "optimiser": optimisers.Adam(0.03, schedule="cosine"),
}
SHORT = SMALL | {"num_steps": 60}


def last(run, name="loss"):
    """The values of the last record, by seed."""
    return run[name].isel(step=-1).values


def equal(one, other, seeds):
    """Whether every variable of a run is bit by bit that of some seeds of another."""
    names = set(one.data_vars)
    assert names == set(other.data_vars)
    return all(
        np.array_equal(one[name], other[name].sel(seed=seeds), equal_nan=True)
        for name in names
    )


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
    found = engine.run(Experiment(objective=objective, **SMALL))
    end, best = last(found), found["optimum_loss"].values
    assert (end <= 1.01 * best).all()
    assert (end >= best * (1 - 1e-4) - 1e-6).all()


@pytest.mark.parametrize(
    "objective",
    [objectives.Procrustes(), objectives.CKA(), objectives.LinearProjection()],
    ids=lambda objective: objective.label,
)
def test_a_unit_is_the_same_bit_by_bit_whoever_is_computed_beside_it(objective):
    cell = Experiment(**SHORT | {"num_seeds": 5, "objective": objective})
    many = engine.run(cell)
    alone = engine.run(dataclasses.replace(cell, num_seeds=1, first_seed=3))
    assert equal(alone, many, [3])
    other = dataclasses.replace(
        cell,
        num_seeds=2,
        first_seed=1,
        optimiser=optimisers.Adam(0.3, schedule="cosine"),
    )
    pair = dataclasses.replace(cell, num_seeds=2, first_seed=1)
    mixed = engine.run_many([other, pair, cell])
    assert equal(mixed[1], many, [1, 2])
    assert equal(mixed[2], many, range(5))
    assert not np.array_equal(last(mixed[0]), last(mixed[1]))


def test_run_is_run_many_of_one():
    cell = Experiment(**SHORT)
    one, (other,) = engine.run(cell), engine.run_many([cell])
    assert equal(one, other, [0, 1])
    same = {name: one.attrs[name] for name in one.attrs if name != "seconds"}
    assert same == {name: other.attrs[name] for name in same}


def test_a_unit_that_is_not_finite_is_named_and_the_others_go_on():
    lost = Experiment(
        **SHORT | {"optimiser": optimisers.SGD(1e30)},
        objective=objectives.FeatureGram(),
    )
    with pytest.raises(
        engine.NotFiniteError, match=r"Gram.*seed 0, step \d+"
    ) as raised:
        engine.run(lost)
    kept = raised.value.run
    assert kept.attrs["complete"] == 0
    assert kept.sizes["step"] >= 1
    assert np.isfinite(kept["gradient_norm"][:, 1:]).all()
    fine = dataclasses.replace(lost, optimiser=optimisers.SGD(1e-5))
    found = engine.run_many([lost, fine])
    assert [run.attrs["complete"] for run in found] == [0, 1]
    assert "not finite at seed 0" in found[0].attrs["stopped"]


@pytest.mark.parametrize("spacing", ["log", "even"])
@pytest.mark.parametrize("num_records", [2, 3, 7])
def test_the_first_record_is_the_start_and_the_last_the_end(spacing, num_records):
    changes = {"num_records": num_records, "record_spacing": spacing, "num_steps": 50}
    steps = Experiment(**SMALL | changes).record_steps
    assert (steps[0], steps[-1], len(steps)) == (0, 50, num_records)


def interrupt_at(num):
    """A callback that presses Ctrl-C at a record."""
    seen = []

    def on_record(record):
        seen.append(record)
        if len(seen) == num:
            raise KeyboardInterrupt

    return on_record, seen


def test_an_interrupt_keeps_the_records_made_so_far():
    cell = Experiment(**SMALL)
    whole = engine.run(cell)
    on_record, seen = interrupt_at(3)
    part = engine.run(cell, on_record=on_record)
    assert (whole.attrs["complete"], part.attrs["complete"]) == (1, 0)
    assert "interrupted" in part.attrs["stopped"]
    assert part["step"].values.tolist() == cell.record_steps[:3].tolist()
    assert [record.step for record in seen] == part["step"].values.tolist()
    for name, values in part.data_vars.items():
        if "step" in values.dims:
            first = whole[name].isel(step=slice(3))
            assert np.array_equal(values, first, equal_nan=True), name
    assert np.array_equal(seen[1].loss, part["loss"].isel(step=1))
    # The student is the one of the last record, not of the last step.
    assert np.allclose(_cka_losses(part), last(part), atol=1e-5)
    assert not np.allclose(part["student"], whole["student"])


def test_many_cells_are_kept_as_one_is():
    cells = [
        Experiment(**SHORT | {"objective": each})
        for each in (objectives.CKA(), objectives.Procrustes())
    ]
    on_record, _ = interrupt_at(2)
    with pytest.warns(UserWarning, match="1 of 2 cells were not begun"):
        (part,) = engine.run_many(cells, on_record=on_record)
    assert part.sizes["step"] == 2
    (late,) = engine.run_many(cells[:1], time_limit=0.0)
    assert late.sizes["step"] == 1
    assert "time limit" in late.attrs["stopped"]


def _cka_losses(run):
    """One minus CKA by NumPy in float64, for every seed."""
    losses = []
    for pair in zip(run["student"].values, run["teacher"].values, strict=True):
        sides = [np.asarray(side, np.float64) for side in pair]
        sides = [side - side.mean(axis=0) for side in sides]
        kernels = [side @ side.T for side in sides]
        norms = np.prod([np.linalg.norm(kernel) for kernel in kernels])
        losses.append(1 - np.sum(kernels[0] * kernels[1]) / norms)
    return losses


@pytest.mark.double
def test_float64_is_float64_throughout():
    found = engine.run(Experiment(**SMALL))
    for name, values in found.data_vars.items():
        assert values.dtype in (np.float64, np.int32, np.int64), name
    # A float32 anywhere on the way would leave 1e-7.
    assert np.allclose(last(found), _cka_losses(found), rtol=0, atol=1e-14)
    _, _, _, begun, _ = shapes_of_run(parts_of(Experiment(**SMALL)))
    kinds = {leaf.dtype for leaf in jax.tree.leaves(begun.state)}
    assert kinds == {np.dtype(np.float64), np.dtype(np.int32)}


def _lowered(cell):
    """The programs of steps and of records, as text before compilation."""
    knobs, observer, given, begun, seen = shapes_of_run(parts_of(cell))

    def observe(carried, *own):
        return carried, programs.observe(*own)

    def wide(tree):
        return jax.tree.map(
            lambda leaf: jax.ShapeDtypeStruct((2, *leaf.shape), leaf.dtype), tree
        )

    whole = jax.ShapeDtypeStruct((), np.int32)
    counts = jax.ShapeDtypeStruct((1,), np.int32)
    mesh = _lanes.mesh_of(1)
    steps = jax.jit(programs.over_units(programs.advance, mesh)).lower(
        counts, (whole,), *map(wide, (begun.state, knobs, whole, given))
    )
    records = jax.jit(programs.over_units(observe, mesh)).lower(
        counts, (), (), *map(wide, (observer, seen.subject, given))
    )
    return steps.as_text(), records.as_text()


@pytest.mark.parametrize(
    "objective",
    [*objectives.STANDARD.values(), objectives.LinearProjection()],
    ids=lambda objective: objective.label,
)
@pytest.mark.parametrize("student_dim", [4, 12])
@pytest.mark.once
def test_no_program_calls_a_library_inside_the_loop(objective, student_dim):
    cell = Experiment(**SMALL | {"student_dim": student_dim, "objective": objective})
    assert not any("custom_call" in text for text in _lowered(cell))


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
    steps, records = _lowered(Experiment(**SMALL, objective=_ByDecomposition()))
    assert "custom_call" in steps
    assert "custom_call" not in records


@pytest.fixture(scope="module")
def machines():
    """One for each number of cores: objectives share what does not depend on them."""
    return {cores: engine.Engine() for cores in (1, 3)}


@pytest.mark.parametrize("num_seeds", [1, 3])
@pytest.mark.once
def test_three_cores_give_the_numbers_of_one_bit_by_bit(
    num_seeds, machines, monkeypatch
):
    # A deadlock is also what this is there to catch: it once took LAPACK and two cores.
    settings = {"num_steps": 200, "num_seeds": num_seeds}
    settings |= {"measures": ("matthews", "gram_error", "r2_of_teacher")}
    for objective in (objectives.Procrustes(), objectives.LinearProjection()):
        cell = Experiment(**SMALL | settings, objective=objective)
        found = {}
        for cores, machine in machines.items():
            monkeypatch.setattr(_lanes, "num_workers", lambda cores=cores: cores)
            monkeypatch.setattr(_units, "num_workers", lambda cores=cores: cores)
            found[cores] = machine.run(*engine.batches_of([engine.work_of(cell)]))
        assert equal(found[1][0], found[3][0], range(num_seeds))


@pytest.mark.parametrize("capacity", range(1, 9))
@pytest.mark.parametrize("cores", range(1, 5))
@pytest.mark.once
def test_every_unit_has_one_place_in_one_lane(capacity, cores, monkeypatch):
    monkeypatch.setattr(_lanes, "num_workers", lambda: cores)
    for number in range(1, capacity + 1):
        layout = _lanes.Layout(number, capacity)
        lanes_of_all = _lanes.Layout(capacity, capacity).num_lanes
        assert capacity == lanes_of_all * layout.room
        assert layout.num_lanes == min(lanes_of_all, number)
        assert lanes_of_all <= cores
        lanes = layout.put(np.arange(number))
        assert [len(lane) for lane in lanes] == [layout.room] * layout.num_lanes
        assert layout.back(lanes).tolist() == [*range(number)]


@pytest.mark.once
def test_few_seeds_are_computed_by_the_programs_of_many():
    machine = engine.Engine()
    found = []
    for number in (1, 3, 9):
        cell = Experiment(**SHORT | {"num_seeds": number})
        machine.run(*engine.batches_of([engine.work_of(cell)]))
        found.append({*machine.compiled.programs})
    on_cpu = jax.default_backend() == "cpu"  # elsewhere empty places take time
    assert not on_cpu or found[0] == found[1] == found[2]


def test_any_transformation_of_optax_is_an_optimiser_but_cannot_be_kept():
    cell = Experiment(**SHORT | {"optimiser": optax.adam(0.03)})
    found = engine.run(cell)
    ours = engine.run(Experiment(**SHORT | {"optimiser": optimisers.Adam(0.03)}))
    assert np.array_equal(found["loss"], ours["loss"])
    assert found.attrs["fingerprint"] == ""
    with pytest.raises(
        ValueError, match="`optimiser` must be one of simgeo.optimisers"
    ):
        _ = cell.fingerprint


def test_more_seeds_are_the_same_cell():
    few, many = (Experiment(**SHORT | {"num_seeds": num}) for num in (2, 9))
    assert few.fingerprint == many.fingerprint
    assert few.fingerprint != dataclasses.replace(few, epsilon=0.2).fingerprint


def test_an_epsilon_that_is_not_set_is_the_experiment_s():
    inherits = Experiment(
        **SHORT | {"teacher": teachers.OrthogonalFraction(0.3)}, epsilon=0.25
    )
    given = dataclasses.replace(
        inherits, teacher=teachers.OrthogonalFraction(0.3, epsilon=0.25)
    )
    assert inherits.fingerprint == given.fingerprint
    moved = dataclasses.replace(inherits, epsilon=0.2)
    assert moved.resolved().teacher.epsilon == 0.2
    differs = dataclasses.replace(given, epsilon=0.2)
    assert "epsilon 0.2 (teacher 0.25)" in differs.title
    assert "(teacher" not in inherits.title


def test_one_teacher_for_all_students():
    found = engine.run(Experiment(**SHORT, teacher_seed=7))
    assert np.array_equal(found["teacher"][0], found["teacher"][1])
    assert not np.array_equal(found["student"][0], found["student"][1])


def test_a_default_that_may_yet_be_replaced_is_not_validated():
    cell = Experiment(num_vectors=64, teacher_dim=4)
    assert dataclasses.replace(cell, teacher=teachers.Gaussian()).teacher_dim == 4
    with pytest.raises(ValueError, match="`fraction`"):
        engine.run(cell)


def test_the_representation_tells_what_is_run_in_ten_lines():
    text = repr(Experiment(**SMALL))
    assert len(text.splitlines()) == 10
    for word in ("Gaussian", "CKA", "24", "cosine", "0 to 1", "800"):
        assert word in text


def test_the_data_set_says_what_it_holds():
    found = engine.run(Experiment(**SHORT))
    assert found.attrs["title"].startswith("24 vectors in 4 dimensions, distilled")
    names = {"chance_matthews", "svd_matthews", "optimum_loss", "zero_student_loss"}
    assert names | {"relative_loss", "gradient_norm", "update_norm"} <= set(found)
    assert all(values.attrs["long_name"] for values in found.variables.values())
    assert np.allclose(
        found["relative_loss"], found["loss"] / found["zero_student_loss"]
    )
    assert np.isnan(found["gradient_norm"].isel(step=0)).all()
    assert "objective" in found.attrs["labels"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"epsilon": 1.5}, "`epsilon`"),
        ({"num_steps": 0}, "`num_steps`"),
        ({"student_dim": 0}, "`student_dim`"),
        ({"measures": ("mathews",)}, "matthews"),
        (
            {"teacher": teachers.OrthogonalFraction(fraction=1.0, epsilon=0.05)},
            "`fraction`",
        ),
    ],
)
def test_bad_settings_are_refused_at_construction(changes, message):
    with pytest.raises(ValueError, match=message):
        Experiment(**{**SMALL, **changes})


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: optimisers.Adam(-1.0), "`learning_rate` must be positive"),
        (
            lambda: optimisers.Adam(schedule="cosin"),
            "`schedule` must be one of 'constant'",
        ),
        (lambda: optimisers.Named(name="adma"), "Did you mean 'adam"),
        (lambda: optimisers.SGD(momentum=1.0), "`momentum`"),
    ],
)
def test_bad_optimisers_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize(
    "optimiser",
    [
        optimisers.SGD(0.5, momentum=0.9, nesterov=True),
        optimisers.LBFGS(),
        optimisers.Named(0.03, "linear", name="lion"),
    ],
    ids=lambda optimiser: optimiser.label,
)
def test_every_optimiser_descends(optimiser):
    found = engine.run(Experiment(**SHORT | {"optimiser": optimiser}))
    assert (last(found) < found["loss"].isel(step=0)).all()


def test_a_last_step_that_leaves_no_finite_loss_is_a_lost_one():
    rate = float(jnp.finfo(jnp.zeros(()).dtype).max) / 3  # a step that overflows
    cell = Experiment(
        **SHORT | {"num_steps": 1, "num_records": 2, "optimiser": optimisers.SGD(rate)},
        objective=objectives.Procrustes(),
    )
    (found,) = engine.run_many([cell])
    assert (found.attrs["complete"], found.sizes["step"]) == (0, 1)
    assert "is not finite at seed 0, step 1" in found.attrs["stopped"]


def test_an_interrupt_at_the_last_record_of_a_cell_stops_the_others():
    cells = [
        Experiment(**SHORT | {"objective": each})
        for each in (objectives.CKA(), objectives.Procrustes())
    ]
    on_record, seen = interrupt_at(len(cells[0].record_steps))
    with pytest.warns(UserWarning, match="1 of 2 cells were not begun"):
        (found,) = engine.run_many(cells, on_record=on_record)
    assert found.attrs["complete"] == 1
    assert len(seen) == found.sizes["step"]


def test_a_class_that_is_defined_anew_is_drawn_anew():
    def law(shift):
        class _Shifted(teachers.AbstractTeacher):
            about = teachers.Gaussian.about

            def __call__(self, key, num_vectors, teacher_dim):
                return shift + jax.random.normal(key, (num_vectors, teacher_dim))

        return _Shifted()

    drawn = [
        engine.draw(Experiment(**SHORT | {"teacher": law(shift)}))
        for shift in (0.0, 5.0)
    ]
    assert np.allclose(drawn[1] - drawn[0], 5.0, atol=1e-5)


@pytest.mark.parametrize("seeds", [[], [1, 1], [-1], [2**31]])
def test_seeds_that_are_none_are_refused(seeds):
    with pytest.raises(ValueError, match="`seeds` must be different whole numbers"):
        engine.run_many([Experiment(**SHORT)], seeds=[seeds])
    with pytest.raises(ValueError, match="`first_seed` must leave room"):
        Experiment(**SHORT | {"first_seed": 2**31 - 2, "num_seeds": 5})


@pytest.mark.once
def test_options_of_the_compiler_are_known_to_it_or_left_out(monkeypatch):
    options = programs.seldom_called.__wrapped__
    told = jax.config.read("jax_disable_most_optimizations")
    try:
        jax.config.update("jax_disable_most_optimizations", False)
        known = {"xla_backend_optimization_level": 1}
        assert known.items() <= options().items() <= programs.QUICK.items()
        monkeypatch.setattr(programs, "QUICK", known | {"xla_of_another_version": 1})
        assert options() == known
        jax.config.update("jax_disable_most_optimizations", True)
        assert options() == {}
    finally:
        jax.config.update("jax_disable_most_optimizations", told)


@pytest.mark.once
def test_programs_are_kept_where_none_of_them_is_told_of(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(engine._kept, "_FOLDER", [])
    monkeypatch.setattr(jax.config, "update", (told := {}).__setitem__)
    folder = str(tmp_path / "simgeo" / "jax")
    for version, level, is_kept in (
        ("0.10.1", "1", False),
        ("0.10.1", "3", True),
        ("0.12.0.1", "1", True),
    ):
        told.clear()
        monkeypatch.setattr(engine._run.jaxlib, "__version__", version)
        monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", level)
        engine.keep_programs()
        assert (told.get("jax_compilation_cache_dir") == folder) == is_kept


def test_without_git_the_commit_is_unknown(monkeypatch):
    _label._commit.cache_clear()
    monkeypatch.setenv("PATH", "")
    assert _label._commit() == "unknown"
    _label._commit.cache_clear()
