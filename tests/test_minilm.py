"""A pretrained encoder that is read from files, and its logits."""

import jax.numpy as jnp
import numpy as np
import pytest

from experiments import minilm

pytestmark = pytest.mark.once


def test_pieces_are_the_longest_that_the_vocabulary_has():
    names = ["un", "##aff", "##able", "##a", "##ffable", "x", ".", "[UNK]"]
    vocabulary = {name: at for at, name in enumerate(names)}
    found = minilm.pieces("Unaffable x. unknown", vocabulary)
    assert found == ["un", "##aff", "##able", "x", ".", "[UNK]"]


def test_logits_follow_the_labels_that_are_known():
    random = np.random.default_rng(0)
    labels = random.integers(0, 3, 90)
    rows = random.normal(size=(90, 6)).astype(np.float32)
    rows[:, :3] += 4 * np.eye(3, dtype=np.float32)[labels]
    found = minilm.logits(rows, rows[:60], labels[:60])
    assert found.shape == (90, 3)
    assert np.mean(found[60:].argmax(axis=1) == labels[60:]) > 0.9


def test_the_encoder_is_that_of_transformers():
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    sizes = {"hidden_size": 24, "num_hidden_layers": 2, "num_attention_heads": 12}
    config = transformers.BertConfig(
        vocab_size=50, intermediate_size=40, layer_norm_eps=1e-12, **sizes
    )
    torch.manual_seed(0)
    model = transformers.BertModel(config).eval()
    weights = {name: one.detach().numpy() for name, one in model.state_dict().items()}
    tokens = np.array([[5, 7, 9, 11], [6, 8, 0, 0]])
    is_there = torch.tensor(tokens != 0)
    with torch.no_grad():
        last = model(torch.tensor(tokens), attention_mask=is_there).last_hidden_state
    wanted = (last * is_there[..., None]).sum(1) / is_there.sum(1, keepdim=True)
    found = minilm.encode(weights, jnp.asarray(tokens))
    np.testing.assert_allclose(found, wanted.numpy(), atol=1e-5)
