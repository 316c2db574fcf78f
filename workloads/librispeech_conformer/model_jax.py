"""Attention and convolution in turns over speech, in JAX.

Source: Gulati et al. 2020 (arXiv 2005.08100), with absolute positions and batch norm over the frames that count;
sizes, initial values and names as in the benchmark's parameter tables.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from workloads.jax_base import dropout
from workloads.layers.log_mel_jax import log_mel_features
from workloads.layers.masked_norm_jax import BatchNorm, LayerNorm
from workloads.layers.spec_augment_jax import spec_augment
from workloads.layers.speech_jax import SpeechWorkload
from workloads.layers.subsampling_jax import Subsample, glorot_dense

_ACTIVATIONS: Mapping[str, Callable[[jax.Array], jax.Array]] = {
    "swish": nn.swish,
    "gelu": partial(nn.gelu, approximate=True),
}


class FeedForwardModule(nn.Module):
    """Norm, linear, activation, dropout, linear, dropout."""

    hidden: int
    activation: str

    @nn.compact
    def __call__(self, x: jax.Array, padded: jax.Array, *, dropout_rate: float, train: bool) -> jax.Array:
        width = x.shape[-1]
        x = _ACTIVATIONS[self.activation](glorot_dense(self.hidden)(LayerNorm()(x)))  # (B, frames, hidden)
        x = dropout(x, dropout_rate, self.make_rng("dropout") if train else None)
        x = glorot_dense(width)(jnp.where(padded, 0, x))
        return dropout(jnp.where(padded, 0, x), dropout_rate, self.make_rng("dropout") if train else None)


class QueryScaler(nn.Module):
    """Stretches each number of a query by a learned factor, which is 1 at first."""

    @nn.compact
    def __call__(self, queries: jax.Array) -> jax.Array:
        scale = self.param("scale", nn.initializers.zeros, queries.shape[-1:])
        return queries * (nn.softplus(scale) / math.log(2))


class MultiHeadDotProductAttention(nn.Module):
    """Every frame looks at all frames that count, with several heads."""

    heads: int
    temperature: float

    @nn.compact
    def __call__(self, x: jax.Array, padded: jax.Array) -> jax.Array:
        """(B, frames, width), and true where a frame pads (B, frames, 1)."""
        width = x.shape[-1]
        head_dim = width // self.heads
        projection = partial(nn.DenseGeneral, kernel_init=nn.initializers.glorot_uniform())
        queries, keys, values = (
            projection((self.heads, head_dim), name=name)(x) for name in ("query", "key", "value")
        )  # (B, frames, heads, head width) each
        queries = QueryScaler()(queries) / math.sqrt(head_dim)
        weights = jnp.einsum("bqhd,bkhd->bhqk", queries, keys)
        hidden = padded[:, jnp.newaxis, jnp.newaxis, :, 0]
        weights = nn.softmax(jnp.where(hidden, jnp.finfo(weights.dtype).min, weights))
        x = jnp.einsum("bhqk,bkhd->bqhd", weights, values) * self.temperature
        return projection(width, axis=(-2, -1), name="out")(x)


class MultiHeadedSelfAttention(nn.Module):
    """Norm, self-attention, dropout."""

    heads: int
    temperature: float

    @nn.compact
    def __call__(self, x: jax.Array, padded: jax.Array, *, dropout_rate: float, train: bool) -> jax.Array:
        x = MultiHeadDotProductAttention(self.heads, self.temperature)(LayerNorm()(x), padded)
        return dropout(x, dropout_rate, self.make_rng("dropout") if train else None)


class ConvolutionBlock(nn.Module):
    """Norm, gated linear unit, convolution along time of each feature, batch norm, activation, linear, dropout."""

    kernel: int
    activation: str
    norm_decay: float

    @nn.compact
    def __call__(
        self, x: jax.Array, padded: jax.Array, *, dropout_rate: float, train: bool, use_running_averages: bool
    ) -> jax.Array:
        width = x.shape[-1]
        x = LayerNorm()(x)
        x = glorot_dense(width)(x) * nn.sigmoid(glorot_dense(width)(x))
        x = nn.Conv(
            width,
            (self.kernel,),
            feature_group_count=width,
            use_bias=False,
            kernel_init=nn.initializers.glorot_uniform(),
        )(jnp.where(padded, 0, x))
        x = BatchNorm(self.norm_decay)(x, padded[..., 0], use_running_averages=use_running_averages)
        x = glorot_dense(width)(_ACTIVATIONS[self.activation](x))
        return dropout(x, dropout_rate, self.make_rng("dropout") if train else None)


class ConformerBlock(nn.Module):
    """Half a feed-forward module, attention, convolution, the other half, and a norm that some variants lack."""

    heads: int
    feed_forward_factor: int
    kernel: int
    activation: str
    attention_temperature: float
    closing_norm: bool
    norm_decay: float

    @nn.compact
    def __call__(
        self, x: jax.Array, padded: jax.Array, *, dropout_rate: float, train: bool, use_running_averages: bool
    ) -> jax.Array:
        how: dict[str, Any] = {"dropout_rate": dropout_rate, "train": train}
        hidden = self.feed_forward_factor * x.shape[-1]
        x = x + 0.5 * FeedForwardModule(hidden, self.activation)(x, padded, **how)
        x = x + MultiHeadedSelfAttention(self.heads, self.attention_temperature)(x, padded, **how)
        convolution = ConvolutionBlock(self.kernel, self.activation, self.norm_decay)
        x = x + convolution(x, padded, use_running_averages=use_running_averages, **how)
        x = x + 0.5 * FeedForwardModule(hidden, self.activation)(x, padded, **how)
        return LayerNorm()(x) if self.closing_norm else x


class Conformer(nn.Module):
    """(B, samples) sound and its paddings to (B, frames, vocabulary) logits and their paddings."""

    vocabulary: int
    encoder_dim: int
    heads: int
    depth: int
    feed_forward_factor: int
    kernel: int
    activation: str
    attention_temperature: float
    closing_norm: bool
    frequency_masks: int
    time_masks: int
    norm_decay: float = 0.999  # of the running averages

    @nn.compact
    def __call__(
        self, audio: jax.Array, paddings: jax.Array, *, dropout_rate: float, train: bool, use_running_averages: bool
    ) -> tuple[jax.Array, jax.Array]:
        x, paddings = log_mel_features(audio, paddings)  # (B, frames, bands)
        if train:
            masks = {"time_masks": self.time_masks, "frequency_masks": self.frequency_masks}
            x = spec_augment(x, paddings, self.make_rng("dropout"), **masks)
        x, paddings = Subsample(self.encoder_dim, nn.relu)(x, paddings)
        x = x + _positions(x.shape[1], x.shape[2]).astype(x.dtype)  # (B, frames / 4, width)
        x = dropout(x, dropout_rate, self.make_rng("dropout") if train else None)
        padded = paddings[..., jnp.newaxis] > 0
        for _ in range(self.depth):
            block = ConformerBlock(
                self.heads,
                self.feed_forward_factor,
                self.kernel,
                self.activation,
                self.attention_temperature,
                self.closing_norm,
                self.norm_decay,
            )
            x = block(x, padded, dropout_rate=dropout_rate, train=train, use_running_averages=use_running_averages)
        return glorot_dense(self.vocabulary)(LayerNorm()(x)), paddings


def _positions(frames: int, width: int) -> jax.Array:
    """Sines, then cosines, of the frame's number at `width / 2` frequencies: (frames, width)."""
    timescales = jnp.exp(-jnp.arange(width // 2) * (math.log(10_000.0) / (width // 2 - 1)))
    angles = jnp.arange(frames)[:, jnp.newaxis] * timescales
    return jnp.concatenate([jnp.sin(angles), jnp.cos(angles)], axis=-1)


class Workload(SpeechWorkload):
    """Sound to text: connectionist temporal classification, word error rate."""

    def build_model(self) -> nn.Module:
        return Conformer(**self.spec.model)
