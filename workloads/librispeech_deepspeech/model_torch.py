"""Convolutions, bidirectional LSTM layers and linear layers over speech, in PyTorch.

Source: Amodei et al. 2015 (arXiv 1512.02595), with batch norm over the frames that count; sizes, initial values and
names as in the benchmark's parameter tables.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from workloads.layers import log_mel
from workloads.layers.log_mel_torch import LogMel
from workloads.layers.masked_norm_torch import LayerNorm, MaskedBatchNorm
from workloads.layers.spec_augment_torch import spec_augment
from workloads.layers.speech_torch import SpeechWorkload
from workloads.layers.subsampling_torch import Subsample, glorot_linear

_ACTIVATIONS: Mapping[str, Callable[[torch.Tensor], torch.Tensor]] = {"relu": F.relu, "tanh": torch.tanh}


class Normalised(nn.Module):
    """What begins with a norm: over the frames of all devices that count, or over the features of each frame."""

    def __init__(self, width: int, *, layer_norm: bool, norm_decay: float) -> None:
        super().__init__()
        self.layer_norm = layer_norm
        if layer_norm:
            self.normalization_layer = LayerNorm(width)
        else:
            self.bn_normalization_layer = MaskedBatchNorm(width, momentum=1 - norm_decay, over_all_ranks=True)

    def normalise(self, x: torch.Tensor, padded: torch.Tensor) -> torch.Tensor:
        return self.normalization_layer(x) if self.layer_norm else self.bn_normalization_layer(x, padded)


class Recurrent(Normalised):
    """A norm and a bidirectional LSTM layer, which ends and turns at the last frame that counts."""

    def __init__(self, width: int, *, layer_norm: bool, norm_decay: float) -> None:
        super().__init__(width, layer_norm=layer_norm, norm_decay=norm_decay)
        self.lstm = nn.LSTM(width, width // 2, batch_first=True, bidirectional=True)

    def forward(self, x: torch.Tensor, padded: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """(B, frames, width); true where a frame pads (B, frames); `lengths` (B,), at least 1, on the CPU."""
        x = self.normalise(x, padded)
        packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        return pad_packed_sequence(self.lstm(packed)[0], batch_first=True, total_length=x.shape[1])[0]


class FeedForward(Normalised):
    """A norm, a linear layer, an activation and dropout."""

    def __init__(self, width: int, activation: str, *, layer_norm: bool, norm_decay: float) -> None:
        super().__init__(width, layer_norm=layer_norm, norm_decay=norm_decay)
        self.lin = glorot_linear(width, width)
        self.activation = _ACTIVATIONS[activation]

    def forward(self, x: torch.Tensor, padded: torch.Tensor, dropout_rate: float) -> torch.Tensor:
        x = self.activation(self.lin(self.normalise(x, padded)))
        return F.dropout(x.masked_fill(padded[..., None], 0), dropout_rate, self.training)


class DeepSpeech(nn.Module):
    """(B, samples) sound and its paddings to (B, frames, vocabulary) logits and their paddings."""

    def __init__(
        self,
        *,
        vocabulary: int,
        encoder_dim: int,
        lstm_layers: int,
        feed_forward_layers: int,
        activation: str,
        residual: bool,
        layer_norm: bool,
        output_norm: bool,
        frequency_masks: int,
        time_masks: int,
        norm_decay: float = 0.999,  # of the running averages
    ) -> None:
        super().__init__()
        self.residual, self.frequency_masks, self.time_masks = residual, frequency_masks, time_masks
        self.preprocessor = LogMel()
        self.subsample = Subsample(log_mel.BANDS, encoder_dim, _ACTIVATIONS[activation], linear_name="lin")
        recurrent = partial(Recurrent, layer_norm=layer_norm, norm_decay=norm_decay)
        self.lstms = nn.ModuleList(recurrent(encoder_dim) for _ in range(lstm_layers))
        feed_forward = partial(FeedForward, layer_norm=layer_norm, norm_decay=norm_decay)
        self.ffns = nn.ModuleList(feed_forward(encoder_dim, activation) for _ in range(feed_forward_layers))
        self.ln = LayerNorm(encoder_dim) if output_norm else nn.Identity()
        self.lin = glorot_linear(encoder_dim, vocabulary)

    def forward(
        self, audio: torch.Tensor, paddings: torch.Tensor, dropout_rate: float
    ) -> tuple[torch.Tensor, torch.Tensor]:
        x, paddings = self.preprocessor(audio, paddings)  # (B, frames, bands)
        if self.training:
            x = spec_augment(x, paddings, time_masks=self.time_masks, frequency_masks=self.frequency_masks)
        x, paddings = self.subsample(x, paddings)  # (B, frames / 4, width)
        x = F.dropout(x, dropout_rate, self.training)
        padded = paddings > 0
        # A packed sequence has at least one frame; a row that is nothing but padding has a frame of no consequence.
        lengths = (~padded).sum(dim=1).clamp(min=1).cpu()
        for lstm in self.lstms:
            x = self._add(x, lstm(x, padded, lengths))
        for ffn in self.ffns:
            x = self._add(x, ffn(x, padded, dropout_rate))
        return self.lin(self.ln(x)), paddings

    def _add(self, x: torch.Tensor, update: torch.Tensor) -> torch.Tensor:
        return x + update if self.residual else update


class Workload(SpeechWorkload):
    """Sound to text: connectionist temporal classification, word error rate."""

    def build_model(self) -> nn.Module:
        model = dict(self.spec.model)
        del model["fixed_dropout_jax"]  # here the rate of each call is that of every dropout
        return DeepSpeech(**model)
