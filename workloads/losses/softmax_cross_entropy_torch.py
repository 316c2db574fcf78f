"""Softmax cross entropy in PyTorch, per example or per token."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from workloads.losses.reduction_torch import masked_sum


def softmax_cross_entropy(
    labels: torch.Tensor, logits: torch.Tensor, mask: torch.Tensor | None, label_smoothing: float
) -> dict[str, torch.Tensor]:
    """`summed`, `n_valid_examples` and `per_example` losses.

    Args:
        labels: (...) classes, or (..., classes) distributions.
        logits: (..., classes).
        mask: (...) weights of what counts; everything counts once without it.
        label_smoothing: labels become (1 - this) times themselves plus this spread evenly over the classes.
    """
    logits = logits.to(torch.promote_types(logits.dtype, torch.float32))  # sums need more than 8 bits
    classes = logits.shape[-1]
    soft = labels.ndim == logits.ndim
    per_example = F.cross_entropy(
        logits.reshape(-1, classes),
        labels.reshape(-1, classes) if soft else labels.reshape(-1),
        reduction="none",
        label_smoothing=label_smoothing,
    )
    return masked_sum(per_example.reshape(logits.shape[:-1]), mask)
