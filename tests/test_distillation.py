"""Networks distilled: the loss, its gradient, what is recorded, and what is kept."""

import dataclasses
import re
from pathlib import Path

import jax
import jax.flatten_util
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import log_softmax, softmax

from simgeo import datasets, engine, networks, objectives, results, settings, sweep
from simgeo.cli import main
from simgeo.engine._engine import Engine
from simgeo.problems import Distillation, GivenTeacher, TrainedTeacher

SHORT = TrainedTeacher(networks.MLP(12), num_steps=60)
CELL = Distillation(
    dataset=datasets.TwoViews(num_examples=150, num_times=3),
    teacher=SHORT,
    student=networks.MLP(5),
    objective=objectives.Procrustes(centred=True, normalised=True),
    weight=0.3,
    kl_weight=0.5,
    num_vectors=25,
    num_steps=40,
    num_records=4,
    num_seeds=2,
    measures=("matthews", "cka"),  # few, for their compilation
)
PROJECTED = dataclasses.replace(
    CELL,
    objective=objectives.LinearProjection(solved=False),
    student_layers=(0, -1),
    teacher_layers=(-1, -1),
)


def given(cell):
    """The problem, and what its first unit is given."""
    stages = range(2)
    data = [engine.draw(cell, place) for place in stages]
    first = (jax.tree.map(lambda leaf: jnp.asarray(leaf[0]), each) for each in data)
    return cell.problem(), tuple(first)


@pytest.mark.once
def test_the_loss_is_the_sum_of_its_terms_in_plain_numpy():
    problem, data = given(CELL)
    parameters = problem.init(jax.random.key(1), data)
    split = CELL.dataset.split()
    rows = slice(split.num_train, split.num_train + split.num_validation)
    inputs = np.asarray(data[0].inputs, np.float64)[rows]
    targets, teacher = np.asarray(data[0].targets)[rows], data[1]
    *hidden, last = parameters.student

    def gelu(x):
        return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))

    for linear in hidden:
        inputs = gelu(inputs @ np.asarray(linear.weight).T + np.asarray(linear.bias))
    logits = inputs @ np.asarray(last.weight).T + np.asarray(last.bias)
    task = -np.mean(log_softmax(logits, axis=1)[np.arange(len(targets)), targets])
    warm = CELL.temperature
    share = softmax(np.asarray(teacher.logits)[rows] / warm, axis=1)
    own = log_softmax(logits / warm, axis=1)
    kl = np.mean(np.sum(share * (np.log(share) - own), axis=1))
    both = inputs, np.asarray(teacher.layers[-1])[rows]
    one, other = (x - x.mean(axis=0) for x in both)
    nuclear = np.linalg.norm(one.T @ other, "nuc")
    geometry = 2 - 2 * nuclear / (np.linalg.norm(one) * np.linalg.norm(other))
    expected = task + 0.5 * warm**2 * kl + 0.3 * geometry
    found = jax.jit(lambda student: problem.loss(student, data))(parameters)
    assert float(found) == pytest.approx(expected, rel=1e-4)


@pytest.mark.double
@pytest.mark.parametrize("cell", [CELL, PROJECTED], ids=["procrustes", "projected"])
def test_the_gradient_is_that_of_differences(cell):
    problem, data = given(cell)
    parameters = problem.init(jax.random.key(1), data)
    flat, back = jax.flatten_util.ravel_pytree(parameters)
    loss = jax.jit(lambda flat: problem.loss(back(flat), data))
    found = jax.grad(loss)(flat)
    for seed in range(4):
        way = jax.random.normal(jax.random.key(seed), flat.shape)
        steps = (loss(flat + s * 1e-5 * way) for s in (1, -1))
        difference = (next(steps) - next(steps)) / 2e-5
        assert float(found @ way) == pytest.approx(float(difference), rel=1e-5)


