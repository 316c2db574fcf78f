"""Initial values of PyTorch layers as flax chooses them."""

from __future__ import annotations

from typing import Any


def pytorch_default_init(module: Any) -> None:
    """Weight from a truncated normal of variance 1 / fan-in, bias zero."""
    from torch import nn

    from workloads.torch_base import lecun_normal_

    lecun_normal_(module.weight)
    if module.bias is not None:
        nn.init.zeros_(module.bias)
