"""The referee of a run that is counted in steps: what it measures does not depend on the machine or its load."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

from workloads.local_referee import LocalReferee
from workloads.spec import Split


def evaluation_steps(steps: int, evaluations: int) -> tuple[int, ...]:
    """Up to `evaluations` steps of a run at equal distances, the last one its last step."""
    return tuple(sorted({max(1, round(steps * part / evaluations)) for part in range(1, evaluations + 1)}))


@dataclass(kw_only=True)
class StepReferee(LocalReferee):
    """Ends after the last of `due_steps`, reached target or not; earlier only when the weights are not finite any more.

    Measures validation each time, and test wherever validation is better than ever before.
    """

    splits: ClassVar[tuple[Split, ...]] = (Split.VALIDATION,)

    due_steps: tuple[int, ...]
    ending: str = "steps"
    _best: float | None = field(default=None)

    def is_due(self, step: int) -> bool:
        return step in self.due_steps

    def _judge(self, step: int, params: Any, model_state: Any) -> tuple[dict[str, float | None], bool]:
        metrics = self._evaluate(step, params, model_state)
        if not metrics:
            self.ending = "diverged"
        return metrics, not metrics or step >= self.due_steps[-1]

    def _wants_test(self, value: float | None) -> bool:
        if value is None or (self._best is not None and not self.spec.metric.is_better(value, self._best)):
            return False
        self._best = value
        return True
