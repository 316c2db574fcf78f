"""Connectionist temporal classification, in PyTorch.

Source: Graves et al. 2006, "Connectionist temporal classification".
"""

from __future__ import annotations

import torch
import torch.nn.functional as F

Sequences = tuple[torch.Tensor, torch.Tensor]


def ctc(labels: Sequences, logits: Sequences, mask: torch.Tensor | None) -> dict[str, torch.Tensor]:
    """`summed`, `n_valid_examples` (label tokens that count, at least 1) and `per_example` losses (B,).

    A label that needs more frames than there are costs infinitely much; JAX says about 1e5. What the benchmark
    makes of a mask differs between its frameworks, and its training batches have none; here it weighs utterances.

    Args:
        labels: tokens (B, tokens), of any type, and their paddings; token 0 is the blank and never a label.
        logits: (B, frames, tokens of the vocabulary), and their paddings (B, frames).
        mask: (B,) weights of the utterances.
    """
    (tokens, label_paddings), (scores, paddings) = labels, logits
    dtype = torch.promote_types(scores.dtype, torch.float32)
    per_example = F.ctc_loss(
        F.log_softmax(scores, dim=-1, dtype=dtype).transpose(0, 1),
        tokens.long(),
        (1 - paddings).sum(dim=-1).long(),
        (1 - label_paddings).sum(dim=-1).long(),
        reduction="none",
    )
    valid = (1 - label_paddings).sum(dim=-1)
    if mask is not None:
        counts = mask > 0  # an infinite loss times 0 would be no number
        per_example, valid = torch.where(counts, per_example * mask, 0), valid * counts
    return {"summed": per_example.sum(), "n_valid_examples": valid.sum().clamp(min=1), "per_example": per_example}
