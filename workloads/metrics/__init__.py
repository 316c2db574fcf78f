"""What a target is set in, computed from logits in NumPy, so that both frameworks are measured by the same code."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from workloads.errors import UnknownWorkload
from workloads.metrics.mean_average_precision import MeanAveragePrecision
from workloads.metrics.top_1 import Top1
from workloads.spec import Metric


class Accumulator(Protocol):
    """Collects batches of one split, then says its metrics."""

    def update(self, logits: np.ndarray, targets: np.ndarray, weights: np.ndarray) -> None: ...

    @property
    def num_examples(self) -> int: ...

    def compute(self) -> dict[str, float]: ...


_ACCUMULATORS: dict[str, type[Accumulator]] = {"accuracy": Top1, "mean_average_precision": MeanAveragePrecision}


def accumulator(metric: Metric) -> Accumulator:
    """A fresh accumulator for the metrics of a workload with that target metric."""
    if metric.name not in _ACCUMULATORS:
        raise UnknownWorkload(f"no metric is called {metric.name!r}; known: {', '.join(_ACCUMULATORS)}")
    return _ACCUMULATORS[metric.name]()
