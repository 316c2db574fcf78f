"""A U-Net that restores images, in PyTorch.

Source: Ronneberger et al. 2015 (arXiv 1505.04597), Zbontar et al. 2018 (arXiv 1811.08839); sizes, initial values, names
as in the benchmark's parameter tables.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import torch
import torch.nn.functional as F
from torch import nn

from workloads.losses.mean_absolute_error_torch import mean_absolute_error
from workloads.torch_base import TorchWorkload, lecun_normal_

_Activation = Callable[[torch.Tensor], torch.Tensor]
_ACTIVATIONS: Mapping[str, _Activation] = {
    "leaky_relu": partial(F.leaky_relu, negative_slope=0.2),
    "tanh": torch.tanh,
}


class DoubleConvolution(nn.Module):
    """Twice: 3x3 convolution, norm, activation, dropout of whole channels."""

    def __init__(self, inputs: int, outputs: int, activation: _Activation, *, layer_norm: bool) -> None:
        super().__init__()
        self.activation = activation
        self.conv_layers = nn.ModuleDict()  # numbered as if activation and dropout were modules too
        for first, channels in ((0, inputs), (4, outputs)):
            self.conv_layers[f"{first}"] = nn.Conv2d(channels, outputs, 3, padding=1, bias=False)
            # One group: over channels and space together, with a scale and a shift per channel.
            norm = nn.GroupNorm(1, outputs, eps=1e-6) if layer_norm else nn.InstanceNorm2d(outputs)
            self.conv_layers[f"{first + 1}"] = norm

    def forward(self, x: torch.Tensor, dropout_rate: float) -> torch.Tensor:
        for first in (0, 4):
            x = self.conv_layers[f"{first + 1}"](self.conv_layers[f"{first}"](x))
            x = F.dropout2d(self.activation(x), dropout_rate, self.training)
        return x


class Upsampling(nn.Module):
    """2x2 transposed convolution that doubles the size, instance norm, activation."""

    def __init__(self, inputs: int, outputs: int, activation: _Activation) -> None:
        super().__init__()
        self.activation = activation
        self.layers = nn.Sequential(nn.ConvTranspose2d(inputs, outputs, 2, 2, bias=False), nn.InstanceNorm2d(outputs))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.activation(self.layers(x))


class UNet(nn.Module):
    """(B, height, width) to (B, height, width)."""

    def __init__(self, *, channels: int, poolings: int, activation: str, layer_norm: bool) -> None:
        super().__init__()
        block = partial(DoubleConvolution, activation=_ACTIVATIONS[activation], layer_norm=layer_norm)
        widths = [channels * 2**stage for stage in range(poolings + 1)]  # the last one is that of the bottom
        down = zip([1, *widths], widths[:-1], strict=False)
        self.down_sample_layers = nn.ModuleList(block(inputs, outputs) for inputs, outputs in down)
        self.conv = block(widths[-2], widths[-1])
        self.up_conv = nn.ModuleList(block(2 * width, width) for width in reversed(widths[1:-1]))
        self.up_conv.append(nn.ModuleList([block(2 * channels, channels), nn.Conv2d(channels, 1, 1)]))
        self.up_transpose_conv = nn.ModuleList(
            Upsampling(2 * width, width, _ACTIVATIONS[activation]) for width in reversed(widths[:-1])
        )
        self._initialise()

    def forward(self, images: torch.Tensor, dropout_rate: float) -> torch.Tensor:
        x = images[:, None]  # (B, 1, height, width)
        skips = []
        for block in self.down_sample_layers:
            x = block(x, dropout_rate)
            skips.append(x)
            x = F.avg_pool2d(x, 2)
        x = self.conv(x, dropout_rate)
        *blocks, last = self.up_conv
        assert isinstance(last, nn.ModuleList)
        last_block, output = last
        for upsampling, block in zip(self.up_transpose_conv, [*blocks, last_block], strict=True):
            skip = skips.pop()
            x = torch.cat([grown_to(upsampling(x), skip), skip], dim=1)
            x = block(x, dropout_rate)
        return output(x)[:, 0]

    def _initialise(self) -> None:
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
                # Of a transposed kernel this takes outputs times area for fan-in, as the benchmark does: sqrt(2) wider
                # than its values in JAX.
                lecun_normal_(module.weight)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)


def grown_to(x: torch.Tensor, skip: torch.Tensor) -> torch.Tensor:
    """`x` with one mirrored row or column more where pooling had rounded an odd size down."""
    rows, columns = (ours - theirs for ours, theirs in zip(skip.shape[2:], x.shape[2:], strict=True))
    return F.pad(x, (0, columns, 0, rows), mode="reflect") if rows or columns else x


class Workload(TorchWorkload):
    """Images restored: mean absolute error, structural similarity."""

    def build_model(self) -> nn.Module:
        return UNet(**self.spec.model)

    def forward(self, model: nn.Module, inputs: torch.Tensor, dropout_rate: float) -> torch.Tensor:
        return model(inputs, dropout_rate)

    def loss_fn(
        self,
        label_batch: torch.Tensor,
        logits_batch: torch.Tensor,
        mask_batch: torch.Tensor | None = None,
        label_smoothing: float = 0.0,
    ) -> dict[str, torch.Tensor]:
        """Mean absolute error per image (B,). Labels cannot be smoothed here."""
        return mean_absolute_error(label_batch, logits_batch, mask_batch)

    def is_output_params(self, param_key: str) -> bool:
        """True for the 1x1 convolution at the end."""
        last = f"up_conv.{self.spec.model['poolings'] - 1}.1"
        return param_key in (f"{last}.weight", f"{last}.bias")
