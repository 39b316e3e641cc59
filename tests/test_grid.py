"""What a grid is made of, where its base is impossible, and how large it may be."""

import itertools
import json
import time

import jax
import numpy as np
import pytest

from simgeo import networks, objectives, settings, sweep, teachers
from simgeo.engine import _units
from simgeo.problems import Distillation, Experiment
from simgeo.sweep import _expansion

pytestmark = pytest.mark.once

FEW = "num_vectors = 64\nteacher_dim = 4\n"  # in which a fraction of 0.95 is impossible


@pytest.fixture
def load(tmp_path):
    """The cells of a TOML text."""

    def load(text: str, encoding: str = "utf-8") -> list[Experiment]:
        path = tmp_path / "grid.toml"
        path.write_text(text, encoding=encoding)
        return sweep.load(path)

    return load


def test_only_the_cells_themselves_must_be_possible(load):
    cells = load(f"{FEW}[sweep]\nteacher.fraction = [0.1, 0.2]")
    assert [cell.teacher.fraction for cell in cells] == [0.1, 0.2]
    cells = load(f'{FEW}[sweep]\nteacher = ["gaussian", "low-coherence"]')
    kinds = [type(cell.teacher) for cell in cells]
    assert kinds == [teachers.Gaussian, teachers.LowCoherence]
    cells = load(f"{FEW}[sweep]\nteacher_dim = [64, 128]")
    assert [cell.teacher_dim for cell in cells] == [64, 128]
    message = r"^`teacher\.fraction` must not exceed .* or raise `teacher\.epsilon` or"
    with pytest.raises(ValueError, match=message):
        load(f"{FEW}[sweep]\nteacher.fraction = [0.1, 0.9]")


def test_a_setting_without_default_can_come_from_the_grid(load, tmp_path):
    paths = [tmp_path / "a.npy", tmp_path / "b.npy"]
    for path in paths:
        np.save(path, np.eye(8))
    names = [str(path) for path in paths]
    sizes = "num_vectors = 8\nteacher_dim = 8"
    cells = load(f'{sizes}\nteacher = "from-file"\n[sweep]\nteacher.path = {names}')
    assert [cell.teacher.path for cell in cells] == names
    base = Experiment(teacher=teachers.Gaussian(), num_vectors=8, teacher_dim=8)
    cells = sweep.grid(base, teacher=["file"], teacher__path=paths)
    assert [cell.teacher.path for cell in cells] == names


def test_kinds_are_shortened_and_a_byte_order_mark_is_read(load):
    cells = load('[sweep]\nobjective = ["gram", "pattern"]', "utf-8-sig")
    assert [cell.objective.label for cell in cells] == ["Gram", "Pattern hinge"]
    with pytest.raises(ValueError, match=r"^`teacher\.kind` must name one kind; got"):
        load('[sweep]\nteacher = ["orthogonal"]')


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "epsilon = { range = [0.1, 0.2], num = 100000000 }",
            "`epsilon` cannot be a range: `num` must be from 1 to 1,000,000; got 1000",
        ),
        ("epsilon = { log = [0.1, 0.2], num = 0 }", "must be from 1 to 1,000,000; got"),
        (
            "epsilon = { range = [0.1, 0.2], num = 10000 }\n"
            "first_seed = { range = [1, 10000], num = 10000 }",
            "`sweep` must have at most 10,000,000 cells; got 100,000,000.",
        ),
    ],
)
def test_grids_that_would_never_end_are_refused_at_once(load, text, message):
    begin = time.perf_counter()
    with pytest.raises(ValueError, match=message) as caught:
        load(f"[sweep]\n{text}")
    assert time.perf_counter() - begin < 5
    assert "\n" not in str(caught.value)


def test_a_setting_of_something_else_is_named(load):
    message = r"^`fraction` is no setting of Experiment\. Did you mean `teacher.fract"
    with pytest.raises(ValueError, match=message):
        load("[sweep]\nfraction = [0.1]")


