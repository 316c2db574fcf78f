"""Masks over time and frequency of features, in PyTorch; for training only.

Source: Park et al. 2019 (arXiv 1904.08779), without time warping; ranges as the benchmark draws them.
"""

from __future__ import annotations

import torch

FREQUENCY_LIMIT = 27  # bands; a mask is narrower
TIME_RATIO = 0.05  # of the valid frames; a mask is no longer


def spec_augment(
    features: torch.Tensor, paddings: torch.Tensor, *, time_masks: int, frequency_masks: int
) -> torch.Tensor:
    """Sets stretches of frames and of bands to 0, drawn for each example from torch's generator.

    Args:
        features: (B, frames, bands).
        paddings: (B, frames), 1 where a frame only pads.
    """
    batch, frames, bands = features.shape
    if time_masks:
        lengths = (1 - paddings).sum(dim=1)
        masked = mask(lengths, frames, time_masks, limit=TIME_RATIO * lengths, ratio=TIME_RATIO)
        features = features.masked_fill(masked[:, :, None], 0)
    if frequency_masks:
        lengths = paddings.new_full((batch,), bands)
        masked = mask(lengths, bands, frequency_masks, limit=torch.full_like(lengths, FREQUENCY_LIMIT), ratio=1.0)
        features = features.masked_fill(masked[:, None, :], 0)
    return features


def mask(lengths: torch.Tensor, positions: int, count: int, *, limit: torch.Tensor, ratio: float) -> torch.Tensor:
    """(B, positions), true where one of `count` masks of an example lies.

    Args:
        lengths: (B,), how many positions of each example a mask may touch.
        limit: (B,), a mask is shorter than this;
        ratio: nor is it longer than this part of the length, or one position.
    """
    random = torch.rand(2, len(lengths), count, device=lengths.device)
    longest = (ratio * lengths).floor().clamp(min=1)
    sizes = torch.minimum((random[0] * limit[:, None]).floor(), longest[:, None])
    starts = (random[1] * (lengths[:, None] - sizes + 1)).floor()
    position = torch.arange(positions, device=lengths.device)
    inside = (position >= starts[..., None]) & (position < (starts + sizes)[..., None])  # (B, count, positions)
    return inside.any(dim=1)
