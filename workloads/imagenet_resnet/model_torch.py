"""Residual network of bottlenecks with batch norm, in PyTorch.

Source: He et al. 2015 (arXiv 1512.03385), with the stride on the 3x3 convolution; initial values and names as in the
benchmark's parameter tables.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from workloads.losses.softmax_cross_entropy_torch import softmax_cross_entropy
from workloads.torch_base import TorchWorkload, lecun_normal_

_ACTIVATIONS: Mapping[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "relu": F.relu,
    "silu": F.silu,
    "gelu": partial(F.gelu, approximate="tanh"),
}
_Activation = Callable[[torch.Tensor], torch.Tensor]


def convolution(inputs: int, outputs: int, kernel: int, stride: int = 1) -> nn.Conv2d:
    """A square convolution without bias that keeps the size up to its stride."""
    return nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, bias=False)


class Projection(nn.Module):
    """The shortcut of a bottleneck that changes width or size."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv = convolution(inputs, outputs, 1, stride)
        self.bn = nn.BatchNorm2d(outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.bn(self.conv(x))


class Bottleneck(nn.Module):
    """1x1 to `width`, 3x3, 1x1 to four times `width`, around a shortcut."""

    expansion = 4

    def __init__(self, inputs: int, width: int, stride: int, activation: _Activation, *, project: bool) -> None:
        super().__init__()
        outputs = width * self.expansion
        self.conv1, self.bn1 = convolution(inputs, width, 1), nn.BatchNorm2d(width)
        self.conv2, self.bn2 = convolution(width, width, 3, stride), nn.BatchNorm2d(width)
        self.conv3, self.bn3 = convolution(width, outputs, 1), nn.BatchNorm2d(outputs)
        self.downsample = Projection(inputs, outputs, stride) if project else None
        self.activation = activation

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        shortcut = x if self.downsample is None else self.downsample(x)
        y = self.activation(self.bn1(self.conv1(x)))
        y = self.activation(self.bn2(self.conv2(y)))
        return self.activation(self.bn3(self.conv3(y)) + shortcut)


class ResNet(nn.Module):
    """(B, channels, height, width) images to (B, classes) logits."""

    def __init__(
        self,
        *,
        channels: int,
        stage_sizes: tuple[int, ...],
        width: int,
        classes: int,
        stem: Mapping[str, Any],
        activation: str,
        last_scale: float,
    ) -> None:
        super().__init__()
        self.activation = _ACTIVATIONS[activation]
        self.conv1 = convolution(channels, width, stem["kernel"], stem["stride"])
        self.bn1 = nn.BatchNorm2d(width)
        self.maxpool = nn.MaxPool2d(3, 2, padding=1) if stem["pool"] else nn.Identity()
        features = width
        for stage, blocks in enumerate(stage_sizes):
            layer = self._stage(features, width * 2**stage, blocks, 1 if stage == 0 else 2)
            self.add_module(f"layer{stage + 1}", layer)
            features = width * 2**stage * Bottleneck.expansion
        self.stages = len(stage_sizes)
        self.fc = nn.Linear(features, classes)
        self._initialise(last_scale)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.maxpool(self.activation(self.bn1(self.conv1(x))))
        for stage in range(self.stages):
            x = getattr(self, f"layer{stage + 1}")(x)
        return self.fc(x.mean(dim=(2, 3)))

    def _stage(self, inputs: int, width: int, blocks: int, stride: int) -> nn.Sequential:
        first = Bottleneck(inputs, width, stride, self.activation, project=True)
        outputs = width * Bottleneck.expansion
        rest = (Bottleneck(outputs, width, 1, self.activation, project=False) for _ in range(blocks - 1))
        return nn.Sequential(first, *rest)

    def _initialise(self, last_scale: float) -> None:
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                lecun_normal_(module.weight)
            elif isinstance(module, Bottleneck):
                nn.init.constant_(module.bn3.weight, last_scale)
        nn.init.normal_(self.fc.weight, std=0.01)
        nn.init.zeros_(self.fc.bias)


class Workload(TorchWorkload):
    """Image classification: cross entropy, top-1 accuracy."""

    def build_model(self) -> nn.Module:
        model = dict(self.spec.model)
        del model["symmetric_padding"]  # PyTorch always pads both sides alike
        network = ResNet(channels=self.spec.data["image_shape"][2], **model)
        return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def loss_fn(
        self,
        label_batch: torch.Tensor,
        logits_batch: torch.Tensor,
        mask_batch: torch.Tensor | None = None,
        label_smoothing: float = 0.0,
    ) -> dict[str, torch.Tensor]:
        """Softmax cross entropy of (B, classes) logits; labels are classes (B,) or distributions (B, classes)."""
        return softmax_cross_entropy(label_batch, logits_batch, mask_batch, label_smoothing)

    def is_output_params(self, param_key: str) -> bool:
        return param_key in ("fc.weight", "fc.bias")
