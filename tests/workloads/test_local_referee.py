"""The referee of a run without a sandbox, with a clock that the test moves and metrics that the test gives."""

from __future__ import annotations

import dataclasses
import time
from pathlib import Path
from typing import Any

import pytest

from tests.workloads.fakes import FakeSnapshots, FakeSplit, FakeWorkload
from workloads import local_referee, snapshot
from workloads.imagenet_resnet.spec import IMAGENET_RESNET
from workloads.local_referee import LocalReferee
from workloads.spec import Split, Target

SPEC = dataclasses.replace(IMAGENET_RESNET, target=Target(validation=0.8, test=0.7), eval_period_s=5.0)


class Clock:
    """Stands in for `time.monotonic`."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 100.0
        monkeypatch.setattr(time, "monotonic", lambda: self.now)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    monkeypatch.setattr(snapshot, "module", lambda framework: FakeSnapshots)
    return Clock(monkeypatch)


def make_referee(clock: Clock, monkeypatch: pytest.MonkeyPatch, stop_at=(Split.VALIDATION,), **accuracy: float):
    """A referee with a budget of 60 s whose evaluations take 20 s of wall time each."""

    def evaluate(
        workload: Any, params: Any, model_state: Any, batches: Any, count: int, data: Path
    ) -> dict[str, float]:
        clock.now += 20 / 3
        return {"accuracy": accuracy.get(batches, 0.1), "loss": float("inf")}

    monkeypatch.setattr(local_referee, "evaluate", evaluate)
    monkeypatch.setattr(local_referee, "SplitData", FakeSplit)
    referee = LocalReferee(
        workload=FakeWorkload(), spec=SPEC, data=Path("unused"), budget_s=60, stop_at=stop_at, say=lambda line: None
    )
    referee.start()
    return referee


def test_the_first_step_is_evaluated_and_then_one_period_later(clock: Clock, monkeypatch: pytest.MonkeyPatch):
    referee = make_referee(clock, monkeypatch)
    assert referee.is_due(1)
    referee.measure(1, [0.0], None)
    clock.now += 4.9
    assert not referee.is_due(2)
    clock.now += 0.1
    assert referee.is_due(3)


def test_evaluations_are_not_charged(clock: Clock, monkeypatch: pytest.MonkeyPatch):
    referee = make_referee(clock, monkeypatch)
    clock.now += 2
    measured = referee.measure(1, [0.0], None)
    assert measured.charged_s == 2
    assert referee.elapsed_s() == 2
    clock.now += 3
    assert referee.elapsed_s() == 5


def test_the_target_stops_the_run_and_its_time_is_kept(clock: Clock, monkeypatch: pytest.MonkeyPatch):
    referee = make_referee(clock, monkeypatch, validation=0.8)
    clock.now += 7
    measured = referee.measure(1, [0.0], None)
    assert (measured.stop, measured.validation_goal_reached, measured.test_goal_reached) == (True, True, False)
    assert (referee.ending, referee.time_to_target_s, referee.best) == ("target", 7, 0.8)
    assert "test/accuracy" in measured.metrics
    assert measured.metrics["validation/loss"] is None


def test_both_targets_are_needed_where_the_edition_says_so(clock: Clock, monkeypatch: pytest.MonkeyPatch):
    both = (Split.VALIDATION, Split.TEST)
    assert not make_referee(clock, monkeypatch, both, validation=0.9, test=0.6).measure(1, [0.0], None).stop
    assert make_referee(clock, monkeypatch, both, validation=0.9, test=0.7).measure(1, [0.0], None).stop


def test_the_budget_ends_the_run_without_another_evaluation(clock: Clock, monkeypatch: pytest.MonkeyPatch):
    referee = make_referee(clock, monkeypatch)
    referee.measure(1, [0.0], None)
    clock.now += 61
    assert referee.is_due(2)
    assert referee.measure(2, [0.0], None).stop
    assert (referee.ending, len(referee.evaluations)) == ("budget", 1)


def test_broken_weights_have_no_metrics_and_reach_nothing(clock: Clock, monkeypatch: pytest.MonkeyPatch):
    referee = make_referee(clock, monkeypatch, validation=0.9)
    measured = referee.measure(1, [float("nan")], None)
    assert (measured.metrics, measured.stop) == ({}, False)
    assert referee.best is None
