"""Top-1 accuracy and mean cross entropy of a classifier."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np


class Top1:
    """Fraction of examples whose largest logit is their class; the first one where several are largest."""

    def __init__(self) -> None:
        self.num_examples = 0
        self._correct = 0.0
        self._loss = 0.0

    def update(self, outputs: np.ndarray, batch: Mapping[str, Any]) -> None:
        """Adds a batch: logits (B, classes), targets (B,) integers, weights (B,) 0 where a row only pads."""
        logits, targets, weights = outputs.astype(np.float64), batch["targets"], batch["weights"]
        self.num_examples += int(np.count_nonzero(weights))
        self._correct += float(np.sum(weights * (logits.argmax(axis=-1) == targets)))
        self._loss += float(np.sum(weights * _cross_entropy(logits, targets)))

    def compute(self) -> dict[str, float]:
        """`accuracy` and `loss`, both means over examples."""
        return {"accuracy": self._correct / self.num_examples, "loss": self._loss / self.num_examples}


def _cross_entropy(logits: np.ndarray, targets: np.ndarray) -> np.ndarray:
    shifted = logits - logits.max(axis=-1, keepdims=True)
    return np.log(np.exp(shifted).sum(axis=-1)) - shifted[np.arange(len(targets)), targets]
