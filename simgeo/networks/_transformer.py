"""Transformers that read tokens: an encoder, and a causal one."""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray

from simgeo import checks
from simgeo.checks import require
from simgeo.networks._described import (
    PLACES,
    AbstractNetwork,
    Outputs,
    Parameters,
    Task,
    require_one_answer,
)

NO_TOKEN = 0


class _Block(NamedTuple):
    """Parameters of one block."""

    before_attention: eqx.nn.LayerNorm
    queries_keys_values: eqx.nn.Linear
    mix: eqx.nn.Linear
    before_hidden: eqx.nn.LayerNorm
    expand: eqx.nn.Linear
    contract: eqx.nn.Linear


class _Transformer(AbstractNetwork):
    """Blocks of attention and of a hidden layer, each normed before (Xiong, 2020).

    The features of a layer are the residual stream after it, averaged over tokens.
    """

    width: int = eqx.field(static=True, default=64, metadata=checks.at_least(1))
    depth: int = eqx.field(static=True, default=2, metadata=checks.at_least(1))
    num_heads: int = eqx.field(static=True, default=2, metadata=checks.at_least(1))
    expansion: int = eqx.field(static=True, default=2, metadata=checks.at_least(1))

    def __check_init__(self) -> None:
        checks.check_fields(self)
        rule = f"divide `width`, which is {self.width}"
        require(self.width % self.num_heads == 0, "num_heads", rule, self.num_heads)

    @property
    def widths(self) -> tuple[int, ...]:
        return (self.width,) * self.depth

    @property
    def _is_causal(self) -> bool:
        raise NotImplementedError

    def init(self, key: PRNGKeyArray, task: Task) -> Parameters:
        rule = "be one that reads numbers, such as `MLP`, for such a dataset"
        require(bool(task.num_tokens), PLACES, rule, type(self).__name__)
        token_key, place_key, last_key, *keys = jax.random.split(key, 3 + self.depth)
        m, hidden = self.width, self.width * self.expansion

        def block(key: PRNGKeyArray) -> _Block:
            one, two, three, four = jax.random.split(key, 4)
            return _Block(
                eqx.nn.LayerNorm(m),
                eqx.nn.Linear(m, 3 * m, use_bias=False, key=one),
                eqx.nn.Linear(m, m, key=two),
                eqx.nn.LayerNorm(m),
                eqx.nn.Linear(m, hidden, key=three),
                eqx.nn.Linear(hidden, m, key=four),
            )

        return {
            "tokens": jax.random.normal(token_key, (task.num_tokens, m)),
            "places": 0.1 * jax.random.normal(place_key, (task.input_shape[0], m)),
            "blocks": [block(own) for own in keys],
            "norm": eqx.nn.LayerNorm(m),
            "last": eqx.nn.Linear(m, task.num_classes, key=last_key),
        }

    def __call__(
        self, parameters: Parameters, inputs: Int[Array, "b l"], task: Task
    ) -> Outputs:
        is_there = inputs != NO_TOKEN
        stream = parameters["tokens"][inputs] + parameters["places"][None]
        layers = []
        for block in parameters["blocks"]:
            stream = self._after(block, stream, is_there)
            layers.append(_mean(stream, is_there))
        normed = _each(parameters["norm"], stream)
        if not task.per_position:
            normed = _mean(normed, is_there)
        return Outputs(tuple(layers), _each(parameters["last"], normed))

    def _after(
        self, block: _Block, stream: Float[Array, "b l m"], is_there: Bool[Array, "b l"]
    ) -> Float[Array, "b l m"]:
        b, length, m = stream.shape
        normed = _each(block.before_attention, stream)
        parts = _each(block.queries_keys_values, normed)
        queries, keys, values = (
            part.reshape(b, length, self.num_heads, m // self.num_heads)
            for part in jnp.split(parts, 3, axis=-1)
        )
        # The first token may be none, and a softmax must have something to choose.
        seen = is_there.at[:, 0].set(True)[:, None, None, :]
        attended = jax.nn.dot_product_attention(
            queries, keys, values, mask=seen, is_causal=self._is_causal
        )
        stream += _each(block.mix, attended.reshape(b, length, m))
        hidden = jax.nn.gelu(_each(block.expand, _each(block.before_hidden, stream)))
        return stream + _each(block.contract, hidden)


class Encoder(_Transformer):
    """A transformer encoder, which classifies the mean over its tokens.

    Args:
        width: of the residual stream, from 1.
        depth: blocks, from 1.
        num_heads: of attention; they divide `width`.
        expansion: of the hidden layer of a block over `width`, from 1.
    """

    @property
    def _is_causal(self) -> bool:
        return False

    def init(self, key: PRNGKeyArray, task: Task) -> Parameters:
        require_one_answer(task, self)
        return super().init(key, task)


class CausalTransformer(_Transformer):
    """A transformer whose positions see those before, as language models have it.

    Args:
        width: of the residual stream, from 1.
        depth: blocks, from 1.
        num_heads: of attention; they divide `width`.
        expansion: of the hidden layer of a block over `width`, from 1.
    """

    @property
    def _is_causal(self) -> bool:
        return True


def _each(module: eqx.Module, rows: Float[Array, "*b m"]) -> Float[Array, "*b k"]:
    """A module of one row applied to all."""
    for _ in rows.shape[:-1]:
        module = jax.vmap(module)
    return module(rows)


def _mean(
    stream: Float[Array, "b l m"], is_there: Bool[Array, "b l"]
) -> Float[Array, "b m"]:
    """That over the tokens that there are."""
    share = is_there / jnp.maximum(is_there.sum(axis=1, keepdims=True), 1)
    return jnp.einsum("bl,blm->bm", share, stream)
