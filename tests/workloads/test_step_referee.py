"""The referee that counts steps, with metrics that the test gives."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.workloads.fakes import FakeSnapshots, FakeSplit, FakeWorkload
from workloads import local_referee, snapshot
from workloads.imagenet_resnet.spec import IMAGENET_RESNET
from workloads.spec import Split, Target
from workloads.step_referee import StepReferee, evaluation_steps

SPEC = dataclasses.replace(IMAGENET_RESNET, target=Target(validation=0.8, test=0.7))


@pytest.fixture
def measured_splits(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every split that was measured; validation has the values 0.3, 0.9, 0.9, 0.95."""
    seen: list[str] = []
    validation: Iterator[float] = iter([0.3, 0.9, 0.9, 0.95])

    def evaluate(
        workload: Any, params: Any, model_state: Any, batches: str, count: int, data: Path
    ) -> dict[str, float]:
        seen.append(batches)
        return {"accuracy": next(validation) if batches == "validation" else 0.6}

    monkeypatch.setattr(snapshot, "module", lambda framework: FakeSnapshots)
    monkeypatch.setattr(local_referee, "evaluate", evaluate)
    monkeypatch.setattr(local_referee, "SplitData", FakeSplit)
    return seen


def make_referee(due_steps: tuple[int, ...]) -> StepReferee:
    referee = StepReferee(
        workload=FakeWorkload(),
        spec=SPEC,
        data=Path("unused"),
        budget_s=0,
        stop_at=(Split.VALIDATION,),
        say=lambda line: None,
        due_steps=due_steps,
    )
    referee.start()
    return referee


def test_evaluations_lie_at_equal_distances_and_the_last_at_the_end():
    assert evaluation_steps(750, 6) == (125, 250, 375, 500, 625, 750)
    assert evaluation_steps(100, 3) == (33, 67, 100)
    assert evaluation_steps(2, 6) == (1, 2)


def test_steps_alone_decide_when_to_measure_and_when_to_stop(measured_splits: list[str]):
    referee = make_referee((2, 4, 6))
    assert [step for step in range(1, 7) if referee.is_due(step)] == [2, 4, 6]
    assert not referee.measure(2, [0.0], None).stop
    assert not referee.measure(4, [0.0], None).stop, "a reached target does not end it, nor a used-up budget"
    assert referee.measure(6, [0.0], None).stop
    assert referee.ending == "steps"


def test_test_is_measured_wherever_validation_is_better_than_before(measured_splits: list[str]):
    referee = make_referee((1, 2, 3, 4))
    for step in referee.due_steps:
        referee.measure(step, [0.0], None)
    assert measured_splits == ["validation", "test", "validation", "test", "validation", "validation", "test"]


def test_weights_that_are_not_finite_end_it_early(measured_splits: list[str]):
    referee = make_referee((1, 2))
    assert referee.measure(1, [float("nan")], None).stop
    assert (referee.ending, measured_splits) == ("diverged", [])
