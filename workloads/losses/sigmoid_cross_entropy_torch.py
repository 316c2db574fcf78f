"""Sigmoid cross entropy in PyTorch, with entries that do not count."""

from __future__ import annotations

import torch
import torch.nn.functional as F


def sigmoid_cross_entropy(
    labels: torch.Tensor, logits: torch.Tensor, mask: torch.Tensor | None, label_smoothing: float = 0.0
) -> dict[str, torch.Tensor]:
    """`summed`, `n_valid_examples` and `per_example` losses; every entry is an example.

    Args:
        labels: like logits, 0 to 1; anything, NaN included, where the mask is 0.
        logits: (..., tasks).
        mask: like logits; everything counts once without it.
        label_smoothing: labels become (1 - this) times themselves plus this over the number of tasks.
    """
    logits = logits.to(torch.promote_types(logits.dtype, torch.float32))  # sums and counts need more than 8 bits
    mask = torch.ones_like(logits) if mask is None else mask.to(logits.dtype)
    labels = torch.where(mask > 0, labels, torch.zeros_like(labels)).to(logits.dtype)
    labels = (1 - label_smoothing) * labels + label_smoothing / logits.shape[-1]
    per_example = F.binary_cross_entropy_with_logits(logits, labels, reduction="none")
    per_example = torch.where(mask > 0, mask * per_example, torch.zeros_like(per_example))
    return {"summed": per_example.sum(), "n_valid_examples": mask.sum(), "per_example": per_example}