@pytest.mark.once
def test_what_is_recorded_is_what_the_student_answers():
    found = engine.run(CELL)
    split = CELL.dataset.split()
    assert found["student"].shape == (2, 25, 5)
    assert found["teacher"].shape == (2, 25, 12)
    assert (found["accuracy"].isel(step=-1) > found["accuracy"].isel(step=0)).all()
    answers = found["accuracy"].values * split.num_test
    assert np.allclose(answers, np.round(answers), atol=1e-3)
    teacher = given(CELL)[1][1]
    right = teacher.logits.argmax(axis=1) == split.examples.targets
    assert np.allclose(found["teacher_accuracy"], right[-split.num_test :].mean())
    one, other = (found[name].values[0] for name in ("student", "teacher"))
    one, other = one - one.mean(axis=0), other - other.mean(axis=0)
    cka = np.linalg.norm(one.T @ other) ** 2 / (
        np.linalg.norm(one.T @ one) * np.linalg.norm(other.T @ other)
    )
    assert float(found["cka"].values[0, -1]) == pytest.approx(cka, rel=1e-4)
    assert np.all(found["svd_cka"] >= found["cka"].values.max() - 1e-5)
    assert found["accuracy"].attrs["long_name"] == "accuracy on the test"
    assert (found["calibration_error"] >= 0).all()
    assert (found["calibration_error"] <= 1).all()


@pytest.mark.once
def test_seeds_side_by_side_are_those_one_by_one():
    both = engine.run(CELL)
    alone = engine.run(dataclasses.replace(CELL, num_seeds=1, first_seed=1))
    for name in ("loss", "accuracy", "matthews", "student"):
        assert np.array_equal(alone[name][0], both[name][1], equal_nan=True), name


@pytest.mark.once
def test_the_start_and_the_teacher_are_the_same_for_every_objective():
    other = dataclasses.replace(CELL, objective=objectives.CKA(), weight=1.0)
    one, two = engine.run(CELL), engine.run(other)
    assert np.array_equal(one["teacher"], two["teacher"])
    assert np.allclose(one["accuracy"][:, 0], two["accuracy"][:, 0])
    assert not np.allclose(one["loss"][:, -1], two["loss"][:, -1])
    assert "Procrustes" in one.attrs["title"]


@pytest.mark.once
def test_without_task_logits_and_geometry_nothing_is_learned():
    idle = dataclasses.replace(CELL, weight=0.0, kl_weight=0.0, task_weight=0.0)
    found = engine.run(idle)
    assert np.allclose(found["accuracy"], found["accuracy"][:, :1])
    bare = dataclasses.replace(CELL, objective=None)
    found = engine.run(bare)
    assert "Procrustes" not in found.attrs["title"]


@pytest.mark.once
def test_a_language_model_is_distilled_position_by_position():
    cell = dataclasses.replace(
        CELL,
        dataset=datasets.Instructions(num_examples=120, num_letters=3, alphabet=4),
        teacher=TrainedTeacher(networks.CausalTransformer(8, depth=1), num_steps=20),
        student=networks.CausalTransformer(4, depth=1),
        num_vectors=20,
    )
    found = engine.run(cell)
    assert (found["exact_match"] <= found["accuracy"] + 1e-6).all()
    assert np.isfinite(found["loss"]).all()
    assert (found["task_loss"][:, -1] < found["task_loss"][:, 0]).all()


@pytest.mark.once
def test_a_teacher_of_ones_own_is_taken_from_a_file(tmp_path):
    random = np.random.default_rng(0)
    features = random.normal(size=(100, 6))
    path = tmp_path / "mine.npz"
    np.savez(
        path,
        inputs=random.normal(size=(100, 4)),
        labels=np.arange(100) % 3,
        layer_0=features,
        logits=features[:, :3],
    )
    mine = datasets.ExampleFile(path=str(path))
    cell = dataclasses.replace(CELL, dataset=mine, teacher=GivenTeacher())
    cell = dataclasses.replace(cell, num_vectors=20)
    found = engine.run(cell)
    order = np.random.default_rng(0).permutation(100)[:20]
    assert np.allclose(found["teacher"][0], features[order], atol=1e-6)
    with pytest.raises(ValueError, match="must be `trained-teacher` unless"):
        dataclasses.replace(CELL, teacher=GivenTeacher()).check()


