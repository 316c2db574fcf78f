"""What shortens a sequence of features to a quarter, in PyTorch."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import nn


class ConvSubsampling(nn.Module):
    """A 3x3 convolution of stride 2 and an activation; frames that only pad come out as 0."""

    def __init__(self, inputs: int, outputs: int, activation: Callable[[torch.Tensor], torch.Tensor]) -> None:
        super().__init__()
        self.kernel = nn.Parameter(torch.empty(outputs, inputs, 3, 3))
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.activation = activation
        nn.init.xavier_uniform_(self.kernel)

    def forward(self, x: torch.Tensor, paddings: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """(B, inputs, frames, bands) and (B, frames) to half as many frames and bands, rounded up."""
        time, bands = (_same_padding(size) for size in x.shape[2:])
        x = self.activation(F.conv2d(F.pad(x, (*bands, *time)), self.kernel, self.bias, stride=2))
        paddings = paddings[:, ::2]
        return x.masked_fill((paddings > 0)[:, None, :, None], 0), paddings


class Subsample(nn.Module):
    """(B, frames, bands) features to a quarter as many frames of `outputs` numbers, rounded up twice."""

    def __init__(
        self, bands: int, outputs: int, activation: Callable[[torch.Tensor], torch.Tensor], *, linear_name: str
    ) -> None:
        super().__init__()
        self.linear_name = linear_name  # the published tables call it differently from model to model
        self.conv1 = ConvSubsampling(1, outputs, activation)
        self.conv2 = ConvSubsampling(outputs, outputs, activation)
        self.add_module(linear_name, glorot_linear(-(-bands // 4) * outputs, outputs))

    def forward(self, features: torch.Tensor, paddings: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Features in any precision and their paddings (B, frames); the result has the precision of the parameters."""
        x = features[:, None].to(self.conv1.kernel.dtype)  # (B, 1, frames, bands)
        x, paddings = self.conv2(*self.conv1(x, paddings))
        x = x.permute(0, 2, 3, 1).flatten(2)  # (B, frames / 4, bands / 4 * outputs), channels next to each other
        return getattr(self, self.linear_name)(x), paddings


def glorot_linear(inputs: int, outputs: int) -> nn.Linear:
    """A linear layer with a kernel of Glorot and a bias of 0."""
    layer = nn.Linear(inputs, outputs)
    nn.init.xavier_uniform_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer


def _same_padding(size: int) -> tuple[int, int]:
    """Zeros before and after, as TensorFlow's SAME places them for kernel 3 and stride 2."""
    return (0, 1) if size % 2 == 0 else (1, 1)
