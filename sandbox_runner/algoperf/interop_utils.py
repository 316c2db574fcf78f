"""Arrays from one framework to the other, without copies where the memory can be shared."""

from __future__ import annotations

from typing import Any


def jax_to_pytorch(x: Any, take_ownership: bool = False) -> Any:
    """A tensor with the array's values. `take_ownership` lets it write into the array's memory; otherwise it copies."""
    import torch

    tensor = torch.utils.dlpack.from_dlpack(x)
    return tensor if take_ownership else tensor.clone()


def pytorch_to_jax(x: Any) -> Any:
    """An array with the tensor's values."""
    import jax

    return jax.dlpack.from_dlpack(x.detach().contiguous())
