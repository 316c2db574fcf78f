"""Encoder and decoder of attention blocks for translating token sequences, in JAX.

Source: Vaswani et al. 2017 (arXiv 1706.03762) with layer norm inside the residual branches; sizes, initial values and
names as in the benchmark's parameter tables.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from workloads.jax_base import JaxWorkload, dropout
from workloads.losses.softmax_cross_entropy_jax import softmax_cross_entropy

_ACTIVATIONS: Mapping[str, Callable[[jax.Array], jax.Array]] = {"relu": nn.relu, "tanh": jnp.tanh}
_Dense = partial(nn.Dense, kernel_init=nn.initializers.xavier_uniform(), bias_init=nn.initializers.normal(1e-6))
_Heads = partial(nn.DenseGeneral, kernel_init=nn.initializers.xavier_uniform(), use_bias=False)


def position_table(length: int, width: int) -> np.ndarray:
    """(length, width) float32: sines, then cosines, of the position at wavelengths from 2 pi to 20,000 pi."""
    frequencies = np.exp(np.arange(width // 2) * -(np.log(10_000.0) / (width // 2 - 1)))
    angles = np.arange(length)[:, np.newaxis] * frequencies
    return np.concatenate([np.sin(angles), np.cos(angles)], axis=1).astype(np.float32)


def attend(queries: jax.Array, keys: jax.Array, values: jax.Array, mask: jax.Array | None) -> jax.Array:
    """Heads of scaled dot products: all (B, length, heads, head); `mask` (B, 1, queries, keys), True where to look."""
    scores = jnp.einsum("bqhd,bkhd->bhqk", queries / math.sqrt(queries.shape[-1]), keys)
    if mask is not None:
        scores = jnp.where(mask, scores, jnp.finfo(scores.dtype).min)
    weights = nn.softmax(scores)
    return jnp.einsum("bhqk,bkhd->bqhd", weights, values)


class MultiHeadDotProductAttention(nn.Module):
    """Attention of x (B, L, width) to `memory` (B, S, width) without biases, and without dropout of its weights."""

    heads: int
    temperature: float

    @nn.compact
    def __call__(self, x: jax.Array, memory: jax.Array, mask: jax.Array | None) -> jax.Array:
        width = x.shape[-1]
        features = (self.heads, width // self.heads)
        queries = self.temperature * _Heads(features, name="query")(x)
        keys, values = _Heads(features, name="key")(memory), _Heads(features, name="value")(memory)
        return _Heads(width, axis=(-2, -1), name="out")(attend(queries, keys, values, mask))


class MlpBlock(nn.Module):
    """Dense, activation, a gate on the same input where wanted, dropout, dense."""

    mlp_dim: int
    activation: str
    gated: bool

    @nn.compact
    def __call__(self, x: jax.Array, drop: Callable[[jax.Array], jax.Array]) -> jax.Array:
        hidden = _ACTIVATIONS[self.activation](_Dense(self.mlp_dim)(x))
        if self.gated:
            hidden = hidden * _Dense(self.mlp_dim)(x)
        return _Dense(x.shape[-1])(drop(hidden))


class Layer(nn.Module):
    """Self-attention, in the decoder attention to the source, and a feed-forward block, each in a residual branch."""

    heads: int
    mlp_dim: int
    activation: str
    gated: bool
    post_norm: bool
    attention_temperature: float

    @nn.compact
    def __call__(
        self,
        x: jax.Array,
        mask: jax.Array,
        drop: Callable[[jax.Array], jax.Array],
        memory: jax.Array | None = None,
        memory_mask: jax.Array | None = None,
    ) -> jax.Array:
        attention = partial(MultiHeadDotProductAttention, self.heads, self.attention_temperature)
        x = self._residual(x, lambda y: attention()(y, y, mask), drop)
        if memory is not None:
            x = self._residual(x, lambda y: attention()(y, memory, memory_mask), drop)
        return self._residual(x, lambda y: MlpBlock(self.mlp_dim, self.activation, self.gated)(y, drop), drop)

    def _residual(
        self, x: jax.Array, branch: Callable[[jax.Array], jax.Array], drop: Callable[[jax.Array], jax.Array]
    ) -> jax.Array:
        """x + branch(x), normalised inside the branch or after the sum."""
        if self.post_norm:
            return nn.LayerNorm()(x + drop(branch(x)))
        return x + drop(branch(nn.LayerNorm()(x)))


class Stack(nn.Module):
    """Layers one after the other, and a last norm where the layers have none at their end."""

    prefix: str
    depth: int
    layer: Mapping[str, Any]

    @nn.compact
    def __call__(self, x: jax.Array, *arguments: Any) -> jax.Array:
        for number in range(self.depth):
            x = Layer(**self.layer, name=f"{self.prefix}block_{number}")(x, *arguments)
        return x if self.layer["post_norm"] else nn.LayerNorm(name=f"{self.prefix}_layernorm")(x)


class Transformer(nn.Module):
    """Source and target tokens (B, S) and (B, T), 0 where a row is padded, to logits (B, T, vocabulary)."""

    vocabulary: int
    width: int
    depth: int
    max_length: int
    layer: Mapping[str, Any]

    def setup(self) -> None:
        self.shared_embedding = nn.Embed(self.vocabulary, self.width, embedding_init=nn.initializers.normal(1.0))
        self.encoder = Stack("encoder", self.depth, self.layer)
        self.decoder = Stack("encoderdecoder", self.depth, self.layer)

    def __call__(self, batch: Mapping[str, jax.Array], *, dropout_rate: float | jax.Array, train: bool) -> jax.Array:
        def drop(values: jax.Array) -> jax.Array:
            return dropout(values, dropout_rate, self.make_rng("dropout") if train else None)

        targets, segments = batch["targets"], batch.get("targets_segmentation")
        memory = self.encode(batch, drop)
        # Each target token is predicted from the ones before it, the first from 0. In a packed row the first token of
        # a later sentence is predicted from the last one of the sentence before.
        x = drop(self.embed(jnp.pad(targets, ((0, 0), (1, 0)))[:, :-1], batch.get("targets_position")))
        causal = jnp.tri(targets.shape[1], dtype=bool)
        mask = attention_mask(targets, segments, segments) & causal
        memory_mask = attention_mask(batch["inputs"], segments, batch.get("inputs_segmentation"))
        return self.logits(self.decoder(x, mask, drop, memory, memory_mask))

    def encode(
        self, batch: Mapping[str, jax.Array], drop: Callable[[jax.Array], jax.Array] = lambda values: values
    ) -> jax.Array:
        """(B, S, width) of the source tokens."""
        inputs, segments = batch["inputs"], batch.get("inputs_segmentation")
        x = drop(self.embed(inputs, batch.get("inputs_position")))
        return self.encoder(x, attention_mask(inputs, segments, segments), drop)

    def embed(self, tokens: jax.Array, positions: jax.Array | None) -> jax.Array:
        """Token plus position; packed rows bring positions (B, L) that restart with every sentence."""
        table = jnp.asarray(position_table(self.max_length, self.width))
        return self.shared_embedding(tokens) + (table[: tokens.shape[1]] if positions is None else table[positions])

    def logits(self, x: jax.Array) -> jax.Array:
        """The embedding is the output layer too."""
        return self.shared_embedding.attend(x) / math.sqrt(self.width)


def attention_mask(
    key_tokens: jax.Array, query_segments: jax.Array | None, key_segments: jax.Array | None
) -> jax.Array:
    """(B, 1, queries or 1, keys), True where a query may look: at tokens, and only at those of its own sentence."""
    mask = (key_tokens > 0)[:, None, None, :]
    if query_segments is not None and key_segments is not None:
        mask = mask & (query_segments[:, None, :, None] == key_segments[:, None, None, :])
    return mask


class Workload(JaxWorkload):
    """Translation: cross entropy per target token, quality of the translations."""

    default_dropout_rate = 0.1

    def build_model(self) -> Transformer:
        layer = dict(self.spec.model)
        sizes = {name: layer.pop(name) for name in ("vocabulary", "width", "depth", "max_length")}
        return Transformer(layer=layer, **sizes)

    def initial_variables(self, rng: jax.Array) -> tuple[Any, Any]:
        tokens = jnp.ones((1, 2), jnp.int32)
        batch = {"inputs": tokens, "targets": tokens}
        variables = self.build_model().init({"params": rng}, batch, dropout_rate=0.0, train=False)
        return variables["params"], None

    def model_inputs(self, batch: Mapping[str, Any]) -> Any:
        """Targets as well: each token is given those before it."""
        return batch

    def loss_fn(
        self,
        label_batch: jax.Array,
        logits_batch: jax.Array,
        mask_batch: jax.Array | None = None,
        label_smoothing: float = 0.0,
    ) -> dict[str, Any]:
        """Softmax cross entropy of (B, T, vocabulary) logits and (B, T) tokens; an example is a token of weight 1."""
        return softmax_cross_entropy(label_batch, logits_batch, mask_batch, label_smoothing)

    def is_output_params(self, param_key: str) -> bool:
        return param_key == "shared_embedding"
