"""What a target is set in, computed in NumPy from what a model returned, so that both frameworks meet the same code.

One file per metric. Its class takes nothing, or the dataset's folder where it needs the vocabulary that lies there.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np

from workloads.errors import DataMissing, UnknownWorkload
from workloads.spec import Metric

Outputs = np.ndarray | tuple[np.ndarray, ...]
VOCABULARY = Path("vocabulary", "sentencepiece.model")  # in the folder of a dataset of texts, beside its splits


class Accumulator(Protocol):
    """Collects batches of one split, then says its metrics; the target's key is the name of the metric."""

    def update(self, outputs: Outputs, batch: Mapping[str, Any]) -> None:
        """Adds one batch.

        Args:
            outputs: what the model made of it, or what the workload's own decoder did (`workloads.evaluation`).
            batch: NumPy arrays: `inputs`, `targets`, `weights` (0 where something only pads), and more of its dataset.
        """

    @property
    def num_examples(self) -> int: ...

    def compute(self) -> dict[str, float]: ...


class _Code(NamedTuple):
    module: str  # in this folder
    name: str
    needs_data: bool = False


_ACCUMULATORS: Mapping[str, _Code] = {
    "accuracy": _Code("top_1", "Top1"),
    "bleu": _Code("bleu", "Bleu", needs_data=True),
    "loss": _Code("cross_entropy", "CrossEntropy"),
    "mean_average_precision": _Code("mean_average_precision", "MeanAveragePrecision"),
    "ssim": _Code("ssim", "Ssim"),
    "wer": _Code("word_error_rate", "WordErrorRate", needs_data=True),
}


def accumulator(metric: Metric, data: Path | None = None) -> Accumulator:
    """A fresh accumulator for the metrics of a workload with that target metric.

    Args:
        data: the dataset's folder; only metrics of texts read it.
    Raises:
        UnknownWorkload: no metric has that name.
        DataMissing: it needs a vocabulary that is not there.
    """
    if metric.name not in _ACCUMULATORS:
        raise UnknownWorkload(f"no metric is called {metric.name!r}; known: {', '.join(_ACCUMULATORS)}")
    code = _ACCUMULATORS[metric.name]
    arguments = (_with_vocabulary(metric, data),) if code.needs_data else ()
    made: type[Any] = getattr(importlib.import_module(f"workloads.metrics.{code.module}"), code.name)
    collected: Accumulator = made(*arguments)
    return collected


def _with_vocabulary(metric: Metric, data: Path | None) -> Path:
    if data is None:
        raise DataMissing(f"{metric.name} reads {VOCABULARY} of its dataset: give the folder of the dataset")
    if not (data / VOCABULARY).is_file():
        raise DataMissing(f"{metric.name} reads {data / VOCABULARY}, which is not there: build the data first")
    return data