@pytest.mark.once
def test_a_sweep_of_weights_goes_on_where_it_stopped(tmp_path):
    cells = sweep.grid(CELL, weight=[0.0, 0.3], kl_weight=[0.0, 0.5])
    first = sweep.run(cells[:2], tmp_path / "store")
    assert (first.done, first.failed) == (2, {})
    report = sweep.run(cells, tmp_path / "store")
    assert (report.found, report.done) == (2, 2)
    whole = results.open(tmp_path / "store").load(CELL.fingerprint)
    assert np.array_equal(whole["loss"], engine.run(CELL)["loss"])


@pytest.mark.once
def test_a_trained_teacher_is_kept_for_the_next_process(tmp_path, monkeypatch):
    from simgeo.engine import _kept

    monkeypatch.setattr(_kept, "_FOLDER", [tmp_path])
    work = engine.batches_of([engine.work_of(CELL)])[0]
    machine = Engine()
    first = machine.run(work)[0]
    (file,) = tmp_path.iterdir()
    trains = ("draw", 1)
    others = {
        key: program
        for key, program in machine.compiled.programs.items()
        if key[0] != trains
    }
    assert len(others) == len(machine.compiled.programs) - 1

    def other():
        """With all programs but the one that trains, to compile nothing else again."""
        machine = Engine()
        machine.compiled.programs |= others
        found = machine.run(work)[0]
        return found, [name for name, *_ in machine.compiled.programs].count(trains)

    found, num = other()
    assert num == 0  # no program that trains was compiled
    assert found.drop_attrs().equals(first.drop_attrs())
    file.write_bytes(b"damaged")
    found, num = other()
    assert num == 1
    assert found.drop_attrs().equals(first.drop_attrs())
    other_seed = dataclasses.replace(SHORT, seed=1)
    changed = dataclasses.replace(CELL, teacher=other_seed)
    machine.run(engine.batches_of([engine.work_of(changed)])[0])
    assert len([*tmp_path.iterdir()]) == 2


@pytest.mark.once
@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"weight": -1.0}, "`weight` must be finite and not negative"),
        ({"temperature": 0.0}, "`temperature` must be positive"),
        (
            {"student_layers": (0, 1)},
            "and `teacher_layers` must name as many",
        ),
        ({"student_layers": (2,)}, "`student_layers` must lie from -2 to 1"),
        ({"teacher_layers": (-3,)}, "`teacher_layers` must lie from -2 to 1"),
        ({"measured_layers": (0, 2)}, "`measured_layers` must lie from -2 to 1"),
        ({"num_vectors": 31}, "`num_vectors` must not exceed 30"),
        ({"student": networks.Encoder()}, "reads numbers"),
        ({"objective": objectives.Minibatch(objectives.CKA())}, "without a memory"),
    ],
)
def test_impossible_settings_are_refused_in_one_line(changes, told):
    with pytest.raises(ValueError, match=told) as refusal:
        dataclasses.replace(CELL, **changes).check()
    assert "\n" not in str(refusal.value)


@pytest.mark.once
def test_the_measured_pair_is_the_last_that_is_compared_unless_another_is_named():
    two = {"student_layers": (0, 1), "teacher_layers": (1, 0)}
    cell = dataclasses.replace(CELL, **two)
    assert cell.observer().layers == (1, 0)
    other = dataclasses.replace(cell, measured_layers=(0, -1))
    assert other.observer().layers == (0, -1)
    assert other.fingerprint != cell.fingerprint


