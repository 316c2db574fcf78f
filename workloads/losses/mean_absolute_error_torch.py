"""Mean absolute error in PyTorch."""

from __future__ import annotations

import torch

from workloads.losses.reduction_torch import masked_sum


def mean_absolute_error(
    labels: torch.Tensor, outputs: torch.Tensor, mask: torch.Tensor | None
) -> dict[str, torch.Tensor]:
    """`summed`, `n_valid_examples` and `per_example` losses, each the mean over one example's entries.

    Args:
        labels, outputs: (B, ...).
        mask: (B,) weights of what counts; everything counts once without it.
    """
    outputs = outputs.to(torch.promote_types(outputs.dtype, torch.float32))  # sums need more than 8 bits
    return masked_sum((outputs - labels).abs().flatten(1).mean(dim=1), mask)
