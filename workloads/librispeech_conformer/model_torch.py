"""Attention and convolution in turns over speech, in PyTorch.

Source: Gulati et al. 2020 (arXiv 2005.08100), with absolute positions and batch norm over the frames that count;
sizes, initial values and names as in the benchmark's parameter tables.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import partial

import torch
import torch.nn.functional as F
from torch import nn

from workloads.layers import log_mel
from workloads.layers.log_mel_torch import LogMel
from workloads.layers.masked_norm_torch import LayerNorm, MaskedBatchNorm
from workloads.layers.spec_augment_torch import spec_augment
from workloads.layers.speech_torch import SpeechWorkload
from workloads.layers.subsampling_torch import Subsample, glorot_linear

_Activation = Callable[[torch.Tensor], torch.Tensor]
_FEED_FORWARD_ACTIVATIONS: Mapping[str, _Activation] = {"swish": F.silu, "gelu": partial(F.gelu, approximate="tanh")}
# The benchmark's PyTorch code takes the exact form here and its JAX code the one with tanh, as both do above.
_CONVOLUTION_ACTIVATIONS: Mapping[str, _Activation] = {"swish": F.silu, "gelu": F.gelu}


class Positions(nn.Module):
    """Sines, then cosines, of the frame's number at `width / 2` frequencies."""

    inv_timescales: torch.Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        timescales = torch.exp(-torch.arange(width // 2, device="cpu") * (math.log(10_000.0) / (width // 2 - 1)))
        self.register_buffer("inv_timescales", timescales.reshape(1, 1, -1))

    def forward(self, frames: int) -> torch.Tensor:
        """(1, frames, width)."""
        angles = torch.arange(frames, device=self.inv_timescales.device)[None, :, None] * self.inv_timescales
        return torch.cat([angles.sin(), angles.cos()], dim=-1)


class PositionedSubsample(Subsample):
    """Fewer frames, each with its position added."""

    def __init__(self, width: int) -> None:
        super().__init__(log_mel.BANDS, width, F.relu, linear_name="linear")
        self.pos_encode = Positions(width)
        for convolution in (self.conv1, self.conv2):
            # Computes nothing: a part of the published state.
            convolution.register_buffer("paddings_kernel", torch.ones(1, 1, 1, device="cpu"))

    def forward(self, features: torch.Tensor, paddings: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        x, paddings = super().forward(features, paddings)
        return x + self.pos_encode(x.shape[1]).to(x.dtype), paddings


class FeedForward(nn.Module):
    """Norm, linear, activation, linear, dropout; the benchmark's PyTorch code has no dropout in between, JAX does."""

    def __init__(self, width: int, hidden: int, activation: _Activation) -> None:
        super().__init__()
        self.ln = LayerNorm(width)
        self.linear1, self.linear2 = glorot_linear(width, hidden), glorot_linear(hidden, width)
        self.activation = activation

    def forward(self, x: torch.Tensor, padded: torch.Tensor, dropout_rate: float) -> torch.Tensor:
        x = self.activation(self.linear1(self.ln(x))).masked_fill(padded, 0)  # (B, frames, hidden)
        return F.dropout(self.linear2(x).masked_fill(padded, 0), dropout_rate, self.training)


class QueryScaler(nn.Module):
    """Stretches each number of a query by a learned factor, which is 1 at first."""

    def __init__(self, head_dim: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.zeros(head_dim))

    def forward(self, queries: torch.Tensor) -> torch.Tensor:
        return queries * (F.softplus(self.scale) / math.log(2))


class SelfAttention(nn.Module):
    """Every frame looks at all frames that count, with several heads."""

    def __init__(self, width: int, heads: int, temperature: float) -> None:
        super().__init__()
        self.in_proj = glorot_linear(width, 3 * width)
        self.out_proj = glorot_linear(width, width)
        self.qs = QueryScaler(width // heads)
        self.heads, self.temperature = heads, temperature

    def forward(self, x: torch.Tensor, visible: torch.Tensor) -> torch.Tensor:
        """(B, frames, width), and true where a frame is looked at (B, 1, 1, frames)."""
        batch, frames, width = x.shape
        parts = self.in_proj(x).reshape(batch, frames, 3, self.heads, width // self.heads)
        queries, keys, values = parts.permute(2, 0, 3, 1, 4)  # (B, heads, frames, head width) each
        x = F.scaled_dot_product_attention(self.qs(queries), keys, values, attn_mask=visible)
        return self.out_proj(x.transpose(1, 2).reshape(batch, frames, width) * self.temperature)


class Attention(nn.Module):
    """Norm, self-attention, dropout."""

    def __init__(self, width: int, heads: int, temperature: float) -> None:
        super().__init__()
        self.ln = LayerNorm(width)
        self.self_attention = SelfAttention(width, heads, temperature)

    def forward(self, x: torch.Tensor, visible: torch.Tensor, dropout_rate: float) -> torch.Tensor:
        return F.dropout(self.self_attention(self.ln(x), visible), dropout_rate, self.training)


class Convolution(nn.Module):
    """Norm, gated linear unit, convolution along time of each feature, batch norm, activation, linear, dropout."""

    def __init__(self, width: int, kernel: int, activation: _Activation, norm_decay: float) -> None:
        super().__init__()
        self.ln = LayerNorm(width)
        self.lin1, self.lin2 = glorot_linear(width, width), glorot_linear(width, width)
        self.conv1 = nn.Conv1d(width, width, kernel, padding="same", groups=width, bias=False)
        nn.init.xavier_uniform_(self.conv1.weight)
        self.bn = MaskedBatchNorm(width, momentum=1 - norm_decay, scale_name="scale")
        self.bn.register_buffer(
            "dim", torch.full((1,), width, device="cpu")
        )  # computes nothing: a part of the published state
        self.lin3 = glorot_linear(width, width)
        self.activation = activation

    def forward(self, x: torch.Tensor, padded: torch.Tensor, dropout_rate: float) -> torch.Tensor:
        x = self.ln(x)
        x = (self.lin1(x) * torch.sigmoid(self.lin2(x))).masked_fill(padded, 0)
        x = self.conv1(x.transpose(1, 2)).transpose(1, 2)
        x = self.activation(self.bn(x, padded[..., 0]))
        return F.dropout(self.lin3(x), dropout_rate, self.training)


class Block(nn.Module):
    """Half a feed-forward module, attention, convolution, the other half, and a norm that some variants lack."""

    def __init__(
        self,
        *,
        width: int,
        heads: int,
        feed_forward_factor: int,
        kernel: int,
        activation: str,
        attention_temperature: float,
        closing_norm: bool,
        norm_decay: float,
    ) -> None:
        super().__init__()
        hidden, feed_forward_activation = feed_forward_factor * width, _FEED_FORWARD_ACTIVATIONS[activation]
        self.ff1 = FeedForward(width, hidden, feed_forward_activation)
        self.mhsa = Attention(width, heads, attention_temperature)
        self.conv = Convolution(width, kernel, _CONVOLUTION_ACTIVATIONS[activation], norm_decay)
        self.ff2 = FeedForward(width, hidden, feed_forward_activation)
        self.ln = LayerNorm(width) if closing_norm else nn.Identity()

    def forward(
        self, x: torch.Tensor, padded: torch.Tensor, visible: torch.Tensor, dropout_rate: float
    ) -> torch.Tensor:
        x = x + 0.5 * self.ff1(x, padded, dropout_rate)
        x = x + self.mhsa(x, visible, dropout_rate)
        x = x + self.conv(x, padded, dropout_rate)
        x = x + 0.5 * self.ff2(x, padded, dropout_rate)
        return self.ln(x)


class Conformer(nn.Module):
    """(B, samples) sound and its paddings to (B, frames, vocabulary) logits and their paddings."""

    def __init__(
        self,
        *,
        vocabulary: int,
        encoder_dim: int,
        heads: int,
        depth: int,
        feed_forward_factor: int,
        kernel: int,
        activation: str,
        attention_temperature: float,
        closing_norm: bool,
        frequency_masks: int,
        time_masks: int,
        norm_decay: float = 0.999,  # of the running averages
    ) -> None:
        super().__init__()
        self.frequency_masks, self.time_masks = frequency_masks, time_masks
        self.preprocessor = LogMel()
        self.subsample = PositionedSubsample(encoder_dim)
        block = partial(
            Block,
            width=encoder_dim,
            heads=heads,
            feed_forward_factor=feed_forward_factor,
            kernel=kernel,
            activation=activation,
            attention_temperature=attention_temperature,
            closing_norm=closing_norm,
            norm_decay=norm_decay,
        )
        self.conformers = nn.ModuleList(block() for _ in range(depth))
        self.ln = LayerNorm(encoder_dim)
        self.lin = glorot_linear(encoder_dim, vocabulary)

    def forward(
        self, audio: torch.Tensor, paddings: torch.Tensor, dropout_rate: float
    ) -> tuple[torch.Tensor, torch.Tensor]:
        x, paddings = self.preprocessor(audio, paddings)  # (B, frames, bands)
        if self.training:
            x = spec_augment(x, paddings, time_masks=self.time_masks, frequency_masks=self.frequency_masks)
        x, paddings = self.subsample(x, paddings)  # (B, frames / 4, width)
        x = F.dropout(x, dropout_rate, self.training)
        padded = paddings[..., None] > 0  # (B, frames / 4, 1)
        # Attention to nothing is not a number, so a row that is nothing but padding looks at all of it.
        visible = ~padded | padded.all(dim=1, keepdim=True)
        for block in self.conformers:
            x = block(x, padded, visible[:, None, None, :, 0], dropout_rate)
        return self.lin(self.ln(x)), paddings


class Workload(SpeechWorkload):
    """Sound to text: connectionist temporal classification, word error rate."""

    averages_state_over_ranks = True  # batch norm sees the batch of its own process only

    def build_model(self) -> nn.Module:
        return Conformer(**self.spec.model)