@pytest.mark.once
def test_the_command_distils_and_reads_what_it_finds(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(engine, "keep_programs", lambda: None)
    words = (
        "distil dataset:two-views --num-examples 150 --num-times 3 student:mlp "
        "--student.width 5 objective:procrustes --weight 0.2 --num-vectors 25 "
        "--teacher.num-steps 30 --num-steps 20 --num-records 3 --num-seeds 2"
    ).split()
    assert main(words) == 0
    out, err = capsys.readouterr()
    assert "accuracy" in out
    assert "teacher: the teacher's own" in out
    assert "MLP 5 x 5 distilled from MLP 64 x 64 on TwoViews" in err
    assert main(words) == 0
    assert "Read from" in capsys.readouterr().out
    assert main([*words, "objective:none"]) == 2
    assert "a kind can be chosen once" in capsys.readouterr().err
    alone = [each for each in words if each != "objective:procrustes"]
    assert main([*alone, "objective:none"]) == 0
    assert "task, 20 steps" in capsys.readouterr().err
    without = [each for each in alone if "student" not in each and each != "5"]
    assert main([*without, "student:none"]) == 2
    assert "`student` must be" in capsys.readouterr().err
    assert main([*words, "--student-layers", "7"]) == 2
    assert "`student_layers` must lie" in capsys.readouterr().err
    assert main([*words[:-2], "--num-sedes", "2"]) == 2
    assert "Did you mean '--num-seeds'?" in capsys.readouterr().err


PAGE = Path(__file__).parents[1] / "docs" / "how_to" / "distil.md"


@pytest.mark.slow
@pytest.mark.parametrize("library", ["transformers", "torchvision"])
def test_a_model_of_another_library_writes_its_file_as_the_page_says(
    library, tmp_path, monkeypatch
):
    """Small random models, which need no download."""
    torch = pytest.importorskip("torch")
    made = pytest.importorskip(library)
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.DOTALL | re.M)
    count = 20
    labels = np.arange(count) % 3
    if library == "transformers":
        sizes = {"hidden_size": 8, "num_hidden_layers": 2, "num_attention_heads": 2}
        sizes |= {"intermediate_size": 16, "vocab_size": 50, "num_labels": 3}
        model = made.BertForSequenceClassification(made.BertConfig(**sizes)).eval()
        ids = torch.randint(1, 50, (count, 12))

        def tokenizer(texts, **options):
            return {"input_ids": ids, "attention_mask": torch.ones_like(ids)}

        given = {"model": model, "tokenizer": tokenizer, "texts": [""] * count}
        exec(blocks[1], given | {"labels": labels})
    else:
        model = made.models.resnet18(num_classes=3).eval()
        given = {"model": model, "images": torch.randn(count, 3, 32, 32)}
        exec(blocks[2], given | {"labels": labels})
    mine = datasets.ExampleFile(path="mine.npz")
    found = mine.split().examples
    assert len(found.layers) == (2 if library == "transformers" else 3)
    assert found.logits.shape == (count, 3)
    reader = networks.Encoder(4, depth=1) if found.num_tokens else networks.MLP(4)
    cell = dataclasses.replace(
        CELL, dataset=mine, teacher=GivenTeacher(), student=reader, num_vectors=4
    )
    assert np.isfinite(engine.run(cell)["loss"]).all()


@pytest.mark.once
def test_a_file_says_that_there_is_no_geometry_term(tmp_path):
    path = tmp_path / "cell.toml"
    path.write_text('objective = "none"\nnum_seeds = 2\n')
    assert settings.load(Distillation, path).objective is None
    path.write_text('student = "none"\n')
    with pytest.raises(ValueError, match="`student"):
        settings.load(Distillation, path)


class Narrow(networks.AbstractNetwork):
    """A network as a user would write it, whose size is a plain field."""

    width: int = 3

    @property
    def widths(self):
        return (self.width,)

    def init(self, key, task):
        one, two = jax.random.split(key)
        return (
            jax.random.normal(one, (task.input_shape[0], self.width)),
            jax.random.normal(two, (self.width, task.num_classes)),
        )

    def __call__(self, parameters, inputs, task):
        first, second = parameters
        hidden = jnp.tanh(inputs @ first)
        return networks.Outputs((hidden,), hidden @ second)


@pytest.mark.once
def test_a_network_of_ones_own_teaches_and_learns():
    teacher = TrainedTeacher(Narrow(6), num_steps=30)
    cell = dataclasses.replace(CELL, student=Narrow(), teacher=teacher)
    found = engine.run(cell)
    assert (found.sizes["student_axis"], found.sizes["teacher_axis"]) == (3, 6)
    assert "Narrow 3 distilled from Narrow 6" in found.attrs["title"]


@pytest.mark.once
def test_of_few_test_examples_all_are_measured():
    found = engine.run(dataclasses.replace(CELL, num_vectors=None))
    assert found.sizes["vector"] == 30