WRITTEN = """
num_vectors = 24
teacher_dim = 12
[teacher]
kind = "common-mean"
[[sweep]]
student_dim = [2, 3]
teacher.cosine = { range = [0.1, 0.3], num = 3 }
objective = ["cka", { kind = "procrustes", centred = true }, "CKA"]
[[sweep.zip]]
epsilon = [0.1, 0.2]
optimiser.learning_rate = { log = [1e-3, 1e-2], num = 2 }
[[sweep]]
teacher = ["gaussian", "low-coherence", { kind = "noisy", noise = 0.3 }]
teacher_seed = [0, 1]
num_seeds = [2, 5]
"""
SMALL = Experiment(num_vectors=32, teacher_dim=16, student_dim=4, num_seeds=3)
PAIR = objectives.Hybrid((objectives.CKA(), objectives.PatternHinge()), (1.0, 0.5))
GRIDS = {
    "kinds, zips and inherited epsilons": lambda load: sweep.grid(
        SMALL,
        sweep.together(epsilon=[0.1, 0.2], optimiser__learning_rate=[1e-3, 0.1]),
        objective=["procrustes", PAIR, objectives.Procrustes()],
        teacher=["gaussian", teachers.OrthogonalFraction(fraction=0.3)],
        optimiser=["adam", "sgd"],
    ),
    "parts of parts, seeds and steps": lambda load: sweep.grid(
        SMALL,
        teacher=[teachers.Noisy(teacher=teachers.OrthogonalFraction(fraction=0.2))],
        teacher__teacher__fraction=[0.1, 0.2, 0.1],
        teacher__noise=[0, 1, 1.0, -0.0],
        num_steps=[10, 100],
        first_seed=[0, 2],
        num_records=[2, 5],
    ),
    "items of lists": lambda load: sweep.grid(
        SMALL,
        objective=[PAIR],
        objective__weights__1=[0, 0.5, 1],
        objective__parts__1__epsilon=[None, 0.1],
        measures=[("cka",), ["cka", "r2_of_teacher"]],
    ),
    "defaults": lambda load: sweep.grid(Experiment(), num_seeds=[4, 16]),
    "a file of two tables": lambda load: load(WRITTEN),
    "a kind of cell as an axis": lambda load: load(
        'kind = "experiment"\n[sweep]\nkind = ["experiment", "Experiment"]'
        "\nstudent_dim = [2, 3]"
    ),
    "networks": lambda load: sweep.grid(
        Distillation(student=networks.MLP(4), num_steps=20),
        weight=[0.0, 1],
        objective=["cka", "none"],
        student__width=[4, 8],
    ),
}


def expanded_slowly(cls, base, zips):
    """Every cell built alone from its whole description, as a file would be."""
    rows = [
        [
            dict(zip(each.axes, values, strict=True))
            for values in zip(*each.axes.values(), strict=True)
        ]
        for each in zips
    ]
    found = {}
    for combination in itertools.product(*rows):
        changes = {name: value for row in combination for name, value in row.items()}
        data = _expansion._copied(base)
        for name in sorted(changes, key=lambda each: each.count(".")):
            plain = _expansion._copied(_expansion._plain(changes[name]))
            _expansion._put(data, name, plain)
        cell = settings.build(cls, data)
        found.setdefault(settings.fingerprint(cell), cell)
    return [*found.values()]


def said(cells):
    """All that is kept under, compared or compiled by, of cells made in either way."""
    return [
        (
            settings.describe(cell),
            jax.tree.structure(cell),
            [type(leaf) for leaf in jax.tree.leaves(cell)],
            cell.fingerprint,
            cell.labels,
            settings.source_of(cell),
        )
        for cell in cells
    ]


@pytest.mark.parametrize("name", GRIDS)
def test_cells_that_share_their_parts_are_those_made_one_by_one(
    name, load, monkeypatch
):
    quick = GRIDS[name](load)
    monkeypatch.setattr("simgeo.sweep._grid.expand", expanded_slowly)
    slow = GRIDS[name](load)
    assert len(quick) > 1
    assert said(quick) == said(slow)
    whole = sweep.plan(quick)
    names = [
        settings.digest(
            {
                name: value
                for name, value in settings.describe(cell.resolved()).items()
                if name not in ("num_seeds", "first_seed")
            },
            {"precision": whole.precision},
        )
        for cell in slow
    ]
    assert [*whole.works] == [*dict.fromkeys(names)]
    seeds: dict[str, set[int]] = {}
    for fingerprint, cell in zip(names, slow, strict=True):
        work = whole.works[fingerprint]
        parts = _units.parts_of(work.cell)
        assert work.program == _units._program(parts)
        assert json.loads(json.dumps(work.cell.identity)) == cell.identity
        seeds.setdefault(fingerprint, set()).update(cell.seeds.tolist())
    assert {n: {*work.seeds} for n, work in whole.works.items()} == seeds


def test_a_module_that_is_an_axis_is_left_as_it_is(load):
    pair = {"kind": "hybrid", "parts": ["cka", "gram"], "weights": [1.0, 1.0]}
    cells = sweep.grid(SMALL, objective=[pair], objective__weights__0=[0.5, 2.0])
    assert [cell.objective.weights for cell in cells] == [(0.5, 1.0), (2.0, 1.0)]
    assert pair["weights"] == [1.0, 1.0]


def test_what_is_shared_is_told_apart_by_more_than_equality():
    made = []

    def make(*things):
        made.append(things)
        return len(made)

    same, equal = (np.arange(2), np.arange(2))
    with settings.sharing():
        values = (1, True, 1.0, 0.0, -0.0, "1", None, same, equal)
        for number, value in enumerate(values, 1):
            assert settings.shared(make, value) == number
            assert settings.shared(make, value) == number
        with settings.sharing():  # within another nothing is forgotten
            assert settings.shared(make, same) == 8
        assert len(made) == 9
    settings.shared(make, same)
    assert len(made) == 10
