"""Convolutions, bidirectional LSTM layers and linear layers over speech, in JAX.

Source: Amodei et al. 2015 (arXiv 1512.02595), with batch norm over the frames that count; sizes, initial values and
names as in the benchmark's parameter tables.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import flax.linen as nn
import jax
import jax.numpy as jnp

from workloads.jax_base import dropout
from workloads.layers.log_mel_jax import log_mel_features
from workloads.layers.lstm_jax import LSTM
from workloads.layers.masked_norm_jax import BatchNorm, LayerNorm
from workloads.layers.spec_augment_jax import spec_augment
from workloads.layers.speech_jax import SpeechWorkload
from workloads.layers.subsampling_jax import Subsample, glorot_dense

_ACTIVATIONS: Mapping[str, Callable[[jax.Array], jax.Array]] = {"relu": nn.relu, "tanh": jnp.tanh}


class BatchRNN(nn.Module):
    """A norm and a bidirectional LSTM layer, which ends and turns at the last frame that counts."""

    layer_norm: bool
    norm_decay: float

    @nn.compact
    def __call__(self, x: jax.Array, padded: jax.Array, *, use_running_averages: bool) -> jax.Array:
        units = x.shape[-1] // 2
        if self.layer_norm:
            return LSTM(units)(LayerNorm()(x), padded)
        norm = BatchNorm(self.norm_decay, over_all_devices=True)
        return LSTM(units)(norm(x, padded, use_running_averages=use_running_averages), padded)


class FeedForwardModule(nn.Module):
    """A norm, a linear layer, an activation and dropout."""

    activation: str
    layer_norm: bool
    norm_decay: float

    @nn.compact
    def __call__(
        self, x: jax.Array, padded: jax.Array, *, dropout_rate: float, train: bool, use_running_averages: bool
    ) -> jax.Array:
        width = x.shape[-1]
        if self.layer_norm:
            x = LayerNorm()(x)
        else:
            norm = BatchNorm(self.norm_decay, over_all_devices=True)
            x = norm(x, padded, use_running_averages=use_running_averages)
        x = _ACTIVATIONS[self.activation](glorot_dense(width)(x))
        x = jnp.where(padded[..., jnp.newaxis], 0, x)
        return dropout(x, dropout_rate, self.make_rng("dropout") if train else None)


class DeepSpeech(nn.Module):
    """(B, samples) sound and its paddings to (B, frames, vocabulary) logits and their paddings."""

    vocabulary: int
    encoder_dim: int
    lstm_layers: int
    feed_forward_layers: int
    activation: str
    residual: bool
    layer_norm: bool
    output_norm: bool
    frequency_masks: int
    time_masks: int
    fixed_dropout_jax: float | None
    norm_decay: float = 0.999  # of the running averages

    @nn.compact
    def __call__(
        self, audio: jax.Array, paddings: jax.Array, *, dropout_rate: float, train: bool, use_running_averages: bool
    ) -> tuple[jax.Array, jax.Array]:
        x, paddings = log_mel_features(audio, paddings)  # (B, frames, bands)
        if train:
            masks = {"time_masks": self.time_masks, "frequency_masks": self.frequency_masks}
            x = spec_augment(x, paddings, self.make_rng("dropout"), **masks)
        x, paddings = Subsample(self.encoder_dim, _ACTIVATIONS[self.activation])(x, paddings)
        x = dropout(x, dropout_rate, self.make_rng("dropout") if train else None)  # (B, frames / 4, width)
        padded = paddings > 0
        for _ in range(self.lstm_layers):
            lstm = BatchRNN(self.layer_norm, self.norm_decay)
            x = self._add(x, lstm(x, padded, use_running_averages=use_running_averages))
        for _ in range(self.feed_forward_layers):
            ffn = FeedForwardModule(self.activation, self.layer_norm, self.norm_decay)
            # The benchmark's JAX code forgets to hand the rate to these layers, except where they have no shortcut.
            rate = dropout_rate if self.fixed_dropout_jax is None else self.fixed_dropout_jax
            update = ffn(x, padded, dropout_rate=rate, train=train, use_running_averages=use_running_averages)
            x = self._add(x, update)
        if self.output_norm:
            x = LayerNorm()(x)
        return glorot_dense(self.vocabulary)(x), paddings

    def _add(self, x: jax.Array, update: jax.Array) -> jax.Array:
        return x + update if self.residual else update


class Workload(SpeechWorkload):
    """Sound to text: connectionist temporal classification, word error rate."""

    def build_model(self) -> nn.Module:
        return DeepSpeech(**self.spec.model)
