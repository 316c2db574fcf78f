"""Mean average precision over many yes-or-no tasks with missing labels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np


class MeanAveragePrecision:
    """Average precision of each task over its labelled entries, then the mean over tasks that can be judged.

    A task counts when both 0 and 1 occur among its labels after missing ones, padding rows included, have become 0. So
    a task whose known labels are all 1 counts, with 1.0. That is the benchmark's rule; its targets were set with it.
    """

    def __init__(self) -> None:
        self.num_examples = 0
        self._logits: list[np.ndarray] = []
        self._targets: list[np.ndarray] = []
        self._weights: list[np.ndarray] = []

    def update(self, outputs: np.ndarray, batch: Mapping[str, Any]) -> None:
        """Adds a batch: logits, targets and weights (B, tasks). A row without any weight pads, others are examples."""
        targets, weights = batch["targets"], batch["weights"]
        self.num_examples += int(np.count_nonzero(weights.any(axis=-1)))
        self._logits.append(outputs.astype(np.float64))
        self._targets.append(np.where(weights > 0, targets, 0))
        self._weights.append(weights > 0)

    def compute(self) -> dict[str, float]:
        """`mean_average_precision`, and per labelled entry `accuracy` (logit above 0) and `loss`."""
        logits, targets = np.concatenate(self._logits), np.concatenate(self._targets)
        known = np.concatenate(self._weights)
        loss = np.maximum(logits, 0) - logits * targets + np.log1p(np.exp(-np.abs(logits)))
        return {
            "accuracy": float(((logits > 0) == (targets > 0))[known].mean()),
            "loss": float(loss[known].mean()),
            "mean_average_precision": mean_average_precision(targets, logits, known),
        }


def mean_average_precision(labels: np.ndarray, scores: np.ndarray, known: np.ndarray) -> float:
    """Mean over tasks; NaN when no task has both labels.

    Args:
        labels: (examples, tasks), 0 or 1, and 0 where unknown.
        scores: (examples, tasks), larger means rather yes; only their order matters.
        known: (examples, tasks), True where the label counts.
    """
    positives = (labels == 1).sum(axis=0)
    judged = np.flatnonzero((positives > 0) & (positives < len(labels)))
    values = [average_precision(labels[known[:, task], task], scores[known[:, task], task]) for task in judged]
    return float(np.mean(values)) if values else float("nan")


def average_precision(labels: np.ndarray, scores: np.ndarray) -> float:
    """Area under the precision-recall steps; entries of equal score are taken in together.

    Args:
        labels: (n,), 0 or 1, at least one 1.
        scores: (n,).
    Source: scikit-learn's definition, the sum over thresholds of (recall gained) times precision.
    """
    order = np.argsort(-scores, kind="stable")
    scores, labels = scores[order], labels[order]
    last_of_ties = np.append(np.flatnonzero(np.diff(scores)), len(scores) - 1)
    true_positives = np.cumsum(labels)[last_of_ties]
    precision = true_positives / (last_of_ties + 1)
    recall_gained = np.diff(true_positives, prepend=0) / true_positives[-1]
    return float(np.sum(precision * recall_gained))
