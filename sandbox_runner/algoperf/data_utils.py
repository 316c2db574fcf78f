"""Padding, placing and mixing batches."""

from __future__ import annotations

from typing import Any

import numpy as np


def pad(tensor: np.ndarray, pad_size: int, padding_value: int = 0) -> np.ndarray:
    """`tensor` with `pad_size` rows of `padding_value` behind it; a one-dimensional array stays one-dimensional."""
    return np.pad(tensor, [(0, pad_size)] + [(0, 0)] * (tensor.ndim - 1), constant_values=padding_value)


def shard_and_maybe_pad_np(
    batch: dict[str, Any], padding_value: int = 0, global_batch_size: int | None = None
) -> dict[str, Any]:
    """NumPy arrays with the first axis padded to `global_batch_size`, or to a multiple of the devices.

    Padding makes `weights` where there are none: 1 for examples, `padding_value` for padding. Arrays may sit in tuples.
    """
    first = batch["inputs"][0] if isinstance(batch["inputs"], tuple) else batch["inputs"]
    size = len(first)
    missing = -size % _num_devices()
    if global_batch_size is not None and global_batch_size > size:
        missing = global_batch_size - size
    if missing and batch.get("weights") is None:
        batch = {**batch, "weights": np.ones(size, np.float32)}
    return {key: _pad_all(value, missing, padding_value) for key, value in batch.items()}


def shard(batch: Any) -> Any:
    """Every array of the batch, its first axis cut over the devices of JAX."""
    from .jax_sharding_utils import shard_along_batch_dim

    return shard_along_batch_dim(batch)


def mixup_pytorch(batch: tuple[Any, Any], alpha: float = 0.2) -> tuple[Any, Any]:
    """Images and one-hot targets of 1000 classes, each mixed with those of the next example; one weight a batch."""
    import torch

    inputs, targets = batch
    weight = float(np.random.default_rng().beta(alpha, alpha))
    one_hot = torch.nn.functional.one_hot(targets, 1000).to(inputs.dtype)
    mixed = [weight * part + (1 - weight) * torch.roll(part, 1, dims=0) for part in (inputs, one_hot)]
    return mixed[0], mixed[1]


def _pad_all(value: Any, missing: int, padding_value: int) -> Any:
    if isinstance(value, tuple):
        return tuple(_pad_all(part, missing, padding_value) for part in value)
    array = np.asarray(value)
    return pad(array, missing, padding_value) if missing else array


def _num_devices() -> int:
    import jax

    return jax.local_device_count()
