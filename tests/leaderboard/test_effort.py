"""What trials cost, and what racing saves."""

import math

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from leaderboard.effort import Effort, TrialTime, add_up


def trial(number, charged_s, reached_s=None, *, study=1, raced=False):
    return TrialTime(
        workload="ogbg",
        study=study,
        trial=number,
        charged_s=charged_s,
        time_to_target_s=reached_s,
        is_raced=raced,
        budget_s=100.0,
    )


def test_a_trial_that_went_on_past_the_best_of_its_study_could_have_been_stopped_there():
    effort = add_up([trial(1, 40.0, 30.0), trial(2, 90.0), trial(3, 25.0, 20.0), trial(4, 50.0)])
    assert effort == Effort(trials=4, raced=0, charged_s=205.0, saved_s=(90.0 - 30.0) + (50.0 - 20.0))


def test_an_earlier_trial_is_not_stopped_by_a_later_one():
    assert add_up([trial(1, 90.0), trial(2, 30.0, 30.0)]).saved_s == 0.0


def test_studies_do_not_race_each_other():
    assert add_up([trial(1, 30.0, 30.0, study=1), trial(1, 90.0, study=2)]).saved_s == 0.0


def test_a_raced_trial_saved_the_rest_of_its_budget_at_most():
    effort = add_up([trial(1, 30.0, 30.0), trial(2, 32.0, raced=True)])
    assert (effort.raced, effort.saved_s) == (1, 68.0)


@settings(deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
@given(st.lists(st.tuples(st.floats(1, 100), st.booleans()), max_size=8), st.randoms())
def test_order_of_rows_means_nothing_and_no_more_is_saved_than_was_used(runs, random):
    trials = [trial(number, charged, charged if hit else None) for number, (charged, hit) in enumerate(runs)]
    shuffled = random.sample(trials, len(trials))

    effort = add_up(shuffled)

    assert effort == add_up(trials)
    assert 0.0 <= effort.saved_s <= effort.charged_s
    assert math.isclose(effort.charged_s, sum(charged for charged, _ in runs), abs_tol=1e-9)
