"""The referee of a run without a sandbox: its own clock and its own evaluation, in the training process itself.

Good for developing an algorithm. Its numbers never enter a board: the submission could reach everything here.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from workloads import snapshot
from workloads.evaluation import SplitData, evaluate
from workloads.loop import Measured
from workloads.spec import Split, Workload

_PREFIXES = {Split.EVAL_TRAIN: "train", Split.VALIDATION: "validation", Split.TEST: "test"}


@dataclass(frozen=True, kw_only=True)
class LocalEvaluation:
    """One measurement; `charged_s` is the clock's reading when it was taken."""

    step: int
    charged_s: float
    metrics: Mapping[str, float | None]


@dataclass(kw_only=True)
class LocalReferee:
    """Stops at the targets named in `stop_at`, or at the budget; a run over its budget is not evaluated any more."""

    splits: ClassVar[tuple[Split, ...]] = (Split.EVAL_TRAIN, Split.VALIDATION)  # measured every time

    workload: Any  # the framework's workload object, not the view
    spec: Workload
    data: Path  # the dataset's folder, one folder per split below it
    budget_s: float
    stop_at: Iterable[Split]
    say: Callable[[str], None]
    evaluations: list[LocalEvaluation] = field(default_factory=list)
    time_to_target_s: float | None = None
    ending: str = "budget"
    _charged_s: float = 0.0
    _resumed_at: float | None = None
    _due_s: float = 0.0
    _reached: set[Split] = field(default_factory=set)
    _splits: dict[Split, SplitData] = field(default_factory=dict)

    def start(self) -> None:
        """The clock runs from here, `init_optimizer_state` included."""
        self._resumed_at = time.monotonic()

    def is_due(self, step: int) -> bool:
        return self.elapsed_s() >= min(self._due_s, self.budget_s)

    def training_complete(self, step: int) -> None:
        self.ending = "complete"

    def elapsed_s(self) -> float:
        running = 0.0 if self._resumed_at is None else time.monotonic() - self._resumed_at
        return self._charged_s + running

    def measure(self, step: int, params: Any, model_state: Any) -> Measured:
        self._charged_s, self._resumed_at = self.elapsed_s(), None
        metrics, stop = self._judge(step, params, model_state)
        self._due_s = self._charged_s + self.spec.eval_period_s
        self._resumed_at = time.monotonic()
        return Measured(
            metrics=metrics,
            charged_s=self._charged_s,
            stop=stop,
            validation_goal_reached=Split.VALIDATION in self._reached,
            test_goal_reached=Split.TEST in self._reached,
        )

    @property
    def best(self) -> float | None:
        """The best value of the target metric on validation."""
        values = [e.metrics.get(f"validation/{self.spec.metric.name}") for e in self.evaluations]
        finite = [value for value in values if value is not None]
        return (max if self.spec.metric.higher_is_better else min)(finite, default=None)

    def _judge(self, step: int, params: Any, model_state: Any) -> tuple[dict[str, float | None], bool]:
        """The metrics of this moment, and whether the run ends here."""
        if self._charged_s >= self.budget_s:
            self.ending = "budget"
            self.say(f"step {step}: the budget of {self.budget_s:g} s is used up")
            return {}, True
        metrics = self._evaluate(step, params, model_state)
        stop = self._reached.issuperset(self.stop_at)
        self.ending = "target" if stop else self.ending
        return metrics, stop

    def _evaluate(self, step: int, params: Any, model_state: Any) -> dict[str, float | None]:
        """Metrics, and which targets they meet; broken weights have no metrics."""
        metrics: dict[str, float | None] = {}
        target, metric = self.spec.target, self.spec.metric
        arrays = snapshot.module(self.workload.framework).arrays(params, model_state)
        if all(np.isfinite(array).all() for array in arrays):
            for split in self.splits:
                metrics |= self._measure_split(split, params, model_state)
        value = metrics.get(f"validation/{metric.name}")
        if metric.reaches(value, target.validation):
            self._reached.add(Split.VALIDATION)
            if self.time_to_target_s is None:
                self.time_to_target_s = self._charged_s
        if target.test is not None and self._wants_test(value):
            metrics |= self._measure_split(Split.TEST, params, model_state)
        if target.test is None or metric.reaches(metrics.get(f"test/{metric.name}"), target.test):
            self._reached.add(Split.TEST)
        self.evaluations.append(LocalEvaluation(step=step, charged_s=self._charged_s, metrics=metrics))
        self.say(f"step {step}: {self._charged_s:.1f} s  {_shown(metrics, metric.name)}")
        return metrics

    def _wants_test(self, value: float | None) -> bool:
        """Test counts where validation has reached its target."""
        return self.spec.metric.reaches(value, self.spec.target.validation)

    def _measure_split(self, split: Split, params: Any, model_state: Any) -> dict[str, float | None]:
        count = self.spec.num_examples(split)
        assert count is not None
        data = self._splits.setdefault(split, SplitData(self.spec, self.data / split))
        found = evaluate(self.workload, params, model_state, data.batches(), count, self.data)
        return {
            f"{_PREFIXES[split]}/{name}": float(value) if math.isfinite(value) else None
            for name, value in found.items()
        }


def _shown(metrics: Mapping[str, float | None], name: str) -> str:
    values = [
        f"{key} {'not finite' if value is None else format(value, '.4f')}"
        for key, value in metrics.items()
        if key.endswith(f"/{name}")
    ]
    return "  ".join(values) or "the weights are not finite"
