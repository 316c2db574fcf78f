"""What follows from measured runs: the best one, the target, whether it separates. Pure functions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from workloads.errors import TargetsError
from workloads.spec import Metric, Target

_DIGITS = 3
SHARE_OF_BUDGET = 1 / 3  # in which a standard algorithm with sensible values reaches the target


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """The best validation value of one run and the test value measured there. None: it crashed or measured nothing."""

    validation: float | None
    test: float | None = None


def outcome(metric: Metric, curve: Sequence[tuple[int, float | None, float | None]]) -> Outcome:
    """The best point of a curve of (step, validation, test); the earlier one of equals."""
    best = Outcome(validation=None)
    for _, validation, test in curve:
        if validation is None or not math.isfinite(validation):
            continue
        if best.validation is None or metric.is_better(validation, best.validation):
            best = Outcome(validation=validation, test=test)
    return best


def ranking(metric: Metric, outcomes: Sequence[Outcome]) -> list[int]:
    """Indices of the runs, best validation first; runs without a value come last, equals in their order."""
    return sorted(range(len(outcomes)), key=lambda index: _badness(metric, outcomes[index]))


def target(metric: Metric, repeats: Sequence[Outcome]) -> Target:
    """Median best validation value; the worst test value of the runs that reach it. Both rounded to the easy side.

    With an even number of runs the median is the worse of the two in the middle, so that half of them reach it.

    Raises:
        TargetsError: the median run has no value.
    Source: AlgoPerf rules, "Workloads": 20 repeats, and the worst test value of the ten that reached the target.
    """
    median = in_order(metric, repeats)[len(repeats) // 2].validation
    if median is None:
        raise TargetsError("half of the repeated runs or more measured nothing: the workload is not stable enough")
    tests = [run.test for run in repeats if metric.reaches(run.validation, median) and run.test is not None]
    worst = (min if metric.higher_is_better else max)(tests, default=None)
    return Target(
        validation=easier(metric, median),
        test=None if worst is None else easier(metric, worst),
    )


def in_order(metric: Metric, outcomes: Sequence[Outcome]) -> list[Outcome]:
    """Best validation first."""
    return [outcomes[index] for index in ranking(metric, outcomes)]


def easier(metric: Metric, value: float) -> float:
    """`value` in three significant digits, rounded so that whoever reaches it reaches the rounded one."""
    if value == 0:
        return 0.0
    digits = _DIGITS - 1 - math.floor(math.log10(abs(value)))
    nearest = round(value, digits)
    if metric.reaches(value, nearest):
        return nearest
    step = 10.0**-digits
    return round(nearest - step if metric.higher_is_better else nearest + step, digits)


def objections(
    budget_s: float, good_times_s: Sequence[float | None], badly_tuned_time_s: float | None
) -> tuple[str, ...]:
    """Why a target does not separate; empty when it does.

    Args:
        good_times_s: seconds to the target of sensible runs, None where it was missed. One fast run is enough, as a
            study takes its fastest trial.
        badly_tuned_time_s: the same of a run with a hundredth of the learning rate.
    """
    found = []
    fastest = min((time for time in good_times_s if time is not None), default=math.inf)
    limit_s = SHARE_OF_BUDGET * budget_s
    if fastest > limit_s:
        reached = "missed it" if math.isinf(fastest) else f"took {fastest:.1f} s"
        found.append(f"a sensible run {reached}, a third of the budget is {limit_s:.1f} s")
    if badly_tuned_time_s is not None:
        found.append(f"a badly tuned run reached it after {badly_tuned_time_s:.1f} s")
    return tuple(found)


def _badness(metric: Metric, run: Outcome) -> float:
    if run.validation is None or not math.isfinite(run.validation):
        return math.inf
    return -run.validation if metric.higher_is_better else run.validation
