"""Mean cross entropy of yes-or-no predictions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np


class CrossEntropy:
    """The loss of a click predictor is its metric: summed in float64, divided by the number of examples."""

    def __init__(self) -> None:
        self.num_examples = 0
        self._loss = 0.0

    def update(self, outputs: np.ndarray, batch: Mapping[str, Any]) -> None:
        """Adds a batch: logits, targets and weights, all (B, 1), weights 0 where a row only pads."""
        logits, targets, weights = outputs.astype(np.float64), batch["targets"], batch["weights"]
        self.num_examples += int(np.count_nonzero(weights))
        loss = np.maximum(logits, 0) - logits * targets + np.log1p(np.exp(-np.abs(logits)))
        self._loss += float(np.sum(weights * loss))

    def compute(self) -> dict[str, float]:
        return {"loss": self._loss / self.num_examples}
