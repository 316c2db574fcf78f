import numpy as np
import pytest

from scoring import Hit, InvalidCurve, InvalidTimes, find_hit, read_curve

NAN, INF = float("nan"), float("inf")


def test_the_first_evaluation_at_the_target_is_the_hit():
    curve = read_curve([10, 20, 30], [0.1, 0.5, 0.9])
    assert find_hit(curve, 0.5, higher_is_better=True) == Hit(evaluation=1, time_s=20)


def test_a_lower_is_better_metric_hits_from_above():
    curve = read_curve([10, 20, 30], [0.9, 0.5, 0.4])
    assert find_hit(curve, 0.5, higher_is_better=False) == Hit(evaluation=1, time_s=20)


def test_falling_back_after_the_hit_does_not_matter():
    curve = read_curve([10, 20, 30], [0.9, 0.1, 0.1])
    assert find_hit(curve, 0.5, higher_is_better=True) == Hit(evaluation=0, time_s=10)


def test_a_missed_target_is_no_hit():
    assert find_hit(read_curve([10, 20], [0.1, 0.2]), 0.5, higher_is_better=True) is None


def test_an_empty_curve_is_no_hit():
    curve = read_curve([], [])
    assert curve.is_empty
    assert find_hit(curve, 0.5, higher_is_better=True) is None


@pytest.mark.parametrize("higher_is_better", [True, False])
@pytest.mark.parametrize("value", [NAN, INF, -INF, None])
def test_a_value_that_is_not_finite_never_reaches_a_target(value, higher_is_better):
    assert find_hit(read_curve([10], [value]), 0.5, higher_is_better=higher_is_better) is None


def test_rows_are_sorted_by_time():
    curve = read_curve([30, 10, 20], [0.9, 0.1, 0.8])
    assert curve.times_s.tolist() == [10, 20, 30]
    assert find_hit(curve, 0.5, higher_is_better=True) == Hit(evaluation=1, time_s=20)


def test_rows_without_a_finite_positive_time_measure_nothing():
    curve = read_curve([0, -5, NAN, INF, None, 7], [0.9, 0.9, 0.9, 0.9, 0.9, 0.1])
    assert curve.times_s.tolist() == [7]


def test_an_exact_repetition_of_a_row_counts_once():
    curve = read_curve([10, 10, 10, 20, 20], [0.1, 0.2, 0.1, NAN, NAN])
    np.testing.assert_array_equal(curve.values, [0.1, 0.2, NAN])


def test_different_values_at_one_time_both_stay_in_their_order():
    curve = read_curve([10, 10], [0.9, 0.1])
    assert curve.values.tolist() == [0.9, 0.1]


def test_two_lists_of_different_length_are_refused():
    with pytest.raises(InvalidCurve, match="two lists of one length"):
        read_curve([1, 2], [0.1])


def test_a_target_that_is_not_finite_is_refused():
    with pytest.raises(InvalidTimes, match="finite number"):
        find_hit(read_curve([1], [1]), NAN, higher_is_better=True)
