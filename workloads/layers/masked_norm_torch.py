"""Normalisation that keeps scale - 1, so that weight decay pulls towards the identity, in PyTorch.

Source: the benchmark's speech models.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import distributed, nn


class LayerNorm(nn.Module):
    """Normalised over the last axis, times 1 + scale, plus bias."""

    def __init__(self, features: int, eps: float = 1e-6) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.zeros(features))
        self.bias = nn.Parameter(torch.zeros(features))
        self.eps = eps

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.layer_norm(x, self.scale.shape, 1 + self.scale, self.bias, self.eps)


class MaskedBatchNorm(nn.Module):
    """Batch norm over the frames that count; frames that only pad come out as 0.

    The variance is the biased one, in the running average too. Running averages move by `momentum` in training.
    """

    running_mean: torch.Tensor
    running_var: torch.Tensor

    def __init__(
        self,
        features: int,
        *,
        momentum: float = 0.001,
        eps: float = 1e-3,
        scale_name: str = "weight",
        over_all_ranks: bool = False,
    ) -> None:
        """`over_all_ranks`: statistics of the batch of all processes, not of each one's own."""
        super().__init__()
        self.scale_name = scale_name
        self.register_parameter(scale_name, nn.Parameter(torch.zeros(features)))
        self.bias = nn.Parameter(torch.zeros(features))
        self.register_buffer("running_mean", torch.zeros(features))
        self.register_buffer("running_var", torch.ones(features))
        self.momentum, self.eps, self.over_all_ranks = momentum, eps, over_all_ranks

    def forward(self, x: torch.Tensor, padded: torch.Tensor) -> torch.Tensor:
        """(B, frames, features), and true where a frame pads, (B, frames)."""
        padded = padded[..., None]
        mean, variance = self.running_mean, self.running_var
        if self.training:
            mean, variance = self._statistics(x.to(torch.promote_types(x.dtype, torch.float32)), padded)
            with torch.no_grad():
                self.running_mean.lerp_(mean.to(self.running_mean.dtype), self.momentum)
                self.running_var.lerp_(variance.to(self.running_var.dtype), self.momentum)
        scale = (1 + getattr(self, self.scale_name)) * torch.rsqrt(variance + self.eps)
        normalised = (x - mean) * scale + self.bias
        return normalised.masked_fill(padded, 0).to(x.dtype)

    def _statistics(self, x: torch.Tensor, padded: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Mean and biased variance of each feature over what counts, in two passes."""
        count = (~padded).sum().to(x.dtype).reshape(1)
        total, count = self._total(torch.cat([x.masked_fill(padded, 0).sum(dim=(0, 1)), count])).tensor_split([-1])
        count = count.clamp(min=1)
        mean = total / count
        deviations = (x - mean).masked_fill(padded, 0)
        return mean, self._total(deviations.square().sum(dim=(0, 1))) / count

    def _total(self, value: torch.Tensor) -> torch.Tensor:
        is_shared = distributed.is_available() and distributed.is_initialized() and distributed.get_world_size() > 1
        if self.over_all_ranks and is_shared:
            return _SumOverRanks.apply(value)
        return value


class _SumOverRanks(torch.autograd.Function):
    """The sum of every process's values; each value's gradient is the sum of all processes' gradients of the sum."""

    @staticmethod
    def forward(ctx: Any, value: torch.Tensor) -> torch.Tensor:
        total = value.clone()
        distributed.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> torch.Tensor:
        total = gradients[0].clone()
        distributed.all_reduce(total)
        return total
