"""What a comparison asks of a model in either framework."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from workloads.spec import Framework


@dataclass(frozen=True, kw_only=True)
class Trained:
    """One training pass: outputs of the framework, gradients and new running averages by PyTorch name and layout."""

    outputs: Any
    gradients: Mapping[str, np.ndarray]
    statistics: Mapping[str, np.ndarray]


class Runner(Protocol):
    """A model with golden weights. Batches are NumPy, `masked` says whether the loss takes their weights."""

    framework: Framework

    def evaluate(self, batch: Mapping[str, Any]) -> Any: ...

    def train(self, batch: Mapping[str, Any], *, masked: bool) -> Trained: ...

    def loss(
        self, batch: Mapping[str, Any], outputs: Any, smoothing: float, *, masked: bool, soft: bool
    ) -> dict[str, np.ndarray]: ...

    def numpy(self, outputs: Any) -> tuple[np.ndarray, ...]: ...
