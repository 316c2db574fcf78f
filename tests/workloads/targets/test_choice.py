"""What follows from measured runs."""

from __future__ import annotations

import pytest

from workloads.errors import TargetsError
from workloads.spec import Metric, Target
from workloads.targets.choice import Outcome, easier, in_order, objections, outcome, ranking, target

ACCURACY = Metric(name="accuracy", higher_is_better=True)
LOSS = Metric(name="loss", higher_is_better=False)
CRASHED = Outcome(validation=None)


def outcomes(*values: float | None) -> list[Outcome]:
    return [Outcome(validation=value, test=None if value is None else value - 0.05) for value in values]


def test_the_best_point_of_a_curve_counts_with_the_test_value_measured_there():
    curve = [(10, 0.5, 0.4), (20, 0.8, 0.7), (30, 0.8, None), (40, 0.6, None)]
    assert outcome(ACCURACY, curve) == Outcome(validation=0.8, test=0.7)
    assert outcome(LOSS, curve) == Outcome(validation=0.5, test=0.4)


def test_a_run_that_broke_counts_up_to_there_and_one_without_values_counts_nothing():
    assert outcome(LOSS, [(10, 0.5, 0.6), (20, float("nan"), None), (30, None, None)]).validation == 0.5
    assert outcome(LOSS, [(10, float("inf"), None), (20, None, None)]) == CRASHED
    assert outcome(LOSS, []) == CRASHED


def test_runs_are_ranked_in_the_metrics_direction_and_failed_ones_come_last():
    runs = [CRASHED, *outcomes(0.3, 0.9, 0.3)]
    assert ranking(ACCURACY, runs) == [2, 1, 3, 0]
    assert ranking(LOSS, runs) == [1, 3, 2, 0]
    assert in_order(LOSS, runs)[-1] == CRASHED


def test_the_median_run_sets_validation_and_the_worst_run_that_reaches_it_sets_test():
    repeats = [
        Outcome(validation=0.70, test=0.10),  # below the median: its test value does not count
        Outcome(validation=0.80, test=0.75),
        Outcome(validation=0.90, test=0.72),
    ]
    assert target(ACCURACY, repeats) == Target(validation=0.80, test=0.72)
    assert target(LOSS, repeats) == Target(validation=0.80, test=0.75)


def test_of_two_runs_the_worse_is_the_median():
    assert target(ACCURACY, outcomes(0.9, 0.7)).validation == 0.7
    assert target(LOSS, outcomes(0.9, 0.7)).validation == 0.9


def test_a_crash_among_the_repeats_is_the_worst_of_them():
    assert target(LOSS, outcomes(0.2, None, 0.3)).validation == 0.3
    with pytest.raises(TargetsError, match="not stable enough"):
        target(LOSS, outcomes(0.2, None, None))


def test_a_workload_without_a_test_split_has_no_test_target():
    assert target(LOSS, [Outcome(validation=0.25)]) == Target(validation=0.25, test=None)


@pytest.mark.parametrize(
    ("value", "higher", "lower"),
    [(0.84567, 0.845, 0.846), (0.843, 0.843, 0.843), (27.4449, 27.4, 27.5), (0.0012345, 0.00123, 0.00124)],
)
def test_targets_have_three_digits_and_are_rounded_to_the_easy_side(value: float, higher: float, lower: float):
    assert easier(ACCURACY, value) == higher
    assert easier(LOSS, value) == lower
    assert ACCURACY.reaches(value, higher)
    assert LOSS.reaches(value, lower)


def test_a_target_of_nothing_stays_nothing():
    assert easier(ACCURACY, 0.0) == 0.0


def test_a_target_separates_when_one_sensible_run_is_fast_and_the_badly_tuned_one_misses():
    assert objections(72, [None, 30.0, 23.9], None) == ()


def test_a_target_that_nobody_or_everybody_reaches_does_not_separate():
    assert objections(72, [None, None], None) == ("a sensible run missed it, a third of the budget is 24.0 s",)
    assert objections(72, [30.0], 61.0) == (
        "a sensible run took 30.0 s, a third of the budget is 24.0 s",
        "a badly tuned run reached it after 61.0 s",
    )
