"""What a judge measures with: its own model, its own data, its own initial weights. No submission code ever."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from sandbox_runner.protocol import LayoutEntry, snapshot_nbytes
from workloads import registry, snapshot
from workloads.api import trial_keys
from workloads.evaluation import SplitData, evaluate
from workloads.frameworks import configure
from workloads.spec import Split, Workload

HELD_APART = (Split.EVAL_TRAIN, Split.VALIDATION, Split.TEST)
INITIAL_TOLERANCE = 1e-6
_PREFIXES = {Split.EVAL_TRAIN: "train", Split.VALIDATION: "validation", Split.TEST: "test"}


class Bench:
    """One workload in one framework, ready to evaluate snapshots. Making it compiles and warms everything up."""

    def __init__(self, spec: Workload, framework: str, seed: int, data: Path) -> None:
        configure(framework)
        self.spec = spec
        self._directory = data
        self.workload = registry.load(spec, framework)(spec)
        self._snapshots = snapshot.module(framework)
        params, model_state = self.workload.init_model_fn(trial_keys(seed, framework).model)
        self.layout: tuple[LayoutEntry, ...] = tuple(
            LayoutEntry(**vars(entry)) for entry in self._snapshots.layout(params, model_state)
        )
        self.nbytes = snapshot_nbytes(self.layout)
        self._initial = b"".join(array.tobytes() for array in self._snapshots.arrays(params, model_state))
        self.data = {split: SplitData(spec, data / split) for split in HELD_APART if spec.num_examples(split)}
        # A full evaluation of the initial model compiles the forward pass, fills the caches and counts the examples.
        self.num_examples: dict[str, int] = {}
        for split in self.data:
            self._evaluate(params, model_state, split)
            self.num_examples[split.value] = self._expected(split)

    def is_initial(self, content: memoryview) -> bool:
        """True when the bytes are the model this judge made from the seed itself, up to rounding."""
        if content == self._initial:
            return True
        pairs = zip(self._views(content), self._views(memoryview(self._initial)), strict=True)
        return all(np.allclose(given, own, rtol=0, atol=INITIAL_TOLERANCE) for given, own in pairs)

    def is_finite(self, content: memoryview) -> bool:
        return all(np.isfinite(array).all() for array in self._views(content))

    def measure(self, content: memoryview, splits: Sequence[Split]) -> dict[str, float | None]:
        """Metrics of the model in these bytes, as `validation/accuracy`; None where one is not finite."""
        if not splits:
            return {}
        params, model_state = self._snapshots.restore(self.workload, content)
        metrics: dict[str, float | None] = {}
        for split in splits:
            for name, value in self._evaluate(params, model_state, split).items():
                metrics[f"{_PREFIXES[split]}/{name}"] = float(value) if math.isfinite(value) else None
        return metrics

    def _evaluate(self, params: Any, model_state: Any, split: Split) -> Mapping[str, float]:
        batches, expected = self.data[split].batches(), self._expected(split)
        return evaluate(self.workload, params, model_state, batches, expected, self._directory)

    def _expected(self, split: Split) -> int:
        expected = self.spec.num_examples(split)
        assert expected is not None
        return expected

    def _views(self, content: memoryview) -> Iterator[np.ndarray]:
        for entry in self.layout:
            count = math.prod(entry.shape)
            yield np.frombuffer(content, np.dtype(entry.dtype).newbyteorder("<"), count, entry.offset)


def sha256(content: memoryview) -> str:
    return hashlib.sha256(content).hexdigest()
