"""Whom a supervisor tells what happens: a terminal at home, or the site."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TextIO

from sandbox_runner.protocol import Ending, Evaluation, TrialResult


@dataclass(frozen=True, kw_only=True)
class Progress:
    """Where a trial is now. `step` is the trainer's own word."""

    state: str  # setup, running, judging
    step: int
    charged_s: float
    best: float | None  # best validation value so far


class Reporter(Protocol):
    """All calls return at once; a supervisor never waits for a reader."""

    @property
    def stop_requested(self) -> Ending | None:
        """CANCELLED when the run is not wanted any more, INFRA when this host has to let go of it."""

    def started(self, facts: Mapping[str, Any]) -> None: ...

    def progress(self, progress: Progress) -> None: ...

    def evaluation(self, evaluation: Evaluation) -> None: ...

    def watch_log(self, read_tail: Callable[[], str]) -> None:
        """Hands over a way to read the trainer's last log lines from another thread."""

    def finished(self, result: TrialResult) -> None: ...


class TerminalReporter:
    """Progress as lines on a stream, for `sandbox_runner run`."""

    def __init__(self, metric: str, stream: TextIO | None = None) -> None:
        self._metric = metric
        self._stream = stream or sys.stderr
        self._state = ""
        self.stop: Ending | None = None

    @property
    def stop_requested(self) -> Ending | None:
        return self.stop

    def started(self, facts: Mapping[str, Any]) -> None:
        self._print(f"started: batch size {facts.get('batch_size')}")

    def progress(self, progress: Progress) -> None:
        if progress.state != self._state:
            self._state = progress.state
            if progress.state == "setup":
                self._print("setting up trainer and judge")

    def evaluation(self, evaluation: Evaluation) -> None:
        value = evaluation.metrics.get(f"validation/{self._metric}")
        shown = "not finite" if value is None else f"{value:.6g}"
        reached = "  target reached" if evaluation.reached_validation else ""
        self._print(
            f"evaluation {evaluation.evaluation}: step {evaluation.step}, {evaluation.charged_s:.2f} s charged, "
            f"validation {self._metric} {shown}{reached}"
        )

    def watch_log(self, read_tail: Callable[[], str]) -> None:
        return

    def finished(self, result: TrialResult) -> None:
        self._print(f"ended: {result.ending}, {result.charged_s:.2f} s charged. {result.message}")

    def _print(self, line: str) -> None:
        print(line, file=self._stream, flush=True)
