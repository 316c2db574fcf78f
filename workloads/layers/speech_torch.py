"""What the workloads on speech share, in PyTorch: pairs of arrays and paddings, and the loss between them."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from workloads.losses.ctc_torch import Sequences, ctc
from workloads.torch_base import TorchWorkload


class SpeechWorkload(TorchWorkload):
    """Sound to text: connectionist temporal classification, word error rate."""

    default_dropout_rate = 0.1

    def forward(self, model: nn.Module, inputs: Sequences, dropout_rate: float) -> Any:
        """Logits (B, frames, tokens) and their paddings (B, frames), of sound (B, samples) and its paddings."""
        return model(*inputs, dropout_rate)

    def loss_fn(  # type: ignore[override]
        self,
        label_batch: Sequences,
        logits_batch: Sequences,
        mask_batch: torch.Tensor | None = None,
        label_smoothing: float = 0.0,
    ) -> dict[str, torch.Tensor]:
        """Tokens and logits are pairs with their paddings; an example is a token; there is no label smoothing."""
        return ctc(label_batch, logits_batch, mask_batch)

    def is_output_params(self, param_key: str) -> bool:
        return param_key in ("lin.weight", "lin.bias")
