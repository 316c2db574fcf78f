import numpy as np
import pytest

from scoring import (
    DOCUMENTED,
    PUBLISHED,
    InvalidTimes,
    ScoringError,
    performance_profile,
    performance_ratios,
    profile_scores,
    profile_steps,
    tau_grid,
)

INF, NAN = np.inf, np.nan


def test_ratios_divide_by_the_fastest_of_the_column():
    ratios = performance_ratios(np.array([[10.0, INF], [20.0, 5.0], [NAN, 15.0]]))
    np.testing.assert_array_equal(ratios, [[1, INF], [2, 1], [INF, 3]])


def test_a_column_nobody_solved_is_inf_for_all():
    np.testing.assert_array_equal(performance_ratios(np.array([[INF], [NAN]])), [[INF], [INF]])


def test_no_submissions_are_no_ratios():
    assert performance_ratios(np.empty((0, 3))).shape == (0, 3)


def test_a_runtime_that_is_not_positive_is_refused():
    with pytest.raises(InvalidTimes, match="positive"):
        performance_ratios(np.array([[0.0]]))


def test_a_profile_counts_what_is_within_tau():
    rho = performance_profile(np.array([[1.0, 2.0, INF, 4.0]]), np.array([1.0, 1.9, 2.0, 4.0]))
    np.testing.assert_array_equal(rho, [[0.25, 0.25, 0.5, 0.75]])


@pytest.mark.parametrize(
    ("ratio", "score"),
    [(1.0, 1.0), (2.5, 0.5), (4.0, 0.0), (1.3, 0.9), (4.5, 0.0), (INF, 0.0)],
)
def test_the_exact_integral_of_one_workload_is_the_rest_of_the_range(ratio, score):
    area = profile_scores(np.array([[ratio]]), integral=DOCUMENTED.integral, tau_max=4.0)
    assert area == pytest.approx([score])


@pytest.mark.parametrize(
    ("ratio", "score"),
    [(1.0, 1.0), (1.0001, 98.5 / 99), (1 + 3 / 99, 98.5 / 99), (4.0, 0.5 / 99), (4.0001, 0.0), (INF, 0.0)],
)
def test_the_published_integral_of_one_workload_is_a_step_of_the_grid(ratio, score):
    area = profile_scores(np.array([[ratio]]), integral=PUBLISHED.integral, tau_max=4.0)
    assert area == pytest.approx([score])


def test_the_two_integrals_of_a_case_computed_by_hand():
    ratios = np.array([[1.0, 1.5, 2.0, INF]])  # exact: (3 + 2.5 + 2 + 0) / 3 / 4
    assert profile_scores(ratios, integral=DOCUMENTED.integral, tau_max=4.0) == pytest.approx([0.625])
    # On the grid 1.5 is passed at its 17th point (16.5 rounded up), 2.0 exactly at its 33rd.
    by_hand = (1 + (99.5 - 17) / 99 + (99.5 - 33) / 99) / 4
    assert profile_scores(ratios, integral=PUBLISHED.integral, tau_max=4.0) == pytest.approx([by_hand])


def test_another_tau_limit_stretches_both_integrals():
    assert profile_scores(np.array([[2.0]]), integral=DOCUMENTED.integral, tau_max=3.0) == pytest.approx([0.5])
    assert tau_grid(3.0)[[0, -1]].tolist() == [1.0, 3.0]


@pytest.mark.parametrize("tau_max", [1.0, 0.5, INF, NAN])
def test_a_tau_limit_without_a_range_is_refused(tau_max):
    with pytest.raises(ScoringError, match="tau limit"):
        tau_grid(tau_max)


def test_steps_are_the_corners_of_the_profile():
    assert profile_steps(np.array([2.0, 1.0, INF, 2.0]), tau_max=4.0) == [(1.0, 0.25), (2.0, 0.75), (4.0, 0.75)]


def test_steps_of_a_submission_that_solved_nothing_are_a_flat_line():
    assert profile_steps(np.array([INF, 5.0]), tau_max=4.0) == [(1.0, 0.0), (4.0, 0.0)]


def test_a_step_at_the_tau_limit_is_the_last_point():
    assert profile_steps(np.array([4.0]), tau_max=4.0) == [(1.0, 0.0), (4.0, 1.0)]
