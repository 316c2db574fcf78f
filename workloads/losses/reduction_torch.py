"""What every loss says of a batch, in PyTorch."""

from __future__ import annotations

import torch


def masked_sum(per_example: torch.Tensor, mask: torch.Tensor | None) -> dict[str, torch.Tensor]:
    """`summed` and `per_example` times the mask, and the sum of the mask, or the number of entries without one."""
    if mask is None:
        valid = torch.as_tensor(float(per_example.numel()), device=per_example.device)
    else:
        per_example, valid = per_example * mask, mask.sum()
    return {"summed": per_example.sum(), "n_valid_examples": valid, "per_example": per_example}
